//! Events in, batch out.

use super::*;
use history::OpenTask;
use job_model::event::{AssignReason, LossReason, Posting};
use job_model::{BlobHash, JobId, Output, Usage};

const ME: NodeId = NodeId([1; 32]);
const TASK: TaskId = TaskId([2; 32]);
const WORKERS: [NodeId; 3] = [NodeId([3; 32]), NodeId([4; 32]), NodeId([5; 32])];

fn spec() -> TaskSpec {
    TaskSpec {
        job: JobId([6; 32]),
        job_name: "word_count".to_owned(),
        params: codec::encode_json(&serde_json::json!({ "top": 3 })),
        inputs: Vec::new(),
        requirements: job_model::Requirements::default(),
        config: job_model::TaskConfig::default(),
    }
}

fn submit() -> Event {
    Event::TaskSubmitted {
        task: TASK,
        spec: Box::new(spec()),
        owner: "ann".to_owned(),
    }
}

fn plan(chunks: u32) -> Event {
    let plan = BlobHash([7; 32]);
    Event::TaskPlanned {
        task: TASK,
        plan,
        chunks,
        fuel: 5,
    }
}

fn assign(worker: usize, replicas: &[(u32, u32)]) -> Event {
    Event::ReplicasAssigned {
        task: TASK,
        worker: WORKERS[worker],
        quote: 1,
        hold: MicroCredits(10),
        reason: AssignReason::Policy,
        replicas: replicas.to_vec(),
    }
}

fn finish(worker: usize, chunk: u32, attempt: u32, outcome: Outcome) -> Event {
    let usage = Usage {
        fuel: 100,
        wall_us: u64::from(attempt) * 7 + 1,
        ..Usage::default()
    };
    let log = String::new();
    Event::ReplicasFinished {
        task: TASK,
        worker: WORKERS[worker],
        results: vec![ReplicaResult {
            chunk,
            attempt,
            outcome,
            usage,
            log,
            metrics: job_model::JobMetrics::default(),
        }],
    }
}

fn verify(chunk: u32, winner: u32, replicas: &[(u32, usize, ReplicaVerdict)]) -> Event {
    let replicas = replicas
        .iter()
        .map(|(attempt, worker, verdict)| (*attempt, WORKERS[*worker], *verdict));
    let replicas = replicas.collect();
    Event::ChunksVerified {
        task: TASK,
        verdicts: vec![ChunkVerdict {
            chunk,
            winner,
            replicas,
        }],
    }
}

fn value() -> Outcome {
    Outcome::Value(Output::Inline(vec![1]))
}

/// A task of two chunks: the first with a liar, the second fails.
fn story() -> Vec<Recorded> {
    use ReplicaVerdict::{Accepted, Wrong};
    let posting = |worker: usize| Posting {
        worker: WORKERS[worker],
        released: MicroCredits(10),
        amount: MicroCredits(8),
    };
    let events = vec![
        submit(),
        plan(3),
        Event::ChunksRecalled {
            task: TASK,
            chunks: vec![(2, Output::Inline(Vec::new()))],
        },
        assign(0, &[(0, 0), (1, 0)]),
        assign(1, &[(0, 1), (1, 1)]),
        finish(0, 0, 0, value()),
        finish(1, 0, 1, Outcome::GuestError("no".to_owned())),
        assign(2, &[(0, 2)]),
        finish(2, 0, 2, value()),
        verify(0, 0, &[(0, 0, Accepted), (1, 1, Wrong), (2, 2, Accepted)]),
        Event::ReplicasLost {
            task: TASK,
            worker: WORKERS[0],
            why: LossReason::Stalled,
            replicas: vec![(1, 0)],
        },
        assign(2, &[(1, 2)]),
        finish(1, 1, 1, Outcome::OutOfFuel),
        finish(2, 1, 2, Outcome::OutOfFuel),
        verify(1, 1, &[(1, 1, Accepted), (2, 2, Accepted)]),
        Event::CreditsPosted {
            task: TASK,
            postings: vec![posting(0), posting(2)],
        },
        Event::TaskCompleted {
            task: TASK,
            result: BlobHash([9; 32]),
            size: 12,
        },
    ];
    let record = |(at, event)| Recorded {
        seq: at as u64 + 1,
        at: UnixMillis(1_000 + at as u64),
        event,
    };
    events.into_iter().enumerate().map(record).collect()
}

fn fold_all(fold: &mut Fold, records: &[Recorded]) -> Batch {
    records.iter().for_each(|record| fold.apply(record));
    fold.take()
}

#[test]
fn a_checked_chunk_is_certain() {
    use job_model::event::ReplicaCheck;
    let check = |chunk, verdict| Event::ReplicasChecked {
        task: TASK,
        checks: vec![ReplicaCheck {
            chunk,
            attempt: 0,
            verdict,
            usage: Usage::default(),
        }],
    };
    let events = [
        submit(),
        plan(2),
        assign(0, &[(0, 0), (1, 0)]),
        finish(0, 0, 0, value()),
        check(0, CheckVerdict::Accepted),
        verify(0, 0, &[(0, 0, ReplicaVerdict::Accepted)]),
        finish(0, 1, 0, value()),
        check(1, CheckVerdict::Failed("out of fuel".to_owned())),
        verify(1, 0, &[(0, 0, ReplicaVerdict::Accepted)]),
    ];
    let records: Vec<Recorded> = (1..)
        .zip(events)
        .map(|(seq, event)| Recorded {
            seq,
            at: UnixMillis(seq),
            event,
        })
        .collect();
    let batch = fold_all(&mut Fold::new(ME, &Resume::default()), &records);
    let task = &batch.tasks[0];
    assert_eq!(task.accepted, 2);
    assert!((task.confidence_sum - (1.0 + 0.8)).abs() < 1e-9, "{task:?}");
    // One word per result, as there is one worker per result.
    assert!(
        batch.chunks.iter().all(|chunk| chunk.outcomes == "0v "),
        "{:?}",
        batch.chunks
    );
}

#[test]
fn a_whole_task_in_one_batch() {
    let mut fold = Fold::new(ME, &Resume::default());
    let batch = fold_all(&mut fold, &story());
    assert_eq!((batch.from_seq, batch.to_seq), (0, 17));
    let [task] = batch.tasks.as_slice() else {
        panic!("{batch:?}")
    };
    let submitted = task.submitted.as_ref().unwrap();
    assert_eq!(
        (submitted.owner.as_str(), submitted.params.as_str()),
        ("ann", r#"{"top":3}"#)
    );
    assert_eq!(task.started_at, Some(UnixMillis(1_003)));
    assert_eq!(
        (task.chunks, task.accepted, task.failed, task.recalled),
        (Some(3), 1, 1, 1)
    );
    assert_eq!(
        (task.replicas, task.lost, task.price, task.fuel),
        (6, 1, MicroCredits(16), 500)
    );
    let end = task.end.as_ref().unwrap();
    assert_eq!(
        (end.status, end.result),
        (TaskStatus::Completed, Some((BlobHash([9; 32]), 12)))
    );
    // 2 against 1, and 2 against none.
    assert!((task.confidence_sum - (0.8 + 16.0 / 17.0)).abs() < 1e-9, "{task:?}");

    let [recalled, first, second] = batch.chunks.as_slice() else {
        panic!("{batch:?}")
    };
    assert_eq!((recalled.chunk, recalled.state), (2, ChunkState::Recalled));
    assert_eq!(
        (first.state, first.winner, first.replicas),
        (ChunkState::Accepted, Some(0), 3)
    );
    assert_eq!(
        (first.outcomes.as_str(), first.verdicts.as_str()),
        ("0v 1e 2v ", "0a 1w 2a ")
    );
    assert_eq!((first.wall_us, first.fuel), (15, 300));
    assert!(first.error.as_ref().unwrap().contains("no"));
    assert_eq!((second.state, second.lost, second.replicas), (ChunkState::Failed, 1, 3));
}

/// What a database would have after some batches, for a restart.
fn resume(batches: &[Batch]) -> Resume {
    let started = batches
        .iter()
        .any(|batch| batch.tasks.iter().any(|task| task.started_at.is_some()));
    let mut chunks: BTreeMap<u32, (String, bool)> = BTreeMap::new();
    for change in batches.iter().flat_map(|batch| &batch.chunks) {
        let entry = chunks.entry(change.chunk).or_default();
        entry.0.push_str(&change.outcomes);
        entry.1 |= change.state != ChunkState::Open;
    }
    let undecided = chunks
        .into_iter()
        .filter(|(_, (words, decided))| !decided && !words.is_empty());
    let chunks = undecided.map(|(chunk, (words, _))| (chunk, words)).collect();
    let known = batches.iter().any(|batch| !batch.tasks.is_empty());
    let open = OpenTask {
        task: TASK,
        started,
        chunks,
    };
    Resume {
        recorded_seq: batches.last().map_or(0, |batch| batch.to_seq),
        open: known.then_some(open).into_iter().collect(),
    }
}

#[test]
fn a_restart_after_every_event_counts_the_same() {
    let story = story();
    let whole = fold_all(&mut Fold::new(ME, &Resume::default()), &story);
    let mut batches: Vec<Batch> = Vec::new();
    for record in &story {
        let mut fold = Fold::new(ME, &resume(&batches));
        batches.push(fold_all(&mut fold, std::slice::from_ref(record)));
    }
    let sum = |count: fn(&TaskChange) -> u64| {
        let of = |batch: &Batch| batch.tasks.iter().map(count).sum::<u64>();
        (batches.iter().map(of).sum::<u64>(), of(&whole))
    };
    let counts: [fn(&TaskChange) -> u64; 6] = [
        |task| u64::from(task.accepted),
        |task| u64::from(task.failed),
        |task| u64::from(task.replicas),
        |task| task.fuel,
        |task| u64::from(task.started_at.is_some()),
        |task| (task.confidence_sum * 1e9) as u64,
    ];
    for count in counts {
        let (parts, once) = sum(count);
        assert!(parts.abs_diff(once) <= 2, "{parts} in parts, {once} at once");
    }
    let words = |batches: &[Batch]| -> String {
        let of_first = batches
            .iter()
            .flat_map(|batch| &batch.chunks)
            .filter(|change| change.chunk == 0);
        of_first.map(|change| change.outcomes.as_str()).collect()
    };
    assert_eq!(words(&batches), words(&[whole]));
}

#[test]
fn what_comes_after_the_end_is_added_and_nothing_is_kept_in_mind() {
    let mut fold = Fold::new(ME, &Resume::default());
    fold_all(&mut fold, &story());
    let late = Recorded {
        seq: 18,
        at: UnixMillis(2_000),
        event: finish(0, 1, 0, value()),
    };
    let batch = fold_all(&mut fold, &[late]);
    assert_eq!((batch.from_seq, batch.to_seq), (17, 18));
    assert_eq!(batch.tasks[0].fuel, 100);
    assert_eq!(batch.chunks[0].state, ChunkState::Open);
    assert!(fold.open.is_empty());
}

#[test]
fn long_and_strange_texts_are_cut_between_characters() {
    let mut fold = Fold::new(ME, &Resume::default());
    let reason = "ä".repeat(MAX_TEXT_BYTES);
    let event = Event::TaskCancelled { task: TASK, reason };
    let batch = fold_all(
        &mut fold,
        &[Recorded {
            seq: 1,
            at: UnixMillis(1),
            event,
        }],
    );
    let detail = &batch.tasks[0].end.as_ref().unwrap().detail;
    assert_eq!(detail.len(), MAX_TEXT_BYTES);
    assert!(detail.chars().all(|letter| letter == 'ä'));
}
