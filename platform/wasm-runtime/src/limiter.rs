//! Watches what a sandbox grows, and ends the call (not just the growth) at the limit.
//!
//! Linear memory and what the sandbox holds at the host (tensors, models) share one limit and one account, that of the
//! call's tensor session: linear memory is a lease there, renewed as it grows.
//!
//! A `memory.grow` that fails would show the guest how large this node's memory is; ending the call as "no verdict" keeps
//! that out of every result.

use crate::host::Stop;
use crate::settings::TABLE_ELEMENTS_MAX;
use std::sync::Arc;
use tensor_compute::{Lease, Session};
use wasmtime::ResourceLimiter;

/// The limiter of one sandbox.
pub(crate) struct MemoryLimiter {
    limit_bytes: u64,
    /// Linear memory, in bytes. It never shrinks.
    linear_bytes: u64,
    /// For `linear_bytes`; none while there is no linear memory.
    linear: Option<Arc<Lease>>,
    session: Arc<Session>,
    peak_bytes: u64,
}

impl MemoryLimiter {
    /// `session` must have the same limit, and lease for nothing but this sandbox.
    pub(crate) fn new(limit_bytes: u64, session: Arc<Session>) -> Self {
        Self {
            limit_bytes,
            linear_bytes: 0,
            linear: None,
            session,
            peak_bytes: 0,
        }
    }

    /// The most bytes of linear memory and of tensors together, as they stood when memory grew or a host function on
    /// tensors returned. What a kernel needs while it computes is not in it: that depends on the machine's threads, and
    /// this number is voted on and paid for.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// To be called when the sandbox may hold more tensors than before, and no scratch memory.
    pub(crate) fn observe(&mut self) {
        self.peak_bytes = self.peak_bytes.max(self.session.live_bytes());
    }

    /// How a call ends that needs more than it may have.
    pub(crate) fn stop(&self) -> Stop {
        Stop::MemoryLimit {
            limit_bytes: self.limit_bytes,
        }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The job's own declared maximum: every node answers -1.
            return Ok(false);
        }
        let grown = self
            .linear_bytes
            .saturating_add((desired as u64).saturating_sub(current as u64));
        // The old lease goes first: both together could be over the limit. Nobody else leases meanwhile.
        self.linear = None;
        self.linear = Some(self.session.lease(grown).map_err(|_| self.stop())?);
        self.linear_bytes = grown;
        self.observe();
        Ok(true)
    }

    /// Called when the desired size cannot even be expressed in 32 bits, or when the system has no memory left.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!("a sandbox's memory could not grow: {error:#}");
        Err(self.stop().into())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX && maximum.is_none_or(|maximum| desired <= maximum))
    }
}
