//! The index of tasks follows the events.

use super::{TaskBook, id_range};
use job_model::{BlobHash, Event, JobId, Requirements, TaskConfig, TaskId, TaskSpec, UnixMillis};

fn submit(book: &mut TaskBook, first: u8, at: u64) -> TaskId {
    let mut bytes = [0x5a; 32];
    bytes[0] = first;
    let task = TaskId(bytes);
    let spec = TaskSpec {
        job: JobId::default(),
        job_name: "map".to_owned(),
        params: Vec::new(),
        inputs: Vec::new(),
        requirements: Requirements::default(),
        config: TaskConfig::default(),
    };
    let event = Event::TaskSubmitted {
        task,
        spec: Box::new(spec),
        owner: String::new(),
    };
    book.apply(&event, UnixMillis(at));
    task
}

#[test]
fn the_newest_come_first_and_pages_join_without_gap_or_overlap() {
    let mut book = TaskBook::default();
    let tasks: Vec<TaskId> = [(9, 10), (3, 30), (7, 20), (8, 20)]
        .map(|(id, at)| submit(&mut book, id, at))
        .into();
    let all: Vec<TaskId> = book.newest_before(None).map(|(_, task)| task).collect();
    assert_eq!(all, [tasks[1], tasks[3], tasks[2], tasks[0]]);
    let mut joined = Vec::new();
    let mut place = None;
    while let Some(next) = book.newest_before(place).next() {
        joined.push(next.1);
        place = Some(next);
    }
    assert_eq!(joined, all);
}

#[test]
fn an_ended_task_is_not_open_and_is_forgotten_in_time() {
    let mut book = TaskBook::default();
    let (old, open) = (submit(&mut book, 1, 10), submit(&mut book, 2, 11));
    let event = Event::TaskCompleted {
        task: old,
        result: BlobHash::default(),
        size: 0,
    };
    book.apply(&event, UnixMillis(20));
    assert_eq!(book.open().map(|(task, _)| *task).collect::<Vec<_>>(), [open]);
    assert_eq!(book.ended_before(UnixMillis(120), 100), []);
    assert_eq!(book.ended_before(UnixMillis(121), 100), [old]);
    book.remove(&old);
    assert_eq!(
        book.newest_before(None).map(|(_, task)| task).collect::<Vec<_>>(),
        [open]
    );
    assert!(book.get(&old).is_none());
}

#[test]
fn prefixes_of_any_length_find_their_tasks() {
    let mut book = TaskBook::default();
    let (one, other) = (submit(&mut book, 0xa1, 1), submit(&mut book, 0xa2, 2));
    assert_eq!(book.with_prefix("a"), [one, other]);
    assert_eq!(book.with_prefix("a1"), [one]);
    assert_eq!(book.with_prefix("a15"), [one]);
    assert_eq!(book.with_prefix("a25a5"), [other]);
    assert_eq!(book.with_prefix(&one.to_string()), [one]);
    assert_eq!(book.with_prefix("b"), []);
    for bad in ["", "x", "..", &"0".repeat(65)] {
        assert!(id_range(bad).is_none(), "{bad}");
    }
}
