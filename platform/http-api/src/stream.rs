//! The node's events as streams of Server-Sent Events: each record is turned into bytes once for all listeners.
//!
//! One task of the node ([`EventHub`]) takes records as they are journalled, encodes what came within a short window into
//! one [`Batch`], and hands that to every [`Listener`], which sends slices of it. A listener that begins in the past, or
//! whose client reads too slowly, gets pages of the journal instead: nothing waits for it in memory but its place. Pages
//! are shared too. After a crash nothing is missing: a place is a position in the journal.

mod frames;
mod listener;

pub use frames::Batch;
pub use listener::{Listener, Wanted};

use job_model::{Recorded, TaskId};
use node::Api;
use node::control::protocol::ControlError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::Instant;

/// Batches a listener may be behind before it reads the journal instead.
const LIVE_BATCHES: usize = 64;
/// Most records in a batch, and in a page of the journal.
const BATCH_RECORDS: usize = 128;
/// A batch of this many bytes is sent at once. With [`LIVE_BATCHES`]: 16 MiB for all listeners together.
const BATCH_BYTES: usize = 256 << 10;
/// Time between two batches: each wakes every listener.
const SHORTEST_WINDOW: Duration = Duration::from_millis(20);
/// The same where many listen; a fifth of what a listener may be behind.
const LONGEST_WINDOW: Duration = Duration::from_millis(200);
/// What one more listener adds to the window: about what it costs to wake it.
const WINDOW_PER_LISTENER: Duration = Duration::from_micros(200);
/// Pages read from the journal at the same time: a record may hold outputs, and is decoded whole.
const PAGES_AT_ONCE: usize = 2;
/// Pages kept for other listeners at the same place.
const KEPT_PAGES: usize = 32;
/// A larger page is not kept.
const KEPT_PAGE_BYTES: usize = 256 << 10;

/// The one encoder of a node, and where its listeners subscribe. Cheap to clone.
#[derive(Clone)]
pub struct EventHub {
    shared: Arc<Shared>,
}

struct Shared {
    api: Api,
    live: broadcast::Sender<Arc<Batch>>,
    reading: Semaphore,
    pages: Mutex<VecDeque<(PageKey, Arc<Batch>)>>,
}

/// Whose records, and from which position on.
type PageKey = (Option<TaskId>, u64);

impl EventHub {
    /// Over a node; its task ends with the node.
    pub fn start(api: &Api) -> Self {
        let shared = Arc::new(Shared {
            api: api.clone(),
            live: broadcast::channel(LIVE_BATCHES).0,
            reading: Semaphore::new(PAGES_AT_ONCE),
            pages: Mutex::default(),
        });
        api.spawn(feed(api.events(), shared.live.clone()));
        Self { shared }
    }

    /// The node.
    pub fn api(&self) -> &Api {
        &self.shared.api
    }

    /// Position up to which the journal is complete.
    pub fn published(&self) -> u64 {
        self.shared.api.published()
    }

    /// Who listens now.
    pub fn listeners(&self) -> usize {
        self.shared.live.receiver_count()
    }

    /// Batches from now on.
    fn subscribe(&self) -> broadcast::Receiver<Arc<Batch>> {
        self.shared.live.subscribe()
    }

    /// Records from `from` on as far as the journal is complete, of one task or of all; shared with others who ask for
    /// the same.
    async fn page(&self, key: PageKey) -> Result<Arc<Batch>, ControlError> {
        if let Some(page) = self.kept(key) {
            return Ok(page);
        }
        let permit = self.shared.reading.acquire().await;
        // Whoever held the permit may have read this very page.
        if let Some(page) = self.kept(key) {
            return Ok(page);
        }
        let (task, from) = key;
        let complete = self.published();
        let records = self.records(task, from, BATCH_RECORDS).await?;
        let upto = match records.last() {
            Some(last) if records.len() >= BATCH_RECORDS => last.seq,
            _ => complete.max(from.saturating_sub(1)),
        };
        let mut page = Batch::new(from);
        for record in records.iter().filter(|record| record.seq <= upto) {
            page.push(record);
        }
        drop(permit);
        let page = Arc::new(page.until(upto));
        self.keep(key, &page);
        Ok(page)
    }

    /// Records of the journal as far as it is complete.
    pub async fn records(&self, task: Option<TaskId>, from: u64, limit: usize) -> Result<Vec<Recorded>, ControlError> {
        let complete = self.published();
        let mut records = self.shared.api.records(task, from, limit).await?;
        records.retain(|record| record.seq <= complete);
        Ok(records)
    }

    fn kept(&self, key: PageKey) -> Option<Arc<Batch>> {
        let pages = self.shared.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pages.iter().find(|(kept, _)| *kept == key);
        found.map(|(_, page)| Arc::clone(page))
    }

    fn keep(&self, key: PageKey, page: &Arc<Batch>) {
        // A page that brings nobody further would be found again and again.
        if page.is_empty() || page.bytes() > KEPT_PAGE_BYTES {
            return;
        }
        let mut pages = self.shared.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= KEPT_PAGES {
            pages.pop_front();
        }
        pages.push_back((key, Arc::clone(page)));
    }
}

/// Encodes records as they come, as long as somebody listens.
async fn feed(mut records: broadcast::Receiver<Arc<Recorded>>, live: broadcast::Sender<Arc<Batch>>) {
    let mut sent = Instant::now();
    loop {
        let first = match records.recv().await {
            Ok(first) => first,
            // The next batch begins where it begins; listeners notice and read the journal.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let listeners = live.receiver_count();
        if listeners == 0 {
            continue;
        }
        let mut batch = Batch::new(first.seq);
        batch.push(&first);
        drop(first);
        let until = sent + window(listeners);
        while batch.len() < BATCH_RECORDS && batch.bytes() < BATCH_BYTES {
            match tokio::time::timeout_at(until, records.recv()).await {
                Ok(Ok(record)) => batch.push(&record),
                Ok(Err(RecvError::Lagged(_))) | Err(_) => break,
                Ok(Err(RecvError::Closed)) => return,
            }
        }
        let upto = batch.last();
        // Nobody listens any more: fine.
        let _ = live.send(Arc::new(batch.until(upto)));
        sent = Instant::now();
    }
}

/// Pause between two batches: what happens after a quiet time is sent at once.
fn window(listeners: usize) -> Duration {
    let listeners = u32::try_from(listeners).unwrap_or(u32::MAX);
    WINDOW_PER_LISTENER
        .saturating_mul(listeners)
        .clamp(SHORTEST_WINDOW, LONGEST_WINDOW)
}

#[cfg(test)]
mod tests;
