//! Garbage collection: blobs without a pin go. The collector itself is the store's; this module decides when it runs
//! and keeps new work away from a collection in progress, because the store alone cannot tell a blob that is about to
//! be pinned from one that nobody wants.
//!
//! The store calls [`Collector::next_run`] before each run. It first settles the run before (index, read cache), then
//! waits until a run is due, then takes the gate. Whoever pins a blob holds the gate for reading while doing so: a pin
//! is either made before the run begins, and protects, or after it ended. A crash in the middle loses nothing pinned.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use iroh_blobs::api::Store;
use iroh_blobs::store::ProtectOutcome;
use job_model::BlobHash;
use std::collections::HashSet;
use std::path::PathBuf;
use tokio::sync::{Notify, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio::time::timeout;

use crate::hold::Holds;
use crate::read::OpenBlobs;
use crate::space::Space;

/// Pause between two runs at least: keeps a storm of requests from turning into a busy loop.
pub(crate) const SETTLE_TIME: Duration = Duration::from_millis(5);
/// How long a pin waits for a collection in progress, which takes milliseconds, or seconds for a million blobs.
const GATE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one who asked for a collection waits for its end.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);
/// Temporary files of failed imports are removed when they were not written to for this long.
const TEMP_FILE_MAX_AGE: Duration = Duration::from_secs(3600);

/// Decides when a collection runs. One per store, shared by the store's collector task and all handles.
#[derive(Debug)]
pub(crate) struct Collector {
    interval: Duration,
    space: Space,
    open_blobs: Arc<OpenBlobs>,
    holds: Arc<Holds>,
    /// The store and its directory of temporary files.
    store: OnceLock<(Store, PathBuf)>,
    gate: Arc<RwLock<()>>,
    /// The gate while a run is in progress.
    running: Mutex<Option<OwnedRwLockWriteGuard<()>>>,
    /// Whether anything changed since the last run: an idle node collects nothing.
    dirty: AtomicBool,
    started: AtomicU64,
    wanted: AtomicU64,
    wake: Notify,
    finished: watch::Sender<u64>,
    stopped: AtomicBool,
}

impl Collector {
    pub(crate) fn new(interval: Duration, space: Space, open_blobs: Arc<OpenBlobs>, holds: Arc<Holds>) -> Arc<Self> {
        Arc::new(Self {
            interval,
            space,
            open_blobs,
            holds,
            store: OnceLock::new(),
            gate: Arc::default(),
            running: Mutex::default(),
            dirty: AtomicBool::new(true),
            started: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            wake: Notify::new(),
            finished: watch::Sender::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    /// Hands over the store once it is loaded; no run begins before.
    pub(crate) fn attach(&self, store: Store, temp_dir: PathBuf) {
        // A second call cannot happen: one collector is made per store.
        let _ = self.store.set((store, temp_dir));
    }

    /// Held while a blob is being pinned. `None` after [`GATE_TIMEOUT`]: a collector that died in the middle of a run
    /// must not stop all work; without collector nothing is deleted any more.
    pub(crate) async fn keep_out(&self) -> Option<OwnedRwLockReadGuard<()>> {
        timeout(GATE_TIMEOUT, self.gate.clone().read_owned()).await.ok()
    }

    /// Whether a run is in progress at this moment.
    pub(crate) fn is_running(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Says that a run may find something: a blob came in, or a pin went.
    pub(crate) fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Relaxed);
    }

    /// Asks for a run that begins after this call, and waits for its end.
    pub(crate) async fn run_now(&self) {
        let target = self.started.load(Ordering::SeqCst) + 1;
        self.wanted.fetch_max(target, Ordering::SeqCst);
        self.wake.notify_one();
        let mut finished = self.finished.subscribe();
        let done = finished.wait_for(|done| *done >= target || self.stopped.load(Ordering::SeqCst));
        if timeout(RUN_TIMEOUT, done).await.is_err() {
            tracing::warn!(
                "the collection of unused blobs did not end within {} s",
                RUN_TIMEOUT.as_secs()
            );
        }
    }

    /// Ends the waiting of the collector task and of everyone in [`Collector::run_now`].
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.wake.notify_one();
        self.finished.send_modify(|_| ());
    }

    /// Called by the store before each run; see the module's head.
    pub(crate) async fn next_run(self: Arc<Self>) -> ProtectOutcome {
        self.settle().await;
        while !self.is_due() {
            let slept = timeout(self.interval, self.wake.notified()).await;
            if slept.is_err() && self.dirty.load(Ordering::Relaxed) {
                break;
            }
        }
        if self.stopped.load(Ordering::SeqCst) {
            return self.end().await;
        }
        let gate = self.gate.clone().write_owned().await;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate);
        self.holds.release_all();
        self.dirty.store(false, Ordering::Relaxed);
        self.started.fetch_add(1, Ordering::SeqCst);
        ProtectOutcome::Continue
    }

    /// Closes the store, in case it was dropped and not shut down, and never returns: the store would ask again at once.
    /// The task ends with the store's runtime.
    async fn end(&self) -> ProtectOutcome {
        if let Some((store, _)) = self.store.get() {
            // It fails if the owner was faster.
            let _ = store.shutdown().await;
        }
        std::future::pending().await
    }

    fn is_due(&self) -> bool {
        self.stopped.load(Ordering::SeqCst) || self.wanted.load(Ordering::SeqCst) > self.started.load(Ordering::SeqCst)
    }

    /// Takes the result of the run that just ended into the index and opens the gate.
    async fn settle(&self) {
        let gate = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if gate.is_none() {
            return;
        }
        if let Some((store, temp_dir)) = self.store.get() {
            let snapshot = self.space.snapshot();
            match store.list().hashes().await {
                Ok(hashes) => {
                    let stored: HashSet<BlobHash> = hashes.iter().map(|hash| BlobHash(*hash.as_bytes())).collect();
                    let gone = self.space.forget_missing(&snapshot, &stored);
                    self.open_blobs.close(&gone);
                    tracing::debug!(
                        collected = gone.len(),
                        kept = stored.len(),
                        "collected blobs without a pin"
                    );
                }
                Err(error) => tracing::warn!(%error, "could not list the blobs after a collection"),
            }
            remove_old_files(temp_dir);
        }
        drop(gate);
        let run = self.started.load(Ordering::SeqCst);
        self.finished.send_modify(|done| *done = run);
    }
}

/// Removes what failed imports left behind. A file that cannot be removed is tried again after the next run.
fn remove_old_files(dir: &std::path::Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let written = entry.metadata().and_then(|meta| meta.modified());
        let age = written
            .ok()
            .and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_some_and(|age| age > TEMP_FILE_MAX_AGE) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
