//! Keys survive restarts and torn lines, and belong to one caller and one body.

use super::{Claim, FILE_NAME, KEEP_MS, Keys, MAX_KEYS};
use axum::http::{HeaderMap, HeaderValue};
use job_model::TaskId;
use std::io::Write;

fn claim(caller: &str, key: &str, body: &[u8]) -> Claim {
    let mut headers = HeaderMap::new();
    headers.insert(super::HEADER, HeaderValue::from_str(key).expect("a header"));
    Claim::of(&headers, caller, body)
        .expect("a good key")
        .expect("there is a key")
}

#[test]
fn a_settled_key_gives_its_task_also_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let once = claim("ann", "k1", b"body");
    let task = TaskId([7; 32]);
    let keys = Keys::open(dir.path());
    assert_eq!(keys.claim(&once, 1_000).expect("free"), None);
    assert_eq!(
        keys.claim(&once, 1_001).expect("the same body"),
        None,
        "claimed, not settled: go on"
    );
    keys.settle(&once, task, 1_002);
    assert_eq!(keys.claim(&once, 1_003).expect("settled"), Some(task));
    let again = Keys::open(dir.path());
    assert_eq!(again.claim(&once, 2_000).expect("settled"), Some(task));
    // And once more, after the file was written anew.
    assert_eq!(again.claim(&claim("ann", "k2", b"x"), 2_001).expect("free"), None);
    assert_eq!(Keys::open(dir.path()).claim(&once, 3_000).expect("settled"), Some(task));
}

#[test]
fn another_body_is_refused_and_another_caller_is_free() {
    let dir = tempfile::tempdir().expect("a folder");
    let keys = Keys::open(dir.path());
    keys.claim(&claim("ann", "k", b"one"), 1).expect("free");
    let problem = keys.claim(&claim("ann", "k", b"two"), 2).expect_err("another body");
    assert_eq!((problem.status, problem.code.as_str()), (422, "idempotency_key_reused"));
    assert_eq!(keys.claim(&claim("bob", "k", b"two"), 3).expect("bob's own"), None);
    assert_ne!(claim("ann", "k", b"one").nonce(), claim("bob", "k", b"one").nonce());
    assert_eq!(claim("ann", "k", b"one").nonce(), claim("ann", "k", b"two").nonce());
}

#[test]
fn a_released_key_takes_another_body_also_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let keys = Keys::open(dir.path());
    let wrong = claim("ann", "k", b"wrong");
    keys.claim(&wrong, 1).expect("free");
    keys.release(&wrong, 2);
    let again = Keys::open(dir.path());
    assert_eq!(again.claim(&claim("ann", "k", b"right"), 3).expect("free again"), None);
}

#[test]
fn keys_end_after_a_day() {
    let dir = tempfile::tempdir().expect("a folder");
    let keys = Keys::open(dir.path());
    let first = claim("ann", "k", b"one");
    keys.claim(&first, 10).expect("free");
    keys.settle(&first, TaskId([1; 32]), 10);
    let later = 11 + KEEP_MS;
    assert_eq!(keys.claim(&claim("ann", "k", b"two"), later).expect("free again"), None);
}

#[test]
fn a_torn_last_line_costs_only_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let (kept, task) = (claim("ann", "k", b"one"), TaskId([9; 32]));
    let keys = Keys::open(dir.path());
    keys.claim(&kept, 1).expect("free");
    keys.settle(&kept, task, 1);
    let path = dir.path().join(FILE_NAME);
    let mut file = std::fs::File::options().append(true).open(&path).expect("the file");
    file.write_all(b"{\"key\":\"ab").expect("half a line");
    let keys = Keys::open(dir.path());
    assert_eq!(keys.claim(&kept, 2).expect("settled"), Some(task));
    keys.claim(&claim("ann", "next", b"two"), 3).expect("free");
    assert_eq!(Keys::open(dir.path()).claim(&kept, 4).expect("settled"), Some(task));
}

#[test]
fn the_number_of_keys_is_bounded_and_the_oldest_go() {
    let dir = tempfile::tempdir().expect("a folder");
    let line = |n: usize| format!("{{\"key\":\"{n}\",\"body\":\"\",\"at\":{n}}}\n");
    let text: String = (0..MAX_KEYS + 10).map(line).collect();
    std::fs::write(dir.path().join(FILE_NAME), text).expect("a file");
    let keys = Keys::open(dir.path());
    keys.claim(&claim("ann", "k", b""), 20_000).expect("free");
    let book = keys.0.lock().expect("no panic");
    assert!(book.keys.len() < MAX_KEYS, "{} keys", book.keys.len());
    assert!(!book.keys.contains_key("0") && book.keys.contains_key(&(MAX_KEYS + 9).to_string()));
}

#[test]
fn a_bad_key_is_named() {
    for value in ["", &"k".repeat(256), "\u{e9}"] {
        let mut headers = HeaderMap::new();
        headers.insert(
            super::HEADER,
            HeaderValue::from_bytes(value.as_bytes()).expect("bytes of a header"),
        );
        let problem = Claim::of(&headers, "ann", b"").expect_err("a bad key");
        assert_eq!(problem.errors[0].field, "Idempotency-Key");
    }
}
