//! Buckets, on a clock of the test's own.

use super::*;

fn buckets(per_second: u32, burst: u32) -> Buckets {
    Buckets::new(Rate { per_second, burst })
}

#[test]
fn a_burst_is_free_and_then_the_rate_counts() {
    let (buckets, start) = (buckets(10, 3), Instant::now());
    for _ in 0..3 {
        assert_eq!(buckets.take("a", start), Ok(()));
    }
    assert_eq!(buckets.take("a", start), Err(Wait(Duration::from_millis(100))));
    assert_eq!(buckets.look("a", start), Err(Wait(Duration::from_millis(100))));
    assert_eq!(buckets.take("b", start), Ok(()), "others are not concerned");
    let later = start + Duration::from_millis(100);
    assert_eq!(buckets.look("a", later), Ok(()));
    assert_eq!(buckets.take("a", later), Ok(()));
    assert!(buckets.take("a", later).is_err());
    let much_later = start + Duration::from_secs(60);
    for _ in 0..3 {
        assert_eq!(buckets.take("a", much_later), Ok(()));
    }
    assert!(buckets.take("a", much_later).is_err(), "no more than a burst is saved");
}

#[test]
fn the_map_is_bounded_and_forgets_the_idle() {
    let (buckets, start) = (buckets(1, 2), Instant::now());
    for number in 0..MAX_BUCKETS {
        buckets.take(&format!("{number}"), start).unwrap();
    }
    buckets.take("one more", start).unwrap();
    buckets.take("and one", start).unwrap();
    assert!(buckets.take("a third", start).is_err(), "newcomers share one bucket");
    assert!(buckets.lock().buckets.len() <= MAX_BUCKETS + 1);
    let later = start + Duration::from_secs(5);
    buckets.take("new", later).unwrap();
    assert_eq!(buckets.lock().buckets.len(), 1);
}

#[test]
fn an_ipv6_network_is_one_caller() {
    let key = |text: &str| address_key(text.parse().unwrap());
    assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
    assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    assert_ne!(key("10.0.0.1"), key("10.0.0.2"));
    let address: IpAddr = "10.0.0.1".parse().unwrap();
    assert_ne!(super::key(Some("10.0.0.1"), address), super::key(None, address));
}
