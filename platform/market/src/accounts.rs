//! Double-entry accounts of one node: every movement debits one side and credits another, so that
//! `own + sum(held) + sum(spent - earned) + burned = 0` at all times (E3).
//!
//! `own` starts at zero; the initial credits are a credit line that every node grants, not money that exists, and are
//! added only where a balance is shown.

use job_model::{MicroCredits, NodeId};
use std::collections::BTreeMap;

/// What stands between this node and one peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// Set aside for replicas that the peer runs or that are not judged.
    pub held: MicroCredits,
    /// Paid to the peer, signed or not.
    pub spent: MicroCredits,
    /// The part of `spent` whose settlement both sides have signed.
    pub spent_signed: MicroCredits,
    /// Got from the peer; always signed by both sides.
    pub earned: MicroCredits,
}

impl Account {
    /// What the peer owes us; negative when we owe.
    pub fn balance(&self) -> MicroCredits {
        self.earned - self.spent
    }
}

/// All accounts of one node.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    own: MicroCredits,
    /// Fees of transfers.
    burned: MicroCredits,
    peers: BTreeMap<NodeId, Account>,
}

impl Accounts {
    /// Own credits that are not held: what was earned, minus what was spent and what is held.
    pub fn own(&self) -> MicroCredits {
        self.own
    }
    /// The account of a peer; all zero for a stranger.
    pub fn peer(&self, peer: &NodeId) -> Account {
        self.peers.get(peer).copied().unwrap_or_default()
    }
    /// All peers with an account, by id.
    pub fn peers(&self) -> impl Iterator<Item = (&NodeId, &Account)> {
        self.peers.iter()
    }

    /// own -> held.
    pub fn hold(&mut self, peer: NodeId, amount: MicroCredits) {
        self.book(peer, -amount, |account| account.held += amount);
    }
    /// held -> own.
    pub fn release(&mut self, peer: NodeId, amount: MicroCredits) {
        self.book(peer, amount, |account| account.held -= amount);
    }
    /// own -> the peer.
    pub fn spend(&mut self, peer: NodeId, amount: MicroCredits) {
        self.book(peer, -amount, |account| account.spent += amount);
    }
    /// The peer -> own.
    pub fn earn(&mut self, peer: NodeId, amount: MicroCredits) {
        self.book(peer, amount, |account| account.earned += amount);
    }
    /// own -> nobody.
    pub fn burn(&mut self, amount: MicroCredits) {
        self.own -= amount;
        self.burned += amount;
    }
    /// Fees that were burned.
    pub fn burned(&self) -> MicroCredits {
        self.burned
    }
    /// The peer signed that it got this much of what was spent; nothing moves.
    pub fn signed(&mut self, peer: NodeId, amount: MicroCredits) {
        self.peers.entry(peer).or_default().spent_signed += amount;
    }

    fn book(&mut self, peer: NodeId, own: MicroCredits, other: impl FnOnce(&mut Account)) {
        if own != MicroCredits::ZERO {
            self.own += own;
            other(self.peers.entry(peer).or_default());
        }
    }

    /// Zero while no credit was made or lost.
    pub fn imbalance(&self) -> i128 {
        let peers: i128 = self
            .peers
            .values()
            .map(|a| i128::from(a.held.0) + i128::from(a.spent.0) - i128::from(a.earned.0))
            .sum();
        i128::from(self.own.0) + i128::from(self.burned.0) + peers
    }
}
