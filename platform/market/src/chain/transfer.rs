//! Transfers in the own chain.

use super::Chain;
use crate::checks::no_work;
use crate::settlement::TransferProposal;
use job_model::sign::NodeKey;
use job_model::{BlobHash, MicroCredits, NodeId, Settlement, Transfer, UnixMillis};

impl Chain {
    /// Chains a transfer of ours: `amount` arrives, `fee` is burned. Whether we have it is the market's to say.
    pub fn propose_transfer(
        &mut self,
        key: &NodeKey,
        peer: NodeId,
        (amount, fee): (MicroCredits, MicroCredits),
        at: UnixMillis,
    ) -> TransferProposal {
        let settlement = Settlement {
            requester: self.me,
            worker: peer,
            amount,
            at,
            ..no_work()
        };
        let (signed, half) = self.next(key, peer, BlobHash::default(), (settlement, Some(Transfer { fee })));
        let seq = half.seq;
        self.push(&signed, &half);
        let (record, message) = self.offer(signed, half, Vec::new());
        TransferProposal { seq, record, message }
    }

    /// What was given away and is not taken yet, fees included.
    pub fn giving(&self) -> MicroCredits {
        let open = self.unanswered.values().filter_map(|open| {
            let fee = open.half.transfer?.fee;
            Some(open.half.settlement.amount + fee)
        });
        open.sum()
    }
}
