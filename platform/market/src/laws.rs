//! The laws of the accounts, checked by tests after every step.

use crate::market::Market;
use job_model::{MicroCredits, NodeId};
use std::collections::BTreeMap;

/// A law of the accounts that does not hold: a bug here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvariantError {
    /// Credits were made or lost.
    #[error("credits are not conserved: the accounts sum to {0} micro-credits instead of 0")]
    Imbalance(i128),
    /// Held credits differ from the replicas they are held for.
    #[error("{held} micro-credits are held for node {peer}, its replicas account for {replicas}")]
    Held {
        /// The worker.
        peer: NodeId,
        /// In the account.
        held: i64,
        /// From the replicas.
        replicas: i64,
    },
    /// Spent credits differ from the lines they were spent for.
    #[error("{spent} micro-credits were spent at node {peer}, lines and settlements account for {lines}")]
    Spent {
        /// The worker.
        peer: NodeId,
        /// In the account.
        spent: i64,
        /// From lines and settlements.
        lines: i64,
    },
}

impl Market {
    /// Checks the laws of the accounts. Cheap enough for every step of a test, not for every event in service.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        let imbalance = self.accounts.imbalance();
        if imbalance != 0 {
            return Err(InvariantError::Imbalance(imbalance));
        }
        let mut held: BTreeMap<NodeId, MicroCredits> = BTreeMap::new();
        for book in self.tasks.values() {
            book.held(&mut held);
        }
        let mut waiting: BTreeMap<NodeId, MicroCredits> = self.proposed.clone();
        for ((worker, ..), queue) in &self.queues {
            *waiting.entry(*worker).or_default() += queue.amount();
        }
        for (peer, account) in self.accounts.peers() {
            let replicas = held.get(peer).copied().unwrap_or_default();
            if account.held != replicas {
                return Err(InvariantError::Held {
                    peer: *peer,
                    held: account.held.0,
                    replicas: replicas.0,
                });
            }
            let lines = account.spent_signed + waiting.get(peer).copied().unwrap_or_default();
            if account.spent != lines {
                return Err(InvariantError::Spent {
                    peer: *peer,
                    spent: account.spent.0,
                    lines: lines.0,
                });
            }
        }
        Ok(())
    }
}
