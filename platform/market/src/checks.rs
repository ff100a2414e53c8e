//! What must hold for a half block and its lines before anybody signs or believes them. Used by the live [`Chain`]
//! and by the offline verification of a ledger file alike.
//!
//! [`Chain`]: crate::Chain

pub use job_model::receipt::half_hash;
use job_model::receipt::lines_root;
use job_model::sign::{SignatureError, Signed};
use job_model::{
    BlobHash, Fork, HalfBlock, JobId, MicroCredits, NodeId, Outcome, ProfileId, Rates, ReceiptLine, Settlement, TaskId,
    Transfer, UnixMillis, Usage, VoteKey,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most lines a settlement of a stranger may have; ours have fewer.
pub const LINES_MAX: usize = job_model::limits::MAX_BATCH_REPLICAS;

/// What a worker remembers of a replica it ran, until it is settled. The node keeps it on disk: a worker that forgot
/// what it ran cannot sign for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ran {
    /// The result it committed to.
    pub vote: VoteKey,
    /// Fuel it spent.
    pub fuel: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// What it is worth at the rates of the quote it was assigned under.
    pub price: MicroCredits,
}

impl Ran {
    /// What is to be remembered of an execution; none when it had no verdict, for such a one is never settled.
    pub fn new(outcome: &Outcome, usage: &Usage, rates: &Rates) -> Option<Self> {
        let bytes = usage.input_bytes.saturating_add(usage.output_bytes);
        outcome.vote().map(|vote| Self {
            vote,
            fuel: usage.fuel,
            bytes,
            price: rates.price(usage),
        })
    }
}

/// Why a half block is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// Signature or encoding.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The signer is not the author it names.
    #[error("node {signer} signed a half block of node {author}'s chain")]
    Signer {
        /// Who signed.
        signer: NodeId,
        /// Whose chain it names.
        author: NodeId,
    },
    /// The two sides of the block and of the settlement differ, or are one node.
    #[error("the half block of node {author} for node {peer} does not name them as the settlement's two sides")]
    Sides {
        /// The author.
        author: NodeId,
        /// Its peer.
        peer: NodeId,
    },
    /// It is for somebody else.
    #[error("it is addressed to node {0}, not to this one")]
    NotForMe(NodeId),
    /// A proposal that answers something, or an answer that answers nothing.
    #[error("it is not a {0}: a proposal answers nothing, an answer names its proposal")]
    Kind(&'static str),
    /// Too many lines.
    #[error("{0} lines, at most {max} are allowed in one settlement", max = LINES_MAX)]
    TooManyLines(usize),
    /// The count is wrong.
    #[error("the settlement states {stated} lines, {lines} came with it")]
    LineCount {
        /// In the settlement.
        stated: u32,
        /// What came.
        lines: usize,
    },
    /// The root is wrong.
    #[error("the Merkle root of the lines is {lines}, the settlement states {stated}")]
    Root {
        /// In the settlement.
        stated: BlobHash,
        /// Of the lines.
        lines: BlobHash,
    },
    /// A sum is wrong.
    #[error("the {what} of the lines sums to {lines}, the settlement states {stated}")]
    Sum {
        /// `price` or `fuel`.
        what: &'static str,
        /// In the settlement.
        stated: i128,
        /// Of the lines.
        lines: i128,
    },
    /// One replica, two lines.
    #[error("chunk {chunk} attempt {attempt} has two lines")]
    Duplicate {
        /// Chunk index.
        chunk: u32,
        /// Which execution of it.
        attempt: u32,
    },
    /// A price against the verdict.
    #[error(
        "chunk {chunk} attempt {attempt} is judged {verdict} and priced {price}: unpaid verdicts cost nothing, and no price is negative"
    )]
    Unpaid {
        /// Chunk index.
        chunk: u32,
        /// Which execution of it.
        attempt: u32,
        /// The verdict.
        verdict: String,
        /// The price.
        price: MicroCredits,
    },
    /// The worker never ran it, or forgot.
    #[error("chunk {chunk} attempt {attempt} of task {task} was not run here")]
    Unknown {
        /// The task.
        task: TaskId,
        /// Chunk index.
        chunk: u32,
        /// Which execution of it.
        attempt: u32,
    },
    /// Another result than the worker's.
    #[error("chunk {chunk} attempt {attempt} is listed with another result than the one reported from here")]
    Vote {
        /// Chunk index.
        chunk: u32,
        /// Which execution of it.
        attempt: u32,
    },
    /// Less than was quoted.
    #[error("chunk {chunk} attempt {attempt} is paid {price} credits, the quote makes it {quoted}")]
    Price {
        /// Chunk index.
        chunk: u32,
        /// Which execution of it.
        attempt: u32,
        /// In the line.
        price: MicroCredits,
        /// What it is worth.
        quoted: MicroCredits,
    },
    /// Position 0 does not exist.
    #[error("positions in a chain count from 1, this one is 0")]
    Zero,
    /// The balance does not follow from the block before or after it.
    #[error(
        "block {seq} of node {author} states a balance of {stated} credits, its neighbour in the chain makes it {expected}"
    )]
    Balance {
        /// The author.
        author: NodeId,
        /// Its position.
        seq: u64,
        /// In the block.
        stated: MicroCredits,
        /// From the neighbour.
        expected: MicroCredits,
    },
    /// Two blocks of one author that cannot both be true.
    #[error("node {} has forked its chain: two signed blocks contradict each other; nothing more is settled with it", .0.first.node)]
    Fork(Box<Fork>),
    /// Two blocks that do not contradict each other.
    #[error("the two half blocks do not contradict each other: they prove no fork")]
    NoProof,
    /// The author forked before.
    #[error("node {0} has forked its chain before; nothing more is settled with it")]
    Banned(NodeId),
    /// So old that memory has let it go.
    #[error("block {seq} of node {author} is too old to be checked from memory; look for it in the ledger file")]
    Forgotten {
        /// The author.
        author: NodeId,
        /// Its position.
        seq: u64,
    },
    /// A transfer with lines, a task, or an amount or fee that is none.
    #[error("it is no proper transfer: {0}")]
    Transfer(&'static str),
    /// An answer to something we did not propose.
    #[error("it answers no proposal of this node that is open or known")]
    NotProposed,
    /// An answer that says something else than the proposal.
    #[error("the answer states another settlement than the proposal")]
    Differs,
}

/// What the author's balance with its peer changes by.
pub fn change(half: &HalfBlock) -> MicroCredits {
    if half.author == half.settlement.requester {
        -half.settlement.amount
    } else {
        half.settlement.amount
    }
}

/// Opens a signed half block and checks that its author signed it.
pub fn open(signed: &Signed<HalfBlock>) -> Result<HalfBlock, SettleError> {
    let half = signed.open()?;
    if half.author != signed.node {
        return Err(SettleError::Signer {
            signer: signed.node,
            author: half.author,
        });
    }
    if half.seq == 0 {
        return Err(SettleError::Zero);
    }
    Ok(half)
}

/// A proposal: the requester writes to the worker, and answers nothing.
pub fn check_proposal(half: &HalfBlock, lines: &[ReceiptLine]) -> Result<(), SettleError> {
    let settlement = &half.settlement;
    if settlement.requester != half.author || settlement.worker != half.peer || half.author == half.peer {
        return Err(SettleError::Sides {
            author: half.author,
            peer: half.peer,
        });
    }
    if half.answers != BlobHash::default() {
        return Err(SettleError::Kind("proposal"));
    }
    match half.transfer {
        None => check_lines(settlement, lines),
        Some(transfer) => check_transfer(settlement, transfer, lines),
    }
}

/// A transfer pays for no work: it moves a positive amount, burns no negative fee, and the two together are an amount.
pub fn check_transfer(settlement: &Settlement, transfer: Transfer, lines: &[ReceiptLine]) -> Result<(), SettleError> {
    let of_work = Settlement {
        requester: settlement.requester,
        worker: settlement.worker,
        amount: settlement.amount,
        at: settlement.at,
        ..no_work()
    };
    if *settlement != of_work || !lines.is_empty() {
        return Err(SettleError::Transfer("it names work, and a transfer pays for none"));
    }
    if settlement.amount <= MicroCredits::ZERO || transfer.fee < MicroCredits::ZERO {
        return Err(SettleError::Transfer(
            "its amount must be positive and its fee not negative",
        ));
    }
    if settlement.amount.0.checked_add(transfer.fee.0).is_none() {
        return Err(SettleError::Transfer("amount and fee together are too large"));
    }
    Ok(())
}

/// The settlement of a transfer, before the two sides, the amount and the time.
pub fn no_work() -> Settlement {
    Settlement {
        profile: ProfileId::default(),
        task: TaskId::default(),
        job: JobId::default(),
        requester: NodeId::default(),
        worker: NodeId::default(),
        quote: 0,
        lines_root: BlobHash::default(),
        lines: 0,
        fuel: 0,
        amount: MicroCredits::ZERO,
        at: UnixMillis::default(),
    }
}

/// An answer: the worker writes back the same settlement, linked to the proposal.
pub fn check_answer(answer: &HalfBlock, proposal: &HalfBlock, proposal_hash: &BlobHash) -> Result<(), SettleError> {
    if answer.author != proposal.peer || answer.peer != proposal.author {
        return Err(SettleError::Sides {
            author: answer.author,
            peer: answer.peer,
        });
    }
    if answer.answers != *proposal_hash {
        return Err(SettleError::NotProposed);
    }
    if answer.settlement != proposal.settlement || answer.transfer != proposal.transfer {
        return Err(SettleError::Differs);
    }
    Ok(())
}

/// The lines are the ones the settlement sums up.
pub fn check_lines(settlement: &Settlement, lines: &[ReceiptLine]) -> Result<(), SettleError> {
    if lines.len() > LINES_MAX {
        return Err(SettleError::TooManyLines(lines.len()));
    }
    if settlement.lines as usize != lines.len() {
        return Err(SettleError::LineCount {
            stated: settlement.lines,
            lines: lines.len(),
        });
    }
    let mut keys = BTreeSet::new();
    for line in lines {
        let ReceiptLine {
            chunk,
            attempt,
            price,
            verdict,
            ..
        } = *line;
        if !keys.insert((chunk, attempt)) {
            return Err(SettleError::Duplicate { chunk, attempt });
        }
        let unpaid = !crate::replicas::is_paid(verdict);
        if price < MicroCredits::ZERO || unpaid && price != MicroCredits::ZERO {
            return Err(SettleError::Unpaid {
                chunk,
                attempt,
                verdict: format!("{verdict:?}").to_lowercase(),
                price,
            });
        }
    }
    sums(
        "price",
        settlement.amount.0.into(),
        lines.iter().map(|line| line.price.0.into()),
    )?;
    sums(
        "fuel",
        settlement.fuel.into(),
        lines.iter().map(|line| line.fuel.into()),
    )?;
    let root = lines_root(lines);
    if root != settlement.lines_root {
        return Err(SettleError::Root {
            stated: settlement.lines_root,
            lines: root,
        });
    }
    Ok(())
}

fn sums(what: &'static str, stated: i128, lines: impl Iterator<Item = i128>) -> Result<(), SettleError> {
    let lines: i128 = lines.sum();
    if lines == stated {
        Ok(())
    } else {
        Err(SettleError::Sum { what, stated, lines })
    }
}

/// The worker's own look: it ran every line, with that result, for at least that price.
pub fn check_ran(
    task: &TaskId,
    lines: &[ReceiptLine],
    what_i_ran: impl Fn(&TaskId, u32, u32) -> Option<Ran>,
) -> Result<(), SettleError> {
    for line in lines {
        let ReceiptLine {
            chunk,
            attempt,
            vote,
            price,
            verdict,
            ..
        } = *line;
        let Some(ran) = what_i_ran(task, chunk, attempt) else {
            return Err(SettleError::Unknown {
                task: *task,
                chunk,
                attempt,
            });
        };
        if ran.vote != vote {
            return Err(SettleError::Vote { chunk, attempt });
        }
        if crate::replicas::is_paid(verdict) && price < ran.price {
            return Err(SettleError::Price {
                chunk,
                attempt,
                price,
                quoted: ran.price,
            });
        }
    }
    Ok(())
}
