//! The state: tasks, their chunks and replicas.
//!
//! *Durable* fields change only in `apply` and are restored by replaying events. *Volatile* fields (marked so) come from
//! inputs that are not journalled: after a restart they start empty and are given again by the node.

use crate::durations::Durations;
use crate::groups::Grouping;
use crate::io::Candidate;
use crate::queue::WaitingQueue;
use crate::view::{CheckCounts, ChunkCounts, CompareCounts, Disagreement, ErrorGroup, ReplicaCounts};
use crate::workers::NodeIx;
use job_model::event::{AssignReason, CheckVerdict};
use job_model::receipt::ReplicaVerdict;
use job_model::{
    BlobHash, LossReason, MicroCredits, Outcome, Output, Plan, TaskFailure, TaskSpec, UnixMillis, Usage, VoteKey,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Where a task stands. The way is `Planning -> Open -> Reducing -> Completed`; from each of the first three it may go to
/// `Failed` or `Cancelled`, and the last three never change.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Phase {
    /// Submitted; the job's `plan` is due or running.
    Planning,
    /// Cut; at least one chunk is undecided, or some chunk failed and `TaskFailed` is about to follow.
    Open,
    /// Every chunk has a value; the job's `reduce` is due or running.
    Reducing,
    /// The result is there.
    Completed {
        result: BlobHash,
        size: u64,
        at: UnixMillis,
    },
    /// It will not complete.
    Failed { failure: TaskFailure, at: UnixMillis },
    /// Its requester cancelled it.
    Cancelled { reason: String, at: UnixMillis },
}

impl Phase {
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Completed { .. } | Self::Failed { .. } | Self::Cancelled { .. }
        )
    }
}

/// What is known of a chunk. `Open` is the only state that changes; replicas are placed only in it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Decision {
    /// No verdict yet: replicas may be wanted, running, or finished without agreement.
    Open,
    /// Known from an earlier task; not run.
    Recalled { output: Output },
    /// Replicas agreed on a value.
    Accepted { winner: u32, output: Output },
    /// Replicas agreed on an error; `group` indexes [`Task::errors`].
    Failed { winner: u32, group: u32 },
}

/// One execution of a chunk, from placement on.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Replica {
    pub(crate) node: NodeIx,
    pub(crate) reason: AssignReason,
    pub(crate) quote: u64,
    pub(crate) hold: MicroCredits,
    pub(crate) assigned: UnixMillis,
    /// Volatile: what it counts in the worker's load, in microseconds.
    pub(crate) cost_us: u32,
    pub(crate) state: ReplicaState,
}

/// What became of an execution. `Running` goes to `Lost` or `Finished`. `Lost` goes to `Finished` when the result of a
/// worker we had given up comes after all, while the chunk is open.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum ReplicaState {
    /// Running or queued at the worker. A hedged one does not count as help on the way: another was placed in its stead.
    Running { hedged: bool },
    /// It will bring nothing.
    Lost(Box<LossReason>),
    /// It brought an outcome.
    Finished(Box<Finished>),
}

/// The outcome of an execution.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Finished {
    /// None: no verdict.
    pub(crate) vote: Option<VoteKey>,
    /// Kept until the chunk is decided; after that only where it is no verdict.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) usage: Usage,
    /// Set when the chunk is decided.
    pub(crate) verdict: Option<ReplicaVerdict>,
    /// Nothing is held for it any more: it is no verdict, or it had been given up before it came.
    pub(crate) released: bool,
    /// What the job's own check said of its value.
    pub(crate) checked: Option<CheckVerdict>,
    /// Its place among the chunk's groups: of values whose task compares by tolerance.
    pub(crate) grouping: Option<Box<Grouping>>,
}

impl Replica {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, ReplicaState::Running { .. })
    }
    pub(crate) fn vote(&self) -> Option<VoteKey> {
        match &self.state {
            ReplicaState::Finished(finished) => finished.vote,
            _ => None,
        }
    }
    /// What the job's own check said of its value, if it was asked.
    pub(crate) fn checked(&self) -> Option<&CheckVerdict> {
        match &self.state {
            ReplicaState::Finished(finished) => finished.checked.as_ref(),
            _ => None,
        }
    }
    pub(crate) fn is_refuted(&self) -> bool {
        self.checked() == Some(&CheckVerdict::Refuted)
    }
    /// Its value, where one waits for its chunk's decision.
    pub(crate) fn value(&self) -> Option<&Output> {
        match &self.state {
            ReplicaState::Finished(finished) => match &finished.outcome {
                Some(Outcome::Value(output)) => Some(output),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A chunk with all its executions; the index in `replicas` is the attempt.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ChunkState {
    pub(crate) decision: Decision,
    pub(crate) replicas: Vec<Replica>,
    /// The group of the waiting queue it is in, if it wants replicas now.
    pub(crate) group: Option<u32>,
}

impl ChunkState {
    pub(crate) fn new() -> Self {
        Self {
            decision: Decision::Open,
            replicas: Vec::new(),
            group: None,
        }
    }
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.decision, Decision::Open)
    }
    /// Whether a check of this chunk could not be done: from then on it is verified by a quorum.
    pub(crate) fn is_unchecked(&self) -> bool {
        let failed = |r: &Replica| matches!(r.checked(), Some(CheckVerdict::Failed(_)));
        self.replicas.iter().any(failed)
    }
    pub(crate) fn has_vote_of(&self, node: NodeIx) -> bool {
        self.replicas.iter().any(|r| r.node == node && r.vote().is_some())
    }
}

/// What a node did for a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) assigned: u32,
    pub(crate) finished: u32,
    pub(crate) lost: u32,
    pub(crate) accepted: u32,
    pub(crate) wrong: u32,
}

/// How fast a worker finishes replicas of a task, as seen from here (all its slots together).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Pace {
    /// Microseconds per replica; none before the first results.
    pub(crate) mean_us: Option<u64>,
    /// Since when `pending` results are counted.
    pub(crate) since: UnixMillis,
    /// Results that came since, not yet in the mean.
    pub(crate) pending: u32,
}

/// A worker that refused or failed replicas of a task pauses for that task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Backoff {
    pub(crate) until: UnixMillis,
    pub(crate) times: u32,
}

/// A task.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Task {
    pub(crate) spec: Box<TaskSpec>,
    pub(crate) submitted: UnixMillis,
    pub(crate) started: Option<UnixMillis>,
    pub(crate) phase: Phase,
    pub(crate) chunks: Vec<ChunkState>,
    pub(crate) queue: WaitingQueue,
    /// `running` and `waiting` are derived; the other counts are kept here.
    pub(crate) counts: ChunkCounts,
    pub(crate) replicas: ReplicaCounts,
    /// What the job's own check came to, and what it used here.
    pub(crate) checks: CheckCounts,
    /// What comparing outputs by tolerance came to.
    pub(crate) comparisons: CompareCounts,
    pub(crate) usage: Usage,
    pub(crate) spent: MicroCredits,
    pub(crate) held: MicroCredits,
    /// Part of `held`: replicas that run or wait for a verdict; the rest waits for `CreditsPosted`.
    pub(crate) held_open: MicroCredits,
    pub(crate) tallies: BTreeMap<NodeIx, Tally>,
    pub(crate) errors: Vec<ErrorGroup>,
    /// Error text without its numbers -> index in `errors`.
    pub(crate) error_keys: BTreeMap<String, u32>,
    pub(crate) disagreements: Vec<Disagreement>,
    /// Sum of the probabilities that accepted chunks are right.
    pub(crate) confidence_sum: f64,
    pub(crate) durations: Durations,
    /// Volatile: the plan, for weights and slices.
    pub(crate) plan: Option<Arc<Plan>>,
    /// Volatile: mean weight of its chunks, at least 1.
    pub(crate) mean_weight: u64,
    /// Volatile: who could run its chunks, by node id.
    pub(crate) offers: Vec<(NodeIx, Candidate)>,
    /// Volatile.
    pub(crate) paces: BTreeMap<NodeIx, Pace>,
    /// Volatile.
    pub(crate) backoffs: BTreeMap<NodeIx, Backoff>,
    /// Volatile: replicas whose check was asked for and has not come.
    pub(crate) checking: BTreeSet<(u32, u32)>,
    /// Volatile: chunk, reference and attempt of outputs whose comparison was asked for and has not come.
    pub(crate) comparing: BTreeSet<(u32, u32, u32)>,
    /// Volatile: `StartReduce` was handed out.
    pub(crate) reduce_asked: bool,
    /// Volatile: placements so far, for round robin.
    pub(crate) turn: u64,
    /// Running replicas in order of placement; entries that do not run any more, or are hedged, are dropped when met.
    pub(crate) ages: VecDeque<(u32, u32)>,
    /// When slow replicas are looked for next; none: nothing ran when they were last.
    pub(crate) hedge_at: Option<UnixMillis>,
}

impl Task {
    pub(crate) fn new(spec: Box<TaskSpec>, at: UnixMillis) -> Self {
        Self {
            spec,
            submitted: at,
            started: None,
            phase: Phase::Planning,
            chunks: Vec::new(),
            queue: WaitingQueue::default(),
            counts: ChunkCounts::default(),
            replicas: ReplicaCounts::default(),
            checks: CheckCounts::default(),
            comparisons: CompareCounts::default(),
            usage: Usage::default(),
            spent: MicroCredits::ZERO,
            held: MicroCredits::ZERO,
            held_open: MicroCredits::ZERO,
            tallies: BTreeMap::new(),
            errors: Vec::new(),
            error_keys: BTreeMap::new(),
            disagreements: Vec::new(),
            confidence_sum: 0.0,
            durations: Durations::default(),
            plan: None,
            mean_weight: 1,
            offers: Vec::new(),
            paces: BTreeMap::new(),
            backoffs: BTreeMap::new(),
            checking: BTreeSet::new(),
            comparing: BTreeSet::new(),
            reduce_asked: false,
            turn: 0,
            ages: VecDeque::new(),
            hedge_at: None,
        }
    }
    pub(crate) fn chunk(&self, chunk: u32) -> Option<&ChunkState> {
        self.chunks.get(chunk as usize)
    }
    pub(crate) fn replica(&self, chunk: u32, attempt: u32) -> Option<&Replica> {
        self.chunk(chunk)?.replicas.get(attempt as usize)
    }
    /// Chunks without a decision.
    pub(crate) fn undecided(&self) -> u32 {
        self.counts.total - self.counts.accepted - self.counts.failed - self.counts.recalled
    }
    /// When the task gives up.
    pub(crate) fn deadline(&self) -> Option<UnixMillis> {
        self.spec.config.deadline_ms.map(|ms| self.submitted.plus(ms))
    }
    /// Whether chunks may be placed now.
    pub(crate) fn is_placeable(&self) -> bool {
        self.phase == Phase::Open && self.plan.is_some()
    }
    /// What the price limit leaves for holds.
    pub(crate) fn budget(&self) -> MicroCredits {
        self.spec
            .config
            .max_price
            .map_or(MicroCredits::MAX, |limit| limit - self.spent - self.held)
    }
}
