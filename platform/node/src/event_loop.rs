//! The main loop: one owner of all state. It takes what waits, lets the [`Core`] decide, hands the batch to the journal,
//! and starts over. It never waits for the world, only for its inputs and for the journal's bounded queue.

use crate::context::{Context, LoopInput, now};
use crate::core::Core;
use crate::journal::{Journal, JournalError};
use job_model::Load;
use job_model::quote::Capability;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Inputs taken in one turn before the journal gets its batch.
const INPUTS_PER_TURN: usize = 256;
/// How often time alone is looked at when nothing else happens.
const TICK: Duration = Duration::from_secs(1);
/// How often our advert is renewed.
const ADVERT_EVERY_TICKS: u64 = 2;
/// A node at rest gives memory back this often, in ticks.
const GIVE_BACK_EVERY_TICKS: u64 = 5;

/// Runs until the node stops. Gives the core back for its last words.
pub async fn run(
    context: Arc<Context>,
    mut core: Core,
    mut inputs: mpsc::Receiver<LoopInput>,
    journal: &Journal,
) -> Result<Core, JournalError> {
    let mut ticks = 0u64;
    let mut next_tick = tokio::time::Instant::now();
    loop {
        let due = wake_at(&core, next_tick);
        let woken;
        tokio::select! {
            input = inputs.recv() => {
                woken = Instant::now();
                match input {
                    Some(input) => take(&mut core, input)?,
                    None => return Ok(core),
                }
            }
            () = tokio::time::sleep_until(due) => {
                woken = Instant::now();
                core.at(now());
                core.tick();
                if tokio::time::Instant::now() >= next_tick {
                    next_tick = tokio::time::Instant::now() + TICK;
                    ticks += 1;
                    every_tick(&context, &mut core, ticks);
                }
            }
            () = context.stop.cancelled() => return Ok(core),
        }
        for _ in 0..INPUTS_PER_TURN {
            match inputs.try_recv() {
                Ok(input) => take(&mut core, input)?,
                Err(_) => break,
            }
        }
        flush(&mut core, journal, &context).await;
        context.meters.turned(woken.elapsed());
    }
}

/// Hands what was decided to the journal.
pub async fn flush(core: &mut Core, journal: &Journal, context: &Context) {
    let batch = core.take_batch();
    if !batch.is_empty() && journal.write(batch).await.is_err() {
        tracing::error!("the journal is closed; the node stops");
        context.stop.cancel();
    }
}

fn wake_at(core: &Core, next_tick: tokio::time::Instant) -> tokio::time::Instant {
    let now_ms = now();
    match core.next_wakeup() {
        Some(at) => next_tick.min(tokio::time::Instant::now() + Duration::from_millis(at.since(now_ms).max(1))),
        None => next_tick,
    }
}

fn take(core: &mut Core, input: LoopInput) -> Result<(), JournalError> {
    core.at(now());
    match input {
        LoopInput::Peer(event) => core.on_peer(event),
        LoopInput::Own(message) => core.on_message(core.me, message),
        LoopInput::Ran(ran) => core.on_ran(ran),
        LoopInput::Results(arrived) => core.on_arrived(arrived),
        LoopInput::Planned { task, result } => core.on_planned(task, result),
        LoopInput::PlanLoaded { task, plan } => core.on_plan_loaded(task, plan),
        LoopInput::Checked { task, checks } => core.on_checked(task, checks),
        LoopInput::Compared { task, comparisons } => core.on_compared(task, comparisons),
        LoopInput::Reduced { task, result } => core.on_reduced(task, result),
        LoopInput::Ask(question) => question(core),
        LoopInput::Broken(error) => return Err(error),
    }
    Ok(())
}

/// Our load, as the market and our peers see it.
pub fn load(context: &Context) -> Load {
    let usage = crate::machine::usage();
    Load {
        running: context.worker_load.running.load(Ordering::Relaxed),
        queued: context.worker_load.queued.load(Ordering::Relaxed),
        cpu_permille: context.cpu.permille(&usage),
        resident_bytes: usage.resident_bytes,
    }
}

/// What we offer.
pub fn capability(
    config: &crate::config::NodeConfig,
    data_dir: &std::path::Path,
    slots: usize,
    profile: job_model::ProfileId,
) -> Capability {
    let free = crate::machine::free_disk_bytes(data_dir).saturating_sub(config.store.min_free_bytes);
    Capability {
        worker: config.worker.enabled,
        slots: u32::try_from(slots).unwrap_or(u32::MAX),
        memory_bytes: config.worker.memory_bytes,
        disk_bytes: config.store.quota_bytes.unwrap_or(u64::MAX).min(free),
        profile,
        arch: std::env::consts::ARCH.to_owned(),
        compute: None,
    }
}

fn every_tick(context: &Arc<Context>, core: &mut Core, ticks: u64) {
    let load = load(context);
    core.observe_load(load);
    core.observe_fast(context.compute.fast().map(|fast| fast.kind));
    // Cheap enough once a second; a node whose books do not balance must not go on.
    #[cfg(debug_assertions)]
    if let Err(error) = core.check_invariants() {
        tracing::error!(%error, "an invariant does not hold");
        context.stop.cancel();
    }
    let at_rest = load.running == 0 && load.queued == 0;
    if at_rest && ticks.is_multiple_of(GIVE_BACK_EVERY_TICKS) && wasm_runtime::memory::is_used() {
        context.runtime.spawn_blocking(wasm_runtime::memory::give_back);
    }
    if ticks.is_multiple_of(ADVERT_EVERY_TICKS) {
        let here = Arc::clone(context);
        let mut capability = capability(&context.config, &context.data_dir, context.slots, context.profile);
        capability.compute = context.compute.offer();
        context.spawn(async move { here.network.set_advert(capability, load).await });
    }
}
