//! What people write, and what they read back.

use super::*;

#[test]
fn durations() {
    assert_eq!(duration("40ms"), Ok(Duration::from_millis(40)));
    assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
    assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
    for wrong in ["", "5", "s", "-1s", "5 parsecs", "1e400s"] {
        assert!(duration(wrong).unwrap_err().contains("is no duration"), "{wrong}");
    }
}

#[test]
fn sizes_and_fuel() {
    assert_eq!(bytes("4096"), Ok(4096));
    assert_eq!(bytes("256MiB"), Ok(256 << 20));
    assert_eq!(bytes("1GB"), Ok(1_000_000_000));
    assert_eq!(fuel("600G"), Ok(600_000_000_000));
    assert_eq!(fuel("1_000"), Ok(1000));
    assert!(bytes("many").is_err());
    assert!(bytes("99999999TiB").is_err());
    assert!(fuel("0").is_err());
}

#[test]
fn policies_and_names() {
    assert_eq!(verify("none"), Ok(VerifyPolicy::None));
    assert_eq!(verify("check"), Ok(VerifyPolicy::Check));
    assert!(verify("check:2").is_err());
    assert_eq!(verify("spot:0.1"), Ok(VerifyPolicy::Spot(0.1)));
    assert_eq!(verify("quorum:3"), Ok(VerifyPolicy::Quorum(3)));
    for wrong in ["", "spot", "spot:2", "spot:nan", "quorum:0", "quorum:300", "none:1"] {
        assert!(verify(wrong).is_err(), "{wrong}");
    }
    assert_eq!(float_class("fast"), Ok(FloatClass::Fast));
    assert_eq!(
        float_class("Fast").unwrap_err(),
        "\"Fast\" is no float class; use one of exact, fast"
    );
    assert_eq!(compare("exact"), Ok(Comparison::Exact));
    assert!(compare("tolerance:1").is_err());
    assert_eq!(priority("critical"), Ok(Priority::Critical));
    assert_eq!(placement("data-local"), Ok(Placement::DataLocal));
    assert_eq!(
        priority("urgent").unwrap_err(),
        "\"urgent\" is no priority; use one of low, normal, high, critical"
    );
}

#[test]
fn shown() {
    assert_eq!(show_bytes(1023), "1023 B");
    assert_eq!(show_bytes(1536), "1.5 KiB");
    assert_eq!(show_bytes(3 << 40), "3.0 TiB");
    assert_eq!(show_millis(87), "87 ms");
    assert_eq!(show_millis(1250), "1.25 s");
    assert_eq!(show_millis(200_000), "3 min 20 s");
    assert_eq!(show_millis(18_720_000), "5 h 12 min");
}
