//! Settlements: the two halves of every receipt, in the ledger file before they are sent.

use super::Core;
use crate::journal::ran_key;
use job_model::codec;
use job_model::receipt::ReplicaVerdict;
use job_model::sign::Signed;
use job_model::{Event, Fork, HalfBlock, Message, MicroCredits, NodeId, ReceiptLine};
use market::ledger_file::encode_record;
use market::{LedgerRecord, Ran, SettleError, SettlementDraft};
use std::collections::BTreeMap;

/// Largest remembered replica, in bytes.
const MAX_RAN_BYTES: usize = 256;

/// Adds what a requester judged of our replicas to (right, wrong).
pub fn count_verdicts(judged: &mut (u64, u64), lines: &[ReceiptLine]) {
    for line in lines {
        match line.verdict {
            ReplicaVerdict::Accepted | ReplicaVerdict::Late => judged.0 = judged.0.saturating_add(1),
            ReplicaVerdict::Wrong => judged.1 = judged.1.saturating_add(1),
            ReplicaVerdict::Undecided => {}
        }
    }
}

impl Core {
    /// How requesters see this node: the mean of a Beta distribution over right and wrong replicas (Jøsang and Ismail
    /// 2002), from 0 to 1. A node that nobody has judged yet has 0.5.
    pub fn reputation_score(&self) -> f64 {
        let (right, wrong) = self.judged;
        (right as f64 + 1.0) / (right as f64 + wrong as f64 + 2.0)
    }

    /// Chains and proposes what the market wants settled.
    pub(super) fn propose(&mut self, draft: SettlementDraft) {
        let worker = draft.worker;
        let proposal = self.chain.propose(draft, &self.key, self.now);
        self.append_ledger(&proposal.record);
        self.emit(proposal.event);
        self.send(worker, proposal.message);
    }

    pub(super) fn append_ledger(&mut self, record: &LedgerRecord) {
        let (bytes, tail) = encode_record(&self.ledger_tail, record);
        self.ledger_tail = tail;
        self.batch.ledger.extend_from_slice(&bytes);
    }

    /// A requester proposes a settlement of what we ran.
    pub(super) fn on_settle(&mut self, from: NodeId, half: &Signed<HalfBlock>, lines: &[ReceiptLine]) {
        let task = match half.open() {
            Ok(block) => block.settlement.task,
            Err(error) => return tracing::warn!(node = %from.short(), %error, "settlement dropped"),
        };
        if half.node != from {
            return tracing::warn!(node = %from.short(), "settlement dropped: it is of another node");
        }
        if let Some(why) = self.refuses_transfer(&from, half) {
            tracing::warn!(node = %from.short(), %why, "transfer refused");
            let seq = half.open().map_or(0, |block| block.seq);
            return self.send(from, Message::SettleRefused { seq, why });
        }
        let keys: Vec<Vec<u8>> = lines
            .iter()
            .map(|line| ran_key(&task, line.chunk, line.attempt))
            .collect();
        let ran: BTreeMap<(u32, u32), Ran> = match self.journal.ran(&keys) {
            Ok(found) => {
                let known = lines.iter().zip(found).filter_map(|(line, bytes)| {
                    let ran = codec::decode::<Ran>(&bytes?, MAX_RAN_BYTES).ok()?;
                    Some(((line.chunk, line.attempt), ran))
                });
                known.collect()
            }
            // The proposal comes again when the peer connects again.
            Err(error) => return tracing::error!(%error, "settlement put off"),
        };
        let look_up = |_: &job_model::TaskId, chunk: u32, attempt: u32| ran.get(&(chunk, attempt)).copied();
        match self.chain.accept_proposal(&self.key, half, lines, look_up) {
            Ok(answered) => {
                if let Some(record) = &answered.record {
                    self.append_ledger(record);
                    count_verdicts(&mut self.judged, lines);
                    self.batch.ran_done.extend(keys);
                    self.market
                        .covered(from, ran.values().map(|ran| ran.price).sum(), self.now);
                }
                if let Some(event) = answered.event {
                    self.emit(event);
                }
                self.send(from, answered.message);
            }
            Err(error) => {
                tracing::warn!(node = %from.short(), %error, "settlement refused");
                self.keep_fork(&error);
                let seq = half.open().map_or(0, |block| block.seq);
                self.send(
                    from,
                    Message::SettleRefused {
                        seq,
                        why: error.to_string(),
                    },
                );
            }
        }
    }

    /// A worker signed our settlement.
    pub(super) fn on_settled(&mut self, from: NodeId, half: &Signed<HalfBlock>) {
        match self.chain.accept_answer(half) {
            Ok(Some(closed)) => {
                self.append_ledger(&closed.record);
                self.emit(closed.event);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(node = %from.short(), %error, "answer to a settlement dropped");
                self.keep_fork(&error);
            }
        }
    }

    /// The proof of a fork goes into the ledger file: its author stays banned after a restart.
    fn keep_fork(&mut self, error: &SettleError) {
        if let SettleError::Fork(fork) = error {
            self.ban(fork.first.node, Fork::clone(fork));
        }
    }

    /// Proposals whose answers were lost.
    pub(super) fn resend_settlements(&mut self, peer: NodeId) {
        for message in self.chain.unanswered(&peer) {
            self.send(peer, message);
        }
    }

    /// Settles everything now: before the node stops.
    pub fn settle_everything(&mut self) {
        self.let_market(market::MarketInput::FlushSettlements { force: true });
    }

    /// Proposals a peer has not signed.
    pub fn unanswered(&self, peer: &NodeId) -> u32 {
        u32::try_from(self.chain.unanswered(peer).len()).unwrap_or(u32::MAX)
    }

    /// Our books balance: checked after every event in debug builds and by tests.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.market.check_invariants().map_err(|error| error.to_string())?;
        self.scheduler.check_invariants().map_err(|error| error.to_string())
    }

    /// Nothing is owed to ourselves.
    pub fn own_account(&self) -> MicroCredits {
        self.chain.balance(&self.me)
    }

    /// Events that the ledger file proves and the journal lost in a crash.
    pub(super) fn reconcile(&mut self) {
        let missing: Vec<Event> = self.market.reconcile(&self.chain);
        for event in missing {
            self.emit(event);
        }
    }
}
