//! Credits: exact, saturating, readable.

use crate::MicroCredits;

#[test]
fn text_round_trips() {
    for (text, micro) in [
        ("0", 0),
        ("1", 1_000_000),
        ("1.5", 1_500_000),
        ("0.000001", 1),
        ("-0.000001", -1),
        ("-12.34", -12_340_000),
        ("100", 100_000_000),
        ("9223372036854.775807", i64::MAX),
    ] {
        assert_eq!(text.parse(), Ok(MicroCredits(micro)), "{text}");
        assert_eq!(MicroCredits(micro).to_string(), text);
    }
    assert_eq!("1.50".parse(), Ok(MicroCredits(1_500_000)));
    assert_eq!("1.".parse(), Ok(MicroCredits(1_000_000)));
    assert_eq!(MicroCredits(i64::MIN).to_string(), "-9223372036854.775808");
}

#[test]
fn what_is_no_amount_is_refused() {
    for text in [
        "",
        "-",
        ".",
        ".5",
        "1.0000001",
        "1e3",
        "+1",
        "--1",
        "1,5",
        " 1",
        "1 ",
        "1.2.3",
        "9223372036854.775808",
        "∞",
        "NaN",
    ] {
        assert!(text.parse::<MicroCredits>().is_err(), "{text:?}");
    }
}

#[test]
fn arithmetic_saturates() {
    assert_eq!(MicroCredits::MAX + MicroCredits(1), MicroCredits::MAX);
    assert_eq!(MicroCredits(i64::MIN) - MicroCredits(1), MicroCredits(i64::MIN));
    assert_eq!(-MicroCredits(i64::MIN), MicroCredits::MAX);
    assert_eq!(MicroCredits::credits(i64::MAX), MicroCredits::MAX);
    assert_eq!(
        [1, 2, 3].map(MicroCredits).into_iter().sum::<MicroCredits>(),
        MicroCredits(6)
    );
    let mut sum = MicroCredits(5);
    sum += MicroCredits(2);
    sum -= MicroCredits(10);
    assert_eq!(sum, MicroCredits(-3));
    assert_eq!(MicroCredits(1_500_000).as_f64(), 1.5);
}
