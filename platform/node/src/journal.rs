//! The journal: every event, on disk before anybody hears of it.
//!
//! One thread owns the database (redb) and the ledger file. It takes all batches that wait, writes them in one
//! transaction, syncs, and only then hands their effects on, in order. A crash before the sync loses only what nobody
//! saw; after a restart the events go through the very same `apply`. A write that fails stops the node: going on
//! would mean to promise what is not kept.

mod step;

use crate::effects::Effect;
use crate::metrics::JournalMeters;
use job_model::chunk::ChunkKey;
use job_model::codec;
use job_model::{Comparison, Output, Recorded, TaskId};
use redb::{Database, ReadableDatabase, TableDefinition};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;
use step::Step;
use tokio::sync::mpsc;

const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
const BY_TASK: TableDefinition<'_, &[u8], ()> = TableDefinition::new("events_by_task");
const MEMO: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("memo");
const RAN: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("ran");

/// Batches that may wait for the disk. More make the node wait, not grow.
const QUEUE_BATCHES: usize = 256;
/// Most batches in one transaction: bounds the delay of the first one.
const BATCHES_PER_COMMIT: usize = 128;
/// Largest record that is read back, in bytes.
const MAX_RECORD_BYTES: usize = 64 << 20;
/// Memory redb may use for its page cache, in bytes: the node's budget is 60 MB in all.
const CACHE_BYTES: usize = 4 << 20;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("journal {path}: {why}; if the disk is full, free some space; otherwise restore the file from a backup")]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// What happened.
    pub why: String,
}

/// A result remembered by its chunk's key (C8).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MemoEntry {
    /// The output.
    pub output: Output,
    /// Distinct nodes that agreed on it.
    pub confirmations: u32,
    /// By which comparison they agreed.
    #[serde(default, skip_serializing_if = "Comparison::is_exact")]
    pub compare: Comparison,
}

/// What is written together.
#[derive(Default)]
pub struct Batch {
    /// Events, in order.
    pub events: Vec<Arc<Recorded>>,
    /// Results to remember.
    pub memo: Vec<(ChunkKey, MemoEntry)>,
    /// Replicas this node ran for others, by [`ran_key`]: what a settlement is checked against.
    pub ran: Vec<(Vec<u8>, Vec<u8>)>,
    /// Settled replicas, no longer needed in `ran`.
    pub ran_done: Vec<Vec<u8>>,
    /// Bytes to append to the ledger file.
    pub ledger: Vec<u8>,
    /// What may happen once the above is on disk.
    pub then: Vec<Effect>,
}

impl Batch {
    fn has_writes(&self) -> bool {
        !(self.events.is_empty() && self.memo.is_empty() && self.ran.is_empty() && self.ran_done.is_empty())
    }
    /// Whether there is nothing to do at all.
    pub fn is_empty(&self) -> bool {
        !self.has_writes() && self.ledger.is_empty() && self.then.is_empty()
    }
}

/// Key of a replica this node ran for somebody else.
pub fn ran_key(task: &TaskId, chunk: u32, attempt: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(40);
    key.extend_from_slice(task.as_bytes());
    key.extend_from_slice(&chunk.to_be_bytes());
    key.extend_from_slice(&attempt.to_be_bytes());
    key
}

fn task_key(task: &TaskId, seq: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(40);
    key.extend_from_slice(task.as_bytes());
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// Reads of the journal: cheap to clone, usable from any thread that may block.
#[derive(Clone)]
pub struct JournalReader {
    database: Arc<Database>,
    path: PathBuf,
}

/// The writing side. Dropping it lets the thread finish what it has.
pub struct Journal {
    batches: mpsc::Sender<Batch>,
    thread: Option<JoinHandle<()>>,
}

fn failed<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> JournalError + use<E> {
    let path = path.to_owned();
    move |error| JournalError {
        path: path.clone(),
        why: error.to_string(),
    }
}

impl Journal {
    /// Opens or creates the journal and the ledger file and starts the thread. `released` gets effects whose events are
    /// on disk; `broken` is called once if a write fails.
    pub fn open(
        path: &Path,
        ledger_path: &Path,
        released: mpsc::Sender<Vec<Effect>>,
        broken: Box<dyn FnOnce(JournalError) + Send>,
    ) -> Result<(Self, JournalReader), JournalError> {
        let fail = failed::<redb::DatabaseError>(path);
        let database = redb::Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(fail)?;
        let database = Arc::new(database);
        create_tables(&database).map_err(|error| JournalError {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        let ledger = File::options()
            .create(true)
            .append(true)
            .open(ledger_path)
            .map_err(failed(ledger_path))?;
        let (batches, queue) = mpsc::channel(QUEUE_BATCHES);
        let reader = JournalReader {
            database: Arc::clone(&database),
            path: path.to_owned(),
        };
        let mut writer = Writer {
            database,
            ledger,
            queue,
            released,
            path: path.to_owned(),
            meters: JournalMeters::default(),
        };
        let thread = std::thread::Builder::new()
            .name("p2pjob-journal".to_owned())
            .spawn(move || {
                if let Err(error) = writer.run() {
                    broken(error);
                }
            })
            .map_err(failed(path))?;
        Ok((
            Self {
                batches,
                thread: Some(thread),
            },
            reader,
        ))
    }

    /// Queues a batch; waits while [`QUEUE_BATCHES`] wait. Fails when the thread is gone.
    pub async fn write(&self, batch: Batch) -> Result<(), mpsc::error::SendError<Batch>> {
        self.batches.send(batch).await
    }

    /// Writes what is queued and ends the thread.
    pub fn close(mut self) {
        let (gone, _) = mpsc::channel(1);
        self.batches = gone;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal thread panicked");
        }
    }
}

fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    write.open_table(EVENTS)?;
    write.open_table(BY_TASK)?;
    write.open_table(MEMO)?;
    write.open_table(RAN)?;
    write.commit()?;
    Ok(())
}

struct Writer {
    database: Arc<Database>,
    ledger: File,
    queue: mpsc::Receiver<Batch>,
    released: mpsc::Sender<Vec<Effect>>,
    path: PathBuf,
    meters: JournalMeters,
}

impl Writer {
    fn run(&mut self) -> Result<(), JournalError> {
        let mut batches = Vec::with_capacity(BATCHES_PER_COMMIT);
        while let Some(first) = self.queue.blocking_recv() {
            batches.push(first);
            while batches.len() < BATCHES_PER_COMMIT
                && let Ok(next) = self.queue.try_recv()
            {
                batches.push(next);
            }
            self.write_group(&batches)?;
            for batch in batches.drain(..) {
                // The receiver is gone only when the node is stopping; the events are safe by now.
                if !batch.then.is_empty() && self.released.blocking_send(batch.then).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// In the order that a crash in between can repair: what was paid, then the ledger's statement of it, then the event
    /// that says the statement exists. [`market::Market::reconcile`] makes up for a missing third step.
    fn write_group(&mut self, batches: &[Batch]) -> Result<(), JournalError> {
        let (fail, started) = (failed::<redb::Error>(&self.path), Instant::now());
        let settles = batches.iter().any(|batch| !batch.ledger.is_empty());
        if batches.iter().any(Batch::has_writes) {
            let step = if settles { Step::BeforeLedger } else { Step::Everything };
            self.commit(batches, step).map_err(&fail)?;
        }
        if settles {
            self.append_ledger(batches)?;
            self.commit(batches, Step::AfterLedger).map_err(fail)?;
        }
        let events: usize = batches.iter().map(|batch| batch.events.len()).sum();
        if events > 0 {
            self.meters.committed(started.elapsed(), events);
        }
        Ok(())
    }

    fn append_ledger(&mut self, batches: &[Batch]) -> Result<(), JournalError> {
        let bytes: Vec<u8> = batches.iter().flat_map(|batch| batch.ledger.iter().copied()).collect();
        if bytes.is_empty() {
            return Ok(());
        }
        let fail = failed::<std::io::Error>(&self.path);
        self.ledger.write_all(&bytes).map_err(&fail)?;
        self.ledger.sync_data().map_err(&fail)
    }

    fn commit(&self, batches: &[Batch], step: Step) -> Result<(), redb::Error> {
        let write = self.database.begin_write()?;
        {
            let mut events = write.open_table(EVENTS)?;
            let mut by_task = write.open_table(BY_TASK)?;
            let mut memo = write.open_table(MEMO)?;
            let mut ran = write.open_table(RAN)?;
            for batch in batches {
                for record in batch.events.iter().filter(|record| step.takes(&record.event)) {
                    events.insert(record.seq, codec::encode(record.as_ref()).as_slice())?;
                    if let Some(task) = record.event.task() {
                        by_task.insert(task_key(&task, record.seq).as_slice(), ())?;
                    }
                }
                if step == Step::AfterLedger {
                    for key in &batch.ran_done {
                        ran.remove(key.as_slice())?;
                    }
                    continue;
                }
                for (key, entry) in &batch.memo {
                    memo.insert(key.0.as_slice(), codec::encode(entry).as_slice())?;
                }
                for (key, value) in &batch.ran {
                    ran.insert(key.as_slice(), value.as_slice())?;
                }
                if step == Step::Everything {
                    for key in &batch.ran_done {
                        ran.remove(key.as_slice())?;
                    }
                }
            }
        }
        write.commit()?;
        Ok(())
    }
}

impl JournalReader {
    fn fail(&self, error: impl std::fmt::Display) -> JournalError {
        JournalError {
            path: self.path.clone(),
            why: error.to_string(),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<Recorded, JournalError> {
        codec::decode(bytes, MAX_RECORD_BYTES).map_err(|error| self.fail(error))
    }

    /// Every event from `from` on, in order.
    pub fn replay(&self, from: u64, mut each: impl FnMut(Recorded)) -> Result<(), JournalError> {
        let read = self.database.begin_read().map_err(|e| self.fail(e))?;
        let events = read.open_table(EVENTS).map_err(|e| self.fail(e))?;
        for row in events.range(from..).map_err(|e| self.fail(e))? {
            let (_, bytes) = row.map_err(|e| self.fail(e))?;
            each(self.decode(bytes.value())?);
        }
        Ok(())
    }

    /// At most `limit` events from `from` on, of one task or of all.
    pub fn page(&self, task: Option<&TaskId>, from: u64, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        let read = self.database.begin_read().map_err(|e| self.fail(e))?;
        let events = read.open_table(EVENTS).map_err(|e| self.fail(e))?;
        let mut page = Vec::new();
        if let Some(task) = task {
            let by_task = read.open_table(BY_TASK).map_err(|e| self.fail(e))?;
            let (low, high) = (task_key(task, from), task_key(task, u64::MAX));
            for row in by_task
                .range(low.as_slice()..=high.as_slice())
                .map_err(|e| self.fail(e))?
                .take(limit)
            {
                let (key, ()) = row.map(|(key, unit)| (key, unit.value())).map_err(|e| self.fail(e))?;
                let seq = key
                    .value()
                    .last_chunk::<8>()
                    .map_or(0, |bytes| u64::from_be_bytes(*bytes));
                if let Some(bytes) = events.get(seq).map_err(|e| self.fail(e))? {
                    page.push(self.decode(bytes.value())?);
                }
            }
        } else {
            for row in events.range(from..).map_err(|e| self.fail(e))?.take(limit) {
                let (_, bytes) = row.map_err(|e| self.fail(e))?;
                page.push(self.decode(bytes.value())?);
            }
        }
        Ok(page)
    }

    /// Remembered results of these keys, in their order.
    pub fn recall(&self, keys: &[ChunkKey]) -> Result<Vec<Option<MemoEntry>>, JournalError> {
        let read = self.database.begin_read().map_err(|e| self.fail(e))?;
        let memo = read.open_table(MEMO).map_err(|e| self.fail(e))?;
        keys.iter()
            .map(|key| {
                let found = memo.get(key.0.as_slice()).map_err(|e| self.fail(e))?;
                // An entry of an older format is no entry: the chunk is run again.
                Ok(found.and_then(|bytes| codec::decode(bytes.value(), MAX_RECORD_BYTES).ok()))
            })
            .collect()
    }

    /// What this node recorded of replicas it ran for others.
    pub fn ran(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, JournalError> {
        let read = self.database.begin_read().map_err(|e| self.fail(e))?;
        let ran = read.open_table(RAN).map_err(|e| self.fail(e))?;
        keys.iter()
            .map(|key| {
                Ok(ran
                    .get(key.as_slice())
                    .map_err(|e| self.fail(e))?
                    .map(|bytes| bytes.value().to_vec()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
