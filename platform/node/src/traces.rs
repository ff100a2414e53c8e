//! Trace spans that follow a chunk across nodes (H2), exported by OTLP over HTTP when `telemetry.otlp_endpoint` is set.
//!
//! The trace id is the first half of the task's id, and a span's id is a hash of task, chunk, attempt and name: so
//! requester and worker write into one trace without a byte of it on the wire, and both draw the same sample of tasks.
//! The requester's spans are made from its events ([`follow`]), the worker's where the work is done. One task owns the
//! exporter; its queue is bounded, and what does not fit is counted and dropped. A crash loses the spans of the last
//! moment and nothing else; a receiver that is away never slows the node down.

mod export;
mod follow;
mod tasks;

use crate::config::TelemetrySection;
use crate::context::{Context, now};
use job_model::event::ReplicaResult;
use job_model::{NodeId, TaskId, UnixMillis};
use metrics::Counter;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Spans that may wait for the exporter: about four megabytes.
const QUEUE_SPANS: usize = 8_192;
/// Chunks of a task that have spans, the first ones: more than anybody looks at, and all that viewers bear.
const TRACED_CHUNKS: u32 = 10_000;
/// Longest description of an error in a span, in bytes.
const DESCRIPTION_BYTES: usize = 512;

/// Where spans go. Cheap to ask whether there is anything to do.
pub struct Traces {
    queue: Option<mpsc::Sender<SpanData>>,
    /// Tasks whose second half is below this are traced.
    threshold: u64,
    dropped: Counter,
}

/// The other end of [`Traces`].
pub struct Spans(mpsc::Receiver<SpanData>);

/// The names of spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name {
    Task,
    Plan,
    Replica,
    Fetch,
    Run,
    Verify,
    Reduce,
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Plan => "plan",
            Self::Replica => "replica",
            Self::Fetch => "fetch",
            Self::Run => "run",
            Self::Verify => "verify",
            Self::Reduce => "reduce",
        }
    }
}

/// What a span is about; ids follow from it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub task: TaskId,
    /// Chunk and attempt, zero where there are none.
    pub replica: (u32, u32),
}

impl Place {
    /// The task itself.
    pub fn of_task(task: TaskId) -> Self {
        Self { task, replica: (0, 0) }
    }

    fn trace_id(&self) -> TraceId {
        TraceId::from_bytes(self.task.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    fn span_id(&self, name: Name) -> SpanId {
        let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 span id v1");
        hasher.update(self.task.as_bytes());
        hasher.update(&self.replica.0.to_le_bytes());
        hasher.update(&self.replica.1.to_le_bytes());
        hasher.update(name.text().as_bytes());
        SpanId::from_bytes(hasher.finalize().as_bytes().first_chunk().copied().unwrap_or_default())
    }

    /// A span of this place, from one moment to another.
    fn span(&self, name: Name, (from, to): (SystemTime, SystemTime)) -> SpanData {
        let parent = match name {
            Name::Task => SpanId::INVALID,
            Name::Plan | Name::Reduce | Name::Verify | Name::Replica => Self::of_task(self.task).span_id(Name::Task),
            Name::Fetch | Name::Run => self.span_id(Name::Replica),
        };
        let kind = match name {
            Name::Replica => SpanKind::Client,
            Name::Run => SpanKind::Server,
            _ => SpanKind::Internal,
        };
        let state = TraceState::default();
        SpanData {
            span_context: SpanContext::new(self.trace_id(), self.span_id(name), TraceFlags::SAMPLED, false, state),
            parent_span_id: parent,
            parent_span_is_remote: matches!(name, Name::Fetch | Name::Run),
            span_kind: kind,
            name: name.text().into(),
            start_time: from,
            end_time: to.max(from),
            attributes: vec![KeyValue::new("p2pjob.task", self.task.to_string())],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("p2pjob").build(),
        }
    }

    fn replica_span(&self, name: Name, between: (SystemTime, SystemTime)) -> SpanData {
        let mut span = self.span(name, between);
        span.attributes
            .push(KeyValue::new("p2pjob.chunk", i64::from(self.replica.0)));
        span.attributes
            .push(KeyValue::new("p2pjob.attempt", i64::from(self.replica.1)));
        span
    }
}

fn moment(at: UnixMillis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.0)
}

fn failed(why: &str) -> Status {
    let end = why.floor_char_boundary(DESCRIPTION_BYTES);
    Status::error(why.get(..end).unwrap_or_default().to_owned())
}

fn outcome_name(result: &ReplicaResult) -> &'static str {
    use job_model::Outcome;
    match result.outcome {
        Outcome::Value(_) => "value",
        Outcome::GuestError(_) => "guest_error",
        Outcome::Trap { .. } => "trap",
        Outcome::OutOfFuel => "out_of_fuel",
        Outcome::NoVerdict(_) => "no_verdict",
    }
}

fn number(name: &'static str, value: u64) -> KeyValue {
    KeyValue::new(name, i64::try_from(value).unwrap_or(i64::MAX))
}

impl Traces {
    /// As the configuration says; with the spans to export if there is somewhere to export them to.
    pub fn new(config: &TelemetrySection) -> (Self, Option<Spans>) {
        let (queue, spans) = match config.otlp_endpoint {
            Some(_) => {
                let (queue, spans) = mpsc::channel(QUEUE_SPANS);
                (Some(queue), Some(Spans(spans)))
            }
            None => (None, None),
        };
        // It exists before the first export, so that dashboards find it.
        metrics::counter!("p2pjob_trace_spans_exported_total").increment(0);
        let traces = Self {
            queue,
            // A float holds no 2^64 - 1: a ratio of one becomes the largest number all the same.
            threshold: (config.sample_ratio.clamp(0.0, 1.0) * u64::MAX as f64) as u64,
            dropped: metrics::counter!("p2pjob_trace_spans_dropped_total"),
        };
        (traces, spans)
    }

    /// Whether a task is traced. All nodes with the same ratio say the same.
    pub fn samples(&self, task: &TaskId) -> bool {
        let drawn = task
            .as_bytes()
            .last_chunk::<8>()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        self.queue.is_some() && drawn <= self.threshold && self.threshold > 0
    }

    /// Now, if this replica is traced.
    pub fn start(&self, task: &TaskId, chunk: u32) -> Option<SystemTime> {
        (chunk < TRACED_CHUNKS && self.samples(task)).then(SystemTime::now)
    }

    fn send(&self, span: SpanData) {
        if let Some(queue) = &self.queue
            && queue.try_send(span).is_err()
        {
            self.dropped.increment(1);
        }
    }

    /// Our worker brought a replica's inputs here, or could not.
    pub fn fetched(&self, place: Place, from: SystemTime, outcome: &Result<(), job_model::NoVerdict>) {
        let mut span = place.replica_span(Name::Fetch, (from, SystemTime::now()));
        if let Err(error) = outcome {
            span.status = failed(&error.to_string());
        }
        self.send(span);
    }

    /// Our worker ran a replica for somebody.
    pub fn ran(&self, place: Place, from: SystemTime, (requester, result): (&NodeId, &ReplicaResult)) {
        let mut span = place.replica_span(Name::Run, (from, SystemTime::now()));
        span.attributes.extend([
            KeyValue::new("p2pjob.requester", requester.to_string()),
            KeyValue::new("p2pjob.outcome", outcome_name(result)),
            number("p2pjob.fuel", result.usage.fuel),
            number("p2pjob.input_bytes", result.usage.input_bytes),
            number("p2pjob.output_bytes", result.usage.output_bytes),
            number("p2pjob.memory_bytes", result.usage.memory_bytes),
        ]);
        if !result.outcome.is_value() {
            span.status = failed(&result.outcome.error_text());
        }
        self.send(span);
    }
}

/// Starts exporting, and following this node's events. Must be called before the first event is published.
pub fn start(context: &Arc<Context>, spans: Spans) {
    export::start(context, spans);
    let (here, events) = (Arc::clone(context), context.events.subscribe());
    context.spawn(async move { follow::run(here, events).await });
    tracing::debug!(at = now().0, "traces are exported");
}

#[cfg(test)]
mod tests;
