//! The helpers: threads of the process that lend a hand to whoever calls. One that has nothing to do looks for work for a
//! while before it sleeps: waking a thread takes longer than many an operation of a model, and the next operation follows
//! soon.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a helper looks for work before it sleeps, and a caller for the end of its helpers.
const LOOK_FOR: Duration = Duration::from_micros(100);
/// Looks between two looks at the clock.
const LOOKS: usize = 32;
/// Most calls that wait for a helper; with more, callers work alone.
const QUEUE_MAX: usize = 1024;

/// Looks until there is something, or [`LOOK_FOR`] has passed.
pub(super) fn look_for<R>(mut look: impl FnMut() -> Option<R>) -> Option<R> {
    let start = Instant::now();
    while start.elapsed() < LOOK_FOR {
        for _ in 0..LOOKS {
            if let Some(found) = look() {
                return Some(found);
            }
            std::hint::spin_loop();
        }
    }
    None
}

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
    /// Helpers that look for work.
    looking: AtomicUsize,
    queue: Mutex<Queue>,
    posted: Condvar,
}

#[derive(Default)]
struct Queue {
    calls: VecDeque<Arc<dyn Help>>,
    asleep: usize,
}

impl Helpers {
    /// One thread for each processor but the caller's own. None if the system gives no threads; callers then work alone.
    pub(super) fn get() -> Option<&'static Self> {
        static HELPERS: OnceLock<Helpers> = OnceLock::new();
        static SHARED: OnceLock<Shared> = OnceLock::new();
        let helpers = HELPERS.get_or_init(|| {
            let shared = SHARED.get_or_init(Shared::default);
            let wanted = std::thread::available_parallelism().map_or(1, |count| count.get().saturating_sub(1).max(1));
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
        // Who looks comes without being woken; who has just stopped looks once more before it sleeps.
        let awake = self.shared.looking.load(Ordering::Acquire);
        for _ in 0..count.saturating_sub(awake).min(asleep) {
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

    fn look(&self) -> Option<Arc<dyn Help>> {
        look_for(|| {
            if self.waiting.load(Ordering::Acquire) == 0 {
                return None;
            }
            self.take(&mut self.queue())
        })
    }

    fn next(&self) -> Arc<dyn Help> {
        self.looking.fetch_add(1, Ordering::AcqRel);
        let found = self.look();
        self.looking.fetch_sub(1, Ordering::AcqRel);
        if let Some(call) = found {
            return call;
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
