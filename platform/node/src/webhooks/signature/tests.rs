//! The example that the Standard Webhooks libraries are tested with, and what a signature depends on.

use super::{SECRET_BYTES, SECRET_PREFIX, new_secret, sign};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIME: u64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;

#[test]
fn the_published_example_is_met() {
    let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(sign(SECRET, ID, TIME, BODY), expected);
}

#[test]
fn every_part_counts() {
    let signature = sign(SECRET, ID, TIME, BODY);
    let other_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
    for other in [
        sign(other_secret, ID, TIME, BODY),
        sign(SECRET, "msg_other", TIME, BODY),
        sign(SECRET, ID, TIME + 1, BODY),
        sign(SECRET, ID, TIME, b"{}"),
    ] {
        assert_ne!(other, signature);
    }
}

#[test]
fn secrets_are_random_and_long_enough() {
    let secret = new_secret().expect("randomness");
    let text = secret.strip_prefix(SECRET_PREFIX).expect("its prefix");
    let bytes = data_encoding::BASE64.decode(text.as_bytes()).expect("base64");
    assert_eq!(bytes.len(), SECRET_BYTES);
    assert_ne!(secret, new_secret().expect("randomness"));
}
