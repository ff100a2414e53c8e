//! The engine: settings, slots, compile cache, and the jobs that are loaded.
//!
//! Handles are clones of one owner; the last one to go ends the ticker thread. Jobs that are still held elsewhere keep
//! working after that, because they own their share of it.

use crate::cache::DiskCache;
use crate::component::{self, LoadError};
use crate::host::ComputeOptions;
use crate::loaded::LoadedJob;
use crate::sandbox::Sandboxes;
use crate::settings;
use crate::ticker::Ticker;
use job_model::{JobId, ProfileId};
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tensor_compute::{BurnHost, FastHost, Isa};
use wasmtime::component::Component;

/// Jobs kept ready in memory; the least recently used go first, and come back from disk in under a millisecond.
const LOADED_JOBS_MAX: usize = 64;

/// How to make an [`Engine`]. [`EngineOptions::new`] gives what the tests of a program need; the rest is set by field.
#[derive(Clone)]
pub struct EngineOptions {
    /// Folder of the compile cache. Created if needed; must be this user's own, on a local disk.
    pub cache_dir: PathBuf,
    /// Sandboxes that may live at once: at least the threads of the pool, plus what runs elsewhere (`plan`, `reduce`).
    /// Costs address space, not memory.
    pub slots: u32,
    /// Largest memory of a sandbox, in bytes (at most 4 GiB). Part of the profile: nodes that work together agree on it.
    pub max_memory_bytes: u64,
    /// Threads of one operation on host tensors, at least 1. Changes no bit of any result.
    pub compute_threads: usize,
    /// Instruction set of the kernels on host tensors. Changes no bit of any result; tests force it.
    pub compute_isa: Isa,
    /// Runs the sessions of the guest backend for burn. Without it a call that opens one ends without a verdict.
    pub burn: Option<Arc<dyn BurnHost>>,
    /// Computes in float class fast. Without it a call in that class is refused.
    pub fast: Option<Arc<dyn FastHost>>,
}

impl EngineOptions {
    /// With all of this machine's processors for operations on host tensors, without burn and float class fast.
    pub fn new(cache_dir: PathBuf, slots: u32, max_memory_bytes: u64) -> Self {
        let tensors = tensor_compute::Settings::default();
        Self {
            cache_dir,
            slots,
            max_memory_bytes,
            compute_threads: tensors.threads,
            compute_isa: tensors.isa,
            burn: None,
            fast: None,
        }
    }
}

impl std::fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineOptions")
            .field("cache_dir", &self.cache_dir)
            .field("slots", &self.slots)
            .field("max_memory_bytes", &self.max_memory_bytes)
            .field("compute_threads", &self.compute_threads)
            .field("compute_isa", &self.compute_isa)
            .field("burn", &self.burn.is_some())
            .field("fast", &self.fast.is_some())
            .finish()
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The options make no sense.
    #[error("max_memory_bytes is {0}, it must be between one page (65536) and 4 GiB")]
    Memory(u64),
    /// No slot.
    #[error("slots is 0, at least one sandbox is needed")]
    Slots,
    /// The compile cache.
    #[error("could not open the compile cache {path}: {source}; check that the folder can be written", path = .path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No ticker thread.
    #[error("could not start the ticker thread: {0}")]
    Thread(io::Error),
    /// wasmtime refused, usually for lack of address space.
    #[error("could not start the sandbox engine: {0}; fewer slots need less address space")]
    Wasmtime(String),
}

struct Inner {
    profile: ProfileId,
    sandboxes: Arc<Sandboxes>,
    cache: DiskCache,
    /// Most recently used last.
    loaded: Mutex<VecDeque<Arc<LoadedJob>>>,
    /// Held while compiling: one at a time, so that memory stays bounded and no job is compiled twice.
    compiling: Mutex<()>,
}

/// Loads jobs. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

impl Engine {
    /// Reserves the slots, opens the cache and starts the ticker.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        keep_arenas_few();
        let EngineOptions {
            cache_dir,
            slots,
            max_memory_bytes,
            compute_threads,
            compute_isa,
            burn,
            fast,
        } = options;
        if !(settings::PAGE_BYTES..=settings::MEMORY_BYTES_MAX).contains(&max_memory_bytes) {
            return Err(EngineError::Memory(max_memory_bytes));
        }
        if slots == 0 {
            return Err(EngineError::Slots);
        }
        let pool_memory_bytes = usize::try_from(max_memory_bytes).map_err(|_| EngineError::Memory(max_memory_bytes))?;
        let engine = wasmtime::Engine::new(&settings::wasmtime_config(slots, pool_memory_bytes))
            .map_err(|error| EngineError::Wasmtime(format!("{error:#}")))?;
        let profile = settings::profile(max_memory_bytes);
        let cache = DiskCache::open(&cache_dir, &engine, &profile).map_err(|source| EngineError::Cache {
            path: cache_dir,
            source,
        })?;
        let ticker = Ticker::start(engine.weak()).map_err(EngineError::Thread)?;
        Ok(Self(Arc::new(Inner {
            profile,
            sandboxes: Arc::new(Sandboxes {
                ticker,
                engine,
                max_memory_bytes,
                compute: ComputeOptions {
                    threads: compute_threads.max(1),
                    isa: compute_isa,
                    burn,
                    fast,
                },
            }),
            cache,
            loaded: Mutex::default(),
            compiling: Mutex::default(),
        })))
    }

    /// The metering profile of everything this engine runs.
    pub fn profile(&self) -> ProfileId {
        self.0.profile
    }

    /// Takes the job from memory or the disk cache, or compiles it (seconds for a large one).
    pub fn load(&self, component: &[u8]) -> Result<Arc<LoadedJob>, LoadError> {
        crate::memory::used();
        LoadError::check_size(component.len() as u64)?;
        let id = JobId::of(component);
        if let Some(job) = self.in_memory(id) {
            return Ok(job);
        }
        let _compiling = lock(&self.0.compiling);
        if let Some(job) = self.load_cached(id) {
            return Ok(job);
        }
        // Nodes of one user may share the folder: one compiles, the others take its result.
        let _elsewhere = self.0.cache.lock(&id);
        if let Some(job) = self.load_cached(id) {
            return Ok(job);
        }
        let engine = &self.0.sandboxes.engine;
        let compiled = component::compile(engine, component)?;
        // SAFETY: these bytes come straight from this engine's compiler.
        let fresh = unsafe { Component::deserialize(engine, &compiled) }
            .map_err(|error| LoadError::DoesNotCompile(format!("{error:#}")))?;
        let fresh = LoadedJob::new(id, &fresh, Arc::clone(&self.0.sandboxes))?;
        self.0.cache.store(&id, &compiled);
        drop(compiled);
        give_memory_back();
        // The file's pages can be dropped under memory pressure; the copy in `fresh` could not.
        let job = self.on_disk(id).unwrap_or_else(|| Arc::new(fresh));
        self.remember(Arc::clone(&job));
        Ok(job)
    }

    /// The job, if it is in memory or in the disk cache: needs no component.
    pub fn load_cached(&self, id: JobId) -> Option<Arc<LoadedJob>> {
        if let Some(job) = self.in_memory(id) {
            return Some(job);
        }
        let job = self.on_disk(id)?;
        self.remember(Arc::clone(&job));
        Some(job)
    }

    fn in_memory(&self, id: JobId) -> Option<Arc<LoadedJob>> {
        let mut loaded = lock(&self.0.loaded);
        let at = loaded.iter().position(|job| job.id() == id)?;
        let job = loaded.remove(at)?;
        loaded.push_back(Arc::clone(&job));
        Some(job)
    }

    fn on_disk(&self, id: JobId) -> Option<Arc<LoadedJob>> {
        let sandboxes = &self.0.sandboxes;
        let component = self.0.cache.load(&sandboxes.engine, &id)?;
        LoadedJob::new(id, &component, Arc::clone(sandboxes)).ok().map(Arc::new)
    }

    fn remember(&self, job: Arc<LoadedJob>) {
        let mut loaded = lock(&self.0.loaded);
        loaded.retain(|other| other.id() != job.id());
        loaded.push_back(job);
        let forgotten = if loaded.len() > LOADED_JOBS_MAX {
            loaded.pop_front()
        } else {
            None
        };
        drop(loaded);
        // Unmapping code takes time: not under the lock.
        drop(forgotten);
    }
}

/// The guarded values hold no invariant across a panic, so poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The compiler's threads would get an arena of the allocator each, and what is left in them is never given back: a node
/// that has compiled five jobs rests at 63 MB with two arenas and at 75 MB without this.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_arenas_few() {
    /// Arenas of the whole process: one for the main thread, one for all others.
    const ARENAS: libc::c_int = 2;
    // SAFETY: mallopt takes two integers, takes the allocator's lock, and may be called from any thread.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_arenas_few() {}

/// Compiling takes much memory for a moment, and the allocator keeps it; a node at rest should be small.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_memory_back() {
    // SAFETY: malloc_trim takes an integer, only touches the allocator's free lists, and may be called from any thread.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}
