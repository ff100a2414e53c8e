//! The host functions, one file per interface of the contract, and the state of one sandbox they work on.
//!
//! Every function first pays (`enter`), then checks its arguments, then acts, so that two nodes stop at the same place.
//! What a function refuses is a trap that replicas agree on (`Stop::Refused`); what this node cannot do is no verdict.

mod burn;
mod compute;
pub mod cost;
mod entropy;
mod fast;
mod inputs;
mod linalg;
mod log;
mod metrics;
mod models;
mod opened;
mod operation;
mod output;
mod partials;
mod progress;
mod tensors;

pub(crate) use compute::{Compute, ComputeOptions, HANDLES_MAX, OPERANDS_MAX};
pub(crate) use entropy::Entropy;
pub(crate) use log::Log;
pub(crate) use opened::Opened;
pub(crate) use output::Output;

use crate::call::{PartialSource, ReadInput};
use crate::cancel::CancelToken;
use crate::limiter::MemoryLimiter;
use job_model::JobMetrics;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

/// The interfaces a job may import, with the version this host speaks.
pub const INTERFACES: [&str; 12] = [
    "p2pjob:job/types@0.1.0",
    inputs::NAME,
    output::NAME,
    partials::NAME,
    log::NAME,
    progress::NAME,
    entropy::NAME,
    metrics::NAME,
    tensors::NAME,
    linalg::NAME,
    models::NAME,
    burn::NAME,
];

/// Those that the profile names. An interface that was added later changes no result of a job that does not import it,
/// and a job that does is not loaded where it is missing: so it makes no new profile. What `tensors` and its like cost
/// stands in their documentation and is part of their version.
pub const PROFILED_INTERFACES: [&str; 7] = [
    "p2pjob:job/types@0.1.0",
    inputs::NAME,
    output::NAME,
    partials::NAME,
    log::NAME,
    progress::NAME,
    entropy::NAME,
];

/// Why a host function (or the ticker, or the memory limiter) ends a call.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The arguments; every node refuses them.
    #[error("{0}")]
    Refused(String),
    /// The function costs more than is left.
    #[error("all fuel consumed")]
    OutOfFuel,
    /// More memory than allowed: linear memory and tensors together.
    #[error("memory limit of {limit_bytes} bytes reached")]
    MemoryLimit {
        /// The limit.
        limit_bytes: u64,
    },
    /// The deadline passed.
    #[error("time limit reached")]
    TimedOut,
    /// The caller gave up.
    #[error("cancelled")]
    Cancelled,
    /// The source of inputs or partials failed.
    #[error("{0}")]
    Unavailable(String),
    /// Something that other nodes may have and this one does not.
    #[error("{0}")]
    Unsupported(String),
    /// Something of this node failed.
    #[error("{0}")]
    Host(String),
}

/// What one sandbox's host functions know and remember.
pub(crate) struct HostState {
    pub(crate) limiter: MemoryLimiter,
    /// Tensors, and what else the host computes for the sandbox.
    pub(crate) compute: Compute,
    pub(crate) cancel: CancelToken,
    /// Inputs in `plan`, slices in `run` and `check`, nothing elsewhere.
    pub(crate) inputs: Option<Box<dyn ReadInput>>,
    pub(crate) input_bytes: u64,
    pub(crate) output: Output,
    /// Only in `reduce` and `check`.
    pub(crate) partials: Option<Box<dyn PartialSource>>,
    /// The partial that tensors are made of.
    pub(crate) opened: Option<Opened>,
    pub(crate) log: Log,
    pub(crate) metrics: JobMetrics,
    pub(crate) entropy: Entropy,
}

/// The store as host functions see it.
pub(crate) type Host<'a> = StoreContextMut<'a, HostState>;

/// Defines all interfaces.
pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    // Types only, but the instance must exist.
    linker.instance(INTERFACES[0])?;
    inputs::link(linker)?;
    output::link(linker)?;
    partials::link(linker)?;
    log::link(linker)?;
    progress::link(linker)?;
    entropy::link(linker)?;
    metrics::link(linker)?;
    tensors::link(linker)?;
    linalg::link(linker)?;
    models::link(linker)?;
    burn::link(linker)
}

/// Takes `fuel` from the call, or ends it.
fn charge(host: &mut Host<'_>, fuel: u64) -> wasmtime::Result<()> {
    let left = host.get_fuel()?;
    host.set_fuel(left.saturating_sub(fuel))?;
    if left < fuel {
        Err(Stop::OutOfFuel.into())
    } else {
        Ok(())
    }
}

/// The first thing every host function does: pays for the call and for `bytes` at `fuel_per_byte`, and looks whether the
/// call is cancelled.
fn enter(host: &mut Host<'_>, bytes: u64, fuel_per_byte: u64) -> wasmtime::Result<()> {
    charge(
        host,
        cost::CALL_FUEL.saturating_add(bytes.saturating_mul(fuel_per_byte)),
    )?;
    if host.data().cancel.is_cancelled() {
        Err(Stop::Cancelled.into())
    } else {
        Ok(())
    }
}
