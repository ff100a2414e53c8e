//! The helpers: threads of the process that lend a hand to whoever calls. One that has nothing to do looks for work for some
//! microseconds before it sleeps: waking a thread takes longer than many an operation of a model, and the next operation
//! follows at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// How often a helper looks for work before it sleeps, and a caller for the end of its helpers; some 20 microseconds.
pub(super) const LOOKS: usize = 400;
/// Most calls that wait for a helper; with more, callers work alone.
const QUEUE_MAX: usize = 1024;

/// What a helper does for a call.
pub(super) trait Help: Send + Sync {
    /// Works until nothing is left to do. Must not panic.
    fn help(&self);
}

/// The threads, and the calls that want one.
pub(super) struct Helpers {
    count: usize,
    shared: &'static Shared,
}

#[derive(Default)]
struct Shared {
    /// Length of the queue, to look at without the lock.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
    posted: Condvar,
}

#[derive(Default)]
struct Queue {
    calls: VecDeque<Arc<dyn Help>>,
    asleep: usize,
}

impl Helpers {
    /// One thread per processor. None if the system gives no threads; callers then work alone.
    pub(super) fn get() -> Option<&'static Self> {
        static HELPERS: OnceLock<Helpers> = OnceLock::new();
        static SHARED: OnceLock<Shared> = OnceLock::new();
        let helpers = HELPERS.get_or_init(|| {
            let shared = SHARED.get_or_init(Shared::default);
            let wanted = std::thread::available_parallelism().map_or(1, usize::from);
            let start = |number: usize| {
                let name = format!("tensor-{number}");
                std::thread::Builder::new().name(name).spawn(|| shared.work()).is_ok()
            };
            Self {
                count: (0..wanted).take_while(|number| start(*number)).count(),
                shared,
            }
        });
        (helpers.count > 0).then_some(helpers)
    }

    /// Asks up to `wanted` helpers to come.
    pub(super) fn call(&self, wanted: usize, call: &Arc<impl Help + 'static>) {
        let mut queue = self.shared.queue();
        let count = wanted.min(self.count).min(QUEUE_MAX.saturating_sub(queue.calls.len()));
        for _ in 0..count {
            queue.calls.push_back(call.clone());
        }
        self.shared.waiting.store(queue.calls.len(), Ordering::Release);
        let asleep = queue.asleep;
        drop(queue);
        for _ in 0..count.min(asleep) {
            self.shared.posted.notify_one();
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A helper's life, which lasts as long as the process.
    fn work(&self) {
        loop {
            self.next().help();
        }
    }

    fn next(&self) -> Arc<dyn Help> {
        for _ in 0..LOOKS {
            if self.waiting.load(Ordering::Acquire) > 0
                && let Some(call) = self.take(&mut self.queue())
            {
                return call;
            }
            std::hint::spin_loop();
        }
        let mut queue = self.queue();
        loop {
            if let Some(call) = self.take(&mut queue) {
                return call;
            }
            queue.asleep += 1;
            queue = self.posted.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.asleep -= 1;
        }
    }

    fn take(&self, queue: &mut Queue) -> Option<Arc<dyn Help>> {
        let call = queue.calls.pop_front();
        self.waiting.store(queue.calls.len(), Ordering::Release);
        call
    }
}
