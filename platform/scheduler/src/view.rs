//! What people see of a task: plain values, computed from the state, serialisable as they are.

use job_model::event::{AssignReason, CheckVerdict, CompareVerdict};
use job_model::receipt::ReplicaVerdict;
use job_model::{
    Comparison, FloatClass, JobId, MicroCredits, NodeId, Priority, TaskFailure, TaskId, TaskStatus, UnixMillis, Usage,
    VerifyPolicy, VoteKey,
};
use serde::Serialize;

/// How many chunks are where. `accepted + failed + recalled + running + waiting = total`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct ChunkCounts {
    /// All chunks; 0 before the plan.
    pub total: u32,
    /// Decided by replicas of this task: a value.
    pub accepted: u32,
    /// Decided by replicas of this task: an error that they agree on.
    pub failed: u32,
    /// Known from earlier tasks.
    pub recalled: u32,
    /// Open, and every replica it wants now is running.
    pub running: u32,
    /// Open, and at least one replica it wants has no node.
    pub waiting: u32,
}

/// How many replicas came to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct ReplicaCounts {
    /// Placed in all.
    pub assigned: u32,
    /// Running or queued at workers.
    pub running: u32,
    /// Brought an outcome.
    pub finished: u32,
    /// Brought nothing.
    pub lost: u32,
    /// Placed because another was slow.
    pub hedges: u32,
}

/// What the job's own check came to (policy `check`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct CheckCounts {
    /// Outputs it found right.
    pub accepted: u32,
    /// Outputs it found wrong.
    pub refuted: u32,
    /// Checks that could not be done: their chunks were given to a second node.
    pub failed: u32,
    /// Fuel that all of them spent here; nobody is paid for it.
    pub fuel: u64,
    /// Wall time of all of them, in microseconds.
    pub wall_us: u64,
}

/// What comparing outputs by tolerance came to (D3).
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct CompareCounts {
    /// Pairs that were close.
    pub close: u32,
    /// Pairs that were not.
    pub apart: u32,
    /// Comparisons that could not be done: they count for nobody and against nobody.
    pub failed: u32,
    /// The largest difference in a pair that was close, relative to the largest element of its tensor.
    pub largest_difference: Option<f64>,
}

/// Equal errors (up to the numbers in them) of many chunks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ErrorGroup {
    /// The first such message, as it came.
    pub message: String,
    /// How many chunks failed so.
    pub count: u32,
    /// The first of them.
    pub first_chunks: Vec<u32>,
}

/// What one node did for a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WorkerTally {
    /// The node.
    pub node: NodeId,
    /// Replicas given to it.
    pub assigned: u32,
    /// Replicas running or queued there.
    pub running: u32,
    /// Replicas it finished.
    pub finished: u32,
    /// Replicas that brought nothing.
    pub lost: u32,
    /// Votes that agreed with what was accepted.
    pub accepted: u32,
    /// Votes that contradicted what was accepted.
    pub wrong: u32,
}

/// A chunk whose replicas did not agree: who was believed and who was not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Disagreement {
    /// Chunk index.
    pub chunk: u32,
    /// Nodes whose result was accepted.
    pub believed: Vec<NodeId>,
    /// Nodes that contradicted it, or whose result the job's own check refuted.
    pub wrong: Vec<NodeId>,
}

/// A task as people see it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TaskView {
    /// Its id.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// The job's name at submit.
    pub job_name: String,
    /// Its priority.
    pub priority: Priority,
    /// How results are believed.
    pub verify: VerifyPolicy,
    /// When two outputs count as the same.
    pub compare: Comparison,
    /// Which arithmetic computes floats.
    pub float_class: FloatClass,
    /// Where it stands.
    pub status: TaskStatus,
    /// Whether every chunk has a value and the job's `reduce` is due or running.
    pub reducing: bool,
    /// How many chunks are where.
    pub chunks: ChunkCounts,
    /// How many replicas came to what.
    pub replicas: ReplicaCounts,
    /// What the job's own check came to.
    pub checks: CheckCounts,
    /// What comparing outputs by tolerance came to.
    pub comparisons: CompareCounts,
    /// Summed usage of all finished replicas.
    pub usage: Usage,
    /// Paid.
    pub spent: MicroCredits,
    /// Held for replicas that are not settled.
    pub held: MicroCredits,
    /// When it came.
    pub submitted: UnixMillis,
    /// When its first replica was placed.
    pub started: Option<UnixMillis>,
    /// When it ended.
    pub ended: Option<UnixMillis>,
    /// The result and its size in bytes, once completed.
    pub result: Option<(job_model::BlobHash, u64)>,
    /// Why it failed.
    pub failure: Option<TaskFailure>,
    /// Why it was cancelled.
    pub cancelled: Option<String>,
    /// Errors of failed chunks, the most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// Mean probability that an accepted chunk is right, if one unit of work in five is done by liars (see `verify`); what the
    /// job's own check accepted counts as certain;
    /// none while nothing was verified in this task.
    pub confidence: Option<f64>,
    /// Nodes that took part, by id.
    pub workers: Vec<WorkerTally>,
    /// Chunks whose replicas did not agree, the first ones.
    pub disagreements: Vec<Disagreement>,
}

/// What became of one execution.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ReplicaOutcome {
    /// Running or queued at the worker.
    Running,
    /// Brought nothing.
    Lost {
        /// Why.
        why: String,
    },
    /// Finished without a vote.
    NoVerdict {
        /// Why.
        why: String,
    },
    /// Finished with a vote.
    Voted {
        /// The vote.
        vote: VoteKey,
        /// What was decided about it; none while the chunk is open.
        verdict: Option<ReplicaVerdict>,
    },
}

/// One execution of a chunk.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ReplicaView {
    /// Which execution of the chunk.
    pub attempt: u32,
    /// Who ran it.
    pub node: NodeId,
    /// Number of the quote that sets its price.
    pub quote: u64,
    /// Credits held for it.
    pub hold: MicroCredits,
    /// Why it was placed.
    pub reason: AssignReason,
    /// When it was placed.
    pub assigned: UnixMillis,
    /// What it used; zero while it runs.
    pub usage: Usage,
    /// What became of it.
    pub outcome: ReplicaOutcome,
    /// What the job's own check said of its value; none: it was not asked, or has not answered yet.
    pub check: Option<CheckVerdict>,
    /// The attempt whose output its value was found close to, itself if it was the first of its group; none: its task
    /// compares bytes, or it has no group.
    pub group: Option<u32>,
    /// What comparing its value with the first outputs of groups showed.
    pub compared: Vec<ComparedView>,
}

/// One comparison of a value with a group's reference.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ComparedView {
    /// The attempt whose output is the reference.
    pub reference: u32,
    /// What was found.
    pub verdict: CompareVerdict,
    /// The largest difference, relative to the largest element of its tensor in the reference.
    pub difference: Option<f64>,
}

/// The record of one chunk (D5): who ran it, what they said, what was believed and why.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChunkView {
    /// Chunk index.
    pub chunk: u32,
    /// `open`, `recalled`, `accepted` or `failed`.
    pub decision: &'static str,
    /// The attempt whose outcome was accepted.
    pub winner: Option<u32>,
    /// One line: what was decided, and why.
    pub verdict: String,
    /// Its error, if it failed.
    pub error: Option<String>,
    /// Its executions in order.
    pub replicas: Vec<ReplicaView>,
}
