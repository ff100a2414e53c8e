//! The audit log: who did what, when, and how it ended. Append-only, one JSON object a line, chained by hashes.
//!
//! A thread owns `audit.jsonl` (mode 0600). It takes what waits, writes it in one go, syncs once, and then tells every
//! writer: what was told is on disk. Each record carries the hash of the one before it, so a record that is edited,
//! removed or moved breaks the chain at a place that [`verify_audit`] names. Somebody who may write the file can make a
//! whole new chain, or cut the end off; against that, note the head's hash elsewhere and verify against it.

mod page;
mod record;
mod tail;
mod verify;
mod writer;

pub use page::MAX_AUDIT_PAGE;
pub use record::{AuditEntry, AuditRecord};
pub use verify::{AuditProblem, AuditReport, verify_audit};

use super::{AccessError, LOCAL_ACTOR, io_error};
use crate::context::now;
use record::clean;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use writer::{Job, Writer};

/// File name in the data directory.
pub const AUDIT_FILE: &str = "audit.jsonl";
/// Records that may wait for the disk; more make their requests wait.
const QUEUE: usize = 1_024;

/// Why a record is not on disk.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the audit log cannot be written: {0}")]
pub struct AuditError(String);

/// Where the chain ends.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AuditHead {
    /// Number of the last record; 0: there is none.
    pub seq: u64,
    /// Its hash; empty: there is none.
    pub hash: String,
}

/// A piece of the audit log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditPage {
    /// The records, the oldest first.
    pub records: Vec<AuditRecord>,
    /// Where the whole chain ends.
    pub head: AuditHead,
    /// The file.
    pub file: PathBuf,
}

/// What writer and readers share.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes of the file that are on disk: whole records.
    synced_bytes: AtomicU64,
    /// Falls for good when the file could not be written.
    broken: AtomicBool,
    head: Mutex<AuditHead>,
}

impl Shared {
    fn head(&self) -> AuditHead {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The audit log of a running node; cheap to clone. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub struct AuditLog {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

impl AuditLog {
    /// Opens the log of a data directory and checks its end. A torn last line (a crash; nobody was told of it) is moved
    /// to `audit.torn` and recorded. A last record that is not what was written is an error.
    pub fn open(data_dir: &Path) -> Result<Self, AccessError> {
        let path = data_dir.join(AUDIT_FILE);
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(io_error("open", &path))?;
        let tail = tail::check(&file, &path)?;
        let shared = Arc::new(Shared::default());
        let mut writer = Writer::new(file, tail.head, tail.bytes, Arc::clone(&shared));
        if tail.torn_bytes > 0 {
            let torn = data_dir.join("audit.torn");
            tracing::warn!(bytes = tail.torn_bytes, file = %torn.display(), "the audit log's last line was torn by a crash");
            let target = format!(
                "{} bytes of a torn last line, set aside in {}",
                tail.torn_bytes,
                torn.display()
            );
            let repaired = AuditEntry {
                actor: LOCAL_ACTOR.to_owned(),
                token: None,
                role: "node".to_owned(),
                address: "local".to_owned(),
                action: "audit repair".to_owned(),
                target,
                outcome: "ok".to_owned(),
                status: None,
            };
            writer
                .write(vec![(repaired, now())])
                .map_err(io_error("write", &path))?;
        }
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || writer.run(waiting)).map_err(AccessError::Thread)?;
        Ok(Self { path, jobs, shared })
    }

    /// Appends a record; returns when it is on disk.
    pub async fn append(&self, entry: AuditEntry) -> Result<(), AuditError> {
        let gone = || AuditError("its writer has ended; the node's log says why".to_owned());
        let (done, waiting) = oneshot::channel();
        let job = Job {
            entry: clean(entry),
            at: now(),
            done,
        };
        self.jobs.send(job).await.map_err(|_| gone())?;
        waiting.await.map_err(|_| gone())?.map_err(AuditError)
    }

    /// Whether records can be written. Once the disk refused one, nothing that must be recorded is done any more.
    pub fn is_writable(&self) -> bool {
        !self.shared.broken.load(Ordering::Relaxed)
    }

    /// Where the chain ends.
    pub fn head(&self) -> AuditHead {
        self.shared.head()
    }

    /// Records from number `from` on (none: the newest), at most `limit` and [`MAX_AUDIT_PAGE`]. Waits for the disk.
    pub fn page(&self, from: Option<u64>, limit: u32) -> Result<AuditPage, AccessError> {
        let head = self.head();
        let limit = u64::from(limit.clamp(1, MAX_AUDIT_PAGE));
        let from = from.unwrap_or_else(|| (head.seq + 1).saturating_sub(limit)).max(1);
        let records = page::read(
            &self.path,
            self.shared.synced_bytes.load(Ordering::Acquire),
            from,
            limit,
        )?;
        Ok(AuditPage {
            records,
            head,
            file: self.path.clone(),
        })
    }

    /// Checks everything that is on disk. Waits for the disk.
    pub fn verify(&self, expect: Option<&str>) -> Result<Result<AuditReport, AuditProblem>, AccessError> {
        let limit = self.shared.synced_bytes.load(Ordering::Acquire);
        verify::verify_up_to(&self.path, Some(limit), expect)
    }
}

#[cfg(test)]
mod tests;
