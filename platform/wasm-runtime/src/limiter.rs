//! Watches what a sandbox grows, and ends the call (not just the growth) at the limit.
//!
//! A `memory.grow` that fails would show the guest how large this node's memory is; ending the call as "no verdict" keeps
//! that out of every result.

use crate::host::Stop;
use crate::settings::TABLE_ELEMENTS_MAX;
use wasmtime::ResourceLimiter;

/// The limiter of one sandbox.
pub(crate) struct MemoryLimiter {
    limit_bytes: u64,
    used_bytes: u64,
}

impl MemoryLimiter {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            used_bytes: 0,
        }
    }

    /// Linear memory of the sandbox, in bytes. Memory never shrinks, so this is also its largest size.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    fn stop(&self) -> wasmtime::Error {
        Stop::MemoryLimit {
            limit_bytes: self.limit_bytes,
        }
        .into()
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The job's own declared maximum: every node answers -1.
            return Ok(false);
        }
        let grown = self
            .used_bytes
            .saturating_add((desired as u64).saturating_sub(current as u64));
        if grown > self.limit_bytes {
            return Err(self.stop());
        }
        self.used_bytes = grown;
        Ok(true)
    }

    /// Called when the desired size cannot even be expressed in 32 bits, or when the system has no memory left.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!("a sandbox's memory could not grow: {error:#}");
        Err(self.stop())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX && maximum.is_none_or(|maximum| desired <= maximum))
    }
}
