//! Checks a ledger file offline: nothing is believed but signatures, hashes and sums.

use crate::checks::{SettleError, change, check_answer, check_lines, check_proposal, half_hash, open};
use crate::history::PeerHistory;
use crate::ledger_file::{LedgerError, LedgerRecord, LedgerTail, read_ledger};
use job_model::sign::Signed;
use job_model::{BlobHash, HalfBlock, MicroCredits, NodeId, ReceiptLine};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;

/// Most problems listed; the rest is counted.
pub const PROBLEMS_LISTED: usize = 100;

/// Something wrong in a ledger file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Number of the record, from 1.
    pub record: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What stands between the owner and one peer, by the signatures in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PeerTotals {
    /// Settlements both sides have signed.
    pub settlements: u64,
    /// Lines in them.
    pub lines: u64,
    /// Paid to the peer, signed by both.
    pub spent: MicroCredits,
    /// Got from the peer, signed by both.
    pub earned: MicroCredits,
    /// Proposed to the peer and not answered.
    pub unanswered: MicroCredits,
    /// Transfers both sides have signed, either way; their amounts are in `spent` and `earned`.
    #[serde(default)]
    pub transfers: u64,
    /// Fees the owner burned with its transfers to the peer.
    #[serde(default)]
    pub fees: MicroCredits,
    /// What the peer owes by the owner's last block: `earned - spent - unanswered`.
    pub balance: MicroCredits,
}

/// What a ledger file shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerReport {
    /// Whose ledger it is.
    pub owner: NodeId,
    /// Whole records.
    pub records: u64,
    /// Position of the owner's last half block.
    pub seq: u64,
    /// By peer.
    pub peers: BTreeMap<NodeId, PeerTotals>,
    /// Sum of the balances.
    pub total: MicroCredits,
    /// Fees the owner burned, over all peers; not in `total`.
    #[serde(default)]
    pub burned: MicroCredits,
    /// Positions of proposals without an answer.
    pub unanswered: Vec<u64>,
    /// Nodes that forked their chains, proven in the file.
    pub forked: Vec<NodeId>,
    /// What is wrong, the first [`PROBLEMS_LISTED`].
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub problem_count: u64,
    /// The file ends within a record: truncating it here, in bytes, loses nothing that was ever sent.
    pub torn_at: Option<u64>,
}

impl LedgerReport {
    /// Whether nothing is wrong. A torn last record is not wrong: a crash may leave one.
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }
}

struct Verifier {
    report: LedgerReport,
    record: u64,
    head: BlobHash,
    /// The owner's proposals without an answer, with their hashes.
    open: BTreeMap<u64, (HalfBlock, BlobHash)>,
    histories: BTreeMap<NodeId, PeerHistory>,
}

/// Checks a whole ledger file. An error means that it could not be read as one at all; what is wrong inside is in the
/// report.
pub fn verify_ledger<R: Read>(reader: R, owner: Option<NodeId>) -> Result<LedgerReport, LedgerError> {
    let mut records = read_ledger(reader)?;
    let mut verifier = Verifier::new(&records.tail());
    if let Some(expected) = owner
        && expected != verifier.report.owner
    {
        verifier.problem(format!(
            "the ledger belongs to node {}, not to node {expected}",
            verifier.report.owner
        ));
    }
    for read in records.by_ref() {
        verifier.record += 1;
        match read {
            Ok(record) => verifier.take(record),
            Err(LedgerError::Torn { offset, .. }) => verifier.report.torn_at = Some(offset),
            Err(LedgerError::Io(error)) => return Err(LedgerError::Io(error)),
            Err(error) => verifier.problem(error.to_string()),
        }
    }
    verifier.report.records = records.tail().records;
    Ok(verifier.finish())
}

impl Verifier {
    fn new(tail: &LedgerTail) -> Self {
        let report = LedgerReport {
            owner: tail.owner,
            records: 0,
            seq: 0,
            peers: BTreeMap::new(),
            total: MicroCredits::ZERO,
            burned: MicroCredits::ZERO,
            unanswered: Vec::new(),
            forked: Vec::new(),
            problems: Vec::new(),
            problem_count: 0,
            torn_at: None,
        };
        Self {
            report,
            record: 0,
            head: BlobHash::default(),
            open: BTreeMap::new(),
            histories: BTreeMap::new(),
        }
    }

    fn problem(&mut self, what: String) {
        self.report.problem_count += 1;
        if self.report.problems.len() < PROBLEMS_LISTED {
            self.report.problems.push(Problem {
                record: self.record,
                what,
            });
        }
    }
    fn note(&mut self, checked: Result<(), SettleError>) {
        if let Err(error) = checked {
            self.problem(error.to_string());
        }
    }
    /// The block, if it can be opened; a problem otherwise.
    fn open(&mut self, signed: &Signed<HalfBlock>) -> Option<HalfBlock> {
        open(signed).map_err(|error| self.problem(error.to_string())).ok()
    }

    fn take(&mut self, record: LedgerRecord) {
        match record {
            LedgerRecord::Proposed { half, lines } => self.take_proposed(&half, &lines),
            LedgerRecord::Answered { proposal, answer } => self.take_answered(proposal, &answer),
            LedgerRecord::Countersigned {
                proposal,
                answer,
                lines,
            } => self.take_countersigned(&proposal, &answer, &lines),
            LedgerRecord::Fork(fork) => match fork.author() {
                Ok(Some(author)) => self.report.forked.push(author),
                Ok(None) => self.problem("the two blocks of the fork record do not contradict each other".to_owned()),
                Err(error) => self.problem(error.to_string()),
            },
        }
    }

    /// An own block: it is the next one, links to the one before, and its balance follows.
    fn own(&mut self, signed: &Signed<HalfBlock>, half: &HalfBlock) {
        if half.author != self.report.owner {
            self.problem(format!(
                "the block is of node {}'s chain, not of the owner's",
                half.author
            ));
            return;
        }
        let expected = self.report.seq.saturating_add(1);
        if half.seq != expected {
            self.problem(format!(
                "block {} of the owner's chain stands where block {expected} belongs",
                half.seq
            ));
        }
        if half.previous != self.head {
            self.problem(format!(
                "block {} does not link to the block before it: the chain was forked or cut",
                half.seq
            ));
        }
        let totals = self.report.peers.entry(half.peer).or_default();
        let balance = totals.balance + change(half);
        totals.balance = half.balance;
        if half.balance != balance {
            let (author, seq, stated) = (half.author, half.seq, half.balance);
            self.note(Err(SettleError::Balance {
                author,
                seq,
                stated,
                expected: balance,
            }));
        }
        self.report.seq = half.seq;
        self.head = half_hash(signed);
    }

    /// A peer's block: it fits what else is known of its chain.
    fn peer(&mut self, signed: &Signed<HalfBlock>, half: &HalfBlock) {
        if half.peer != self.report.owner {
            self.note(Err(SettleError::NotForMe(half.peer)));
        }
        let history = self.histories.entry(half.author).or_default();
        match history.check(signed, half) {
            Ok(true) => history.insert(signed.clone(), half.clone()),
            Ok(false) => self.problem(format!(
                "block {} of node {} is in the ledger twice",
                half.seq, half.author
            )),
            Err(error) => {
                if matches!(error, SettleError::Fork(_)) {
                    self.report.forked.push(half.author);
                }
                self.problem(error.to_string());
            }
        }
    }

    fn take_proposed(&mut self, signed: &Signed<HalfBlock>, lines: &[ReceiptLine]) {
        let Some(half) = self.open(signed) else { return };
        self.own(signed, &half);
        self.note(check_proposal(&half, lines));
        self.report.peers.entry(half.peer).or_default().unanswered += half.settlement.amount;
        self.open.insert(half.seq, (half, half_hash(signed)));
    }

    fn take_answered(&mut self, proposal: u64, signed: &Signed<HalfBlock>) {
        let Some(answer) = self.open(signed) else { return };
        self.peer(signed, &answer);
        let Some((half, hash)) = self.open.remove(&proposal) else {
            self.problem(format!("it answers block {proposal}, which is no open proposal"));
            return;
        };
        self.note(check_answer(&answer, &half, &hash));
        let totals = self.report.peers.entry(half.peer).or_default();
        totals.unanswered -= half.settlement.amount;
        totals.spent += half.settlement.amount;
        if let Some(transfer) = half.transfer {
            totals.transfers += 1;
            totals.fees += transfer.fee;
        } else {
            totals.settlements += 1;
            totals.lines += u64::from(half.settlement.lines);
        }
    }

    fn take_countersigned(&mut self, proposal: &Signed<HalfBlock>, answer: &Signed<HalfBlock>, lines: &[ReceiptLine]) {
        let (Some(half), Some(own)) = (self.open(proposal), self.open(answer)) else {
            return;
        };
        self.peer(proposal, &half);
        self.own(answer, &own);
        self.note(check_proposal(&half, lines));
        self.note(check_answer(&own, &half, &half_hash(proposal)));
        // What the owner signed is what counts for it, so its own block's lines are checked as well.
        if own.transfer.is_none() && own.settlement != half.settlement {
            self.note(check_lines(&own.settlement, lines));
        }
        let totals = self.report.peers.entry(half.author).or_default();
        totals.earned += own.settlement.amount;
        if own.transfer.is_some() {
            totals.transfers += 1;
        } else {
            totals.settlements += 1;
            totals.lines += u64::from(own.settlement.lines);
        }
    }

    fn finish(mut self) -> LedgerReport {
        self.report.unanswered = self.open.keys().copied().collect();
        self.report.forked.sort_unstable();
        self.report.forked.dedup();
        self.report.burned = self.report.peers.values().map(|totals| totals.fees).sum();
        self.report.total = self.report.peers.values().map(|totals| totals.balance).sum();
        self.report
    }
}
