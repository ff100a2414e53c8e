//! The thread that appends: many records, one write, one sync.

use super::record::{AuditEntry, AuditRecord};
use super::{AuditHead, Shared};
use job_model::UnixMillis;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Records of one write and one sync.
const BATCH: usize = 256;

/// A record to write.
pub struct Job {
    pub entry: AuditEntry,
    pub at: UnixMillis,
    /// Told once it is on disk, or why not.
    pub done: oneshot::Sender<Result<(), String>>,
}

/// The file and where its chain ends.
pub struct Writer {
    file: File,
    head: AuditHead,
    bytes: u64,
    shared: Arc<Shared>,
}

impl Writer {
    /// Goes on after a checked end.
    pub fn new(file: File, head: AuditHead, bytes: u64, shared: Arc<Shared>) -> Self {
        let writer = Self {
            file,
            head,
            bytes,
            shared,
        };
        writer.publish();
        writer
    }

    /// Writes what comes until all handles are gone.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            let (mut entries, mut waiting) = (Vec::new(), Vec::new());
            for job in batch.drain(..) {
                entries.push((job.entry, job.at));
                waiting.push(job.done);
            }
            let written = self.write(entries).map_err(|error| error.to_string());
            if let Err(error) = &written {
                tracing::error!(%error, "the audit log cannot be written: requests that change anything are refused");
            }
            for done in waiting {
                // The request was given up; its record stands.
                let _ = done.send(written.clone());
            }
        }
    }

    /// Appends and syncs. After an error nothing is ever written again: what lies behind a half record would be lost.
    pub fn write(&mut self, entries: Vec<(AuditEntry, UnixMillis)>) -> io::Result<()> {
        if self.shared.broken.load(Ordering::Relaxed) {
            return Err(io::Error::other(
                "an earlier record could not be written; free the disk and restart the node",
            ));
        }
        let mut head = self.head.clone();
        let mut text = String::new();
        for (entry, at) in entries {
            let record = AuditRecord::seal(entry, at, head.seq + 1, &head.hash);
            text.push_str(&record.json());
            text.push('\n');
            head = AuditHead {
                seq: record.seq,
                hash: record.hash,
            };
        }
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_data());
        if written.is_err() {
            self.shared.broken.store(true, Ordering::Relaxed);
            // The next start would do the same with a torn line; a whole one that nobody was told of may stay.
            let _ = self.file.set_len(self.bytes);
        }
        written?;
        self.head = head;
        self.bytes += text.len() as u64;
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        *self.shared.head.lock().unwrap_or_else(PoisonError::into_inner) = self.head.clone();
        self.shared.synced_bytes.store(self.bytes, Ordering::Release);
    }
}
