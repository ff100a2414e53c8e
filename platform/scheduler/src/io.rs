//! What goes into the scheduler and what comes out.
//!
//! [`Input`] is everything the node learns; [`Output`] is everything it must do. Inputs may hold anything a stranger
//! sent: what does not fit is answered by [`Output::Ignored`], never by a panic.

use job_model::event::{OutputComparison, ReplicaCheck, ReplicaResult};
use job_model::quote::DeviceKind;
use job_model::{BlobHash, Event, LossReason, MicroCredits, NodeId, Plan, ProfileId, TaskFailure, TaskId, TaskSpec};
use serde::Serialize;
use std::sync::Arc;

/// What the node tells the scheduler.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// A user wants a task run.
    Submit {
        /// Its id.
        task: TaskId,
        /// What it asks for.
        spec: Box<TaskSpec>,
        /// Whose task it is among the users of this node; decides nothing.
        owner: String,
    },
    /// The job's `plan` returned chunks that pass [`Plan::check`].
    Planned {
        /// The task.
        task: TaskId,
        /// The blob that holds the plan.
        plan: BlobHash,
        /// Fuel the planning took.
        fuel: u64,
        /// The plan itself: weights and slices.
        chunks: Arc<Plan>,
    },
    /// After a restart: the plan blob was read again. Nothing of the task is placed before.
    PlanLoaded {
        /// The task.
        task: TaskId,
        /// The plan.
        chunks: Arc<Plan>,
    },
    /// The job's `plan` failed.
    PlanFailed {
        /// The task.
        task: TaskId,
        /// Why: becomes the task's failure.
        failure: TaskFailure,
    },
    /// Results known from earlier tasks. Send it before the first `Offers`, so that no known chunk is run; may come in parts.
    Recalled {
        /// The task.
        task: TaskId,
        /// Chunk index and result.
        chunks: Vec<(u32, job_model::Output)>,
    },
    /// Who could run chunks of this task: replaces all that was offered before. Nodes that cannot are listed too, with
    /// the reason, so that `explain` can name it. A node that is not listed gets nothing.
    Offers {
        /// The task.
        task: TaskId,
        /// The nodes.
        offers: Vec<Candidate>,
    },
    /// A worker sent results.
    Finished {
        /// The task.
        task: TaskId,
        /// Who sent them (the authenticated peer).
        worker: NodeId,
        /// What it sent.
        results: Vec<ReplicaResult>,
    },
    /// The job's own check looked at outputs, as [`Output::CheckReplicas`] asked. Every replica named there comes back in one of
    /// these, as failed if need be: its chunk waits for it.
    Checked {
        /// The task.
        task: TaskId,
        /// What it said.
        checks: Vec<ReplicaCheck>,
    },
    /// Outputs were compared, as [`Output::CompareOutputs`] asked. Every pair named there comes back in one of these, as failed
    /// if need be: its chunk waits for it.
    Compared {
        /// The task.
        task: TaskId,
        /// What was found.
        comparisons: Vec<OutputComparison>,
    },
    /// Replicas of a worker will bring nothing.
    Lost {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: NodeId,
        /// Why.
        why: LossReason,
        /// Chunk index and attempt.
        replicas: Vec<(u32, u32)>,
    },
    /// The connection to a worker ended: all its replicas are lost, and it gets none until it is back.
    WorkerDown {
        /// The worker.
        worker: NodeId,
    },
    /// A worker is connected (again).
    WorkerUp {
        /// The worker.
        worker: NodeId,
    },
    /// The reduction that [`Output::StartReduce`] asked for is done.
    Reduced {
        /// The task.
        task: TaskId,
        /// The result, a blob.
        result: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
    /// The reduction failed.
    ReduceFailed {
        /// The task.
        task: TaskId,
        /// Why: becomes the task's failure.
        failure: TaskFailure,
    },
    /// The user cancelled a task.
    Cancel {
        /// The task.
        task: TaskId,
        /// The user's reason.
        reason: String,
    },
    /// The journal was replayed through [`crate::Scheduler::apply`]: whatever was in flight is lost, whatever was decided
    /// but not acted on is acted on now. Send it once, after replay and before anything else.
    Restarted,
    /// Time passed: send it at [`crate::Scheduler::next_wakeup`].
    Tick,
}

/// What the node must do, in this order.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// Journal and publish it. It is already applied here. [`Event::ReplicasAssigned`] also means: send these replicas.
    Event(Event),
    /// Every chunk has an accepted value: combine them ([`crate::Scheduler::outputs`]) and answer with `Reduced` or `ReduceFailed`.
    StartReduce {
        /// The task.
        task: TaskId,
    },
    /// Let the job's own check look at the values of these ([`crate::Scheduler::claim`]) and answer with `Checked`. Asked once
    /// for each replica, and again after a restart.
    CheckReplicas {
        /// The task.
        task: TaskId,
        /// Chunk index and attempt.
        replicas: Vec<(u32, u32)>,
    },
    /// Compare the values ([`crate::Scheduler::claim`]) of these pairs within the task's tolerance and answer with `Compared`.
    /// Asked once for each pair, and again after a restart.
    CompareOutputs {
        /// The task.
        task: TaskId,
        /// Chunk index, attempt of the reference, attempt that is compared with it.
        pairs: Vec<(u32, u32, u32)>,
    },
    /// Tell the worker to stop these. They are already lost in an event before this.
    CancelReplicas {
        /// The task.
        task: TaskId,
        /// The worker.
        worker: NodeId,
        /// Chunk index and attempt.
        replicas: Vec<(u32, u32)>,
        /// For the worker's log.
        reason: String,
    },
    /// Something that came in changed nothing.
    Ignored {
        /// The task it named, if any.
        task: Option<TaskId>,
        /// The worker it came from, if any.
        worker: Option<NodeId>,
        /// Chunk index and attempt it named.
        replicas: Vec<(u32, u32)>,
        /// Why.
        why: Ignored,
    },
}

/// Why something that came in changed nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// No such task here.
    #[error("no such task at this node")]
    UnknownTask,
    /// The id is in use.
    #[error("a task with this id exists already")]
    KnownTask,
    /// The task is over.
    #[error("the task has ended")]
    TaskEnded,
    /// Not what the task waits for.
    #[error("the task is not in a state that waits for this")]
    NotExpected,
    /// The plan has another number of chunks than the journal says.
    #[error("the plan does not have the number of chunks that was recorded")]
    PlanDiffers,
    /// No such chunk.
    #[error("the task has no such chunk")]
    UnknownChunk,
    /// No such execution.
    #[error("the chunk has no such attempt")]
    UnknownAttempt,
    /// It was given to somebody else.
    #[error("this replica was given to another worker")]
    WrongWorker,
    /// It has an outcome already.
    #[error("this replica has a result already")]
    Duplicate,
    /// The chunk is decided.
    #[error("the chunk was decided before this result came")]
    Decided,
    /// The worker has a vote on this chunk already.
    #[error("this worker has a vote on this chunk already")]
    SecondVote,
    /// It was not running.
    #[error("this replica was not running")]
    NotRunning,
}

/// Why a node cannot run a task at all, as the node's shell found out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Ineligible {
    /// No connection.
    #[error("it is not connected")]
    Disconnected,
    /// It said that it takes no replicas.
    #[error("it does not take replicas (client role)")]
    NotAWorker,
    /// We asked and it has not answered.
    #[error("it has not answered our request for a quote yet")]
    NoQuote,
    /// Its last quote ran out.
    #[error("its quote has expired")]
    QuoteExpired,
    /// It does not want the job.
    #[error("it refused to quote: {why}")]
    QuoteRefused {
        /// Its reason.
        why: String,
    },
    /// Another engine, configuration or cost table: results could not be compared.
    #[error("its metering profile {theirs} differs from ours {ours}")]
    ProfileDiffers {
        /// Our profile, short.
        ours: String,
        /// Its profile, short.
        theirs: String,
    },
    /// The configuration of this node excludes it.
    #[error("this node's configuration excludes it")]
    Denied,
}

/// One node as seen by one task.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Number of its quote.
    pub quote: u64,
    /// Sandboxes it gives at the same time.
    pub slots: u32,
    /// Credits held for each replica: the most one may cost.
    pub hold: MicroCredits,
    /// What may still be held at this node, over all tasks, as of now. The scheduler counts its own assignments and
    /// every `CreditsPosted` since.
    pub credit: MicroCredits,
    /// Expected price of one replica, for the cheapest placement.
    pub price: MicroCredits,
    /// Replicas waiting or running there for others, as it reports.
    pub queued: u32,
    /// Round-trip time, in microseconds.
    pub rtt_us: u32,
    /// The largest memory of one sandbox, in bytes.
    pub memory_bytes: u64,
    /// Free disk, in bytes.
    pub disk_bytes: u64,
    /// Its metering profile.
    pub profile: ProfileId,
    /// The device it offers float class `fast` on; none: it does not offer the class.
    pub fast: Option<DeviceKind>,
    /// Inputs (indices) whose bytes it already holds, ascending.
    pub local_inputs: Vec<u32>,
    /// Whether it can run the task at all.
    pub eligible: Result<(), Ineligible>,
}
