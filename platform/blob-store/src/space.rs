//! What is stored and how much room it takes. One index in memory, filled when the store opens, updated by every import
//! and fetch and corrected after every collection. It answers "do I have it" without asking the database, and it is
//! the place where quota and free disk are checked before the first byte is written.
//! Nothing here is on disk: after a crash it is rebuilt from the database and the files.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use job_model::BlobHash;

/// Hash trees take 64 bytes for every 16 KiB of data: one part in 256.
const OUTBOARD_PART: u64 = 256;

/// Why there is no room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// The quota of this store would be exceeded. All figures in bytes.
    #[error(
        "the blob store's quota is reached: {needed} bytes are needed, {used} of {quota} bytes are used; raise the quota or cancel tasks that keep blobs"
    )]
    Quota {
        /// Bytes asked for.
        needed: u64,
        /// Bytes stored, or promised to transfers under way.
        used: u64,
        /// The limit.
        quota: u64,
    },
    /// The file system is full, or would have less free than the margin. All figures in bytes.
    #[error(
        "the disk is full: {needed} bytes are needed in {dir}, {free} bytes are free, of which {margin} are kept in reserve; free some space or move the data directory"
    )]
    Disk {
        /// Bytes asked for.
        needed: u64,
        /// Bytes the file system offers.
        free: u64,
        /// Bytes that stay free.
        margin: u64,
        /// The directory on the full file system.
        dir: PathBuf,
    },
}

/// One blob as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its hash.
    pub hash: BlobHash,
    /// Bytes of it that are here.
    pub bytes: u64,
    /// Whether all of it is here.
    pub complete: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    bytes: u64,
    complete: bool,
    /// Changes with every record, so that a collection never drops an entry that was written again meanwhile.
    generation: u64,
}

#[derive(Debug, Default)]
struct Books {
    entries: HashMap<BlobHash, Entry>,
    used: u64,
    reserved: u64,
    generation: u64,
}

/// The index with its limits. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    books: Arc<Mutex<Books>>,
    quota: Option<u64>,
    margin: u64,
    dir: PathBuf,
}

impl Space {
    pub(crate) fn new(dir: PathBuf, quota: Option<u64>, margin: u64) -> Self {
        Self {
            books: Arc::default(),
            quota,
            margin,
            dir,
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Every change below is complete before anything can panic.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Promises `bytes` to one import or transfer; the promise ends when the reservation is dropped.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<Reservation, SpaceError> {
        let mut reservation = Reservation {
            space: self.clone(),
            bytes: 0,
        };
        reservation.grow(bytes.saturating_add(bytes / OUTBOARD_PART))?;
        Ok(reservation)
    }

    /// The error for a write that failed because the disk is full.
    pub(crate) fn disk_full(&self, needed: u64) -> SpaceError {
        SpaceError::Disk {
            needed,
            free: self.free_bytes().unwrap_or(0),
            margin: self.margin,
            dir: self.dir.clone(),
        }
    }

    /// `None` when the file system does not say: then only the quota holds, and a full disk shows when writing.
    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.dir).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    pub(crate) fn record(&self, hash: BlobHash, bytes: u64, complete: bool) {
        let mut books = self.books();
        books.generation += 1;
        let entry = Entry {
            bytes,
            complete,
            generation: books.generation,
        };
        let old = books.entries.insert(hash, entry).map_or(0, |old| old.bytes);
        books.used = books.used.saturating_sub(old).saturating_add(bytes);
    }

    pub(crate) fn complete_size(&self, hash: &BlobHash) -> Option<u64> {
        self.books()
            .entries
            .get(hash)
            .filter(|entry| entry.complete)
            .map(|entry| entry.bytes)
    }

    pub(crate) fn contains(&self, hash: &BlobHash) -> bool {
        self.books().entries.contains_key(hash)
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.books().used
    }

    pub(crate) fn list(&self) -> Vec<StoredBlob> {
        let to_stored = |(hash, entry): (&BlobHash, &Entry)| StoredBlob {
            hash: *hash,
            bytes: entry.bytes,
            complete: entry.complete,
        };
        self.books().entries.iter().map(to_stored).collect()
    }

    /// What is known now, to be handed to [`Space::forget_missing`] with a list taken later.
    pub(crate) fn snapshot(&self) -> Vec<(BlobHash, u64)> {
        self.books()
            .entries
            .iter()
            .map(|(hash, entry)| (*hash, entry.generation))
            .collect()
    }

    /// Drops what was known at the snapshot, was not written since, and is no longer stored. Returns what went.
    pub(crate) fn forget_missing(&self, snapshot: &[(BlobHash, u64)], stored: &HashSet<BlobHash>) -> Vec<BlobHash> {
        let mut books = self.books();
        let mut gone = Vec::new();
        for (hash, generation) in snapshot {
            if stored.contains(hash)
                || books
                    .entries
                    .get(hash)
                    .is_none_or(|entry| entry.generation != *generation)
            {
                continue;
            }
            if let Some(entry) = books.entries.remove(hash) {
                books.used = books.used.saturating_sub(entry.bytes);
                gone.push(*hash);
            }
        }
        gone
    }
}

/// Room promised to one import or transfer.
#[derive(Debug)]
pub(crate) struct Reservation {
    space: Space,
    bytes: u64,
}

impl Reservation {
    /// Asks for more; on refusal what was promised before stays.
    pub(crate) fn grow(&mut self, more: u64) -> Result<(), SpaceError> {
        let space = &self.space;
        let free = space.free_bytes();
        let mut books = space.books();
        let used = books.used.saturating_add(books.reserved);
        if let Some(quota) = space.quota
            && used.saturating_add(more) > quota
        {
            return Err(SpaceError::Quota {
                needed: more,
                used,
                quota,
            });
        }
        if let Some(free) = free
            && free < books.reserved.saturating_add(more).saturating_add(space.margin)
        {
            return Err(SpaceError::Disk {
                needed: more,
                free,
                margin: space.margin,
                dir: space.dir.clone(),
            });
        }
        books.reserved = books.reserved.saturating_add(more);
        drop(books);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut books = self.space.books();
        books.reserved = books.reserved.saturating_sub(self.bytes);
    }
}
