//! The examples of RFC 9110, and what clients get wrong.

use super::*;
use axum::http::{HeaderName, HeaderValue};

const TAG: &str = "\"abc\"";

fn asked(pairs: &[(HeaderName, &str)], size: u64) -> Part {
    part(&headers(pairs), size, TAG)
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let pair = |(name, value): &(HeaderName, &str)| (name.clone(), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

#[test]
fn ranges_are_read_as_rfc_9110_says() {
    let cases = [
        ("bytes=0-499", Part::Bytes(0, 500)),
        ("bytes=500-999", Part::Bytes(500, 1000)),
        ("bytes=9500-", Part::Bytes(9500, 10_000)),
        ("bytes=-500", Part::Bytes(9500, 10_000)),
        ("bytes=-20000", Part::Bytes(0, 10_000)),
        ("bytes=9999-20000", Part::Bytes(9999, 10_000)),
        ("bytes = 0 - 0", Part::Bytes(0, 1)),
        ("Bytes=0-0", Part::Bytes(0, 1)),
        ("bytes=0-99999999999999999999999", Part::Bytes(0, 10_000)),
        ("bytes=10000-", Part::Unsatisfiable),
        ("bytes=99999999999999999999999-", Part::Unsatisfiable),
        ("bytes=-0", Part::Unsatisfiable),
        ("bytes=0-0,-1", Part::Whole),
        ("bytes=5-4", Part::Whole),
        ("bytes=-", Part::Whole),
        ("bytes=a-b", Part::Whole),
        ("bytes=1", Part::Whole),
        ("bytes=+1-2", Part::Whole),
        ("lines=1-2", Part::Whole),
        ("", Part::Whole),
    ];
    for (range, expected) in cases {
        assert_eq!(asked(&[(header::RANGE, range)], 10_000), expected, "{range}");
    }
    assert_eq!(asked(&[], 10_000), Part::Whole);
}

#[test]
fn an_empty_body_has_no_part() {
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
        assert_eq!(asked(&[(header::RANGE, range)], 0), Part::Unsatisfiable, "{range}");
    }
}

#[test]
fn a_condition_that_fails_gives_the_whole() {
    let range = (header::RANGE, "bytes=0-0");
    let with = |condition| asked(&[range.clone(), (header::IF_RANGE, condition)], 9);
    assert_eq!(with(TAG), Part::Bytes(0, 1));
    for other in ["\"abd\"", "W/\"abc\"", "Wed, 21 Oct 2015 07:28:00 GMT", "abc"] {
        assert_eq!(with(other), Part::Whole, "{other}");
    }
}

#[test]
fn known_entities_are_found_in_lists() {
    let known = |text| is_known(&headers(&[(header::IF_NONE_MATCH, text)]), TAG);
    assert!(known(TAG) && known("*") && known("W/\"abc\"") && known("\"x\", \"abc\""));
    assert!(!known("abc") && !known("\"ab\"") && !known(""));
}
