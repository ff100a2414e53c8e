//! One sandbox: made for one call, dropped after it.
//!
//! [`Sandboxes`] is what all jobs of an engine share. It outlives the engine's handle as long as a job or call needs it.

use crate::bindings::{Job, JobPre};
use crate::call::Limits;
use crate::cancel::CancelToken;
use crate::host::{ComputeOptions, HANDLES_MAX, HostState, OPERANDS_MAX, Stop};
use crate::outcome::{self, Phase};
use crate::ticker::Ticker;
use job_model::{JobMetrics, NoVerdict, Outcome, Usage};
use std::time::Instant;
use tensor_compute::FloatClass;
use wasmtime::{Store, UpdateDeadline};

/// Most component handles (resources) a sandbox may hold: tensors and their like, whose own limit speaks first and clearer,
/// borrows of them while a host function runs, and the few of an adapter.
const COMPONENT_HANDLES_MAX: usize = HANDLES_MAX + OPERANDS_MAX + 1024;

/// What all sandboxes of an engine share.
pub(crate) struct Sandboxes {
    /// Before `engine`, so that the ticker thread is gone first.
    pub(crate) ticker: Ticker,
    pub(crate) engine: wasmtime::Engine,
    pub(crate) max_memory_bytes: u64,
    pub(crate) compute: ComputeOptions,
}

/// What came of a call, whatever the export.
pub(crate) struct Finished<R> {
    pub(crate) result: Result<R, Outcome>,
    /// Whether it ended because the guest handed over too much at once.
    pub(crate) transfer_limit: bool,
    pub(crate) usage: Usage,
    /// The output's bytes, unless they were passed on.
    pub(crate) output: Vec<u8>,
    pub(crate) log: String,
    pub(crate) log_dropped: u32,
    pub(crate) metrics: JobMetrics,
}

/// A component with its imports resolved, and the exports that a call needs.
pub(crate) trait Instantiate {
    /// Those exports of one instance.
    type Instance;

    /// Makes an instance.
    fn instantiate(&self, store: &mut Store<HostState>) -> wasmtime::Result<Self::Instance>;
}

impl Instantiate for JobPre<HostState> {
    type Instance = Job;

    fn instantiate(&self, store: &mut Store<HostState>) -> wasmtime::Result<Job> {
        JobPre::instantiate(self, store)
    }
}

/// One call to make.
pub(crate) struct Request<'a> {
    pub(crate) limits: &'a Limits,
    /// Most bytes the guest may hand over in one piece: one output write, or what the export returns.
    pub(crate) transfer_bytes: u64,
    pub(crate) state: HostState,
}

impl Sandboxes {
    /// Makes a sandbox, runs `export` in it, and reports. `R` is what the export returned.
    pub(crate) fn call<P: Instantiate, R>(
        &self,
        job: &P,
        request: Request<'_>,
        export: impl FnOnce(&P::Instance, &mut Store<HostState>) -> wasmtime::Result<R>,
    ) -> Finished<R> {
        let started = Instant::now();
        crate::memory::used();
        let Request {
            limits,
            transfer_bytes,
            state,
        } = request;
        let mut store = self.store(limits, transfer_bytes, state, started);
        let _ticking = self.ticker.ticking();
        let result = self
            .admit(limits, &store.data().cancel)
            .map_err(|refused| (refused, false))
            .and_then(|()| {
                let mut phase = Phase::Instantiate;
                let result = instantiate(job, &mut store, limits).and_then(|instance| {
                    phase = Phase::Call;
                    export(&instance, &mut store)
                });
                result.map_err(|error| {
                    let outcome = outcome::of_error(&error, phase, limits, store.data().log.last_error());
                    (outcome, outcome::is_transfer_limit(&error))
                })
            });
        finish(store, limits, result, started)
    }

    fn admit(&self, limits: &Limits, cancel: &CancelToken) -> Result<(), Outcome> {
        if cancel.is_cancelled() {
            return Err(Outcome::NoVerdict(NoVerdict::Cancelled));
        }
        if limits.memory_bytes > self.max_memory_bytes {
            return Err(Outcome::NoVerdict(NoVerdict::Refused(format!(
                "a sandbox here has at most {} bytes of memory, {} were asked for; submit with a lower --memory",
                self.max_memory_bytes, limits.memory_bytes
            ))));
        }
        if limits.float_class == FloatClass::Fast && self.compute.fast.is_none() {
            return Err(Outcome::NoVerdict(NoVerdict::Refused(
                "this node does not compute in float class fast; submit in class exact, or let nodes run it that offer it"
                    .to_owned(),
            )));
        }
        Ok(())
    }

    fn store(&self, limits: &Limits, transfer_bytes: u64, state: HostState, started: Instant) -> Store<HostState> {
        let cancel = state.cancel.clone();
        let deadline = started.checked_add(limits.timeout);
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(transfer_bytes).unwrap_or(usize::MAX));
        store.set_max_component_handles(COMPONENT_HANDLES_MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            if cancel.is_cancelled() {
                return Err(Stop::Cancelled.into());
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Stop::TimedOut.into());
            }
            Ok(UpdateDeadline::Continue(1))
        });
        store
    }
}

/// Instantiation burns fuel, and how much is wasmtime's business: the meter starts after it.
fn instantiate<P: Instantiate>(
    job: &P,
    store: &mut Store<HostState>,
    limits: &Limits,
) -> wasmtime::Result<P::Instance> {
    store.set_fuel(limits.fuel)?;
    let instance = job.instantiate(store)?;
    store.set_fuel(limits.fuel)?;
    Ok(instance)
}

fn finish<R>(
    store: Store<HostState>,
    limits: &Limits,
    result: Result<R, (Outcome, bool)>,
    started: Instant,
) -> Finished<R> {
    // Fuel is always on; a store that never got any has spent none.
    let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(limits.fuel));
    let state = store.into_data();
    let mut usage = Usage {
        fuel,
        input_bytes: state.input_bytes,
        output_bytes: state.output.written_bytes(),
        memory_bytes: state.limiter.peak_bytes(),
        wall_us: 0,
    };
    let (result, transfer_limit) = match result {
        Ok(value) => (Ok(value), false),
        Err((outcome, transfer_limit)) => (Err(outcome), transfer_limit),
    };
    let (result, output) = match (result, state.output.finish()) {
        (Ok(_), Err(stop)) => (Err(Outcome::NoVerdict(NoVerdict::Host(stop.to_string()))), Vec::new()),
        (result, output) => (result, output.unwrap_or_default()),
    };
    let (log, log_dropped) = state.log.finish();
    usage.wall_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Finished {
        result,
        transfer_limit,
        usage,
        output,
        log,
        log_dropped,
        metrics: state.metrics,
    }
}
