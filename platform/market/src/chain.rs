//! A node's own chain of half blocks: it proposes settlements as a requester and answers them as a worker.
//!
//! The ledger file is the chain's memory: every [`LedgerRecord`] handed out here is appended and synced *before* the
//! half block in it is sent, so that a crash can never make a node sign two blocks at one position. Restoring is
//! [`Chain::replay`] of every record. A message may be lost or come twice: a proposal is sent again until it is
//! answered ([`Chain::unanswered`]), and the same proposal always gets the same answer.

pub mod forks;
mod replay;
mod transfer;

use crate::checks::{Ran, SettleError, change, check_answer, check_proposal, check_ran, half_hash, open};
use crate::history::PeerHistory;
use crate::ledger_file::LedgerRecord;
use crate::settlement::{Answered, Closed, Link, Proposal, SettlementDraft};
use crate::witness::Witness;
use job_model::receipt::lines_root;
use job_model::sign::{NodeKey, Signed};
use job_model::{
    BlobHash, Event, Fork, HalfBlock, Message, MicroCredits, NodeId, ReceiptLine, Settlement, TaskId, Transfer,
    UnixMillis,
};
use std::collections::{BTreeMap, VecDeque};

/// Most answers kept in memory for proposals that come again (about 1 kB each). Older ones are in the ledger file.
pub const ANSWERS_KEPT: usize = 4096;

#[derive(Clone, Debug)]
struct Open {
    signed: Signed<HalfBlock>,
    hash: BlobHash,
    half: HalfBlock,
    lines: Vec<ReceiptLine>,
}

/// A node's own chain, and what it knows of its peers' chains.
#[derive(Clone, Debug)]
pub struct Chain {
    me: NodeId,
    seq: u64,
    head: BlobHash,
    balances: BTreeMap<NodeId, MicroCredits>,
    links: BTreeMap<u64, Link>,
    unanswered: BTreeMap<u64, Open>,
    histories: BTreeMap<NodeId, PeerHistory>,
    /// By author and position of the proposal.
    answers: BTreeMap<(NodeId, u64), Signed<HalfBlock>>,
    answers_order: VecDeque<(NodeId, u64)>,
    forks: BTreeMap<NodeId, Fork>,
    witness: Witness,
}

impl Chain {
    /// An empty chain.
    pub fn new(me: NodeId) -> Self {
        Self {
            me,
            seq: 0,
            head: BlobHash::default(),
            balances: BTreeMap::new(),
            links: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            histories: BTreeMap::new(),
            answers: BTreeMap::new(),
            answers_order: VecDeque::new(),
            forks: BTreeMap::new(),
            witness: Witness::default(),
        }
    }
    /// Position of the last own block; 0 for none.
    pub fn seq(&self) -> u64 {
        self.seq
    }
    /// What a peer owes us by our own chain; negative when we owe. Open proposals count: we have signed them.
    pub fn balance(&self, peer: &NodeId) -> MicroCredits {
        self.balances.get(peer).copied().unwrap_or_default()
    }
    /// Peers we have settled with, and what each owes us.
    pub fn balances(&self) -> impl Iterator<Item = (&NodeId, MicroCredits)> {
        self.balances.iter().map(|(peer, balance)| (peer, *balance))
    }
    /// Every own block by position.
    pub fn links(&self) -> impl Iterator<Item = (u64, &Link)> {
        self.links.iter().map(|(seq, link)| (*seq, link))
    }
    /// Proposals that a peer has not answered, oldest first: to be sent again whenever it connects.
    pub fn unanswered(&self, peer: &NodeId) -> Vec<Message> {
        self.unanswered
            .values()
            .filter(|open| open.half.peer == *peer)
            .map(|open| settle(&open.signed, &open.lines))
            .collect()
    }
    /// Whether this very proposal was answered already, and will get the same answer again.
    pub fn has_answered(&self, author: &NodeId, proposal: &Signed<HalfBlock>) -> bool {
        let seq = proposal.open().map_or(0, |half| half.seq);
        let answer = self.answers.get(&(*author, seq)).map(Signed::open);
        matches!(answer, Some(Ok(answer)) if answer.answers == half_hash(proposal))
    }
    /// Whether the own block at this position has both signatures.
    pub fn is_signed(&self, seq: u64) -> bool {
        !self.unanswered.contains_key(&seq) && self.links.contains_key(&seq)
    }
    /// How many proposals are not answered, over all peers.
    pub fn unanswered_count(&self) -> usize {
        self.unanswered.len()
    }

    fn next(
        &self,
        key: &NodeKey,
        peer: NodeId,
        answers: BlobHash,
        (settlement, transfer): (Settlement, Option<Transfer>),
    ) -> (Signed<HalfBlock>, HalfBlock) {
        debug_assert_eq!(key.id(), self.me);
        let (author, seq, previous) = (self.me, self.seq.saturating_add(1), self.head);
        let mut half = HalfBlock {
            author,
            seq,
            previous,
            peer,
            answers,
            settlement,
            balance: MicroCredits::ZERO,
            transfer,
        };
        half.balance = self.balance(&peer) + change(&half);
        (Signed::new(key, &half), half)
    }

    /// Appends an own block that was built on the current head.
    fn push(&mut self, signed: &Signed<HalfBlock>, half: &HalfBlock) {
        self.seq = half.seq;
        self.head = half_hash(signed);
        self.balances.insert(half.peer, half.balance);
        let link = self.link(half);
        self.links.insert(half.seq, link);
    }

    fn link(&self, half: &HalfBlock) -> Link {
        let Settlement {
            task,
            quote,
            lines,
            amount,
            ..
        } = half.settlement;
        let (peer, ours) = (half.peer, half.settlement.requester == self.me);
        match half.transfer {
            Some(Transfer { fee }) if ours => Link::Given {
                peer,
                amount,
                fee,
                signed: false,
            },
            Some(Transfer { fee }) => Link::Taken { peer, amount, fee },
            None if ours => Link::Proposed {
                worker: peer,
                task,
                quote,
                lines,
                amount,
                signed: false,
            },
            None => Link::Answered {
                requester: peer,
                amount,
            },
        }
    }

    /// Chains a settlement of ours. The draft's lines are the market's own; there is nothing to refuse.
    pub fn propose(&mut self, draft: SettlementDraft, key: &NodeKey, at: UnixMillis) -> Proposal {
        let SettlementDraft {
            worker,
            task,
            job,
            profile,
            quote,
            lines,
        } = draft;
        let settlement = Settlement {
            profile,
            task,
            job,
            requester: self.me,
            worker,
            quote,
            lines_root: lines_root(&lines),
            lines: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            fuel: lines.iter().fold(0, |sum, line| sum.saturating_add(line.fuel)),
            amount: lines.iter().map(|line| line.price).sum(),
            at,
        };
        let event_lines = settlement.lines;
        let (signed, half) = self.next(key, worker, BlobHash::default(), (settlement, None));
        self.push(&signed, &half);
        let event = Event::SettlementProposed {
            worker,
            seq: half.seq,
            task,
            quote,
            lines: event_lines,
        };
        let (record, message) = self.offer(signed, half, lines);
        Proposal { record, event, message }
    }

    /// Remembers an own proposal until it is answered.
    fn offer(
        &mut self,
        signed: Signed<HalfBlock>,
        half: HalfBlock,
        lines: Vec<ReceiptLine>,
    ) -> (LedgerRecord, Message) {
        let message = settle(&signed, &lines);
        let record = LedgerRecord::Proposed {
            half: signed.clone(),
            lines: lines.clone(),
        };
        let hash = half_hash(&signed);
        self.unanswered.insert(
            half.seq,
            Open {
                signed,
                hash,
                half,
                lines,
            },
        );
        (record, message)
    }

    /// Checks a requester's proposal and answers it. `what_i_ran` looks up what this worker remembers of a replica.
    /// Signing acknowledges the verdicts as received, not as deserved.
    pub fn accept_proposal(
        &mut self,
        key: &NodeKey,
        signed: &Signed<HalfBlock>,
        lines: &[ReceiptLine],
        what_i_ran: impl Fn(&TaskId, u32, u32) -> Option<Ran>,
    ) -> Result<Answered, SettleError> {
        let half = open(signed)?;
        if half.peer != self.me {
            return Err(SettleError::NotForMe(half.peer));
        }
        if let Some(answer) = self.answers.get(&(half.author, half.seq))
            && open(answer)?.answers == half_hash(signed)
        {
            return Ok(Answered {
                record: None,
                event: None,
                message: Message::Settled {
                    half: Box::new(answer.clone()),
                },
            });
        }
        if !self.admit(signed, &half)? {
            return Err(SettleError::Forgotten {
                author: half.author,
                seq: half.seq,
            });
        }
        check_proposal(&half, lines)?;
        check_ran(&half.settlement.task, lines, what_i_ran)?;
        let says = (half.settlement.clone(), half.transfer);
        let (answer, own) = self.next(key, half.author, half_hash(signed), says);
        let event = Event::SettlementSigned {
            peer: half.author,
            seq: own.seq,
            amount: own.settlement.amount,
            fee: own.transfer.map(|transfer| transfer.fee),
        };
        let record = LedgerRecord::Countersigned {
            proposal: signed.clone(),
            answer: answer.clone(),
            lines: lines.to_vec(),
        };
        self.take_answered(signed, half, &answer, &own);
        Ok(Answered {
            record: Some(record),
            event: Some(event),
            message: Message::Settled { half: Box::new(answer) },
        })
    }

    fn take_answered(
        &mut self,
        signed: &Signed<HalfBlock>,
        half: HalfBlock,
        answer: &Signed<HalfBlock>,
        own: &HalfBlock,
    ) {
        self.push(answer, own);
        let place = (half.author, half.seq);
        self.witness.remember(signed, &half);
        self.histories
            .entry(half.author)
            .or_default()
            .insert(signed.clone(), half);
        self.answers.insert(place, answer.clone());
        self.answers_order.push_back(place);
        if self.answers_order.len() > ANSWERS_KEPT
            && let Some(oldest) = self.answers_order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    /// Checks a worker's answer to one of our proposals. The same answer again gives none.
    pub fn accept_answer(&mut self, signed: &Signed<HalfBlock>) -> Result<Option<Closed>, SettleError> {
        let answer = open(signed)?;
        if answer.peer != self.me {
            return Err(SettleError::NotForMe(answer.peer));
        }
        if !self.admit(signed, &answer)? {
            return Ok(None);
        }
        let found = self.unanswered.iter().find(|(_, open)| open.hash == answer.answers);
        let (&seq, open) = found.ok_or(SettleError::NotProposed)?;
        check_answer(&answer, &open.half, &open.hash)?;
        let event = Event::SettlementSigned {
            peer: answer.author,
            seq,
            amount: -answer.settlement.amount,
            fee: answer.transfer.map(|transfer| transfer.fee),
        };
        self.take_closed(seq, signed, answer);
        Ok(Some(Closed {
            record: LedgerRecord::Answered {
                proposal: seq,
                answer: signed.clone(),
            },
            event,
        }))
    }

    fn take_closed(&mut self, seq: u64, answer: &Signed<HalfBlock>, half: HalfBlock) {
        self.unanswered.remove(&seq);
        if let Some(Link::Proposed { signed, .. } | Link::Given { signed, .. }) = self.links.get_mut(&seq) {
            *signed = true;
        }
        self.witness.remember(answer, &half);
        self.histories
            .entry(half.author)
            .or_default()
            .insert(answer.clone(), half);
    }
}

fn settle(half: &Signed<HalfBlock>, lines: &[ReceiptLine]) -> Message {
    Message::Settle {
        half: Box::new(half.clone()),
        lines: lines.to_vec(),
    }
}
