//! Journal records as the API shows them: compact, because every listener gets each of them. Outputs, logs and backtraces
//! stay in the journal; who wants them asks for them. A value made for one record; owns nothing.

mod convert;

use super::Hash;
use job_model::{BlobHash, Event, JobId, NodeId, TaskId};
use serde::Serialize;
use utoipa::ToSchema;

/// Something that happened at the node: one record of its journal.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct EventView {
    /// Position in the journal, from 1, growing; gaps are possible.
    pub seq: u64,
    /// When it was decided, in Unix milliseconds by the node's clock.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened. `attempts` and `winners` are left out where all of them are 0.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Happening {
    /// A job became known by name.
    JobPublished {
        /// The job.
        #[schema(value_type = Hash)]
        job: JobId,
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Component size in bytes.
        size: u64,
        /// Who published it.
        #[schema(value_type = Hash)]
        publisher: NodeId,
    },
    /// A task was accepted for execution.
    TaskSubmitted {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The job.
        #[schema(value_type = Hash)]
        job: JobId,
        /// The job's name.
        job_name: String,
        /// Whose task it is; empty: the node's own user.
        owner: String,
        /// `low`, `normal`, `high`, `critical`.
        priority: String,
        /// `none`, `spot:0.1`, `quorum:2`, `check`.
        verify: String,
    },
    /// The job cut the task into chunks.
    TaskPlanned {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The plan, a blob.
        #[schema(value_type = Hash)]
        plan: BlobHash,
        /// How many chunks.
        chunks: u32,
        /// Fuel the planning took.
        fuel: u64,
    },
    /// Chunks whose results were known from earlier tasks.
    ChunksRecalled {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// Their indices.
        chunks: Vec<u32>,
    },
    /// A worker offered prices.
    QuoteReceived {
        /// Who offers.
        #[schema(value_type = Hash)]
        worker: NodeId,
        /// Number of the quote.
        quote: u64,
        /// Micro-credits per 10^9 fuel.
        cpu: i64,
        /// Micro-credits per GiB of memory and 10^9 fuel.
        ram: i64,
        /// Micro-credits per GiB read or written.
        disk: i64,
        /// Sandboxes at the same time.
        slots: u32,
    },
    /// Replicas were given to a worker.
    ReplicasAssigned {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The worker.
        #[schema(value_type = Hash)]
        worker: NodeId,
        /// `policy`, `spot`, `escalation`, `hedge`, `retry`.
        reason: String,
        /// Micro-credits held for each.
        hold: i64,
        /// Their chunks.
        chunks: Vec<u32>,
        /// Which execution of each chunk it is.
        #[serde(default, skip_serializing_if = "all_zero")]
        #[schema(required = false)]
        attempts: Vec<u32>,
    },
    /// A worker sent results.
    ReplicasFinished {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The worker.
        #[schema(value_type = Hash)]
        worker: NodeId,
        /// Their chunks.
        chunks: Vec<u32>,
        /// Which execution of each chunk it is.
        #[serde(default, skip_serializing_if = "all_zero")]
        #[schema(required = false)]
        attempts: Vec<u32>,
        /// One letter each: `v` value, `e` the job's own error, `t` trap, `f` out of fuel, `n` no verdict.
        #[schema(pattern = "^[vetfn]*$")]
        outcomes: String,
        /// Microseconds each took.
        wall_us: Vec<u64>,
        /// Fuel of all together.
        fuel: u64,
    },
    /// Replicas brought nothing and will not.
    ReplicasLost {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The worker.
        #[schema(value_type = Hash)]
        worker: NodeId,
        /// `disconnected`, `stalled`, `restarted`, `refused`, `superseded`, `task_ended`.
        why: String,
        /// What the worker said, where it refused.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        #[schema(required = false)]
        detail: String,
        /// Their chunks.
        chunks: Vec<u32>,
        /// Which execution of each chunk it is.
        #[serde(default, skip_serializing_if = "all_zero")]
        #[schema(required = false)]
        attempts: Vec<u32>,
    },
    /// The job's own check looked at results.
    ReplicasChecked {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// Their chunks.
        chunks: Vec<u32>,
        /// Which execution of each chunk it is.
        #[serde(default, skip_serializing_if = "all_zero")]
        #[schema(required = false)]
        attempts: Vec<u32>,
        /// One letter each: `a` accepted, `r` refuted, `f` the check itself could not be done.
        #[schema(pattern = "^[arf]*$")]
        verdicts: String,
        /// Why the first of those could not be done.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        #[schema(required = false)]
        detail: String,
        /// Fuel of all together, spent here and paid by nobody.
        fuel: u64,
    },
    /// Outputs were compared with each other by tolerance.
    OutputsCompared {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// Their chunks.
        chunks: Vec<u32>,
        /// The execution of each chunk whose output is the reference.
        #[serde(default, skip_serializing_if = "all_zero")]
        #[schema(required = false)]
        references: Vec<u32>,
        /// The execution of each chunk whose output was compared with it.
        attempts: Vec<u32>,
        /// One letter each: `c` close, `a` apart, `f` the comparison could not be done.
        #[schema(pattern = "^[caf]*$")]
        verdicts: String,
        /// Why the first of those could not be done.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        #[schema(required = false)]
        detail: String,
        /// The largest difference of a pair that was close, relative to the largest element; left out where no number says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        largest_difference: Option<f64>,
    },
    /// Chunks were decided.
    ChunksVerified {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// Their indices.
        chunks: Vec<u32>,
        /// The accepted execution of each.
        #[serde(default, skip_serializing_if = "all_zero")]
        #[schema(required = false)]
        winners: Vec<u32>,
        /// Nodes that contradicted an accepted result.
        wrong: Vec<WrongReplica>,
        /// Share of these chunks, 0 to 1, whose result at least two nodes brought; left out where it is 0.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        confidence: Option<f64>,
    },
    /// Held credits were paid or given back.
    CreditsPosted {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// Per worker.
        postings: Vec<PostingView>,
    },
    /// A node contradicted an accepted result, or sent one that the job's own check refuted: it gets no more work from here.
    NodeDistrusted {
        /// The node.
        #[schema(value_type = Hash)]
        node: NodeId,
        /// The task that showed it.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The chunk that showed it.
        chunk: u32,
    },
    /// The result is there.
    TaskCompleted {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The result, a blob.
        #[schema(value_type = Hash)]
        result: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
    /// The task will not complete.
    TaskFailed {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// Why, in words.
        failure: String,
    },
    /// Its requester cancelled it.
    TaskCancelled {
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// The requester's reason.
        reason: String,
    },
    /// Our half of a settlement was chained; the worker's answer is due.
    SettlementProposed {
        /// The worker.
        #[schema(value_type = Hash)]
        worker: NodeId,
        /// Position in our chain of receipts.
        seq_in_chain: u64,
        /// The task.
        #[schema(value_type = Hash)]
        task: TaskId,
        /// How many replicas it settles.
        lines: u32,
    },
    /// Both halves of a settlement or of a transfer are chained.
    SettlementSigned {
        /// The other side.
        #[schema(value_type = Hash)]
        peer: NodeId,
        /// Position in our chain of receipts.
        seq_in_chain: u64,
        /// What our balance changed by, in micro-credits.
        amount: i64,
        /// There for a transfer: what its payer burned besides, in micro-credits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fee: Option<i64>,
    },
}

/// A replica that contradicted an accepted result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct WrongReplica {
    /// Chunk index.
    pub chunk: u32,
    /// Who ran it.
    #[schema(value_type = Hash)]
    pub node: NodeId,
}

/// What a worker was paid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct PostingView {
    /// Who.
    #[schema(value_type = Hash)]
    pub worker: NodeId,
    /// Micro-credits that were held and are released.
    pub released: i64,
    /// Micro-credits that are paid of them.
    pub amount: i64,
}

/// The name of an event as `type`, in SSE's `event:` line and in `?types=`.
pub fn type_name(event: &Event) -> &'static str {
    match event {
        Event::JobPublished { .. } => "job_published",
        Event::TaskSubmitted { .. } => "task_submitted",
        Event::TaskPlanned { .. } => "task_planned",
        Event::ChunksRecalled { .. } => "chunks_recalled",
        Event::QuoteReceived { .. } => "quote_received",
        Event::ReplicasAssigned { .. } => "replicas_assigned",
        Event::ReplicasFinished { .. } => "replicas_finished",
        Event::ReplicasLost { .. } => "replicas_lost",
        Event::ReplicasChecked { .. } => "replicas_checked",
        Event::OutputsCompared { .. } => "outputs_compared",
        Event::ChunksVerified { .. } => "chunks_verified",
        Event::CreditsPosted { .. } => "credits_posted",
        Event::NodeDistrusted { .. } => "node_distrusted",
        Event::TaskCompleted { .. } => "task_completed",
        Event::TaskFailed { .. } => "task_failed",
        Event::TaskCancelled { .. } => "task_cancelled",
        Event::SettlementProposed { .. } => "settlement_proposed",
        Event::SettlementSigned { .. } => "settlement_signed",
    }
}

/// Every name that [`type_name`] gives.
pub const TYPE_NAMES: [&str; 18] = [
    "job_published",
    "task_submitted",
    "task_planned",
    "chunks_recalled",
    "quote_received",
    "replicas_assigned",
    "replicas_finished",
    "replicas_lost",
    "replicas_checked",
    "outputs_compared",
    "chunks_verified",
    "credits_posted",
    "node_distrusted",
    "task_completed",
    "task_failed",
    "task_cancelled",
    "settlement_proposed",
    "settlement_signed",
];

/// Most first executions are the only ones: their zeros need not travel.
fn all_zero(numbers: &[u32]) -> bool {
    numbers.iter().all(|number| *number == 0)
}

#[cfg(test)]
mod tests;
