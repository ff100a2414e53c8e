//! Ids that two nodes derive alike, sampling, and the spans of a task's life.

use super::export::traces_url;
use super::tasks::TracedTasks;
use super::{Name, Place, Traces};
use crate::config::TelemetrySection;
use job_model::event::{AssignReason, ChunkVerdict, ReplicaResult};
use job_model::receipt::ReplicaVerdict;
use job_model::task::{Requirements, TaskConfig};
use job_model::{
    BlobHash, Event, JobId, JobMetrics, LossReason, MicroCredits, NodeId, Outcome, Recorded, TaskId, TaskSpec,
    UnixMillis, Usage,
};
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::trace::SpanData;

const TASK: TaskId = TaskId([9; 32]);

fn telemetry(sample_ratio: f64) -> TelemetrySection {
    TelemetrySection {
        otlp_endpoint: Some("http://127.0.0.1:1".to_owned()),
        sample_ratio,
        ..TelemetrySection::default()
    }
}

#[test]
fn a_task_is_traced_by_all_nodes_or_by_none() {
    let tasks: Vec<TaskId> = (0..1_000u32)
        .map(|number| TaskId(*BlobHash::of(&number.to_le_bytes()).as_bytes()))
        .collect();
    let share = |ratio| {
        let (traces, _spans) = Traces::new(&telemetry(ratio));
        tasks.iter().filter(|task| traces.samples(task)).count()
    };
    assert_eq!((share(0.0), share(1.0)), (0, 1_000));
    assert!((150..350).contains(&share(0.25)), "{}", share(0.25));
    let (off, spans) = Traces::new(&TelemetrySection::default());
    assert!(spans.is_none() && !tasks.iter().any(|task| off.samples(task)));
}

#[test]
fn ids_follow_from_the_place() {
    let place = Place {
        task: TASK,
        replica: (3, 1),
    };
    assert_eq!(place.trace_id().to_string(), "09".repeat(16));
    assert_eq!(place.span_id(Name::Replica), place.span_id(Name::Replica));
    let other = Place {
        task: TASK,
        replica: (1, 3),
    };
    assert_ne!(place.span_id(Name::Replica), other.span_id(Name::Replica));
    assert_ne!(place.span_id(Name::Replica), place.span_id(Name::Run));
}

#[test]
fn the_endpoint_gets_the_path_of_traces_once() {
    for endpoint in ["http://h:4318", "http://h:4318/", "http://h:4318/v1/traces"] {
        assert_eq!(traces_url(endpoint), "http://h:4318/v1/traces");
    }
}

fn result(chunk: u32, outcome: Outcome) -> ReplicaResult {
    ReplicaResult {
        chunk,
        attempt: 0,
        outcome,
        usage: Usage::default(),
        log: String::new(),
        metrics: JobMetrics::default(),
    }
}

#[expect(clippy::too_many_lines, reason = "one table of events")]
fn life() -> Vec<(u64, Event)> {
    let spec = TaskSpec {
        job: JobId::default(),
        job_name: "rows".to_owned(),
        params: Vec::new(),
        inputs: Vec::new(),
        requirements: Requirements::default(),
        config: TaskConfig::default(),
    };
    let worker = NodeId([1; 32]);
    let verdict = |chunk, attempt| ChunkVerdict {
        chunk,
        winner: attempt,
        replicas: vec![(attempt, worker, ReplicaVerdict::Accepted)],
    };
    let (task, spec, owner) = (TASK, Box::new(spec), String::new());
    let (hash, quote, hold) = (BlobHash::default(), 1, MicroCredits::default());
    let assigned = |reason, replicas| Event::ReplicasAssigned {
        task,
        worker,
        quote,
        hold,
        reason,
        replicas,
    };
    let finished = |results| Event::ReplicasFinished { task, worker, results };
    let (value, fuel, why) = (Outcome::OutOfFuel, 7, LossReason::Stalled);
    let second = ReplicaResult {
        attempt: 1,
        ..result(1, value.clone())
    };
    vec![
        (10, Event::TaskSubmitted { task, spec, owner }),
        (
            20,
            Event::TaskPlanned {
                task,
                plan: hash,
                chunks: 2,
                fuel,
            },
        ),
        (30, assigned(AssignReason::Policy, vec![(0, 0), (1, 0)])),
        (40, finished(vec![result(0, value)])),
        (
            50,
            Event::ReplicasLost {
                task,
                worker,
                why,
                replicas: vec![(1, 0)],
            },
        ),
        (50, assigned(AssignReason::Retry, vec![(1, 1)])),
        (
            55,
            Event::ChunksVerified {
                task,
                verdicts: vec![verdict(0, 0)],
            },
        ),
        (60, finished(vec![second])),
        (
            61,
            Event::ChunksVerified {
                task,
                verdicts: vec![verdict(1, 1)],
            },
        ),
        (
            70,
            Event::TaskCompleted {
                task,
                result: hash,
                size: 5,
            },
        ),
    ]
}

#[test]
fn a_life_becomes_one_tree() {
    let mut tasks = TracedTasks::default();
    let mut spans: Vec<SpanData> = Vec::new();
    for (seq, (at, event)) in (1..).zip(life()) {
        let at = UnixMillis(at);
        tasks.apply(&Recorded { seq, at, event }, |span| spans.push(span));
    }
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    let expected = [
        "plan", "replica", "replica", "verify", "replica", "verify", "reduce", "task",
    ];
    assert_eq!(names, expected);
    let root = spans.last().unwrap();
    assert_eq!(root.parent_span_id, SpanId::INVALID);
    for span in &spans[..spans.len() - 1] {
        assert_eq!(span.parent_span_id, root.span_context.span_id());
        assert_eq!(span.span_context.trace_id(), root.span_context.trace_id());
        assert!(span.start_time >= root.start_time && span.end_time <= root.end_time);
    }
    assert!(matches!(spans[2].status, Status::Error { .. }), "the lost replica");
    let mut ids: Vec<SpanId> = spans.iter().map(|span| span.span_context.span_id()).collect();
    ids.sort_by_key(|id| id.to_string());
    ids.dedup();
    assert_eq!(ids.len(), spans.len());
}
