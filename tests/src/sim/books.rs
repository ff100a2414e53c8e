//! Independent bookkeeping of credits: what the market would do, in its simplest form. The scheduler's own sums are compared
//! with it.

use job_model::event::{ChunkVerdict, Posting};
use job_model::receipt::ReplicaVerdict;
use job_model::{Event, MicroCredits, NodeId, TaskId};
use std::collections::BTreeMap;

/// What one replica costs when it is believed.
pub(super) const PRICE: MicroCredits = MicroCredits(7);
/// What is held for one replica.
pub(super) const HOLD: MicroCredits = MicroCredits(10);

type Key = (TaskId, u32, u32);

/// Holds and payments of all tasks.
#[derive(Debug, Default)]
pub(super) struct Books {
    open: BTreeMap<Key, NodeId>,
    /// Judged, to be posted.
    pub(super) held: BTreeMap<TaskId, i64>,
    pub(super) spent: BTreeMap<TaskId, i64>,
}

impl Books {
    /// Follows an event; returns what is to be posted for it.
    pub(super) fn follow(&mut self, event: &Event) -> Option<(TaskId, Vec<Posting>)> {
        match event {
            Event::ReplicasAssigned {
                task, worker, replicas, ..
            } => {
                for (chunk, attempt) in replicas {
                    self.open.insert((*task, *chunk, *attempt), *worker);
                }
                *self.held.entry(*task).or_default() += HOLD.0 * replicas.len() as i64;
            }
            Event::ReplicasLost { task, replicas, .. } => replicas
                .iter()
                .for_each(|(chunk, attempt)| self.void((*task, *chunk, *attempt))),
            Event::ReplicasFinished { task, results, .. } => {
                let silent = results.iter().filter(|result| result.outcome.vote().is_none());
                silent.for_each(|result| self.void((*task, result.chunk, result.attempt)));
            }
            Event::ChunksVerified { task, verdicts } => return Some((*task, self.judge(task, verdicts))),
            Event::CreditsPosted { task, postings } => {
                for posting in postings {
                    *self.held.entry(*task).or_default() -= posting.released.0;
                    *self.spent.entry(*task).or_default() += posting.amount.0;
                }
            }
            Event::TaskCompleted { task, .. } | Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => {
                let rest: Vec<Key> = self
                    .open
                    .range((*task, 0, 0)..=(*task, u32::MAX, u32::MAX))
                    .map(|(key, _)| *key)
                    .collect();
                rest.into_iter().for_each(|key| self.void(key));
            }
            _ => {}
        }
        None
    }

    fn void(&mut self, key: Key) {
        if self.open.remove(&key).is_some() {
            *self.held.entry(key.0).or_default() -= HOLD.0;
        }
    }

    fn judge(&mut self, task: &TaskId, verdicts: &[ChunkVerdict]) -> Vec<Posting> {
        let mut postings: BTreeMap<NodeId, Posting> = BTreeMap::new();
        for verdict in verdicts {
            for (attempt, node, decided) in &verdict.replicas {
                if self.open.remove(&(*task, verdict.chunk, *attempt)).is_none() {
                    continue;
                }
                let none = Posting {
                    worker: *node,
                    released: MicroCredits::ZERO,
                    amount: MicroCredits::ZERO,
                };
                let posting = postings.entry(*node).or_insert(none);
                posting.released += HOLD;
                if *decided == ReplicaVerdict::Accepted {
                    posting.amount += PRICE;
                }
            }
        }
        postings.into_values().collect()
    }
}
