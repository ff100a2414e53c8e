//! Partial blobs kept open between fetches. The store closes a partial blob as soon as nobody uses it, flushing three
//! files to disk and reading its state back for the next range; a worker that fetches a blob chunk by chunk would pay
//! for that with every chunk. A hold is an observer nobody reads: it costs the open files and nothing else.
//!
//! Holds are dropped when a blob is complete and before anything is deleted: a blob deleted while open would take
//! further data into files that no longer have a name.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use iroh_blobs::api::Store;
use job_model::BlobHash;

use crate::store::to_hash;

/// Partial blobs kept open at most; each has three open files.
const MAX_HOLDS: usize = 16;

struct Hold {
    _observer: Box<dyn Any + Send>,
    last_used: u64,
}

#[derive(Default)]
struct Held {
    holds: HashMap<BlobHash, Hold>,
    clock: u64,
}

/// The holds of one store.
#[derive(Default)]
pub(crate) struct Holds {
    held: Mutex<Held>,
}

impl Holds {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps this blob open until it is complete, something is deleted, or many others were used since.
    pub(crate) async fn keep(&self, store: &Store, hash: BlobHash) {
        if self.touch(&hash) {
            return;
        }
        // Without an answer the store is closing, and there is nothing to keep.
        let Ok(observer) = store.observe(to_hash(&hash)).stream().await else {
            return;
        };
        let mut held = self.held();
        held.clock += 1;
        let hold = Hold {
            _observer: Box::new(observer),
            last_used: held.clock,
        };
        if held.holds.len() >= MAX_HOLDS
            && let Some(oldest) = held
                .holds
                .iter()
                .min_by_key(|(_, hold)| hold.last_used)
                .map(|(hash, _)| *hash)
        {
            held.holds.remove(&oldest);
        }
        held.holds.insert(hash, hold);
    }

    fn touch(&self, hash: &BlobHash) -> bool {
        let mut held = self.held();
        held.clock += 1;
        let now = held.clock;
        held.holds.get_mut(hash).map(|hold| hold.last_used = now).is_some()
    }

    pub(crate) fn release(&self, hash: &BlobHash) {
        self.held().holds.remove(hash);
    }

    pub(crate) fn release_all(&self) {
        self.held().holds.clear();
    }
}

impl std::fmt::Debug for Holds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Holds({})", self.held().holds.len())
    }
}
