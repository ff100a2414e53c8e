//! The threads that jobs run on: a fixed number, with stacks that fit a guest's, below normal priority.
//!
//! The pool owns its threads. Dropping it lets running closures end, drops the ones still in the queue without running
//! them, and joins. To leave quickly, cancel the calls first ([`CancelToken`](crate::CancelToken)). A closure that panics
//! is logged and its thread goes on.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Stack of a sandbox thread, in bytes: the guest may use 512 KiB of it, the host functions the rest.
const STACK_BYTES: usize = 8 << 20;
/// Most closures that wait: a few batches of assignments; the caller keeps what does not fit.
const QUEUE_MAX: usize = 4096;
/// How much the threads yield to the rest of the machine (`nice` levels), so that the node stays responsive.
#[cfg(target_os = "linux")]
const NICE_LEVELS: libc::c_int = 5;

type Work = Box<dyn FnOnce() + Send>;

/// The queue is full (or the pool is being dropped); try again when a closure has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the sandbox queue holds {QUEUE_MAX} calls already; wait for one to end")]
pub struct PoolFull;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    /// The queue holds no invariant that a panic could break (closures run outside the lock), so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Work> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(work) = queue.waiting.pop_front() {
                return Some(work);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Threads for [`LoadedJob`](crate::LoadedJob) calls.
pub struct SandboxPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl SandboxPool {
    /// Starts `threads` threads (at least one). Fails when the system gives no thread.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        let mut pool = Self {
            shared: Arc::default(),
            threads: Vec::new(),
        };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let builder = std::thread::Builder::new()
                .name(format!("sandbox-{number}"))
                .stack_size(STACK_BYTES);
            pool.threads.push(builder.spawn(move || work_off(&shared))?);
        }
        Ok(pool)
    }

    /// Queues a closure, first in first out.
    pub fn spawn(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), PoolFull> {
        let mut queue = self.shared.lock();
        if queue.closed || queue.waiting.len() >= QUEUE_MAX {
            return Err(PoolFull);
        }
        queue.waiting.push_back(work);
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// How many closures wait (running ones not counted).
    pub fn queued(&self) -> usize {
        self.shared.lock().waiting.len()
    }
}

impl Drop for SandboxPool {
    fn drop(&mut self) {
        let never_run = {
            let mut queue = self.shared.lock();
            queue.closed = true;
            std::mem::take(&mut queue.waiting)
        };
        self.shared.changed.notify_all();
        drop(never_run);
        for thread in self.threads.drain(..) {
            // A thread cannot have panicked: closures are caught. There is nobody to tell anyway.
            let _ = thread.join();
        }
    }
}

fn work_off(shared: &Shared) {
    lower_priority();
    while let Some(work) = shared.take() {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!("a call on a sandbox thread panicked; the thread goes on");
        }
    }
}

#[cfg(target_os = "linux")]
fn lower_priority() {
    // SAFETY: setpriority takes three integers and touches no memory of ours; on Linux `who` 0 is the calling thread.
    let status = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE_LEVELS) };
    if status != 0 {
        tracing::debug!("sandbox threads keep normal priority: the system refused a lower one");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests;
