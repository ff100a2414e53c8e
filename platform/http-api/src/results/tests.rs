//! Which results are shown, and that keeping them is bounded.

use super::{ENTRY_BYTES, MAX_KEPT_BYTES, Results, value_of};
use job_model::BlobHash;
use serde_json::{Value, json};
use std::sync::Arc;

#[test]
fn json_text_and_neither() {
    assert_eq!(value_of(b"{\"sum\": 500500}"), Some(json!({"sum": 500500})));
    assert_eq!(value_of(b"500500"), Some(json!(500500)));
    assert_eq!(
        value_of(b"123456789012345678901234567890"),
        Some(json!("123456789012345678901234567890"))
    );
    assert_eq!(value_of("word \u{e9}\n".as_bytes()), Some(json!("word \u{e9}\n")));
    assert_eq!(value_of(b"\xff\xfe"), None);
}

#[test]
fn the_oldest_go_when_there_is_no_room() {
    let results = Results::default();
    let hash = |n: u64| BlobHash::of(&n.to_le_bytes());
    let size = 64 << 10;
    let fits = MAX_KEPT_BYTES / (size + ENTRY_BYTES);
    for n in 0..=fits {
        results.keep(hash(n), size, Arc::new(json!(n)));
        results.keep(hash(n), size, Arc::new(json!(n)));
    }
    assert!(results.get(&hash(0)).is_none());
    assert_eq!(results.get(&hash(fits)).as_deref(), Some(&Value::from(fits)));
}
