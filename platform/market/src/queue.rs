//! Posted lines that wait for their settlement.

use crate::quotes::Terms;
use crate::settlement::SettlementDraft;
use job_model::{JobId, MicroCredits, NodeId, ProfileId, ReceiptLine, TaskId, UnixMillis};
use std::collections::VecDeque;

/// Lines of one settlement at most: its message stays far under the frame limit, and one signature pays for many.
pub const LINES_PER_SETTLEMENT: usize = 1000;
/// Lines wait at most this long for their batch to fill, in milliseconds.
pub const SETTLE_AFTER_MS: u64 = 5_000;

/// What one queue is for: worker, task and quote.
pub type QueueKey = (NodeId, TaskId, u64);

/// The lines of one worker, task and quote, oldest first.
#[derive(Clone, Debug)]
pub struct Queue {
    job: JobId,
    profile: ProfileId,
    lines: VecDeque<ReceiptLine>,
    /// How many of the first lines were handed out as drafts that have not come back as proposed.
    drafted: usize,
    /// When the oldest line that is not drafted was posted.
    since: UnixMillis,
    /// The task ended: do not wait.
    due: bool,
}

impl Queue {
    pub fn new(job: JobId, terms: &Terms) -> Self {
        let profile = terms.profile;
        Self {
            job,
            profile,
            lines: VecDeque::new(),
            drafted: 0,
            since: UnixMillis::default(),
            due: false,
        }
    }
    pub fn push(&mut self, line: ReceiptLine, at: UnixMillis) {
        if self.lines.len() == self.drafted {
            self.since = at;
        }
        self.lines.push_back(line);
    }
    /// The task ended: no more lines to wait for.
    pub fn end(&mut self) {
        self.due = true;
    }
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
    /// What the lines are worth.
    pub fn amount(&self) -> MicroCredits {
        self.lines.iter().map(|line| line.price).sum()
    }

    /// Takes the oldest lines, which are proposed now; returns what they are worth.
    pub fn proposed(&mut self, lines: u32) -> MicroCredits {
        let count = (lines as usize).min(self.lines.len());
        self.drafted = self.drafted.saturating_sub(count);
        self.lines.drain(..count).map(|line| line.price).sum()
    }

    /// The next batch: a full one, or any if it has waited long enough, its task has ended, or `force`.
    pub fn draft(&mut self, key: QueueKey, force: bool, now: UnixMillis) -> Option<SettlementDraft> {
        let take = self.lines.len().saturating_sub(self.drafted).min(LINES_PER_SETTLEMENT);
        let whole = force || self.due || now.since(self.since) >= SETTLE_AFTER_MS;
        if take == 0 || take < LINES_PER_SETTLEMENT && !whole {
            return None;
        }
        let lines = self.lines.range(self.drafted..self.drafted + take).cloned().collect();
        self.drafted += take;
        let ((worker, task, quote), job, profile) = (key, self.job, self.profile);
        Some(SettlementDraft {
            worker,
            task,
            job,
            profile,
            quote,
            lines,
        })
    }
}
