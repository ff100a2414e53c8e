//! Combining chunk outputs into the result, streamed from the store into the store.

use super::{CancelOnDrop, until_ended};
use crate::context::{Context, LoopInput};
use blob_store::{BlobWriter, BlockingReader, Pin};
use job_model::manifest::ReduceMode;
use job_model::task::{TaskFailure, TaskSpec};
use job_model::{BlobHash, Output, TaskId};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wasm_runtime::{CancelToken, Limits, LoadedJob, PartialSource, ReduceCall};

/// Fuel of a reduction: it may have to read every partial.
const REDUCE_FUEL: u64 = 4_000_000_000_000;
/// Wall time of a reduction.
const REDUCE_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Largest result, in bytes.
const MAX_RESULT_BYTES: u64 = 1 << 40;
/// Bytes read at once when outputs are only put one after the other.
const COPY_BYTES: u64 = 1 << 20;

pub(super) struct Partials {
    reader: BlockingReader,
    outputs: std::vec::IntoIter<Output>,
    count: u32,
}

impl Partials {
    pub(super) fn new(reader: BlockingReader, outputs: Vec<Output>) -> Self {
        let count = u32::try_from(outputs.len()).unwrap_or(u32::MAX);
        Self {
            reader,
            outputs: outputs.into_iter(),
            count,
        }
    }
}

impl PartialSource for Partials {
    fn count(&self) -> u32 {
        self.count
    }
    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self.outputs.next() {
            None => Ok(None),
            Some(Output::Inline(bytes)) => Ok(Some(bytes)),
            Some(Output::Blob { hash, size }) => self.reader.read(hash, 0, size).map(Some),
        }
    }
}

/// Reduces a task and tells the main loop.
pub async fn reduce_task(context: Arc<Context>, task: TaskId, spec: Arc<TaskSpec>, partials: Vec<Output>) {
    let started = Instant::now();
    let result = tokio::select! {
        result = reduce_impl(&context, task, &spec, partials) => result,
        () = until_ended(&context, task) => return,
    };
    context.meters.reduced(started.elapsed());
    let _ = context.inputs.send(LoopInput::Reduced { task, result }).await;
}

async fn reduce_impl(
    context: &Arc<Context>,
    task: TaskId,
    spec: &Arc<TaskSpec>,
    partials: Vec<Output>,
) -> Result<(BlobHash, u64), TaskFailure> {
    let job = context
        .load_job(spec.job, None, &[], &Pin::Job(spec.job))
        .await
        .map_err(TaskFailure::Internal)?;
    let id = spec.job;
    let mode = context
        .ask(move |core| core.reduce_mode(&id))
        .await
        .map_err(|e| TaskFailure::Internal(e.to_string()))?;
    let (here, spec) = (Arc::clone(context), Arc::clone(spec));
    let guard = CancelOnDrop::new();
    let cancel = guard.token();
    let work = move || {
        let mut partials = Partials::new(here.store.reader(here.runtime.clone()), partials);
        let writer = here
            .store
            .writer(here.runtime.clone(), &Pin::Task(task))
            .map_err(|error| error.to_string())?;
        let mut out = SharedWriter(Arc::new(Mutex::new(Some(writer))));
        match mode {
            ReduceMode::Concat => concat(&mut partials, &mut out)?,
            ReduceMode::Reduce => call_reduce(&job, &spec, (partials, out.clone()), &cancel)?,
        }
        out.finish()
    };
    let written = context.on_local_pool(work).await.map_err(TaskFailure::Internal)?;
    let written = written.map_err(TaskFailure::Reduce)?;
    // The journal will name the result.
    let synced = context.store.sync().await;
    synced.map_err(|error| TaskFailure::Internal(format!("cannot store the result: {error}")))?;
    Ok(written)
}

fn call_reduce(
    job: &LoadedJob,
    spec: &TaskSpec,
    (partials, out): (Partials, SharedWriter),
    cancel: &CancelToken,
) -> Result<(), String> {
    let limits = Limits {
        fuel: REDUCE_FUEL,
        timeout: REDUCE_TIMEOUT,
        output_bytes: MAX_RESULT_BYTES,
        ..Limits::from(&spec.requirements)
    };
    let report = job.reduce(ReduceCall {
        params: &spec.params,
        partials: Box::new(partials),
        out: Box::new(out),
        entropy_seed: job.entropy_seed(&spec.params),
        limits: &limits,
        cancel,
    });
    report.outcome.map(|_| ()).map_err(|outcome| {
        let log = report
            .log
            .lines()
            .last()
            .map(|line| format!(" (last log line: {line})"))
            .unwrap_or_default();
        format!("{}{log}", outcome.error_text())
    })
}

/// The sandbox wants to own its sink, and we want it back to finish it.
#[derive(Clone)]
struct SharedWriter(Arc<Mutex<Option<BlobWriter>>>);

impl SharedWriter {
    fn finish(self) -> Result<(BlobHash, u64), String> {
        let writer = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writer = writer.ok_or("the result was finished twice")?;
        writer
            .finish()
            .map_err(|error| format!("the result cannot be stored: {error}"))
    }
}

impl Write for SharedWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer
            .as_mut()
            .map_or(Err(std::io::ErrorKind::BrokenPipe.into()), |writer| writer.write(bytes))
    }
    fn flush(&mut self) -> std::io::Result<()> {
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn concat(partials: &mut Partials, out: &mut impl Write) -> Result<(), String> {
    for output in partials.outputs.by_ref() {
        match output {
            Output::Inline(bytes) => out.write_all(&bytes).map_err(|error| error.to_string())?,
            Output::Blob { hash, size } => {
                let mut at = 0;
                while at < size {
                    let length = COPY_BYTES.min(size - at);
                    let bytes = partials.reader.read(hash, at, length)?;
                    out.write_all(&bytes).map_err(|error| error.to_string())?;
                    at += length;
                }
            }
        }
    }
    out.flush().map_err(|error| error.to_string())
}
