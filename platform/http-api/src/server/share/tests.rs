//! Shares of addresses.

use super::*;

#[test]
fn no_address_takes_all_connections() {
    let shares = Shares::new(4);
    let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let first = shares.take(one).unwrap();
    let second = shares.take(one).unwrap();
    assert!(shares.take(one).is_none());
    assert!(shares.take(other).is_some());
    drop(first);
    assert!(shares.take(one).is_some());
    drop(second);
    assert!(
        shares.open.lock().unwrap().is_empty(),
        "nothing is remembered of who is gone"
    );
    assert!(Shares::new(1).take(one).is_some());
}
