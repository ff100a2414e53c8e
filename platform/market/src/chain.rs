//! A node's own chain of half blocks: it proposes settlements as a requester and answers them as a worker.
//!
//! The ledger file is the chain's memory: every [`LedgerRecord`] handed out here is appended and synced *before* the
//! half block in it is sent, so that a crash can never make a node sign two blocks at one position. Restoring is
//! [`Chain::replay`] of every record. A message may be lost or come twice: a proposal is sent again until it is
//! answered ([`Chain::unanswered`]), and the same proposal always gets the same answer.

use crate::checks::{Ran, SettleError, change, check_answer, check_proposal, check_ran, half_hash, open};
use crate::history::{Fork, PeerHistory};
use crate::ledger_file::LedgerRecord;
use crate::settlement::{Answered, Closed, Link, Proposal, ReplayError, SettlementDraft};
use job_model::receipt::lines_root;
use job_model::sign::{NodeKey, Signed};
use job_model::{
    BlobHash, Event, HalfBlock, Message, MicroCredits, NodeId, ReceiptLine, Settlement, TaskId, UnixMillis,
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
    /// Forks that were seen, by author.
    pub fn forks(&self) -> impl Iterator<Item = (&NodeId, &Fork)> {
        self.forks.iter()
    }
    /// Proposals that a peer has not answered, oldest first: to be sent again whenever it connects.
    pub fn unanswered(&self, peer: &NodeId) -> Vec<Message> {
        self.unanswered
            .values()
            .filter(|open| open.half.peer == *peer)
            .map(|open| settle(&open.signed, &open.lines))
            .collect()
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
        settlement: Settlement,
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
        };
        half.balance = self.balance(&peer) + change(&half);
        (Signed::new(key, &half), half)
    }

    /// Appends an own block that was built on the current head.
    fn push(&mut self, signed: &Signed<HalfBlock>, half: &HalfBlock) {
        let settlement = &half.settlement;
        self.seq = half.seq;
        self.head = half_hash(signed);
        self.balances.insert(half.peer, half.balance);
        let link = if settlement.requester == self.me {
            let Settlement {
                task,
                quote,
                lines,
                amount,
                ..
            } = *settlement;
            Link::Proposed {
                worker: half.peer,
                task,
                quote,
                lines,
                amount,
                signed: false,
            }
        } else {
            Link::Answered {
                requester: half.peer,
                amount: settlement.amount,
            }
        };
        self.links.insert(half.seq, link);
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
        let (signed, half) = self.next(key, worker, BlobHash::default(), settlement);
        self.push(&signed, &half);
        let event = Event::SettlementProposed {
            worker,
            seq: half.seq,
            task,
            quote,
            lines: event_lines,
        };
        let message = settle(&signed, &lines);
        let record = LedgerRecord::Proposed {
            half: signed.clone(),
            lines: lines.clone(),
        };
        self.unanswered.insert(
            half.seq,
            Open {
                hash: half_hash(&signed),
                signed,
                half,
                lines,
            },
        );
        Proposal { record, event, message }
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
        let (answer, own) = self.next(key, half.author, half_hash(signed), half.settlement.clone());
        let event = Event::SettlementSigned {
            peer: half.author,
            seq: own.seq,
            amount: own.settlement.amount,
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
        if let Some(Link::Proposed { signed, .. }) = self.links.get_mut(&seq) {
            *signed = true;
        }
        self.histories
            .entry(half.author)
            .or_default()
            .insert(answer.clone(), half);
    }

    /// Compares a peer's block with what is known of its chain. Whoever forked is banned, and the proof is kept.
    fn admit(&mut self, signed: &Signed<HalfBlock>, half: &HalfBlock) -> Result<bool, SettleError> {
        if self.forks.contains_key(&half.author) {
            return Err(SettleError::Banned(half.author));
        }
        // A stranger is compared with an empty history and leaves no trace until a block of its is taken.
        let stranger = PeerHistory::default();
        let checked = self
            .histories
            .get(&half.author)
            .unwrap_or(&stranger)
            .check(signed, half);
        if let Err(SettleError::Fork(fork)) = &checked {
            self.forks.insert(half.author, Fork::clone(fork));
        }
        checked
    }

    /// Takes one record of the own ledger file, in order. Signatures and links of the own blocks are checked;
    /// `verify_ledger` checks the rest.
    pub fn replay(&mut self, record: LedgerRecord) -> Result<(), ReplayError> {
        match record {
            LedgerRecord::Proposed { half: signed, lines } => {
                let half = self.replay_own(&signed)?;
                self.unanswered.insert(
                    half.seq,
                    Open {
                        hash: half_hash(&signed),
                        signed,
                        half,
                        lines,
                    },
                );
            }
            LedgerRecord::Answered { proposal, answer } => {
                let half = open(&answer)?;
                if !self.unanswered.contains_key(&proposal) {
                    return Err(ReplayError::NotProposed(proposal));
                }
                self.take_closed(proposal, &answer, half);
            }
            LedgerRecord::Countersigned { proposal, answer, .. } => {
                let half = open(&proposal)?;
                let own = open(&answer)?;
                self.check_next(&own)?;
                self.take_answered(&proposal, half, &answer, &own);
            }
            LedgerRecord::Fork(fork) => {
                if let Some(author) = fork.author()? {
                    self.forks.insert(author, *fork);
                }
            }
        }
        Ok(())
    }

    fn replay_own(&mut self, signed: &Signed<HalfBlock>) -> Result<HalfBlock, ReplayError> {
        let half = open(signed)?;
        self.check_next(&half)?;
        self.push(signed, &half);
        Ok(half)
    }

    fn check_next(&self, own: &HalfBlock) -> Result<(), ReplayError> {
        if own.author != self.me {
            return Err(ReplayError::Owner(own.author));
        }
        let expected = self.seq.saturating_add(1);
        if own.seq != expected || own.previous != self.head {
            return Err(ReplayError::Order {
                found: own.seq,
                expected,
            });
        }
        Ok(())
    }
}

fn settle(half: &Signed<HalfBlock>, lines: &[ReceiptLine]) -> Message {
    Message::Settle {
        half: Box::new(half.clone()),
        lines: lines.to_vec(),
    }
}
