//! Opening a store: check the format, lock the directory, clean up after a crash, load, fill the index.
//!
//! Layout of the directory: `VERSION` (this crate's format), `LOCK` (held while open, with the process id inside),
//! `blobs.db` (redb: tags, states, small blobs), `data/` (files by hash), `temp/` (imports in progress).

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iroh_blobs::Hash;
use iroh_blobs::api::Store;
use iroh_blobs::api::blobs::BlobStatus;
use iroh_blobs::store::GcConfig;
use iroh_blobs::store::fs::FsStore;
use iroh_blobs::store::fs::options::Options;

use crate::claims::Claims;
use crate::collect::{Collector, SETTLE_TIME};
use crate::dial::Dialer;
use crate::hold::Holds;
use crate::read::OpenBlobs;
use crate::space::Space;
use crate::store::{BlobStore, Inner, from_hash};

/// The format this crate writes: the layout of the directory and the major version of the store's database.
const FORMAT: &str = "p2pjob blobs 1";
/// `st_blocks` counts in units of 512 bytes, whatever the file system's block size.
const STAT_BLOCK_BYTES: u64 = 512;

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The directory; made if missing.
    pub dir: PathBuf,
    /// Bytes the stored blobs may take together; `None` for as much as the disk holds.
    pub quota_bytes: Option<u64>,
    /// How often blobs without a pin are deleted.
    pub gc_interval: Duration,
    /// Bytes that stay free on the file system: nothing is imported or fetched that would leave less.
    pub min_free_bytes: u64,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another store in this one, has it open.
    #[error("the blob store {dir} is in use by {owner}; stop that node or give this one its own data directory", dir = dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The owner: `process 1234`, or `another process`.
        owner: String,
    },
    /// It was written by another version.
    #[error("the blob store {dir} has the format {found:?}, this version writes {FORMAT:?}; use the version that wrote it, or another data directory", dir = dir.display())]
    OtherVersion {
        /// The directory.
        dir: PathBuf,
        /// What its `VERSION` file says.
        found: String,
    },
    /// The directory cannot be made or written.
    #[error("the blob store {dir} cannot be written: {source}; check its owner, its permissions and the free space", dir = dir.display())]
    NotWritable {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database does not open.
    #[error("the blob store {dir} is damaged: {reason}; restore it from a backup, or remove the directory: blobs can be fetched again", dir = dir.display())]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// What the database said.
        reason: String,
    },
}

impl BlobStore {
    /// Opens the store in a directory, or makes one. Fails at once, without waiting, if another process has it open.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        let dir = std::path::absolute(&options.dir).map_err(|source| OpenError::NotWritable {
            dir: options.dir.clone(),
            source,
        })?;
        let lock = prepare(&dir)?;
        let mut fs_options = Options::new(&dir);
        fs_options.inline.max_data_inlined = crate::INLINE_BYTES;
        let (data_dir, temp_dir) = (fs_options.path.data_path.clone(), fs_options.path.temp_path.clone());
        let space = Space::new(dir.clone(), options.quota_bytes, options.min_free_bytes);
        let open_blobs = Arc::new(OpenBlobs::default());
        let holds = Arc::new(Holds::default());
        let collector = Collector::new(options.gc_interval, space.clone(), open_blobs.clone(), holds.clone());
        fs_options.gc = Some(collection(&collector));
        let damaged = |reason: String| OpenError::Damaged {
            dir: dir.clone(),
            reason,
        };
        let loaded = FsStore::load_with_opts(dir.join("blobs.db"), fs_options).await;
        let store = Store::from(loaded.map_err(|error| damaged(format!("{error:#}")))?);
        let stored = fill_index(&store, &space, &data_dir).await.map_err(damaged)?;
        remove_strangers(&data_dir, &stored);
        collector.attach(store.clone(), temp_dir);
        let (claims, dialer, lock) = (Claims::default(), Dialer::default(), Mutex::new(Some(lock)));
        let (writes, synced) = (AtomicU64::new(0), tokio::sync::Mutex::new(0));
        Ok(Self::new(Inner {
            store,
            data_dir,
            space,
            collector,
            open_blobs,
            holds,
            claims,
            dialer,
            writes,
            served_bytes: AtomicU64::new(0),
            synced,
            lock,
        }))
    }
}

/// The collector as the store wants it: a callback before each run.
fn collection(collector: &Arc<Collector>) -> GcConfig {
    let collector = collector.clone();
    let before_run: iroh_blobs::store::ProtectCb = Arc::new(move |_live| {
        // A task of its own, because the store wants a future that is Sync, and its own are not.
        let turn = tokio::spawn(collector.clone().next_run());
        Box::pin(async move { turn.await.unwrap_or(iroh_blobs::store::ProtectOutcome::Abort) })
    });
    GcConfig {
        interval: SETTLE_TIME,
        add_protected: Some(before_run),
    }
}

/// Makes the directory, checks the version, takes the lock, removes what imports left when the process died.
fn prepare(dir: &Path) -> Result<File, OpenError> {
    let not_writable = |source| OpenError::NotWritable {
        dir: dir.to_owned(),
        source,
    };
    fs::create_dir_all(dir).map_err(not_writable)?;
    let lock = take_lock(dir)?;
    let version = dir.join("VERSION");
    match fs::read_to_string(&version) {
        Ok(found) if found.trim() == FORMAT => {}
        Ok(found) => {
            return Err(OpenError::OtherVersion {
                dir: dir.to_owned(),
                found: found.trim().to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.join("blobs.db").exists() => {
            fs::write(&version, format!("{FORMAT}\n")).map_err(not_writable)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::OtherVersion {
                dir: dir.to_owned(),
                found: String::new(),
            });
        }
        Err(source) => return Err(not_writable(source)),
    }
    match fs::remove_dir_all(dir.join("temp")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(not_writable(error)),
        _ => Ok(lock),
    }
}

/// The kernel gives the lock back when the process ends, however it ends.
fn take_lock(dir: &Path) -> Result<File, OpenError> {
    let not_writable = |source| OpenError::NotWritable {
        dir: dir.to_owned(),
        source,
    };
    let mut options = File::options();
    let mut lock = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join("LOCK"))
        .map_err(not_writable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(source)) => return Err(not_writable(source)),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Whoever holds the lock may just be writing its id; the error is good without it.
            let _ = lock.read_to_string(&mut text);
            let owner = text.trim().parse::<u32>().map(|pid| format!("process {pid}"));
            let owner = owner.unwrap_or_else(|_| "another process".to_owned());
            return Err(OpenError::InUse {
                dir: dir.to_owned(),
                owner,
            });
        }
    }
    lock.set_len(0).map_err(not_writable)?;
    lock.rewind().map_err(not_writable)?;
    writeln!(lock, "{}", std::process::id()).map_err(not_writable)?;
    Ok(lock)
}

/// Takes everything the database knows into the index, and returns it.
async fn fill_index(store: &Store, space: &Space, data_dir: &Path) -> Result<HashSet<Hash>, String> {
    let hashes = store.list().hashes().await.map_err(|error| error.to_string())?;
    for hash in &hashes {
        match store.status(*hash).await.map_err(|error| error.to_string())? {
            BlobStatus::Complete { size } => space.record(from_hash(hash), size, true),
            BlobStatus::Partial { .. } => {
                let file = data_dir.join(format!("{}.data", hash.to_hex()));
                let bytes = fs::metadata(file).map_or(0, |meta| meta.blocks().saturating_mul(STAT_BLOCK_BYTES));
                space.record(from_hash(hash), bytes, false);
            }
            BlobStatus::NotFound => {}
        }
    }
    Ok(hashes.into_iter().collect())
}

/// Removes files of blobs the database does not know: it was killed before it wrote down that they began. Nothing is
/// lost that could be used, and their room would never be freed otherwise.
fn remove_strangers(data_dir: &Path, stored: &HashSet<Hash>) {
    let Ok(entries) = fs::read_dir(data_dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let hash = name
            .to_str()
            .and_then(|name| name.split('.').next())
            .and_then(|hex| hex.parse::<Hash>().ok());
        if hash.is_some_and(|hash| !stored.contains(&hash))
            && let Err(error) = fs::remove_file(entry.path())
        {
            tracing::warn!(%error, file = %entry.path().display(), "could not remove an unused file");
        }
    }
}
