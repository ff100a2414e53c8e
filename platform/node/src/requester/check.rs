//! The job's own check of outputs that workers claim, in the local sandbox: believed, because it runs here. Metered, and
//! paid to nobody.

use super::reduce::Partials;
use super::{CancelOnDrop, until_ended};
use crate::context::{Context, LoopInput};
use crate::worker::SliceReader;
use blob_store::Pin;
use job_model::event::{CheckVerdict, ReplicaCheck};
use job_model::{Chunk, Outcome, Output, Plan, TaskId, TaskSpec, Usage};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use wasm_runtime::{CheckCall, CheckReport, Limits, LoadedJob};

/// Checks of this node at the same time.
pub const CHECK_LANES: usize = 2;
/// Answers are handed on at least this often.
const REPORT_EVERY: Duration = Duration::from_millis(20);
/// How long a lane waits when too many calls wait for the threads.
const FULL_PAUSE: Duration = Duration::from_millis(50);
/// Longest text of why a check could not be done, in bytes.
const MAX_WHY_BYTES: usize = 1024;

/// The output that a replica claims.
#[derive(Clone)]
pub struct Claim {
    /// Chunk index.
    pub chunk: u32,
    /// Which execution of it.
    pub attempt: u32,
    /// What it says the output is; its bytes are here.
    pub output: Output,
}

/// What all checks of one lane share.
struct Lane {
    context: Arc<Context>,
    job: Arc<LoadedJob>,
    spec: Arc<TaskSpec>,
}

/// Checks claims one after the other and tells the main loop. Every claim gets an answer, unless its task ends before.
pub async fn check_replicas(
    context: Arc<Context>,
    task: TaskId,
    (spec, plan): (Arc<TaskSpec>, Arc<Plan>),
    claims: Vec<Claim>,
) {
    tokio::select! {
        () = check_all(&context, task, (spec, plan), claims) => {}
        () = until_ended(&context, task) => {}
    }
}

async fn check_all(context: &Arc<Context>, task: TaskId, (spec, plan): (Arc<TaskSpec>, Arc<Plan>), claims: Vec<Claim>) {
    let loaded = context.load_job(spec.job, None, &[], &Pin::Job(spec.job)).await;
    let lane = loaded.map(|job| Lane {
        context: Arc::clone(context),
        job,
        spec,
    });
    let (mut checks, mut since) = (Vec::new(), Instant::now());
    for Claim { chunk, attempt, output } in claims {
        let (verdict, usage) = match (&lane, plan.chunks.get(chunk as usize)) {
            (Ok(lane), Some(planned)) => lane.check(planned.clone(), output).await,
            (Err(why), _) => (CheckVerdict::Failed(cut(why)), Usage::default()),
            (_, None) => (
                CheckVerdict::Failed("the plan has no such chunk".to_owned()),
                Usage::default(),
            ),
        };
        checks.push(ReplicaCheck {
            chunk,
            attempt,
            verdict,
            usage,
        });
        if since.elapsed() >= REPORT_EVERY {
            let checks = std::mem::take(&mut checks);
            // The main loop ends after this work.
            let _ = context.inputs.send(LoopInput::Checked { task, checks }).await;
            since = Instant::now();
        }
    }
    if !checks.is_empty() {
        let _ = context.inputs.send(LoopInput::Checked { task, checks }).await;
    }
}

impl Lane {
    /// Checks one claim on a thread for checks.
    async fn check(&self, chunk: Chunk, output: Output) -> (CheckVerdict, Usage) {
        let mut entropy_seed = [0u8; 32];
        // Drawn now, after the output was committed: its worker cannot have known it.
        if let Err(error) = getrandom::fill(&mut entropy_seed) {
            let why = format!("no randomness to be had: {error}");
            return (CheckVerdict::Failed(why), Usage::default());
        }
        let guard = CancelOnDrop::new();
        let (job, spec, here) = (Arc::clone(&self.job), Arc::clone(&self.spec), Arc::clone(&self.context));
        let cancel = guard.token();
        let work = move || {
            let limits = Limits::from(&spec.requirements);
            let reader = || here.store.reader(here.runtime.clone());
            job.check(CheckCall {
                body: &chunk.body,
                slices: Box::new(SliceReader::new(reader(), &chunk.slices, &spec.inputs)),
                claimed: Box::new(Partials::new(reader(), vec![output])),
                entropy_seed,
                limits: &limits,
                cancel: &cancel,
            })
        };
        match on_check_pool(&self.context, work).await {
            Some(CheckReport { outcome, usage, .. }) => (verdict(outcome), usage),
            None => (
                CheckVerdict::Failed("the call ended without an answer; the node's log says why".to_owned()),
                Usage::default(),
            ),
        }
    }
}

fn verdict(outcome: Result<bool, Outcome>) -> CheckVerdict {
    match outcome {
        Ok(true) => CheckVerdict::Accepted,
        Ok(false) => CheckVerdict::Refuted,
        Err(outcome) => CheckVerdict::Failed(cut(&outcome.error_text())),
    }
}

pub(super) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_WHY_BYTES)].to_owned()
}

/// Runs a closure on a thread for checks. None: it panicked.
pub(super) async fn on_check_pool<R: Send + 'static>(
    context: &Arc<Context>,
    work: impl FnOnce() -> R + Send + 'static,
) -> Option<R> {
    // Lanes of other tasks may fill the queue: this one waits until it has a place.
    while context.check_pool.queued() >= CHECK_LANES {
        tokio::time::sleep(FULL_PAUSE).await;
    }
    let (answer, waiting) = oneshot::channel();
    let work = Box::new(move || {
        let _ = answer.send(work());
    });
    context.check_pool.spawn(work).ok()?;
    waiting.await.ok()
}
