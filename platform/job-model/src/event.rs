//! Events: at once journal record, message to watchers, simulator trace and console input.
//!
//! A core changes its state only in `apply(&Event)`; replaying the journal through the same `apply` restores it.
//! Events carry batches: one event per message, never one per chunk.

use crate::ids::{BlobHash, JobId, NodeId, TaskId};
use crate::manifest::Manifest;
use crate::metric::JobMetrics;
use crate::money::MicroCredits;
use crate::outcome::{Outcome, Output, Usage};
use crate::quote::Quote;
use crate::receipt::ReplicaVerdict;
use crate::task::{TaskFailure, TaskSpec};
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This many milliseconds later.
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
    /// Milliseconds since an earlier moment; 0 if it is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Why a replica brought nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
    /// The connection to the worker ended.
    #[error("the worker disconnected")]
    Disconnected,
    /// The worker said nothing for too long.
    #[error("the worker did not answer in time")]
    Stalled,
    /// The requester restarted while it ran.
    #[error("the requester restarted")]
    Restarted,
    /// The worker sent the assignment back.
    #[error("the worker refused: {0}")]
    Refused(String),
    /// It was not needed any more.
    #[error("not needed any more")]
    Superseded,
    /// The task ended.
    #[error("the task ended")]
    TaskEnded,
}

/// Why a replica was placed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignReason {
    /// The policy wants this many.
    Policy,
    /// A spot check.
    Spot,
    /// Results disagreed.
    Escalation,
    /// An earlier replica is slow.
    Hedge,
    /// An earlier replica brought nothing.
    Retry,
}

/// One finished replica.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplicaResult {
    /// Chunk index.
    pub chunk: u32,
    /// Which execution of it.
    pub attempt: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
    /// Log lines, cut to [`crate::limits::MAX_TEXT_BYTES`] in all; empty for most.
    pub log: String,
    /// Numbers the job reported; not part of the vote.
    #[serde(default, skip_serializing_if = "JobMetrics::is_empty")]
    pub metrics: JobMetrics,
}

/// What a job's own `check` said of one replica's output.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// It is right.
    Accepted,
    /// It is wrong.
    Refuted,
    /// The check itself could not be done; why. Says nothing about the output.
    Failed(String),
}

/// One check of a replica's output, done here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplicaCheck {
    /// Chunk index.
    pub chunk: u32,
    /// Which execution of it.
    pub attempt: u32,
    /// What was found.
    pub verdict: CheckVerdict,
    /// What the check used here; nobody is paid for it.
    pub usage: Usage,
}

/// What comparing two outputs of a chunk showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareVerdict {
    /// They are within the task's tolerance of each other.
    Close,
    /// They are not, or have different forms.
    Apart,
    /// The comparison could not be done; why, and what helps. Says nothing about the outputs.
    Failed(String),
}

/// One comparison of two replicas' outputs, done here.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OutputComparison {
    /// Chunk index.
    pub chunk: u32,
    /// The execution whose output is the reference.
    pub reference: u32,
    /// The execution whose output was compared with it.
    pub attempt: u32,
    /// What was found.
    pub verdict: CompareVerdict,
    /// The largest difference of two elements, relative to the largest element of their tensor in the reference; none
    /// where no number says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
}

/// The verdict about one chunk (D5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChunkVerdict {
    /// Chunk index.
    pub chunk: u32,
    /// The attempt whose outcome was accepted.
    pub winner: u32,
    /// Every judged attempt: who ran it, and what was decided.
    pub replicas: Vec<(u32, NodeId, ReplicaVerdict)>,
}

/// One line of a settlement as the journal keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Posting {
    /// Who is paid.
    pub worker: NodeId,
    /// Credits that were held for these replicas and are released.
    pub released: MicroCredits,
    /// What is paid of them.
    pub amount: MicroCredits,
}

/// Something that happened at this node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A job became known by name here.
    JobPublished {
        /// The job.
        job: JobId,
        /// Component size in bytes.
        size: u64,
        /// Who published it.
        publisher: NodeId,
        /// What it says of itself.
        manifest: Box<Manifest>,
    },
    /// A task was accepted for execution.
    TaskSubmitted {
        /// The task.
        task: TaskId,
        /// What it asks for.
        spec: Box<TaskSpec>,
        /// Whose task it is among the users of this node; empty: the node's own user. Never leaves the node.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        owner: String,
    },
    /// The job cut the task.
    TaskPlanned {
        /// The task.
        task: TaskId,
        /// The plan, a blob.
        plan: BlobHash,
        /// How many chunks.
        chunks: u32,
        /// Fuel the planning took.
        fuel: u64,
    },
    /// Chunks whose results were known.
    ChunksRecalled {
        /// The task.
        task: TaskId,
        /// Chunk index and result.
        chunks: Vec<(u32, Output)>,
    },
    /// A worker offered prices.
    QuoteReceived {
        /// The offer.
        quote: Box<Quote>,
    },
    /// Replicas were given to a worker.
    ReplicasAssigned {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: NodeId,
        /// Number of the worker's quote that sets the price.
        quote: u64,
        /// Credits held for each replica.
        hold: MicroCredits,
        /// Why they were placed.
        reason: AssignReason,
        /// Chunk index and attempt.
        replicas: Vec<(u32, u32)>,
    },
    /// A worker sent results.
    ReplicasFinished {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: NodeId,
        /// The results.
        results: Vec<ReplicaResult>,
    },
    /// Replicas brought nothing and will not.
    ReplicasLost {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: NodeId,
        /// Why.
        why: LossReason,
        /// Chunk index and attempt.
        replicas: Vec<(u32, u32)>,
    },
    /// The job's own `check` looked at outputs.
    ReplicasChecked {
        /// The task.
        task: TaskId,
        /// What it said.
        checks: Vec<ReplicaCheck>,
    },
    /// Outputs were compared with each other, where the task's comparison is not by bytes.
    OutputsCompared {
        /// The task.
        task: TaskId,
        /// What was found.
        comparisons: Vec<OutputComparison>,
    },
    /// Chunks were decided.
    ChunksVerified {
        /// The task.
        task: TaskId,
        /// The verdicts.
        verdicts: Vec<ChunkVerdict>,
    },
    /// Held credits were paid or given back.
    CreditsPosted {
        /// The task.
        task: TaskId,
        /// Per worker.
        postings: Vec<Posting>,
    },
    /// A node contradicted an accepted result, or sent one that the job's own check refuted; it gets no more work from here.
    NodeDistrusted {
        /// The node.
        node: NodeId,
        /// The task and chunk that showed it.
        task: TaskId,
        /// Chunk index.
        chunk: u32,
    },
    /// The result is there.
    TaskCompleted {
        /// The task.
        task: TaskId,
        /// The result, a blob.
        result: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
    /// The task will not complete.
    TaskFailed {
        /// The task.
        task: TaskId,
        /// Why.
        failure: TaskFailure,
    },
    /// Its requester cancelled it.
    TaskCancelled {
        /// The task.
        task: TaskId,
        /// The requester's reason.
        reason: String,
    },
    /// The requester's half block of a settlement was chained; the worker's answer is due.
    SettlementProposed {
        /// The worker.
        worker: NodeId,
        /// Position in our chain.
        seq: u64,
        /// The task.
        task: TaskId,
        /// Number of the worker's quote that set the prices.
        quote: u64,
        /// How many lines it has: that many posted replicas are not waiting for a settlement any more.
        lines: u32,
    },
    /// Both halves of a settlement or of a transfer are chained.
    SettlementSigned {
        /// The other side.
        peer: NodeId,
        /// Position in our chain.
        seq: u64,
        /// What our balance with the peer changed by.
        amount: MicroCredits,
        /// There for a transfer of credits: what its payer burned besides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fee: Option<MicroCredits>,
    },
}

/// An event with its place in the journal.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// Position, from 1, growing. A crash may leave a gap where settlement events were due; they come later instead.
    pub seq: u64,
    /// When it was decided, by this node's clock.
    pub at: UnixMillis,
    /// What happened.
    pub event: Event,
}

impl Event {
    /// The task it belongs to, if any.
    pub fn task(&self) -> Option<TaskId> {
        match self {
            Self::TaskSubmitted { task, .. }
            | Self::TaskPlanned { task, .. }
            | Self::ChunksRecalled { task, .. }
            | Self::ReplicasAssigned { task, .. }
            | Self::ReplicasFinished { task, .. }
            | Self::ReplicasLost { task, .. }
            | Self::ReplicasChecked { task, .. }
            | Self::OutputsCompared { task, .. }
            | Self::ChunksVerified { task, .. }
            | Self::CreditsPosted { task, .. }
            | Self::NodeDistrusted { task, .. }
            | Self::TaskCompleted { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskCancelled { task, .. }
            | Self::SettlementProposed { task, .. } => Some(*task),
            Self::JobPublished { .. } | Self::QuoteReceived { .. } | Self::SettlementSigned { .. } => None,
        }
    }
}

/// What a replica used and cost, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Summed usage.
    pub usage: Usage,
    /// Summed price.
    pub price: MicroCredits,
}
