//! Ids: text in, text out.

use crate::ids::ParseIdError;
use crate::{BlobHash, JobId, NodeId};

#[test]
fn an_id_is_64_digits_and_back() {
    let id = NodeId(std::array::from_fn(|at| at as u8 * 7));
    let text = id.to_string();
    assert_eq!(text.len(), 64);
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    );
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(text.to_uppercase().parse(), Ok(id), "people may type capitals");
    assert_eq!(id.short(), text[..10]);
    assert_eq!(format!("{id:?}"), format!("NodeId({})", &text[..10]));
}

#[test]
fn what_is_no_id_says_why() {
    let check = |text: &str, expected: ParseIdError| assert_eq!(text.parse::<BlobHash>(), Err(expected), "{text:?}");
    check("", ParseIdError::Length(0));
    check(&"a".repeat(63), ParseIdError::Length(63));
    check(&"a".repeat(65), ParseIdError::Length(65));
    check(&"a".repeat(1000), ParseIdError::Length(1000));
    check("0x12", ParseIdError::Digit('x'));
    check(&"é".repeat(64), ParseIdError::Digit('é'));
    check(" ", ParseIdError::Digit(' '));
}

#[test]
fn json_has_hex() {
    let id = JobId([0xab; 32]);
    let text = serde_json::to_string(&id).unwrap();
    assert_eq!(text, format!("\"{}\"", "ab".repeat(32)));
    assert_eq!(serde_json::from_str::<JobId>(&text).unwrap(), id);
    assert!(serde_json::from_str::<JobId>("\"ab\"").is_err());
    assert!(serde_json::from_str::<JobId>("[1]").is_err());
    let map = std::collections::BTreeMap::from([(id, 1)]);
    assert!(
        serde_json::to_string(&map).unwrap().contains(&id.to_string()),
        "an id may be a key"
    );
}

#[test]
fn a_job_is_its_blob() {
    assert_eq!(JobId::of(b"component").blob(), BlobHash::of(b"component"));
    // BLAKE3 of nothing, from the reference test vectors.
    assert_eq!(
        BlobHash::of(b"").to_string(),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
}
