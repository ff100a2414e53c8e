//! Cutting a task: the job's `plan` runs twice in the local sandbox and must return the same chunks.

use super::{CancelOnDrop, until_ended};
use crate::context::{Context, LoopInput, Planned};
use crate::core::confirmations_needed;
use crate::journal::MemoEntry;
use crate::worker::SliceReader;
use blob_store::Pin;
use job_model::chunk::ChunkKey;
use job_model::limits::MAX_CHUNKS;
use job_model::task::{TaskFailure, TaskSpec};
use job_model::{BlobHash, Output, Plan, TaskId, codec};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use wasm_runtime::{Limits, PlanCall, PlanHint};

/// Largest plan, in bytes: a million chunks of a few dozen bytes each.
pub const MAX_PLAN_BYTES: usize = 256 << 20;
/// Fuel of a plan: it may have to read every input once.
const PLAN_FUEL: u64 = 4_000_000_000_000;
/// Wall time of a plan.
const PLAN_TIMEOUT: Duration = Duration::from_secs(600);
/// Plans of quotes that are kept for the submit that follows.
const KEPT_PLANS: usize = 8;
/// Chunks per sandbox of the network that a plan should aim for: enough to balance uneven nodes.
const CHUNKS_PER_SLOT: u32 = 4;

/// A plan and what it took.
#[derive(Clone)]
pub struct Cut {
    /// The chunks.
    pub plan: Arc<Plan>,
    /// Fuel of the call.
    pub fuel: u64,
}

/// Plans of recent quotes, by the hash of their specification.
#[derive(Default)]
pub struct PlanCache(Mutex<Vec<(BlobHash, Cut)>>);

impl PlanCache {
    fn key(spec: &TaskSpec, target_chunks: u32) -> BlobHash {
        BlobHash::of(&codec::encode(&(spec, target_chunks)))
    }
    fn take(&self, key: BlobHash) -> Option<Cut> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .position(|(other, _)| *other == key)
            .map(|at| kept.remove(at).1)
    }
    fn keep(&self, key: BlobHash, cut: Cut) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_PLANS {
            kept.remove(0);
        }
        kept.push((key, cut));
    }
}

/// How many chunks would keep the workers of today busy.
async fn target_chunks(context: &Arc<Context>) -> u32 {
    let slots = context.ask(|core| core.connected_slots()).await.unwrap_or(1);
    slots.max(1).saturating_mul(CHUNKS_PER_SLOT)
}

async fn call_plan(context: &Arc<Context>, spec: &TaskSpec, target_chunks: u32) -> Result<Cut, TaskFailure> {
    let job = context
        .load_job(spec.job, None, &[], &Pin::Job(spec.job))
        .await
        .map_err(|why| TaskFailure::Internal(format!("the job cannot be loaded: {why}")))?;
    let (spec, here) = (spec.clone(), Arc::clone(context));
    let guard = CancelOnDrop::new();
    let cancel = guard.token();
    let called = context.on_local_pool(move || {
        let source = Box::new(SliceReader::whole(
            here.store.reader(here.runtime.clone()),
            &spec.inputs,
        ));
        let hint = PlanHint {
            chunk_size: spec.config.chunk_size,
            target_chunks,
            max_chunks: MAX_CHUNKS,
        };
        let limits = Limits {
            fuel: PLAN_FUEL,
            timeout: PLAN_TIMEOUT,
            ..Limits::from(&spec.requirements)
        };
        job.plan(PlanCall {
            params: &spec.params,
            inputs: &spec.inputs,
            source,
            hint,
            limits: &limits,
            cancel: &cancel,
        })
    });
    let report = called.await.map_err(TaskFailure::Internal)?;
    let fuel = report.usage.fuel;
    match report.plan {
        Ok(plan) => Ok(Cut {
            plan: Arc::new(plan),
            fuel,
        }),
        Err(failure) => Err(TaskFailure::Plan(with_log(failure.to_string(), &report.log))),
    }
}

/// The last log line often says what the trap does not.
fn with_log(message: String, log: &str) -> String {
    match log.lines().last() {
        Some(line) if !line.is_empty() => format!("{message} (last log line: {line})"),
        _ => message,
    }
}

/// Cuts a task once, for a quote; the submit that follows compares.
pub async fn plan_once(context: &Arc<Context>, spec: &TaskSpec) -> Result<Cut, TaskFailure> {
    let target = target_chunks(context).await;
    let cut = call_plan(context, spec, target).await?;
    context.plans.keep(PlanCache::key(spec, target), cut.clone());
    Ok(cut)
}

async fn plan_twice(context: &Arc<Context>, spec: &TaskSpec) -> Result<Cut, TaskFailure> {
    let target = target_chunks(context).await;
    let first = match context.plans.take(PlanCache::key(spec, target)) {
        Some(cut) => cut,
        None => call_plan(context, spec, target).await?,
    };
    let second = call_plan(context, spec, target).await?;
    if first.plan == second.plan {
        Ok(second)
    } else {
        Err(TaskFailure::PlanUnstable)
    }
}

/// Results of these chunks that are known here and confirmed as the policy wants, with their bytes at hand.
pub async fn recall(context: &Arc<Context>, spec: &TaskSpec, plan: &Arc<Plan>) -> Vec<(u32, Output)> {
    if !spec.config.memo {
        return Vec::new();
    }
    let (here, spec_copy, chunks) = (Arc::clone(context), spec.clone(), Arc::clone(plan));
    let looked_up = context.runtime.spawn_blocking(move || {
        let class = spec_copy.requirements.float_class;
        let key = |chunk| ChunkKey::new(&here.profile, &spec_copy.job, class, chunk, &spec_copy.inputs);
        let keys: Vec<ChunkKey> = chunks.chunks.iter().map(key).collect();
        here.journal.recall(&keys)
    });
    let entries = match looked_up.await {
        Ok(Ok(entries)) => entries,
        Ok(Err(error)) => {
            tracing::warn!(%error, "known results cannot be looked up; every chunk is run");
            return Vec::new();
        }
        Err(_) => return Vec::new(),
    };
    let needed = confirmations_needed(spec.config.verify);
    let mut recalled = Vec::new();
    for (index, entry) in (0u32..).zip(entries) {
        // What one node's word is enough for was compared with nothing.
        let agreed = |entry: &MemoEntry| {
            entry.confirmations >= needed && (needed < 2 || entry.compare.is_as_strict_as(&spec.config.compare))
        };
        let Some(entry) = entry.filter(agreed) else {
            continue;
        };
        // An output that was collected meanwhile is no result: the chunk is run again.
        let at_hand = match &entry.output {
            Output::Inline(_) => true,
            Output::Blob { hash, .. } => context.store.has(*hash).await,
        };
        if at_hand {
            recalled.push((index, entry.output));
        }
    }
    recalled
}

/// Plans a submitted task and tells the main loop.
pub async fn plan_task(context: Arc<Context>, task: TaskId, spec: Arc<TaskSpec>) {
    let started = Instant::now();
    let result = tokio::select! {
        result = plan_task_impl(&context, task, &spec) => result,
        () = until_ended(&context, task) => return,
    };
    context.meters.planned(started.elapsed());
    // The main loop ends after this work.
    let _ = context.inputs.send(LoopInput::Planned { task, result }).await;
}

async fn plan_task_impl(context: &Arc<Context>, task: TaskId, spec: &TaskSpec) -> Result<Planned, TaskFailure> {
    let pin = Pin::Task(task);
    for input in &spec.inputs {
        let pinned = context.store.pin(input.hash, &pin).await;
        pinned.map_err(|error| TaskFailure::Internal(format!("cannot pin input {}: {error}", input.name)))?;
    }
    let Cut { plan, fuel } = plan_twice(context, spec).await?;
    let bytes = codec::encode(plan.as_ref());
    let stored = context.store.import_bytes(bytes.into(), &pin).await;
    let hash = stored.map_err(|error| TaskFailure::Internal(format!("cannot store the plan: {error}")))?;
    let recalled = recall(context, spec, &plan).await;
    if spec.config.memo {
        context.meters.recalled(plan.chunks.len(), recalled.len());
    }
    for (_, output) in &recalled {
        if let Output::Blob { hash, .. } = output {
            // If it is gone by now, the reduction says so.
            let _ = context.store.pin(*hash, &pin).await;
        }
    }
    // The journal will name the plan.
    let synced = context.store.sync().await;
    synced.map_err(|error| TaskFailure::Internal(format!("cannot store the plan: {error}")))?;
    Ok(Planned {
        plan,
        hash,
        fuel,
        recalled,
    })
}

/// Reads a task's plan again after a restart and tells the main loop.
pub async fn load_plan(context: Arc<Context>, task: TaskId, plan: BlobHash) {
    let size = context.store.size(plan).await.unwrap_or(0);
    let read = context
        .store
        .read(plan, 0, size)
        .await
        .map_err(|error| error.to_string());
    let decoded =
        read.and_then(|bytes| codec::decode::<Plan>(&bytes, MAX_PLAN_BYTES).map_err(|error| error.to_string()));
    let input = match decoded {
        Ok(plan) => LoopInput::PlanLoaded {
            task,
            plan: Arc::new(plan),
        },
        Err(why) => {
            let failure = TaskFailure::Internal(format!("the plan cannot be read again: {why}"));
            LoopInput::Planned {
                task,
                result: Err(failure),
            }
        }
    };
    let _ = context.inputs.send(input).await;
}
