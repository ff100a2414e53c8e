//! The store: one directory, one process, one handle that is cheap to clone. It owns the iroh-blobs store, the lock on
//! the directory, the index of what is here and the collector. After a crash the directory opens again as it was, less
//! what was written in the last half second without [`BlobStore::sync`]; half-written blobs are kept and go on.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use iroh_blobs::api::Store;
use iroh_blobs::api::blobs::Bitfield;
use iroh_blobs::protocol::{ChunkRanges, ChunkRangesExt};
use iroh_blobs::{Hash, HashAndFormat};
use job_model::BlobHash;
use n0_future::StreamExt;

use crate::Pin;
use crate::claims::Claims;
use crate::collect::Collector;
use crate::dial::Dialer;
use crate::hold::Holds;
use crate::read::OpenBlobs;
use crate::serve::BlobServer;
use crate::space::{Space, StoredBlob};

/// Content by hash: import, read, fetch, pin. See the crate's documentation.
#[derive(Debug, Clone)]
pub struct BlobStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) data_dir: PathBuf,
    pub(crate) space: Space,
    pub(crate) collector: Arc<Collector>,
    pub(crate) open_blobs: Arc<OpenBlobs>,
    pub(crate) holds: Arc<Holds>,
    pub(crate) claims: Claims,
    pub(crate) dialer: Dialer,
    /// Changes made so far, and how many of them are known to be on disk.
    pub(crate) writes: AtomicU64,
    /// Bytes of blobs that peers were sent.
    pub(crate) served_bytes: AtomicU64,
    pub(crate) synced: tokio::sync::Mutex<u64>,
    /// The lock on the directory, released by shutdown, drop, or the end of the process.
    pub(crate) lock: Mutex<Option<File>>,
}

impl Drop for Inner {
    /// Ends the collector and closes the database in the background. [`BlobStore::shutdown`] also waits for that.
    fn drop(&mut self) {
        self.collector.stop();
    }
}

/// Why a question to the store got no answer: it was shut down, or its database failed.
#[derive(Debug, thiserror::Error)]
#[error("the blob store failed: {0}")]
pub struct StoreError(pub(crate) String);

impl BlobStore {
    /// The protocol name under which nodes serve blobs to each other.
    pub const ALPN: &'static [u8] = iroh_blobs::ALPN;

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The handler that serves this store to peers, for the router. Peers can get, and nothing else.
    pub fn protocol(&self) -> BlobServer {
        BlobServer::new(self.clone())
    }

    /// The size in bytes of a blob that is completely here.
    pub async fn size(&self, hash: BlobHash) -> Option<u64> {
        self.inner.space.complete_size(&hash)
    }

    /// Whether all of the blob is here.
    pub async fn has(&self, hash: BlobHash) -> bool {
        self.inner.space.complete_size(&hash).is_some()
    }

    /// Whether these bytes of the blob are here. A range that goes beyond the blob's end is not.
    pub async fn has_range(&self, hash: BlobHash, offset: u64, len: u64) -> bool {
        if let Some(size) = self.inner.space.complete_size(&hash) {
            return offset.saturating_add(len) <= size;
        }
        if !self.inner.space.contains(&hash) {
            return false;
        }
        let Ok(have) = self.observe(hash).await else {
            return false;
        };
        let end = offset.saturating_add(len);
        have.validated_size().is_none_or(|size| end <= size)
            && have.ranges.is_superset(&ChunkRanges::bytes(offset..end))
    }

    /// Bytes stored, parts of incomplete blobs included.
    pub async fn used_bytes(&self) -> u64 {
        self.inner.space.used_bytes()
    }

    /// Bytes of blobs sent to peers since the start.
    pub fn served_bytes(&self) -> u64 {
        self.inner.served_bytes.load(Ordering::Relaxed)
    }

    /// All blobs of which at least a part is here, in no order.
    pub async fn list(&self) -> Vec<StoredBlob> {
        self.inner.space.list()
    }

    /// Keeps a blob for `pin`. Pinning what is not here keeps it once it comes.
    pub async fn pin(&self, hash: BlobHash, pin: &Pin) -> Result<(), StoreError> {
        let _gate = self.inner.collector.keep_out().await;
        self.set_tag(hash, pin).await.map_err(StoreError::from)
    }

    /// Ends everything this owner keeps; returns how many blobs it kept. Their bytes go with the next collection,
    /// unless another pin holds them.
    pub async fn unpin(&self, pin: &Pin) -> Result<u64, StoreError> {
        self.inner.holds.release_all();
        let deleted = self.inner.store.tags().delete_prefix(pin.prefix()).await;
        self.inner.collector.mark_dirty();
        self.count_write();
        deleted.map_err(|error| StoreError::from(iroh_blobs::api::Error::from(error)))
    }

    /// Ends the keeping of one blob by this owner.
    pub async fn unpin_blob(&self, hash: BlobHash, pin: &Pin) -> Result<(), StoreError> {
        self.inner.holds.release(&hash);
        let deleted = self.inner.store.tags().delete(pin.tag(&hash)).await;
        self.inner.collector.mark_dirty();
        self.count_write();
        deleted
            .map(drop)
            .map_err(|error| StoreError::from(iroh_blobs::api::Error::from(error)))
    }

    /// All pins with what they keep.
    pub async fn pins(&self) -> Result<Vec<(Pin, BlobHash)>, StoreError> {
        let listed = self.inner.store.tags().list().await;
        let mut tags = listed.map_err(|error| StoreError(error.to_string()))?;
        let mut pins = Vec::new();
        while let Some(tag) = tags.next().await {
            let tag = tag.map_err(StoreError::from)?;
            if let Some(pin) = Pin::parse(tag.name.0.as_ref()) {
                pins.push((pin, from_hash(&tag.hash)));
            }
        }
        Ok(pins)
    }

    /// Deletes what no pin keeps and no transfer uses, now, and returns when that is done.
    pub async fn collect_garbage_now(&self) {
        self.inner.collector.run_now().await;
    }

    /// Returns when everything imported, fetched and pinned so far survives kill -9. Without it the last
    /// half second may be missing. Costs one flush of the disk, shared by all who ask meanwhile; nothing if nothing
    /// was written since the last.
    pub async fn sync(&self) -> Result<(), StoreError> {
        let mine = self.inner.writes.load(Ordering::SeqCst);
        let mut synced = self.inner.synced.lock().await;
        if *synced >= mine {
            return Ok(());
        }
        // Covers everybody who waits for the lock by now.
        let all = self.inner.writes.load(Ordering::SeqCst);
        let flushed = self.inner.store.sync_db().await;
        flushed.map_err(|error| StoreError::from(iroh_blobs::api::Error::from(error)))?;
        *synced = all;
        Ok(())
    }

    /// Counts a change that kill -9 must not undo once it is synced.
    pub(crate) fn count_write(&self) {
        self.inner.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Closes the store and unlocks the directory. Every handle is dead afterwards; a second call does nothing.
    pub async fn shutdown(&self) {
        self.inner.collector.stop();
        self.inner.dialer.close_all();
        self.inner.holds.release_all();
        self.inner.open_blobs.close_all();
        if let Err(error) = self.inner.store.shutdown().await {
            tracing::debug!(%error, "the blob store was closed before");
        }
        self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) async fn set_tag(&self, hash: BlobHash, pin: &Pin) -> Result<(), iroh_blobs::api::Error> {
        let set = self
            .inner
            .store
            .tags()
            .set(pin.tag(&hash), HashAndFormat::raw(to_hash(&hash)))
            .await;
        self.count_write();
        set.map_err(Into::into)
    }

    /// Which parts of a blob are here.
    pub(crate) async fn observe(&self, hash: BlobHash) -> Result<Bitfield, String> {
        self.inner
            .store
            .observe(to_hash(&hash))
            .await
            .map_err(|error| error.to_string())
    }
}

impl From<iroh_blobs::api::Error> for StoreError {
    fn from(error: iroh_blobs::api::Error) -> Self {
        Self(io_error(error).to_string())
    }
}

pub(crate) fn to_hash(hash: &BlobHash) -> Hash {
    Hash::from_bytes(*hash.as_bytes())
}

pub(crate) fn from_hash(hash: &Hash) -> BlobHash {
    BlobHash(*hash.as_bytes())
}

pub(crate) fn io_error(error: iroh_blobs::api::Error) -> io::Error {
    match error {
        iroh_blobs::api::Error::Io(error) => error,
    }
}
