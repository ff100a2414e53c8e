//! What the interfaces on host tensors share: the call's session, the handles a guest holds, and the way of every
//! computation (grant the fuel that is left, compute, take what was spent, sort the error).
//!
//! A computation may take seconds, and the ticker interrupts guests only: so the session's stop signal looks at the cancel
//! token and at the deadline itself.

use super::fast::{FarBurn, FastLink};
use super::{Host, Stop};
use crate::bindings::p2pjob::job::tensors::Error as WitError;
use crate::call::Limits;
use crate::cancel::CancelToken;
use crate::outcome::cut;
use job_model::limits::MAX_TEXT_BYTES;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use tensor_compute::{BurnHost, ComputeError, FastHost, FloatClass, Isa, Lease, Session, Settings};
use wasmtime::component::{Resource, ResourceTable};

/// Most handles (tensors, models, burn sessions) of one sandbox. Part of the interface's documentation.
pub(crate) const HANDLES_MAX: usize = 1 << 16;
/// Most tensors that one operation takes. Part of the interface's documentation.
pub(crate) const OPERANDS_MAX: usize = 1024;
/// What a handle counts against the sandbox's memory, in bytes: entry, shape, and the tensor's own bookkeeping. Part of the
/// interface's documentation.
const HANDLE_BYTES: u64 = 256;

/// How an engine computes.
pub(crate) struct ComputeOptions {
    pub(crate) threads: usize,
    pub(crate) isa: Isa,
    pub(crate) burn: Option<Arc<dyn BurnHost>>,
    pub(crate) fast: Option<Arc<dyn FastHost>>,
}

/// Something a guest has a handle of, and the memory that the handle itself counts.
pub(super) struct Held<T> {
    pub(super) value: T,
    _handle: Arc<Lease>,
}

/// The tensors of one sandbox.
pub(crate) struct Compute {
    session: Arc<Session>,
    burn: Option<Arc<dyn BurnHost>>,
    /// In class fast: who computes.
    fast: Option<Arc<FastLink>>,
    handles: ResourceTable,
}

impl Compute {
    /// Without tensors. The time limit runs from here.
    pub(crate) fn new(options: &ComputeOptions, limits: &Limits, cancel: &CancelToken) -> Self {
        let deadline = Instant::now().checked_add(limits.timeout);
        let cancel = cancel.clone();
        let stop = move || cancel.is_cancelled() || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let settings = Settings {
            isa: options.isa,
            threads: options.threads,
            stop: Arc::new(stop),
        };
        let host = options.fast.clone().filter(|_| limits.float_class == FloatClass::Fast);
        let fast = host.map(|host| Arc::new(FastLink::new(host, limits, options.threads, Arc::clone(&settings.stop))));
        let burn = match &fast {
            Some(link) => Some(Arc::new(FarBurn(Arc::clone(link))) as Arc<dyn BurnHost>),
            None => options.burn.clone(),
        };
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(HANDLES_MAX);
        Self {
            session: Arc::new(Session::new(settings, limits.memory_bytes)),
            burn,
            fast,
            handles,
        }
    }

    /// The account of the sandbox's memory, linear memory included.
    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    /// In class fast: who computes. Else the kernels here do.
    pub(super) fn fast(&self) -> Option<Arc<FastLink>> {
        self.fast.clone()
    }

    pub(super) fn burn(&self) -> Option<Arc<dyn BurnHost>> {
        self.burn.clone()
    }

    /// What is behind a handle.
    pub(super) fn get<T: Send + 'static>(&self, handle: &Resource<Held<T>>) -> Result<&T, Stop> {
        self.handles.get(handle).map(|held| &held.value).map_err(no_such)
    }

    /// What is behind a handle, to change it.
    pub(super) fn get_mut<T: Send + 'static>(&mut self, handle: &Resource<Held<T>>) -> Result<&mut T, Stop> {
        self.handles
            .get_mut(handle)
            .map(|held| &mut held.value)
            .map_err(no_such)
    }
}

/// wasmtime checks the guest's handles itself; this stands for a bug of ours.
fn no_such(error: wasmtime::component::ResourceTableError) -> Stop {
    Stop::Host(format!("a handle of a guest: {error}"))
}

/// Gives the guest a handle of `value`, whose own memory is leased already.
pub(super) fn hold<T: Send + 'static>(host: &mut Host<'_>, value: T) -> wasmtime::Result<Resource<Held<T>>> {
    let state = host.data_mut();
    let handle = state.compute.session.lease(HANDLE_BYTES);
    let held = Held {
        value,
        _handle: handle.map_err(|_| state.limiter.stop())?,
    };
    state.limiter.observe();
    let pushed = state.compute.handles.push(held);
    Ok(pushed.map_err(|_| {
        Stop::Refused(format!(
            "tensors: a sandbox may hold {HANDLES_MAX} tensors and models; drop those it no longer needs"
        ))
    })?)
}

/// The end of a handle. What hangs on it is freed.
pub(super) fn release<T: Send + 'static>(mut host: Host<'_>, rep: u32) -> wasmtime::Result<()> {
    let handle = Resource::<Held<T>>::new_own(rep);
    host.data_mut()
        .compute
        .handles
        .delete(handle)
        .map(drop)
        .map_err(|error| no_such(error).into())
}

/// Computes. An error inside is one that every node would give of these arguments; what ends the call is outside.
pub(super) fn compute<R>(
    host: &mut Host<'_>,
    work: impl FnOnce(&Session) -> Result<R, ComputeError>,
) -> wasmtime::Result<Result<R, ComputeError>> {
    let session = begin(host)?;
    let result = guarded(|| work(&session));
    end(host, result)
}

/// Grants the session what fuel is left; [`end`] must follow. For work that reads the guest's memory.
pub(super) fn begin(host: &mut Host<'_>) -> wasmtime::Result<Arc<Session>> {
    let session = host.data().compute.session();
    session.grant(host.get_fuel()?);
    Ok(session)
}

/// Runs work that is not ours alone (parsers, tuned libraries): a panic there ends this call, not the node.
pub(super) fn guarded<R>(work: impl FnOnce() -> Result<R, ComputeError>) -> Result<R, ComputeError> {
    // What the work had in its hands is dropped or, for a burn session, thrown away by its owner.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(ComputeError::Device(
            "a computation panicked; the node's log says where".to_owned(),
        ))
    })
}

/// Takes the spent fuel from the store and sorts the result.
pub(super) fn end<R>(
    host: &mut Host<'_>,
    result: Result<R, ComputeError>,
) -> wasmtime::Result<Result<R, ComputeError>> {
    let spent = host.data().compute.session.take_spent();
    let left = host.get_fuel()?.saturating_sub(spent);
    host.set_fuel(left)?;
    let state = host.data_mut();
    let stop = match result {
        Ok(value) => {
            state.limiter.observe();
            return Ok(Ok(value));
        }
        Err(ComputeError::OutOfFuel) => {
            // What was left did not suffice: it is gone, as where wasm runs out of fuel.
            host.set_fuel(0)?;
            Stop::OutOfFuel
        }
        Err(ComputeError::Cancelled) if state.cancel.is_cancelled() => Stop::Cancelled,
        Err(ComputeError::Cancelled) => Stop::TimedOut,
        Err(ComputeError::Memory { .. }) => state.limiter.stop(),
        Err(ComputeError::Device(what)) => Stop::Host(what),
        Err(verdict) => return Ok(Err(verdict)),
    };
    Err(stop.into())
}

/// An error in the contract's words.
pub(super) fn told(error: ComputeError) -> WitError {
    let text = cut(&error.to_string(), MAX_TEXT_BYTES).to_owned();
    match error {
        ComputeError::Shape { .. } => WitError::Shape(text),
        ComputeError::DType { .. } => WitError::ElementType(text),
        ComputeError::Singular {
            reciprocal_condition, ..
        } => WitError::Singular(reciprocal_condition),
        ComputeError::NoConvergence { .. } => WitError::NoConvergence(text),
        ComputeError::Model { .. } | ComputeError::Unsupported { .. } => WitError::Model(text),
        // The last four do not come here: `end` made them the end of the call.
        ComputeError::Argument { .. }
        | ComputeError::Memory { .. }
        | ComputeError::OutOfFuel
        | ComputeError::Cancelled
        | ComputeError::Device(_) => WitError::Argument(text),
    }
}

/// An argument that is out of range.
pub(super) fn refused<R>(op: &'static str, why: String) -> Result<R, ComputeError> {
    Err(ComputeError::Argument { op, why })
}

/// A shape as it comes from a guest.
pub(super) fn lengths(shape: &[u64]) -> Vec<usize> {
    // What does not fit in this machine's words is refused as too large, like on any other machine.
    shape
        .iter()
        .map(|length| usize::try_from(*length).unwrap_or(usize::MAX))
        .collect()
}
