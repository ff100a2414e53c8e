//! What the check accepts and refutes.

use super::CheckedRoots;
use p2pjob::testing::Task;

#[test]
fn roots_are_found_and_their_check_accepts_them() {
    let result = Task::new(r#"{"count": 1000}"#).run::<CheckedRoots>().unwrap();
    let expected: u64 = (0..1000_u64).map(u64::isqrt).sum();
    assert_eq!(result.text(), expected.to_string());
}

#[test]
fn every_altered_byte_is_refuted() {
    let task = Task::new(r#"{"count": 40}"#).chunk_size(20);
    let right = task.partial::<CheckedRoots>(1).unwrap();
    assert_eq!(task.check::<CheckedRoots>(1, &right), Ok(true));
    for at in 0..right.len() {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        assert_eq!(task.check::<CheckedRoots>(1, &wrong), Ok(false), "byte {at}");
    }
    for wrong in [
        &right[..right.len() - 1],
        b"",
        &task.partial::<CheckedRoots>(0).unwrap(),
    ] {
        assert_eq!(task.check::<CheckedRoots>(1, wrong), Ok(false));
    }
}
