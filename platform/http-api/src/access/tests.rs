//! Answers of the layer that need no node.

use super::*;

#[test]
fn a_wrong_role_is_told_both_roles() {
    let problem = wrong_role("submitter", "viewer");
    assert_eq!((problem.status, problem.code.as_str()), (403, "wrong_role"));
    assert!(
        problem.detail.contains("submitter") && problem.detail.contains("viewer"),
        "{problem:?}"
    );
}

#[test]
fn who_must_wait_is_told_how_long() {
    let answer = too_many("too many requests", Wait(Duration::from_millis(2_100)));
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers().get(header::RETRY_AFTER).unwrap(), "3");
}
