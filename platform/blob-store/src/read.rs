//! Reading bytes of stored blobs. Blobs are verified when they arrive, block by block against their hash; reading them
//! again costs a plain `pread` on a cached file handle and no second hash. (Export and serving verify again.)
//!
//! The cache of open blobs belongs to the store and is bounded; the collector closes what it deleted. What is read of
//! a partial blob was checked to be present, so that a hole in a sparse file never reads as zeros.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use iroh_blobs::Hash;
use iroh_blobs::protocol::{ChunkRanges, ChunkRangesExt};
use job_model::BlobHash;
use tokio::runtime::Handle;

use crate::store::{BlobStore, to_hash};

/// Blobs kept open at most: one file handle, or up to [`crate::INLINE_BYTES`] of memory, each.
const MAX_OPEN_BLOBS: usize = 64;

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing of the blob is here.
    #[error("blob {hash} is not stored on this node; fetch it first")]
    NotHere {
        /// The blob.
        hash: BlobHash,
    },
    /// Some of the bytes asked for are not here.
    #[error("bytes {offset} to {end} of blob {hash} are not stored on this node; fetch this range first", end = offset.saturating_add(*len))]
    RangeNotHere {
        /// The blob.
        hash: BlobHash,
        /// First byte asked for.
        offset: u64,
        /// Bytes asked for.
        len: u64,
    },
    /// The range begins after the blob's end.
    #[error("blob {hash} has {size} bytes, byte {offset} is beyond its end")]
    BeyondEnd {
        /// The blob.
        hash: BlobHash,
        /// First byte asked for.
        offset: u64,
        /// The blob's size in bytes.
        size: u64,
    },
    /// The file could not be read, or is shorter than it was.
    #[error("the stored data of blob {hash} cannot be read; check the disk")]
    Io {
        /// The blob.
        hash: BlobHash,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store does not answer.
    #[error("the blob store failed: {0}")]
    Store(String),
}

#[derive(Debug)]
enum Source {
    Memory(Bytes),
    File(File),
}

/// One blob, open for reading.
#[derive(Debug)]
pub(crate) struct OpenBlob {
    source: Source,
    /// `None` while only a part is here and the end is not known yet.
    size: Option<u64>,
    /// `None`: all of it is here.
    present: Option<ChunkRanges>,
    last_used: AtomicU64,
}

impl OpenBlob {
    fn covers(&self, offset: u64, len: u64) -> bool {
        self.present
            .as_ref()
            .is_none_or(|present| present.is_superset(&ChunkRanges::bytes(offset..offset + len)))
    }

    /// Bytes from `offset` on that a read of `len` gives: fewer at the end of the blob. `Err` with the size if the range
    /// begins beyond it.
    fn clip(&self, offset: u64, len: u64) -> Result<u64, u64> {
        match self.size {
            Some(size) if offset > size => Err(size),
            Some(size) => Ok(len.min(size - offset)),
            None => Ok(len),
        }
    }

    /// The file of a blob that has one and is complete.
    pub(crate) fn complete_file(&self) -> Option<(&File, u64)> {
        match (&self.source, self.size, &self.present) {
            (Source::File(file), Some(size), None) => Some((file, size)),
            _ => None,
        }
    }

    fn read_exact(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match &self.source {
            Source::File(file) => file.read_exact_at(buffer, offset),
            Source::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let part = start.checked_add(buffer.len()).and_then(|end| bytes.get(start..end));
                buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

/// The cache of open blobs.
#[derive(Debug, Default)]
pub(crate) struct OpenBlobs {
    blobs: Mutex<HashMap<BlobHash, Arc<OpenBlob>>>,
    clock: AtomicU64,
}

impl OpenBlobs {
    fn blobs(&self) -> MutexGuard<'_, HashMap<BlobHash, Arc<OpenBlob>>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, hash: &BlobHash) -> Option<Arc<OpenBlob>> {
        let blob = self.blobs().get(hash).cloned()?;
        blob.last_used
            .store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(blob)
    }

    fn put(&self, hash: BlobHash, blob: &Arc<OpenBlob>) {
        blob.last_used
            .store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut blobs = self.blobs();
        if blobs.len() >= MAX_OPEN_BLOBS && !blobs.contains_key(&hash) {
            let oldest = blobs
                .iter()
                .min_by_key(|(_, blob)| blob.last_used.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                blobs.remove(&oldest);
            }
        }
        blobs.insert(hash, blob.clone());
    }

    pub(crate) fn close(&self, gone: &[BlobHash]) {
        let mut blobs = self.blobs();
        for hash in gone {
            blobs.remove(hash);
        }
    }

    pub(crate) fn close_all(&self) {
        self.blobs().clear();
    }
}

impl BlobStore {
    /// Reads `len` bytes from `offset`; fewer where the blob ends. Nothing is fetched: what is not here is an error.
    /// `len` is the caller's to bound: the whole range is held in memory.
    pub async fn read(&self, hash: BlobHash, offset: u64, len: u64) -> Result<Bytes, ReadError> {
        let blob = self.open_for(hash, offset, len).await?;
        let len = blob
            .clip(offset, len)
            .map_err(|size| ReadError::BeyondEnd { hash, offset, size })?;
        if let Source::Memory(bytes) = &blob.source {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let end = usize::try_from(offset + len).unwrap_or(usize::MAX).min(bytes.len());
            return Ok(bytes.slice(start..end));
        }
        let read = move || {
            let mut buffer = vec![0; to_usize(len)?];
            blob.read_exact(offset, &mut buffer).map(|()| Bytes::from(buffer))
        };
        let done = tokio::task::spawn_blocking(read)
            .await
            .map_err(|error| ReadError::Store(error.to_string()))?;
        done.map_err(|source| ReadError::Io { hash, source })
    }

    /// A reader for threads that are not the runtime's, such as those that run sandboxes.
    pub fn reader(&self, handle: Handle) -> BlockingReader {
        BlockingReader {
            store: self.clone(),
            handle,
        }
    }

    /// The blob, with the range checked to be here.
    pub(crate) async fn open_for(&self, hash: BlobHash, offset: u64, len: u64) -> Result<Arc<OpenBlob>, ReadError> {
        if let Some(blob) = self.cached(&hash, offset, len) {
            return Ok(blob);
        }
        let blob = Arc::new(self.open_blob(hash).await?);
        self.inner().open_blobs.put(hash, &blob);
        let covered = blob.covers(offset, blob.clip(offset, len).unwrap_or(0));
        if covered {
            Ok(blob)
        } else {
            Err(ReadError::RangeNotHere { hash, offset, len })
        }
    }

    /// The blob from the cache, if what the cache knows of it covers the range.
    fn cached(&self, hash: &BlobHash, offset: u64, len: u64) -> Option<Arc<OpenBlob>> {
        let blob = self.inner().open_blobs.get(hash)?;
        let covered = blob.clip(offset, len).is_ok_and(|len| blob.covers(offset, len));
        covered.then_some(blob)
    }

    async fn open_blob(&self, hash: BlobHash) -> Result<OpenBlob, ReadError> {
        let last_used = AtomicU64::new(0);
        if let Some(size) = self.inner().space.complete_size(&hash) {
            let source = if size <= crate::INLINE_BYTES {
                let bytes = self.inner().store.get_bytes(to_hash(&hash)).await;
                Source::Memory(bytes.map_err(|error| ReadError::Store(format!("{error:#}")))?)
            } else {
                self.open_file(hash)?
            };
            return Ok(OpenBlob {
                source,
                size: Some(size),
                present: None,
                last_used,
            });
        }
        if !self.inner().space.contains(&hash) {
            return Err(ReadError::NotHere { hash });
        }
        let have = self.observe(hash).await.map_err(ReadError::Store)?;
        let size = have.validated_size();
        Ok(OpenBlob {
            source: self.open_file(hash)?,
            size,
            present: Some(have.ranges),
            last_used,
        })
    }

    fn open_file(&self, hash: BlobHash) -> Result<Source, ReadError> {
        let path = self.data_path(&to_hash(&hash));
        match File::open(path) {
            Ok(file) => Ok(Source::File(file)),
            Err(source) => Err(ReadError::Io { hash, source }),
        }
    }

    pub(crate) fn data_path(&self, hash: &Hash) -> PathBuf {
        self.inner().data_dir.join(format!("{}.data", hash.to_hex()))
    }
}

/// A complete blob, held open: what is collected meanwhile can still be read to its end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OpenedBlob {
    hash: BlobHash,
    blob: Arc<OpenBlob>,
    size: u64,
}

impl BlobStore {
    /// Opens a blob that is completely here, for many reads.
    pub async fn open_complete(&self, hash: BlobHash) -> Result<OpenedBlob, ReadError> {
        let blob = self.open_for(hash, 0, 0).await?;
        match (blob.size, &blob.present) {
            (Some(size), None) => Ok(OpenedBlob { hash, blob, size }),
            // The cache knew only a part, and the rest has come since: ask again past the cache.
            _ if self.has(hash).await => {
                self.inner().open_blobs.close(&[hash]);
                let blob = Arc::new(self.open_blob(hash).await?);
                let size = blob.size.ok_or(ReadError::NotHere { hash })?;
                Ok(OpenedBlob { hash, blob, size })
            }
            _ => Err(ReadError::NotHere { hash }),
        }
    }
}

impl OpenedBlob {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills the buffer from `offset`; how many bytes it got: fewer than asked only where the blob ends. Blocks while the
    /// disk works.
    pub fn read_into(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let hash = self.hash;
        let wanted = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let beyond = |size| ReadError::BeyondEnd { hash, offset, size };
        let len = self.blob.clip(offset, wanted).map_err(beyond)?;
        let len = to_usize(len).map_err(|source| ReadError::Io { hash, source })?;
        let part = buffer.get_mut(..len).unwrap_or_default();
        let read = self.blob.read_exact(offset, part);
        read.map_err(|source| ReadError::Io { hash, source }).map(|()| len)
    }
}

/// Reads blobs from plain threads. Sequential reads of a megabyte cost one system call each.
#[derive(Debug, Clone)]
pub struct BlockingReader {
    store: BlobStore,
    handle: Handle,
}

impl BlockingReader {
    /// Reads `len` bytes from `offset`; fewer where the blob ends. The error is a text for people. Not to be called on a
    /// thread of the runtime.
    pub fn read(&self, hash: BlobHash, offset: u64, len: u64) -> Result<Vec<u8>, String> {
        let blob = self.open_for(hash, offset, len).map_err(|error| error.to_string())?;
        let read = || {
            let len = blob
                .clip(offset, len)
                .map_err(|size| ReadError::BeyondEnd { hash, offset, size })?;
            let mut buffer = vec![0; to_usize(len).map_err(|source| ReadError::Io { hash, source })?];
            blob.read_exact(offset, &mut buffer)
                .map_err(|source| ReadError::Io { hash, source })?;
            Ok(buffer)
        };
        read().map_err(|error: ReadError| error.to_string())
    }

    /// Fills `buffer` from `offset` and returns how many bytes it got: fewer than asked only where the blob ends.
    pub fn read_into(&self, hash: BlobHash, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let blob = self.open_for(hash, offset, wanted)?;
        let len = blob
            .clip(offset, wanted)
            .map_err(|size| ReadError::BeyondEnd { hash, offset, size })?;
        let len = to_usize(len).map_err(|source| ReadError::Io { hash, source })?;
        blob.read_exact(offset, &mut buffer[..len])
            .map_err(|source| ReadError::Io { hash, source })?;
        Ok(len)
    }

    /// The size in bytes of a blob that is completely here.
    pub fn size(&self, hash: &BlobHash) -> Option<u64> {
        self.store.inner().space.complete_size(hash)
    }

    fn open_for(&self, hash: BlobHash, offset: u64, len: u64) -> Result<Arc<OpenBlob>, ReadError> {
        match self.store.cached(&hash, offset, len) {
            Some(blob) => Ok(blob),
            None => self.handle.block_on(self.store.open_for(hash, offset, len)),
        }
    }
}

fn to_usize(len: u64) -> io::Result<usize> {
    usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge.into())
}
