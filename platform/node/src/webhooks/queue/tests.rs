//! Order, room, and that one hook does not keep another waiting.

use super::{MAX_PER_HOOK, MAX_RUNNING, Queue};
use job_model::UnixMillis;

#[test]
fn what_is_due_first_starts_first() {
    let mut queue = Queue::default();
    queue.push("a", UnixMillis(30), 3);
    queue.push("a", UnixMillis(10), 1);
    queue.push("a", UnixMillis(20), 2);
    assert_eq!(queue.start(UnixMillis(5)), None);
    assert_eq!(queue.next_due(), Some(UnixMillis(10)));
    assert_eq!(queue.start(UnixMillis(25)), Some(("a".to_owned(), 1)));
    assert_eq!(queue.start(UnixMillis(25)), Some(("a".to_owned(), 2)));
    assert_eq!(queue.start(UnixMillis(25)), None);
    assert_eq!(queue.next_due(), Some(UnixMillis(30)));
}

#[test]
fn a_crowd_of_one_hook_leaves_room_for_another() {
    let mut queue = Queue::default();
    (0..100).for_each(|number| queue.push("slow", UnixMillis(1), number));
    let started = std::iter::from_fn(|| queue.start(UnixMillis(2))).count();
    assert_eq!(started, MAX_PER_HOOK);
    assert_eq!(queue.next_due(), None, "a full lane is not due");
    queue.push("quick", UnixMillis(2), 1_000);
    assert_eq!(queue.start(UnixMillis(2)), Some(("quick".to_owned(), 1_000)));
    queue.end("slow", 0);
    assert_eq!(
        queue.start(UnixMillis(2)),
        Some(("slow".to_owned(), MAX_PER_HOOK as u64))
    );
}

#[test]
fn all_hooks_together_are_bounded() {
    let mut queue = Queue::default();
    (0..100).for_each(|number| queue.push(&format!("hook{number}"), UnixMillis(1), number));
    assert_eq!(std::iter::from_fn(|| queue.start(UnixMillis(1))).count(), MAX_RUNNING);
    assert_eq!(queue.next_due(), None);
}

#[test]
fn a_running_delivery_is_not_queued_again() {
    let mut queue = Queue::default();
    queue.push("a", UnixMillis(1), 7);
    assert_eq!(queue.start(UnixMillis(1)), Some(("a".to_owned(), 7)));
    queue.clear_waiting();
    queue.push("a", UnixMillis(1), 7);
    assert_eq!(queue.start(UnixMillis(1)), None);
    queue.end("a", 7);
    queue.push("a", UnixMillis(1), 7);
    assert_eq!(queue.start(UnixMillis(1)), Some(("a".to_owned(), 7)));
}
