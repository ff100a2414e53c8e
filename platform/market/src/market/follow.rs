//! What follows from events and time.

use super::Market;
use crate::chain::Chain;
use crate::io::{MarketInput, MarketOutput};
use crate::replicas::{Batch, postings};
use job_model::{Event, TaskId, UnixMillis};

impl Market {
    /// Says what follows from an applied event or from time. Changes no account.
    pub fn handle(&mut self, input: MarketInput<'_>, now: UnixMillis, out: &mut Vec<MarketOutput>) {
        match input {
            MarketInput::Applied(Event::ChunksVerified { task, .. }) => self.emit_postings(*task, out),
            MarketInput::Applied(
                Event::CreditsPosted { task, .. }
                | Event::TaskCompleted { task, .. }
                | Event::TaskFailed { task, .. }
                | Event::TaskCancelled { task, .. },
            ) => self.draft(Some(*task), false, now, out),
            MarketInput::Applied(_) => {}
            MarketInput::FlushSettlements { force } => {
                // After a crash between a verdict and its posting the batch is still here.
                let waiting: Vec<TaskId> = self.tasks.keys().copied().collect();
                for task in waiting {
                    self.emit_postings(task, out);
                }
                self.draft(None, force, now, out);
            }
        }
    }

    fn emit_postings(&mut self, task: TaskId, out: &mut Vec<MarketOutput>) {
        let Some(book) = self.tasks.get_mut(&task) else { return };
        let batches: Vec<&Batch> = book.unposted().skip(book.emitted).collect();
        let count = batches.len();
        out.extend(batches.into_iter().map(|batch| {
            MarketOutput::Event(Event::CreditsPosted {
                task,
                postings: postings(batch),
            })
        }));
        book.emitted += count;
    }

    fn draft(&mut self, only: Option<TaskId>, force: bool, now: UnixMillis, out: &mut Vec<MarketOutput>) {
        for (key, queue) in &mut self.queues {
            if only.is_some_and(|only| only != key.1) {
                continue;
            }
            while let Some(draft) = queue.draft(*key, force, now) {
                out.push(MarketOutput::Propose(draft));
            }
        }
    }

    /// After a restart, once the journal is replayed and the chain restored: the events that the ledger file proves
    /// and the journal lost. Journal and apply them before anything else.
    pub fn reconcile(&self, chain: &Chain) -> Vec<Event> {
        let mut missing = Vec::new();
        for (seq, link) in chain.links() {
            missing.extend(
                link.proposed_event(seq)
                    .filter(|_| !self.journalled.proposed.contains(&seq)),
            );
            missing.extend(
                link.signed_event(seq)
                    .filter(|_| !self.journalled.signed.contains(&seq)),
            );
        }
        missing
    }
}
