//! What goes into the chain and what comes out of it.

use crate::checks::SettleError;
use crate::ledger_file::LedgerRecord;
use job_model::{Event, JobId, Message, MicroCredits, NodeId, ProfileId, ReceiptLine, TaskId};

/// What a requester wants to settle with a worker: lines of one task under one quote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettlementDraft {
    /// Who is paid.
    pub worker: NodeId,
    /// The task.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// The metering profile of the quote.
    pub profile: ProfileId,
    /// Number of the quote.
    pub quote: u64,
    /// The judged replicas.
    pub lines: Vec<ReceiptLine>,
}

/// A chained proposal. Append the record, apply and journal the event, send the message.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    /// For the ledger file.
    pub record: LedgerRecord,
    /// For the journal.
    pub event: Event,
    /// For the worker.
    pub message: Message,
}

/// A chained transfer. Append the record, send the message; the event comes with the peer's answer.
#[derive(Clone, PartialEq, Debug)]
pub struct TransferProposal {
    /// Position in the own chain.
    pub seq: u64,
    /// For the ledger file.
    pub record: LedgerRecord,
    /// For the peer.
    pub message: Message,
}

/// A chained answer. Append the record, apply and journal the event, send the message. For a proposal that came again
/// only the message is there.
#[derive(Clone, PartialEq, Debug)]
pub struct Answered {
    /// For the ledger file; none if it is there already.
    pub record: Option<LedgerRecord>,
    /// For the journal; none if it is there already.
    pub event: Option<Event>,
    /// For the requester.
    pub message: Message,
}

/// A settlement that both sides have signed. Append the record, apply and journal the event.
#[derive(Clone, PartialEq, Debug)]
pub struct Closed {
    /// For the ledger file.
    pub record: LedgerRecord,
    /// For the journal.
    pub event: Event,
}

/// What one position of the own chain did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// We pay.
    Proposed {
        /// The worker.
        worker: NodeId,
        /// The task.
        task: TaskId,
        /// Number of the quote.
        quote: u64,
        /// How many lines.
        lines: u32,
        /// How much.
        amount: MicroCredits,
        /// Whether the worker has answered.
        signed: bool,
    },
    /// We give credits away.
    Given {
        /// Who gets them.
        peer: NodeId,
        /// How much arrives.
        amount: MicroCredits,
        /// How much is burned besides.
        fee: MicroCredits,
        /// Whether the peer has taken them.
        signed: bool,
    },
    /// We took credits that a peer gave.
    Taken {
        /// Who gave them.
        peer: NodeId,
        /// How much arrived.
        amount: MicroCredits,
        /// How much the peer burned besides.
        fee: MicroCredits,
    },
    /// We are paid.
    Answered {
        /// The requester.
        requester: NodeId,
        /// How much.
        amount: MicroCredits,
    },
}

impl Link {
    /// The event that says it was proposed.
    pub fn proposed_event(&self, seq: u64) -> Option<Event> {
        match *self {
            Self::Proposed {
                worker,
                task,
                quote,
                lines,
                ..
            } => Some(Event::SettlementProposed {
                worker,
                seq,
                task,
                quote,
                lines,
            }),
            Self::Answered { .. } | Self::Given { .. } | Self::Taken { .. } => None,
        }
    }
    /// The event that says both sides have signed it.
    pub fn signed_event(&self, seq: u64) -> Option<Event> {
        let (peer, amount, fee) = match *self {
            Self::Proposed {
                worker,
                amount,
                signed: true,
                ..
            } => (worker, -amount, None),
            Self::Given {
                peer,
                amount,
                fee,
                signed: true,
            } => (peer, -amount, Some(fee)),
            Self::Taken { peer, amount, fee } => (peer, amount, Some(fee)),
            Self::Answered { requester, amount } => (requester, amount, None),
            Self::Proposed { signed: false, .. } | Self::Given { signed: false, .. } => return None,
        };
        Some(Event::SettlementSigned { peer, seq, amount, fee })
    }
}

/// Why a ledger record cannot follow on those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A block of somebody else's chain.
    #[error("the ledger belongs to node {0}, not to this one")]
    Owner(NodeId),
    /// A gap, a repetition or a broken link.
    #[error(
        "block {found} of the own chain stands where block {expected} belongs, or does not link to the block before"
    )]
    Order {
        /// Its position.
        found: u64,
        /// The position it should have.
        expected: u64,
    },
    /// An answer without its proposal.
    #[error("the ledger has an answer to block {0}, which is no open proposal")]
    NotProposed(u64),
    /// A block that does not check.
    #[error(transparent)]
    Block(#[from] SettleError),
}
