//! Tests of the whole job, natively.

use crate::BenchEmpty;
use p2pjob::testing::Task;

#[test]
fn counts_its_chunks() {
    let finished = Task::new(r#"{"chunks": 100, "body_bytes": 10}"#)
        .run::<BenchEmpty>()
        .unwrap();
    assert_eq!((finished.text().as_str(), finished.chunks), ("100", 100));
}

#[test]
fn fails_on_purpose() {
    let error = Task::new(r#"{"chunks": 10, "fail_every": 2}"#)
        .run::<BenchEmpty>()
        .unwrap_err();
    assert_eq!(error, "run of chunk 0: chunk 0 failed on purpose");
}
