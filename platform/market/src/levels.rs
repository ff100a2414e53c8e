//! What this node has seen of others, first hand: the seam where the decayed reputation (E5) goes.

use crate::prices::ReputationLevel;
use job_model::NodeId;
use job_model::receipt::ReplicaVerdict;
use std::collections::BTreeMap;

/// This many right results without a wrong one make a node good.
const GOOD_AT: u64 = 100;
/// This many make it excellent.
const EXCELLENT_AT: u64 = 1000;
/// More than one wrong result in this many is terrible.
const TERRIBLE_ONE_IN: u64 = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    right: u64,
    wrong: u64,
    distrusted: bool,
}

/// Counts per node.
#[derive(Clone, Debug, Default)]
pub struct Levels(BTreeMap<NodeId, Seen>);

impl Levels {
    pub fn judged(&mut self, node: NodeId, verdict: ReplicaVerdict) {
        let seen = self.0.entry(node).or_default();
        match verdict {
            ReplicaVerdict::Accepted | ReplicaVerdict::Late => seen.right = seen.right.saturating_add(1),
            ReplicaVerdict::Wrong => seen.wrong = seen.wrong.saturating_add(1),
            ReplicaVerdict::Undecided => {}
        }
    }
    pub fn distrust(&mut self, node: NodeId) {
        self.0.entry(node).or_default().distrusted = true;
    }
    /// Right and wrong results.
    pub fn counts(&self, node: &NodeId) -> (u64, u64) {
        self.0.get(node).map_or((0, 0), |seen| (seen.right, seen.wrong))
    }
    pub fn level(&self, node: &NodeId) -> ReputationLevel {
        let seen = self.0.get(node).copied().unwrap_or_default();
        let Seen {
            right,
            wrong,
            distrusted,
        } = seen;
        if distrusted || wrong > 0 && wrong.saturating_mul(TERRIBLE_ONE_IN) > right.saturating_add(wrong) {
            ReputationLevel::Terrible
        } else if wrong > 0 {
            ReputationLevel::Poor
        } else if right >= EXCELLENT_AT {
            ReputationLevel::Excellent
        } else if right >= GOOD_AT {
            ReputationLevel::Good
        } else {
            ReputationLevel::Average
        }
    }
}
