//! What becomes of a result inside the body.

use super::{Head, inline, join};
use job_model::BlobHash;
use serde_json::Value;

fn head() -> Head<'static> {
    Head {
        event: "task_completed",
        task_id: "ab".repeat(32),
        timestamp: 1_700_000_000.25,
        status: "completed",
        owner_id: "ann",
        job_name: "range_reduce",
        result_hash: Some(BlobHash([7; 32])),
        result_bytes: Some(3),
        failure: None,
        reason: None,
        price_credits: "0.5".to_owned(),
        seq: 9,
    }
}

#[test]
fn json_text_and_bytes() {
    assert_eq!(inline(b" {\"a\": 1}\n").as_deref(), Some("{\"a\": 1}"));
    assert_eq!(inline(b"plain \"words\"").as_deref(), Some("\"plain \\\"words\\\"\""));
    assert_eq!(inline(b"").as_deref(), Some("\"\""));
    assert_eq!(inline(&[0xff, 0xfe]), None);
    let digits = "265252859812191058636308480000000";
    assert_eq!(inline(digits.as_bytes()).as_deref(), Some(digits));
}

#[test]
fn the_body_is_one_object_with_the_documented_fields() {
    let bytes = join(&head(), Some("[1,2]"));
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(body["event"], "task_completed");
    assert_eq!(body["result"], serde_json::json!([1, 2]));
    assert_eq!(body["timestamp"], 1_700_000_000.25);
    assert_eq!(body["result_hash"], "07".repeat(32));
    assert_eq!((&body["failure"], &body["reason"]), (&Value::Null, &Value::Null));
    let without: Value = serde_json::from_slice(&join(&head(), None)).expect("JSON");
    assert_eq!(without["result"], Value::Null);
}
