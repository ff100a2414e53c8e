//! Running replicas on a sandbox thread, one fresh sandbox each.

use super::WorkerInput;
use super::queue::{Details, OrderId};
use crate::context::Context;
use crate::traces::Place;
use blob_store::{BlockingReader, Pin};
use job_model::event::ReplicaResult;
use job_model::limits::{MAX_INLINE_OUTPUT_BYTES, MAX_TEXT_BYTES};
use job_model::message::Assignment;
use job_model::{Chunk, ChunkKey, InputRef, NoVerdict, Outcome, Output, Slice};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasm_runtime::{CancelToken, Limits, LoadedJob, ReadInput, RunCall};

/// Results are sent on at least this often while a hand-over runs.
const REPORT_EVERY: Duration = Duration::from_millis(20);

/// The slices of a chunk, read from the local store.
pub struct SliceReader {
    reader: BlockingReader,
    slices: Vec<(job_model::BlobHash, u64, u64)>,
}

impl SliceReader {
    /// The slices of a chunk of a task with these inputs. A slice of an input that does not exist has no bytes.
    pub fn new(reader: BlockingReader, slices: &[Slice], inputs: &[InputRef]) -> Self {
        let resolve = |slice: &Slice| {
            inputs
                .get(slice.input as usize)
                .map_or((job_model::BlobHash::default(), 0, 0), |input| {
                    (input.hash, slice.offset, slice.length)
                })
        };
        Self {
            reader,
            slices: slices.iter().map(resolve).collect(),
        }
    }

    /// Whole inputs, as `plan` sees them.
    pub fn whole(reader: BlockingReader, inputs: &[InputRef]) -> Self {
        Self {
            reader,
            slices: inputs.iter().map(|input| (input.hash, 0, input.size)).collect(),
        }
    }
}

impl ReadInput for SliceReader {
    fn size(&self, index: u32) -> Option<u64> {
        self.slices.get(index as usize).map(|(_, _, length)| *length)
    }
    fn read(&mut self, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, String> {
        let Some((hash, start, _)) = self.slices.get(index as usize).copied() else {
            return Err(format!("there is no slice {index}"));
        };
        self.reader.read(hash, start.saturating_add(offset), u64::from(length))
    }
}

/// A hand-over: replicas of one order for one thread.
pub struct Work {
    pub(super) context: Arc<Context>,
    pub(super) order: OrderId,
    pub(super) details: Arc<Details>,
    pub(super) job: Arc<LoadedJob>,
    pub(super) replicas: Vec<(Assignment, CancelToken)>,
    pub(super) lie: bool,
    /// Round floats differently than others.
    pub(super) jitter: bool,
}

/// Sends the last report of a hand-over even if a run panics, so that its sandbox slot is never lost.
struct Reporter {
    context: Arc<Context>,
    order: OrderId,
    results: Vec<ReplicaResult>,
    since: Instant,
}

impl Reporter {
    fn send(&mut self, free: bool) {
        let results = std::mem::take(&mut self.results);
        let is_blob = |result: &ReplicaResult| matches!(result.outcome, Outcome::Value(Output::Blob { .. }));
        // Who is told of a blob may ask for it after our next crash.
        if results.iter().any(is_blob)
            && let Err(error) = self.context.runtime.block_on(self.context.store.sync())
        {
            tracing::warn!(%error, "outputs may be lost in a crash");
        }
        let busy = self.since.elapsed();
        self.since = Instant::now();
        // The worker's task outlives its threads, except at the end.
        let _ = self.context.worker.blocking_send(WorkerInput::Ran {
            order: self.order,
            results,
            busy,
            free,
        });
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.send(true);
    }
}

impl Work {
    /// Runs the replicas, reporting as it goes.
    pub fn run(self) {
        let results = Vec::with_capacity(self.replicas.len());
        let mut reporter = Reporter {
            context: Arc::clone(&self.context),
            order: self.order,
            results,
            since: Instant::now(),
        };
        for (assignment, cancel) in &self.replicas {
            let mut result = self.run_one(assignment, cancel);
            if self.jitter && !self.details.requirements.float_class.is_exact() {
                crate::faults::jitter(&mut result, &self.context.me);
            }
            if self.lie {
                crate::faults::falsify(&mut result);
            }
            reporter.results.push(result);
            if reporter.since.elapsed() >= REPORT_EVERY {
                reporter.send(false);
            }
        }
    }

    fn run_one(&self, assignment: &Assignment, cancel: &CancelToken) -> ReplicaResult {
        let chunk = Chunk {
            body: assignment.body.clone(),
            slices: assignment.slices.clone(),
            weight: 1,
        };
        let (traces, task) = (&self.context.traces, self.details.task);
        let traced = traces.start(&task, assignment.chunk);
        let mut result = execute(&self.context, &self.job, &self.details, &chunk, cancel);
        result.chunk = assignment.chunk;
        result.attempt = assignment.attempt;
        if let Some(from) = traced {
            let replica = (assignment.chunk, assignment.attempt);
            traces.ran(Place { task, replica }, from, (&self.details.requester, &result));
        }
        result
    }
}

/// Runs one chunk in a fresh sandbox on this thread. Large outputs become blobs under the task's pin.
pub fn execute(
    context: &Context,
    job: &LoadedJob,
    details: &Details,
    chunk: &Chunk,
    cancel: &CancelToken,
) -> ReplicaResult {
    let started = Instant::now();
    let class = details.requirements.float_class;
    let seed = ChunkKey::new(&context.profile, &details.job, class, chunk, &details.inputs).0;
    let limits = Limits::for_run(&details.requirements, *details.requester.as_bytes());
    let reader = context.store.reader(context.runtime.clone());
    let slices = Box::new(SliceReader::new(reader, &chunk.slices, &details.inputs));
    let report = job.run(RunCall {
        body: &chunk.body,
        slices,
        entropy_seed: seed,
        limits: &limits,
        cancel,
    });
    let outcome = match report.outcome {
        Ok(bytes) => keep_output(context, details, bytes),
        Err(outcome) => outcome,
    };
    let mut usage = report.usage;
    usage.wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    ReplicaResult {
        chunk: 0,
        attempt: 0,
        outcome,
        usage,
        log: cut_log(report.log, report.log_dropped),
        metrics: report.metrics,
    }
}

fn keep_output(context: &Context, details: &Details, bytes: Vec<u8>) -> Outcome {
    if bytes.len() <= MAX_INLINE_OUTPUT_BYTES {
        return Outcome::Value(Output::Inline(bytes));
    }
    let size = bytes.len() as u64;
    let pin = Pin::Task(details.task);
    match context.runtime.block_on(context.store.import_bytes(bytes.into(), &pin)) {
        Ok(hash) => Outcome::Value(Output::Blob { hash, size }),
        Err(error) => Outcome::NoVerdict(NoVerdict::Host(error.to_string())),
    }
}

/// The end of a log says more than its start when it must be cut.
fn cut_log(mut log: String, dropped: u32) -> String {
    if log.len() > MAX_TEXT_BYTES {
        let mut at = log.len() - MAX_TEXT_BYTES;
        while !log.is_char_boundary(at) {
            at += 1;
        }
        log = format!("(the first {at} bytes are left out)\n{}", &log[at..]);
    }
    if dropped > 0 {
        log.push_str(&format!("({dropped} more lines were not kept)\n"));
    }
    log
}
