//! Numbers of jobs count once per accepted chunk.

use super::{MAX_PENDING, MetricBook};
use job_model::event::{ChunkVerdict, ReplicaResult};
use job_model::receipt::ReplicaVerdict;
use job_model::task::{Requirements, TaskConfig};
use job_model::{BlobHash, Event, JobId, JobMetrics, Metric, NodeId, Outcome, Output, TaskId, TaskSpec, Usage};

fn submitted(task: TaskId) -> Event {
    let spec = TaskSpec {
        job: JobId::default(),
        job_name: "rows".to_owned(),
        params: Vec::new(),
        inputs: Vec::new(),
        requirements: Requirements::default(),
        config: TaskConfig::default(),
    };
    Event::TaskSubmitted {
        task,
        spec: Box::new(spec),
        owner: String::new(),
    }
}

fn result(chunk: u32, attempt: u32, rows: f64) -> ReplicaResult {
    let mut metrics = JobMetrics::default();
    metrics.counter("rows", rows);
    metrics.gauge("last", rows);
    ReplicaResult {
        chunk,
        attempt,
        outcome: Outcome::Value(Output::Inline(Vec::new())),
        usage: Usage::default(),
        log: String::new(),
        metrics,
    }
}

fn finished(task: TaskId, results: Vec<ReplicaResult>) -> Event {
    Event::ReplicasFinished {
        task,
        worker: NodeId([1; 32]),
        results,
    }
}

fn verified(task: TaskId, chunk: u32, winner: u32) -> Event {
    let replicas = vec![(winner, NodeId([1; 32]), ReplicaVerdict::Accepted)];
    let verdicts = vec![ChunkVerdict {
        chunk,
        winner,
        replicas,
    }];
    Event::ChunksVerified { task, verdicts }
}

#[test]
fn only_the_winner_of_a_chunk_counts() {
    let task = TaskId([7; 32]);
    let mut book = MetricBook::default();
    book.apply(&submitted(task));
    book.apply(&finished(task, vec![result(0, 0, 5.0), result(1, 0, 7.0)]));
    book.apply(&finished(task, vec![result(0, 1, 1000.0), result(0, 2, 5.0)]));
    assert!(book.of_task(&task).is_empty(), "nothing is accepted yet");
    book.apply(&verified(task, 0, 2));
    book.apply(&verified(task, 1, 0));
    // It came after the verdict.
    book.apply(&finished(task, vec![result(1, 1, 500.0)]));
    let metrics = book.of_task(&task);
    assert_eq!(metrics.values["rows"], Metric::Counter(12.0));
    assert_eq!(metrics.values["last"], Metric::Gauge(7.0));
    assert_eq!(book.by_job()["rows"], metrics);
    book.apply(&Event::TaskCompleted {
        task,
        result: BlobHash::default(),
        size: 0,
    });
    assert_eq!(book.of_task(&task), metrics, "the numbers stay with the task");
    book.forget(&task);
    assert!(book.of_task(&task).is_empty());
    assert_eq!(book.by_job()["rows"], metrics, "totals go on");
}

#[test]
fn what_waits_for_a_verdict_is_bounded() {
    let task = TaskId([7; 32]);
    let mut book = MetricBook::default();
    book.apply(&submitted(task));
    let many = (0..MAX_PENDING as u32 + 5).map(|chunk| result(chunk, 0, 1.0)).collect();
    book.apply(&finished(task, many));
    assert_eq!(book.of_task(&task).dropped, 5);
    assert_eq!(book.tasks[&task].pending.len(), MAX_PENDING);
}
