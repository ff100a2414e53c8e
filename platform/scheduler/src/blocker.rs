//! Why a waiting chunk does not run on a node, and what would make it run there.

use crate::io::Ineligible;
use job_model::{MicroCredits, NodeId, TaskId, TaskStatus};
use serde::Serialize;

/// Why a chunk does not run on a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "blocker")]
pub enum Blocker {
    /// The job has not cut the task yet.
    #[error("the task is not planned yet")]
    NotPlanned,
    /// After a restart the plan was not read again yet.
    #[error("the plan is being read again after a restart")]
    PlanNotLoaded,
    /// The node cannot run the task.
    #[error(transparent)]
    Ineligible {
        /// Why.
        #[from]
        why: Ineligible,
    },
    /// It lied once.
    #[error("it is distrusted: its result of chunk {chunk} of task {} was found wrong", .task.short())]
    Distrusted {
        /// The task that showed it.
        task: TaskId,
        /// The chunk that showed it.
        chunk: u32,
    },
    /// It computes float class exact only.
    #[error("it does not offer float class fast")]
    FloatClassMissing,
    /// It has no GPU, or does not offer it.
    #[error("it offers no GPU")]
    GpuMissing,
    /// Its sandboxes are too small.
    #[error("its sandboxes have {offered} bytes of memory, the task asks for {needed}")]
    MemoryTooSmall {
        /// What the task asks for, in bytes.
        needed: u64,
        /// What the node offers, in bytes.
        offered: u64,
    },
    /// Its disk is too full.
    #[error("it has {offered} bytes of disk free, the task asks for {needed}")]
    DiskTooSmall {
        /// What the task asks for, in bytes.
        needed: u64,
        /// What the node offers, in bytes.
        offered: u64,
    },
    /// It runs the chunk or has a vote on it.
    #[error("it already has a replica of the chunk, and the replicas of a chunk must run on distinct nodes")]
    AlreadyHasReplica,
    /// It brought nothing for this chunk before, and another node could try.
    #[error("an earlier replica of the chunk brought nothing there, and another node may try first")]
    TriedBefore,
    /// It refused or failed replicas of this task a moment ago.
    #[error("it refused or failed a replica of this task; it is asked again in {retry_ms} ms")]
    BackingOff {
        /// Until it is asked again, in milliseconds.
        retry_ms: u64,
    },
    /// It does not trust us with more.
    #[error("its credit line has {left} credits left, one replica holds {needed}")]
    CreditLineFull {
        /// What may still be held there.
        left: MicroCredits,
        /// What one replica holds.
        needed: MicroCredits,
    },
    /// The task may not cost more.
    #[error("one more replica holds {needed} credits, the task's price limit leaves {left}")]
    PriceCap {
        /// What the limit leaves.
        left: MicroCredits,
        /// What one replica holds.
        needed: MicroCredits,
    },
    /// Other tasks go first.
    #[error("it is full, and {ahead} task(s) go first")]
    Behind {
        /// How many tasks stand before this one in the queue.
        ahead: u32,
        /// Replicas in flight there.
        in_flight: u32,
    },
    /// It has as much of our work as it is given at once.
    #[error("it is busy: {in_flight} replicas in flight, it gets at most {limit} at once")]
    Busy {
        /// Replicas in flight there.
        in_flight: u32,
        /// The most it gets at its pace.
        limit: u32,
    },
    /// Nothing: it gets the chunk now.
    #[error("nothing: it is about to get it")]
    Free,
}

impl Blocker {
    /// What would make the chunk run there.
    pub fn remedy(&self) -> String {
        match self {
            Self::NotPlanned => "wait for the job's plan".into(),
            Self::PlanNotLoaded => "wait a moment".into(),
            Self::Ineligible { why } => why.remedy().into(),
            Self::Distrusted { .. } => "it gets no more work from this node; use other nodes".into(),
            Self::FloatClassMissing => {
                "submit with --float-class exact, or connect nodes that offer float class fast (`p2pjob peers` says which)".into()
            }
            Self::GpuMissing => "submit without --gpu, or connect nodes that offer a GPU (`p2pjob peers` says which)".into(),
            Self::MemoryTooSmall { offered, .. } => {
                format!("submit with --memory of at most {offered}, or give the node larger sandboxes")
            }
            Self::DiskTooSmall { offered, .. } => {
                format!("submit with requirements.disk_bytes of at most {offered}, or free disk on the node")
            }
            Self::AlreadyHasReplica => "connect another node".into(),
            Self::TriedBefore => "wait for the other node; without one, it is asked again".into(),
            Self::BackingOff { .. } => "wait; see the node's log for its reason".into(),
            Self::CreditLineFull { .. } => {
                "wait until it settles finished work, or raise its credit line for us".into()
            }
            Self::PriceCap { .. } => "submit again with a higher --max-price; accepted chunks are recalled".into(),
            Self::Behind { .. } => "wait, submit with a higher --priority, or connect more nodes".into(),
            Self::Busy { .. } => "wait, or connect more nodes".into(),
            Self::Free => "nothing to do".into(),
        }
    }
}

impl Ineligible {
    /// What would make the node eligible.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Disconnected => "start the node, or check its address and the network between",
            Self::NotAWorker => "start it with the worker role",
            Self::NoQuote => "wait a moment; if it stays so, see the node's log",
            Self::QuoteExpired => "wait for the next quote",
            Self::QuoteRefused { .. } => "do what its reason says, or use other nodes",
            Self::ProfileDiffers { .. } => {
                "run the same version of the program with the same engine settings on both nodes"
            }
            Self::Denied => "take it off the deny list, or put it on the allow list",
        }
    }
}

/// Why chunks do not run on one node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NodeReason {
    /// The node.
    pub node: NodeId,
    /// The reason.
    pub blocker: Blocker,
    /// The reason for people.
    pub text: String,
    /// What would help.
    pub remedy: String,
}

/// Waiting chunks that wait for the same reasons.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WaitingGroup {
    /// How many.
    pub chunks: u32,
    /// The first of them, by index.
    pub first_chunks: Vec<u32>,
    /// Replicas each of them still wants.
    pub missing: u32,
    /// One line for people, such as "needs 1 more distinct node".
    pub summary: String,
    /// Every known node and the reason it does not run them.
    pub nodes: Vec<NodeReason>,
}

/// Why a task is not further than it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Explanation {
    /// The task.
    pub task: TaskId,
    /// Where it stands.
    pub status: TaskStatus,
    /// One line for people.
    pub summary: String,
    /// Chunks that wait, grouped by reason.
    pub waiting: Vec<WaitingGroup>,
    /// Replicas running or queued at workers.
    pub running: u32,
    /// Age of the oldest of them, in milliseconds.
    pub oldest_running_ms: Option<u64>,
}
