//! Transfers between nodes: asked for by a person here, or offered by a peer. The rules are the market's, the records the
//! chain's. A transfer that a peer does not take stays offered: a signed record cannot be taken back.

use super::Core;
use job_model::sign::Signed;
use job_model::{HalfBlock, MicroCredits, NodeId};
use market::TransferError;

/// Most refusals remembered for those who ask; the oldest go first.
const REFUSALS_KEPT: usize = 256;

/// A transfer that was chained and sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transferred {
    /// Position in the own chain.
    pub seq: u64,
    /// What arrives.
    pub amount: MicroCredits,
    /// What is burned.
    pub fee: MicroCredits,
}

impl Core {
    /// Chains a transfer and sends it. Its effects start when it is on disk.
    pub fn transfer(&mut self, peer: NodeId, amount: MicroCredits) -> Result<Transferred, TransferError> {
        let (amount, fee) = self.market.may_give(&peer, amount, self.chain.giving())?;
        let given = self.chain.propose_transfer(&self.key, peer, (amount, fee), self.now);
        self.append_ledger(&given.record);
        self.send(peer, given.message);
        let seq = given.seq;
        Ok(Transferred { seq, amount, fee })
    }

    /// Why this node does not take a peer's transfer.
    pub(super) fn refuses_transfer(&self, from: &NodeId, half: &Signed<HalfBlock>) -> Option<String> {
        let block = half.open().ok()?;
        // What was taken before is answered again, whatever has changed since.
        if self.chain.has_answered(from, half) {
            return None;
        }
        let refused = self.market.may_take(from, &block, self.now).err();
        refused.map(|error| error.to_string())
    }

    /// A peer does not sign what we proposed.
    pub(super) fn on_settle_refused(&mut self, from: NodeId, seq: u64, why: String) {
        tracing::warn!(node = %from.short(), seq, %why, "the peer does not sign our settlement");
        if self.refusals.len() >= REFUSALS_KEPT {
            self.refusals.pop_first();
        }
        self.refusals.insert((seq, from), why);
    }

    /// Whether a transfer of ours was taken.
    pub fn has_signed(&self, seq: u64) -> bool {
        self.chain.is_signed(seq)
    }

    /// Why the peer refused one of our proposals, if it did last.
    pub fn refusal(&self, peer: &NodeId, seq: u64) -> Option<String> {
        self.refusals.get(&(seq, *peer)).cloned()
    }
}
