//! The thread that makes running guests look up every 10 ms: to see whether they are cancelled or out of time.
//!
//! One per engine, owned by it and joined when it is dropped. It sleeps for good while no call runs, so that an idle node
//! costs nothing, and stays awake a while after the last call, so that a stream of short calls does not wake it each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wasmtime::EngineWeak;

/// Time between two looks: the delay of a cancel, and the error of a time limit.
const TICK: Duration = Duration::from_millis(10);
/// Ticks without a call before the thread goes to sleep: one second.
const LINGER_TICKS: u32 = 100;

#[derive(Default)]
struct Shared {
    running_calls: AtomicUsize,
    asleep: AtomicBool,
    closed: AtomicBool,
}

/// Owns the thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// While one lives, the engine's epoch advances.
pub(crate) struct Ticking<'a>(&'a Shared);

impl Ticker {
    pub(crate) fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let thread = thread::Builder::new().name("sandbox-ticker".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || tick(&shared, &engine)
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Marks the start of a call; its end is the drop of what comes back.
    pub(crate) fn ticking(&self) -> Ticking<'_> {
        // Sequentially consistent against `tick`: either the ticker sees this call, or we see that it sleeps.
        self.shared.running_calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        Ticking(&self.shared)
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running_calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // The thread only counts and cannot panic; nobody could act on it here.
            let _ = thread.join();
        }
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut idle_ticks = 0;
    while !shared.closed.load(Ordering::SeqCst) {
        if shared.running_calls.load(Ordering::SeqCst) > 0 {
            idle_ticks = 0;
        } else {
            idle_ticks += 1;
        }
        if idle_ticks < LINGER_TICKS {
            thread::park_timeout(TICK);
        } else {
            shared.asleep.store(true, Ordering::SeqCst);
            if shared.running_calls.load(Ordering::SeqCst) == 0 && !shared.closed.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.asleep.store(false, Ordering::SeqCst);
        }
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}
