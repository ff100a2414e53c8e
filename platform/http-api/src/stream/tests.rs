//! Frames, and what of them is wanted. Streams over real nodes: tests/it/http_events.rs.

use super::*;
use job_model::{BlobHash, Event, UnixMillis};

fn record(seq: u64, task: u8) -> Recorded {
    let event = Event::TaskCompleted {
        task: TaskId([task; 32]),
        result: BlobHash([9; 32]),
        size: 7,
    };
    Recorded {
        seq,
        at: UnixMillis(8),
        event,
    }
}

fn batch(tasks: &[u8]) -> Batch {
    let mut batch = Batch::new(5);
    for (seq, task) in (5..).zip(tasks) {
        batch.push(&record(seq, *task));
    }
    let upto = batch.last();
    batch.until(upto)
}

#[test]
fn a_frame_is_what_event_source_reads() {
    let batch = batch(&[1]);
    let bytes = batch.select(|_| true).concat();
    let text = std::str::from_utf8(&bytes).unwrap();
    let (head, data) = text.split_once("data: ").unwrap();
    assert_eq!(head, "id: 5\nevent: task_completed\n");
    let json: serde_json::Value = serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap();
    assert_eq!(
        (&json["seq"], &json["type"], &json["size"]),
        (&5.into(), &"task_completed".into(), &7.into())
    );
    assert!(
        !data.trim_end().contains('\n'),
        "a line break inside would end the event: {data}"
    );
}

#[test]
fn neighbours_are_sent_in_one_piece_and_nothing_is_copied() {
    let batch = batch(&[1, 1, 2, 1]);
    assert_eq!((batch.from, batch.upto, batch.len()), (5, 8, 4));
    let of = |task: u8| batch.select(|frame| frame.task == Some(TaskId([task; 32])));
    assert_eq!(of(1).len(), 2);
    assert_eq!(of(2).len(), 1);
    assert!(of(3).is_empty());
    let whole = batch.select(|_| true);
    assert_eq!(whole.len(), 1);
    assert_eq!(whole.concat().len(), batch.bytes());
    assert_eq!(whole[0].as_ptr(), of(1)[0].as_ptr());
    let later = batch.select(|frame| frame.seq >= 8).concat();
    assert!(later.starts_with(b"id: 8\n"), "{later:?}");
}

#[test]
fn an_empty_batch_covers_what_it_says() {
    let empty = Batch::new(5).until(9);
    assert!(empty.is_empty() && empty.select(|_| true).is_empty());
    assert_eq!((empty.from, empty.upto, empty.last()), (5, 9, 9));
}

#[test]
fn more_listeners_are_woken_less_often_and_soon_enough() {
    assert_eq!(window(1), SHORTEST_WINDOW);
    assert_eq!(window(1_000), LONGEST_WINDOW);
    assert_eq!(window(usize::MAX), LONGEST_WINDOW);
    assert!(window(500) > window(300));
}
