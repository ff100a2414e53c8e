//! One client's place in the journal, and the bytes that bring it further. Owned by its connection: dropped with it.

use super::EventHub;
use super::frames::{Batch, Frame};
use crate::caller::Caller;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use job_model::TaskId;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// A comment is sent after this long without an event, so that both sides notice a dead connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// First bytes of every stream: how long a client waits before it connects again, in milliseconds.
const GREETING: &[u8] = b"retry: 1000\n\n";
/// A comment.
const BEAT: &[u8] = b": still here\n\n";
/// A stream of a caller with a token ends after this long; the client connects again, and is asked again who it is.
const LONGEST_WITH_TOKEN: Duration = Duration::from_secs(600);
/// Tasks of which it is remembered whether the caller may see them, and those of one batch more.
const REMEMBERED_TASKS: usize = 4_096;

/// What a client wants to hear.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Events of this task only.
    pub task: Option<TaskId>,
    /// Events of these types only; empty: of all.
    pub types: Vec<&'static str>,
    /// First position.
    pub from: u64,
}

/// A client that listens.
pub struct Listener {
    hub: EventHub,
    live: broadcast::Receiver<Arc<Batch>>,
    wanted: Wanted,
    /// None: it may see every task.
    only: Option<Visible>,
    /// The next position it has not got.
    next: u64,
    /// Up to here it must read the journal before it may listen.
    behind: u64,
    ready: VecDeque<Bytes>,
    ends: Option<Instant>,
}

/// Whose tasks a caller may see.
struct Visible {
    caller: Caller,
    known: HashMap<TaskId, bool>,
}

impl Listener {
    /// Begins to listen.
    pub fn new(hub: &EventHub, caller: &Caller, wanted: Wanted) -> Self {
        // Subscribed before the journal's end is looked at: nothing can happen in between unseen.
        let live = hub.subscribe();
        let visible = || Visible {
            caller: caller.clone(),
            known: HashMap::new(),
        };
        Self {
            live,
            only: caller.own_only.then(visible),
            next: wanted.from,
            behind: hub.published(),
            ready: VecDeque::from([Bytes::from_static(GREETING)]),
            ends: caller.token.as_ref().map(|_| Instant::now() + LONGEST_WITH_TOKEN),
            hub: hub.clone(),
            wanted,
        }
    }

    /// The body of the answer.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        let stopping = self.hub.api().stopping();
        let pieces = stream::unfold(self, |mut listener| async move {
            let bytes = listener.next_bytes().await?;
            Some((Ok(bytes), listener))
        });
        futures_util::StreamExt::take_until(pieces, stopping.cancelled_owned())
    }

    /// The next bytes to send; none when the stream ends.
    async fn next_bytes(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some(bytes);
            }
            if self.ends.is_some_and(|end| Instant::now() >= end) {
                return None;
            }
            let batch = if self.next <= self.behind {
                // The node stops, or its journal broke: the client comes again.
                self.hub.page((self.wanted.task, self.next)).await.ok()?
            } else {
                match tokio::time::timeout(HEARTBEAT, self.live.recv()).await {
                    Ok(Ok(batch)) if batch.from > self.next => {
                        self.behind = batch.upto.max(self.hub.published());
                        continue;
                    }
                    Ok(Ok(batch)) => batch,
                    Ok(Err(RecvError::Lagged(_))) => {
                        self.behind = self.hub.published();
                        continue;
                    }
                    Ok(Err(RecvError::Closed)) => return None,
                    Err(_) => return Some(Bytes::from_static(BEAT)),
                }
            };
            self.take(&batch).await;
        }
    }

    /// Takes what is wanted of a batch, and moves on.
    async fn take(&mut self, batch: &Batch) {
        if batch.upto < self.next {
            return;
        }
        if let Some(visible) = &mut self.only {
            visible.learn(&self.hub, batch, self.next).await;
        }
        let (next, wanted, only) = (self.next, &self.wanted, &self.only);
        let pieces = batch.select(|frame| {
            frame.seq >= next && wanted.takes(frame) && only.as_ref().is_none_or(|visible| visible.shows(frame))
        });
        self.ready.extend(pieces);
        self.next = batch.upto.saturating_add(1);
    }
}

impl Wanted {
    fn takes(&self, frame: &Frame) -> bool {
        let of_task = self.task.is_none_or(|task| frame.task == Some(task));
        of_task && (self.types.is_empty() || self.types.contains(&frame.kind))
    }
}

impl Visible {
    /// Asks whose the tasks are that are not known yet.
    async fn learn(&mut self, hub: &EventHub, batch: &Batch, next: u64) {
        if self.known.len() >= REMEMBERED_TASKS {
            self.known.clear();
        }
        for frame in batch.frames().iter().filter(|frame| frame.seq >= next) {
            let Some(task) = frame.task.filter(|task| !self.known.contains_key(task)) else {
                continue;
            };
            // A task nobody knows belongs to nobody.
            let owner = hub.api().find_task_owner(task).await.ok().flatten();
            self.known
                .insert(task, owner.is_some_and(|owner| self.caller.may_see(&owner)));
        }
    }

    /// Events without a task are the node's, not this caller's.
    fn shows(&self, frame: &Frame) -> bool {
        frame
            .task
            .is_some_and(|task| self.known.get(&task).copied().unwrap_or(false))
    }
}
