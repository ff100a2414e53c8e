//! Who is fetching what. Two fetches of the same blob share the work: each takes the ranges nobody else is getting, and
//! waits for the rest. A claim ends when it is dropped, also when its fetch is cancelled; whoever waited then looks again
//! at what is here. Nothing is on disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iroh_blobs::protocol::ChunkRanges;
use job_model::BlobHash;
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Claimed {
    next_id: u64,
    ranges: HashMap<BlobHash, HashMap<u64, ChunkRanges>>,
}

/// All claims of one store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    claimed: Arc<Mutex<Claimed>>,
    ended: Arc<Notify>,
}

impl Claims {
    fn claimed(&self) -> MutexGuard<'_, Claimed> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims what is missing and nobody else fetches. Waits while others fetch all of it, and returns `None` when one
    /// of them ended: then what is missing has to be looked at again.
    pub(crate) async fn claim(&self, hash: BlobHash, missing: &ChunkRanges) -> Option<Claim> {
        // Registered before looking, so that an end between looking and waiting is not missed.
        let mut ended = std::pin::pin!(self.ended.notified());
        ended.as_mut().enable();
        if let Some(claim) = self.try_claim(hash, missing) {
            return Some(claim);
        }
        ended.await;
        None
    }

    fn try_claim(&self, hash: BlobHash, missing: &ChunkRanges) -> Option<Claim> {
        let mut claimed = self.claimed();
        let mut ranges = missing.clone();
        for others in claimed.ranges.get(&hash).into_iter().flat_map(HashMap::values) {
            ranges -= others.clone();
        }
        if ranges.is_empty() {
            return None;
        }
        let id = claimed.next_id;
        claimed.next_id += 1;
        claimed.ranges.entry(hash).or_default().insert(id, ranges.clone());
        Some(Claim {
            claims: self.clone(),
            hash,
            id,
            ranges,
        })
    }
}

/// Ranges of one blob that the holder fetches.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Claims,
    hash: BlobHash,
    id: u64,
    pub(crate) ranges: ChunkRanges,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = self.claims.claimed();
        if let Some(of_blob) = claimed.ranges.get_mut(&self.hash) {
            of_blob.remove(&self.id);
            if of_blob.is_empty() {
                claimed.ranges.remove(&self.hash);
            }
        }
        drop(claimed);
        self.claims.ended.notify_waiters();
    }
}
