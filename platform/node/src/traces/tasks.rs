//! From events to spans: what the requester knows of its traced tasks. No IO, no clock.

use super::{Name, Place, TRACED_CHUNKS, failed, moment, number, outcome_name};
use job_model::event::{AssignReason, ChunkVerdict, ReplicaResult};
use job_model::{Event, LossReason, NodeId, Recorded, TaskId, UnixMillis};
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use std::collections::BTreeMap;

/// Open tasks that are traced; of more, the spans are not made.
const MAX_TASKS: usize = 1_024;

/// One task that is not over.
struct OpenTask {
    job: String,
    submitted: UnixMillis,
    chunks: u32,
    /// By chunk and attempt: when, to whom, why.
    replicas: BTreeMap<(u32, u32), (UnixMillis, NodeId, AssignReason)>,
    /// When a chunk that is not decided had its first result.
    first_results: BTreeMap<u32, UnixMillis>,
    /// When the last chunk was decided.
    verified: Option<UnixMillis>,
}

/// The traced tasks of this node.
#[derive(Default)]
pub struct TracedTasks {
    open: BTreeMap<TaskId, OpenTask>,
}

type Sink<'a> = &'a mut dyn FnMut(SpanData);

impl TracedTasks {
    /// Whether events before this one are needed and were not seen: the task is of before a restart.
    pub fn wants_past(&self, task: &TaskId, event: &Event) -> bool {
        let unknown = !self.open.contains_key(task) && self.open.len() < MAX_TASKS;
        // What follows the end of a task makes no span.
        let late = |why: &LossReason| !matches!(why, LossReason::Restarted);
        unknown
            && !matches!(event, Event::ReplicasLost { why, .. } if late(why))
            && !matches!(
                event,
                Event::TaskSubmitted { .. }
                    | Event::CreditsPosted { .. }
                    | Event::SettlementProposed { .. }
                    | Event::ReplicasFinished { .. }
                    | Event::NodeDistrusted { .. }
            )
    }

    /// Takes an event in; spans that ended with it go to `sink`.
    pub fn apply(&mut self, record: &Recorded, mut sink: impl FnMut(SpanData)) {
        let at = record.at;
        if let Event::TaskSubmitted { task, spec, .. } = &record.event {
            if self.open.len() < MAX_TASKS {
                self.open.insert(*task, OpenTask::new(spec.job_name.clone(), at));
            }
            return;
        }
        let Some((task, open)) = record
            .event
            .task()
            .and_then(|task| Some((task, self.open.get_mut(&task)?)))
        else {
            return;
        };
        let sink: Sink<'_> = &mut sink;
        match &record.event {
            Event::TaskPlanned { chunks, fuel, .. } => open.planned((task, at), (*chunks, *fuel), sink),
            Event::ReplicasAssigned {
                worker,
                reason,
                replicas,
                ..
            } => {
                let traced = replicas.iter().filter(|(chunk, _)| *chunk < TRACED_CHUNKS);
                open.replicas
                    .extend(traced.map(|replica| (*replica, (at, *worker, *reason))));
            }
            Event::ReplicasFinished { results, .. } => open.finished((task, at), results, sink),
            Event::ReplicasLost { why, replicas, .. } => {
                for replica in replicas {
                    open.ended(
                        (task, at),
                        *replica,
                        |span| {
                            span.attributes.push(KeyValue::new("p2pjob.outcome", "lost"));
                            span.status = failed(&why.to_string());
                        },
                        sink,
                    );
                }
            }
            Event::ChunksVerified { verdicts, .. } => open.verified((task, at), verdicts, sink),
            Event::TaskCompleted { size, .. } => self.end((task, at), Ok(*size), sink),
            Event::TaskFailed { failure, .. } => self.end((task, at), Err(failure.to_string()), sink),
            Event::TaskCancelled { reason, .. } => self.end((task, at), Err(format!("cancelled: {reason}")), sink),
            _ => {}
        }
    }

    fn end(&mut self, (task, at): (TaskId, UnixMillis), how: Result<u64, String>, sink: Sink<'_>) {
        let Some(mut open) = self.open.remove(&task) else {
            return;
        };
        // Replicas that nobody waits for any more.
        for replica in open.replicas.keys().copied().collect::<Vec<_>>() {
            open.ended(
                (task, at),
                replica,
                |span| {
                    span.attributes.push(KeyValue::new("p2pjob.outcome", "not_needed"));
                },
                sink,
            );
        }
        let place = Place::of_task(task);
        if let (Ok(size), Some(verified)) = (&how, open.verified) {
            let mut span = place.span(Name::Reduce, (moment(verified), moment(at)));
            span.attributes.push(number("p2pjob.result_bytes", *size));
            sink(span);
        }
        let mut span = place.span(Name::Task, (moment(open.submitted), moment(at)));
        span.attributes.push(KeyValue::new("p2pjob.job", open.job));
        span.attributes.push(number("p2pjob.chunks", u64::from(open.chunks)));
        if let Err(why) = how {
            span.status = failed(&why);
        }
        sink(span);
    }
}

impl OpenTask {
    fn new(job: String, submitted: UnixMillis) -> Self {
        Self {
            job,
            submitted,
            chunks: 0,
            replicas: BTreeMap::new(),
            first_results: BTreeMap::new(),
            verified: None,
        }
    }

    fn planned(&mut self, (task, at): (TaskId, UnixMillis), (chunks, fuel): (u32, u64), sink: Sink<'_>) {
        self.chunks = chunks;
        let mut span = Place::of_task(task).span(Name::Plan, (moment(self.submitted), moment(at)));
        span.attributes.push(number("p2pjob.chunks", u64::from(chunks)));
        span.attributes.push(number("p2pjob.fuel", fuel));
        sink(span);
    }

    /// A replica is over, one way or another.
    fn ended(
        &mut self,
        (task, at): (TaskId, UnixMillis),
        replica: (u32, u32),
        finish: impl FnOnce(&mut SpanData),
        sink: Sink<'_>,
    ) {
        let Some((assigned, worker, reason)) = self.replicas.remove(&replica) else {
            return;
        };
        let mut span = Place { task, replica }.replica_span(Name::Replica, (moment(assigned), moment(at)));
        span.attributes.push(KeyValue::new("p2pjob.job", self.job.clone()));
        span.attributes.push(KeyValue::new("p2pjob.worker", worker.to_string()));
        span.attributes
            .push(KeyValue::new("p2pjob.reason", reason_name(reason)));
        finish(&mut span);
        sink(span);
    }

    fn finished(&mut self, (task, at): (TaskId, UnixMillis), results: &[ReplicaResult], sink: Sink<'_>) {
        for result in results.iter().filter(|result| result.chunk < TRACED_CHUNKS) {
            self.first_results.entry(result.chunk).or_insert(at);
            self.ended(
                (task, at),
                (result.chunk, result.attempt),
                |span| {
                    span.attributes
                        .push(KeyValue::new("p2pjob.outcome", outcome_name(result)));
                    span.attributes.push(number("p2pjob.fuel", result.usage.fuel));
                    if !result.outcome.is_value() {
                        span.status = failed(&result.outcome.error_text());
                    }
                },
                sink,
            );
        }
    }

    fn verified(&mut self, (task, at): (TaskId, UnixMillis), verdicts: &[ChunkVerdict], sink: Sink<'_>) {
        self.verified = Some(at);
        for verdict in verdicts {
            let Some(first) = self.first_results.remove(&verdict.chunk) else {
                continue;
            };
            let replica = (verdict.chunk, verdict.winner);
            let mut span = Place { task, replica }.replica_span(Name::Verify, (moment(first), moment(at)));
            span.attributes
                .push(number("p2pjob.replicas", verdict.replicas.len() as u64));
            sink(span);
        }
    }
}

fn reason_name(reason: AssignReason) -> &'static str {
    match reason {
        AssignReason::Policy => "policy",
        AssignReason::Spot => "spot",
        AssignReason::Escalation => "escalation",
        AssignReason::Hedge => "hedge",
        AssignReason::Retry => "retry",
    }
}
