//! What a caller may use, and what it has used: memory, work, time. One session per sandbox call.
//!
//! Every operation asks here before it allocates or computes. Tensors hold leases on the session's memory, so nothing has
//! to be freed by hand and nothing leaks when a call is cut off.

use crate::accelerator::Accelerator;
use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::isa::Isa;
use crate::tensor::{Data, Tensor, element_count};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one operation costs beside its work, in fuel.
pub const OPERATION_FUEL: u64 = 2_000;
/// Floating-point operations for one fuel (one fuel is about 0.1 ns of a core of 2026).
pub const FLOPS_PER_FUEL: u64 = 8;
/// Bytes read or written for one fuel.
pub const BYTES_PER_FUEL: u64 = 4;

/// Asked now and then by long computations: whether to stop (cancelled, or out of time).
pub type StopSignal = Arc<dyn Fn() -> bool + Send + Sync>;

#[derive(Debug)]
struct Account {
    limit_bytes: AtomicU64,
    live_bytes: AtomicU64,
    peak_bytes: AtomicU64,
}

/// Memory that a tensor holds; given back on drop.
#[derive(Debug)]
pub struct Lease {
    account: Arc<Account>,
    bytes: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.account.live_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How to compute: none of it changes a bit of any result.
#[derive(Clone)]
pub struct Settings {
    /// The instruction set of the kernels.
    pub isa: Isa,
    /// Threads of one operation, at least 1.
    pub threads: usize,
    /// Whether to stop.
    pub stop: StopSignal,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            isa: Isa::detect(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            stop: Arc::new(|| false),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("isa", &self.isa)
            .field("threads", &self.threads)
            .finish()
    }
}

/// A session: in float class `exact`, unless it has an accelerator. Not shared between threads while it works.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    accelerator: Option<Arc<dyn Accelerator>>,
    account: Arc<Account>,
    fuel_left: AtomicU64,
    fuel_spent: AtomicU64,
    flops: AtomicU64,
}

impl Session {
    /// A session that may hold `memory_bytes` in tensors and has no fuel yet.
    pub fn new(settings: Settings, memory_bytes: u64) -> Self {
        Self {
            settings,
            accelerator: None,
            account: Arc::new(Account {
                limit_bytes: AtomicU64::new(memory_bytes),
                live_bytes: AtomicU64::new(0),
                peak_bytes: AtomicU64::new(0),
            }),
            fuel_left: AtomicU64::new(0),
            fuel_spent: AtomicU64::new(0),
            flops: AtomicU64::new(0),
        }
    }

    /// A session without limits, for tests, benches and the requester's own checks.
    pub fn unlimited(settings: Settings) -> Self {
        let session = Self::new(settings, u64::MAX);
        session.grant(u64::MAX);
        session
    }

    /// The same session, whose operations are offered to a device first. Only in float class `fast`.
    pub fn with_accelerator(mut self, accelerator: Arc<dyn Accelerator>) -> Self {
        self.accelerator = Some(accelerator);
        self
    }

    /// The device of this session, if it has one.
    pub fn accelerator(&self) -> Option<&Arc<dyn Accelerator>> {
        self.accelerator.as_ref()
    }

    /// How to compute.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sets what may be spent from here on, in fuel.
    pub fn grant(&self, fuel: u64) {
        self.fuel_left.store(fuel, Ordering::Relaxed);
    }

    /// What may still be spent, in fuel.
    pub fn fuel_left(&self) -> u64 {
        self.fuel_left.load(Ordering::Relaxed)
    }

    /// Takes fuel that was spent elsewhere on this session's behalf (in a compute process), at most what is left.
    pub fn spend(&self, fuel: u64) {
        let left = self.fuel_left();
        let taken = fuel.min(left);
        self.fuel_left.store(left - taken, Ordering::Relaxed);
        self.fuel_spent.fetch_add(taken, Ordering::Relaxed);
    }

    /// The most bytes that may be leased at once.
    pub fn limit_bytes(&self) -> u64 {
        self.account.limit_bytes.load(Ordering::Relaxed)
    }

    /// Changes [`Session::limit_bytes`]. What is leased stays, also where it is more.
    pub fn set_limit(&self, bytes: u64) {
        self.account.limit_bytes.store(bytes, Ordering::Relaxed);
    }

    /// What was spent since the last call of this, in fuel.
    pub fn take_spent(&self) -> u64 {
        self.fuel_spent.swap(0, Ordering::Relaxed)
    }

    /// Floating-point operations charged so far.
    pub fn flops(&self) -> u64 {
        self.flops.load(Ordering::Relaxed)
    }

    /// Bytes that tensors hold now.
    pub fn live_bytes(&self) -> u64 {
        self.account.live_bytes.load(Ordering::Relaxed)
    }

    /// The most bytes that tensors held.
    pub fn peak_bytes(&self) -> u64 {
        self.account.peak_bytes.load(Ordering::Relaxed)
    }

    /// Pays for an operation before it runs: `flops` floating-point (or integer) operations, `bytes` read and written. Also
    /// the place where a cancelled session stops.
    pub fn charge(&self, flops: u64, bytes: u64) -> Result<()> {
        let work = (flops / FLOPS_PER_FUEL).saturating_add(bytes / BYTES_PER_FUEL);
        let fuel = OPERATION_FUEL.saturating_add(work);
        let left = self.fuel_left.load(Ordering::Relaxed);
        let taken = fuel.min(left);
        self.fuel_left.store(left - taken, Ordering::Relaxed);
        self.fuel_spent.fetch_add(taken, Ordering::Relaxed);
        if taken < fuel {
            return Err(ComputeError::OutOfFuel);
        }
        self.flops.fetch_add(flops, Ordering::Relaxed);
        self.go_on()
    }

    /// An error if the session is to stop. Long loops ask every few milliseconds of work.
    pub fn go_on(&self) -> Result<()> {
        if (self.settings.stop)() {
            Err(ComputeError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Leases memory for a buffer of `bytes`, before it is made. Scratch space too passes here.
    pub fn lease(&self, bytes: u64) -> Result<Arc<Lease>> {
        let account = &self.account;
        let live = account.live_bytes.fetch_add(bytes, Ordering::Relaxed);
        let lease = Arc::new(Lease {
            account: account.clone(),
            bytes,
        });
        let after = live.saturating_add(bytes);
        let limit_bytes = self.limit_bytes();
        if after > limit_bytes {
            return Err(ComputeError::Memory {
                wanted_bytes: bytes,
                live_bytes: live,
                limit_bytes,
            });
        }
        account.peak_bytes.fetch_max(after, Ordering::Relaxed);
        Ok(lease)
    }

    /// Leases the memory of a result of this shape; returns its number of elements.
    pub fn lease_for(&self, op: &'static str, shape: &[usize], dtype: DType) -> Result<(usize, Arc<Lease>)> {
        let count = element_count(op, shape, dtype)?;
        let lease = self.lease(count as u64 * dtype.size() as u64)?;
        Ok((count, lease))
    }

    /// A tensor of this shape whose elements `fill` writes (they start as the type's default).
    pub fn make<T: Element>(
        &self,
        op: &'static str,
        shape: &[usize],
        fill: impl FnOnce(&mut [T]) -> Result<()>,
    ) -> Result<Tensor> {
        let (count, lease) = self.lease_for(op, shape, T::DTYPE)?;
        let mut values = vec![T::default(); count];
        fill(&mut values)?;
        Tensor::from_data(shape, T::wrap(Arc::new(values)), Some(lease))
    }

    /// A tensor of this shape over values that were computed under `lease`.
    pub fn adopt(&self, shape: &[usize], data: Data, lease: Arc<Lease>) -> Result<Tensor> {
        Tensor::from_data(shape, data, Some(lease))
    }
}
