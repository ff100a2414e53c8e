//! The journal over a real file: what was released is there after a restart.

use super::*;
use job_model::{BlobHash, Event, UnixMillis};
use std::sync::mpsc::sync_channel;

fn event(seq: u64, task: u8) -> Arc<Recorded> {
    let event = Event::TaskCancelled {
        task: TaskId([task; 32]),
        reason: format!("reason {seq}"),
    };
    Arc::new(Recorded {
        seq,
        at: UnixMillis(seq * 10),
        event,
    })
}

fn open(dir: &Path) -> (Journal, JournalReader, mpsc::Receiver<Vec<Effect>>) {
    let (sender, released) = mpsc::channel(16);
    let broken = Box::new(|error: JournalError| panic!("{error}"));
    let (journal, reader) = Journal::open(&dir.join("j.redb"), &dir.join("ledger"), sender, broken).unwrap();
    (journal, reader, released)
}

fn write(journal: &Journal, batch: Batch) {
    assert!(
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(journal.write(batch))
            .is_ok()
    );
}

#[test]
fn events_are_on_disk_before_their_effects_and_replay_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, reader, mut released) = open(dir.path());
    let (said, heard) = sync_channel(1);
    for seq in 1..=10 {
        let said = said.clone();
        let reader = reader.clone();
        let answer = Effect::Answer(Box::new(move || {
            // When the effect starts, the event can be read.
            said.send(reader.page(None, seq, 1).unwrap().len()).unwrap();
        }));
        write(
            &journal,
            Batch {
                events: vec![event(seq, (seq % 2) as u8)],
                then: vec![answer],
                ..Batch::default()
            },
        );
        for effect in released.blocking_recv().unwrap() {
            let Effect::Answer(answer) = effect else {
                panic!("another effect")
            };
            answer();
        }
        assert_eq!(heard.recv().unwrap(), 1);
    }
    journal.close();
    drop(reader);
    let (journal, reader, _) = open(dir.path());
    let mut seqs = Vec::new();
    reader.replay(3, |record| seqs.push(record.seq)).unwrap();
    assert_eq!(seqs, (3..=10).collect::<Vec<_>>());
    let of_task: Vec<u64> = reader
        .page(Some(&TaskId([1; 32])), 2, 3)
        .unwrap()
        .iter()
        .map(|r| r.seq)
        .collect();
    assert_eq!(of_task, [3, 5, 7]);
    journal.close();
}

#[test]
fn results_and_replicas_are_remembered_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, reader, _released) = open(dir.path());
    let entry = MemoEntry {
        output: Output::Blob {
            hash: BlobHash([3; 32]),
            size: 9,
        },
        confirmations: 2,
        compare: job_model::Comparison::Tolerance(job_model::Tolerance::default()),
    };
    let key = ran_key(&TaskId([1; 32]), 7, 1);
    write(
        &journal,
        Batch {
            memo: vec![(ChunkKey([1; 32]), entry.clone())],
            ran: vec![(key.clone(), vec![1, 2, 3])],
            ledger: b"record".to_vec(),
            ..Batch::default()
        },
    );
    write(
        &journal,
        Batch {
            ran_done: vec![ran_key(&TaskId([9; 32]), 7, 1)],
            ..Batch::default()
        },
    );
    journal.close();
    assert_eq!(
        reader.recall(&[ChunkKey([1; 32]), ChunkKey([2; 32])]).unwrap(),
        [Some(entry), None]
    );
    assert_eq!(
        reader.ran(&[key.clone(), ran_key(&TaskId([1; 32]), 7, 2)]).unwrap(),
        [Some(vec![1, 2, 3]), None]
    );
    assert_eq!(std::fs::read(dir.path().join("ledger")).unwrap(), b"record");
    drop(reader);
    let (journal, reader, _released) = open(dir.path());
    write(
        &journal,
        Batch {
            ran_done: vec![key.clone()],
            ..Batch::default()
        },
    );
    journal.close();
    assert_eq!(reader.ran(&[key]).unwrap(), [None]);
}

#[test]
fn a_file_that_is_no_journal_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("j.redb"),
        b"this is no database, but it is long enough to be read as one",
    )
    .unwrap();
    let (sender, _released) = mpsc::channel(1);
    let opened = Journal::open(
        &dir.path().join("j.redb"),
        &dir.path().join("ledger"),
        sender,
        Box::new(|_| {}),
    );
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("j.redb"), "{error}");
}
