//! The scheduler: places replicas, judges results, retries, hedges, cancels, and explains itself. Pure: no clock, no
//! randomness, no IO. The same inputs give the same outputs, in the node, in the simulator and in replay.
//!
//! # Shape
//!
//! [`Scheduler::handle`] takes an [`Input`] and the time and returns [`Output`]s. Every change it decides is an
//! [`Event`](job_model::Event): applied through [`Scheduler::apply`], the only code that changes durable state, and handed
//! out as [`Output::Event`] for the journal. After a crash the node replays its journal through `apply`, sends
//! [`Input::Restarted`], reads plans again ([`Input::PlanLoaded`]) and offers nodes again ([`Input::Offers`]). A check that
//! had not ended is asked for again.
//!
//! # The way of a task
//!
//! `Submit` -> `Planned` -> (`Recalled`) -> `Offers` -> `ReplicasAssigned` -> `Finished` -> `ChunksVerified` ... until every
//! chunk is decided. All values: [`Output::StartReduce`], then `Reduced`. Some errors that replicas agree on: the other
//! chunks run to their end, then the task fails with its errors grouped.
//!
//! # Rules
//!
//! - Replicas of a chunk run on distinct nodes; a node gets a second one only if its first brought nothing and no other
//!   node could try.
//! - Verification: see `judge`. A node that contradicts a result on which at least two nodes agreed, or whose result the
//!   job's own check refutes (see `checks`), is distrusted: it gets
//!   no more work, its running replicas are taken back, its votes on open chunks do not count.
//! - A chunk ends at a worker at most `max_attempts` times and is lost with one at most `max_losses` times; executions our
//!   own restart or a decision made superfluous are free.
//! - A worker gets as much work as it does in `work_ahead_ms` at its observed pace, so tiny chunks travel by the hundred
//!   and long ones wait here, not in a slow worker's queue.
//! - The queue is ordered by time of submit moved ahead by `aging_ms` per step of priority, so nobody starves.
//! - Credits: a replica's hold counts until it is lost, is no verdict, or its task ends undecided; of a judged one until
//!   `CreditsPosted` releases it. A candidate that is this node itself must come with a hold of zero.
//!
//! # Crash
//!
//! Nothing here survives by itself. Durable state is what the events say; offers, paces and plans are volatile and come
//! again from the node.

mod apply;
mod blocker;
mod checks;
mod decide;
mod durations;
mod explain;
mod groups;
mod inputs;
mod invariants;
mod io;
mod judge;
mod options;
mod pace;
mod place;
mod placement;
mod queue;
mod record;
mod state;
mod steps;
#[cfg(test)]
mod tests;
mod view;
mod views;
mod watch;
mod workers;

pub use blocker::{Blocker, Explanation, NodeReason, WaitingGroup};
pub use invariants::InvariantError;
pub use io::{Candidate, Ignored, Ineligible, Input, Output};
pub use options::SchedulerOptions;
pub use view::{
    CheckCounts, ChunkCounts, ChunkView, CompareCounts, ComparedView, Disagreement, ErrorGroup, ReplicaCounts,
    ReplicaOutcome, ReplicaView, TaskView, WorkerTally,
};

use job_model::{TaskId, UnixMillis};
use state::Task;
use std::collections::{BTreeMap, BTreeSet};
use workers::Nodes;

/// The scheduler of one requester, over all its tasks.
#[derive(Debug)]
pub struct Scheduler {
    options: SchedulerOptions,
    tasks: BTreeMap<TaskId, Task>,
    /// Tasks that have not ended, in the order of the queue.
    order: BTreeSet<(i128, TaskId)>,
    /// Those of them with chunks that wait.
    waiting: BTreeSet<(i128, TaskId)>,
    /// When tasks give up.
    deadlines: BTreeSet<(UnixMillis, TaskId)>,
    /// When slow replicas of a task are looked for; a task with running replicas is in it.
    hedges: BTreeSet<(UnixMillis, TaskId)>,
    /// Volatile: when a pause of a worker ends.
    retries: BTreeSet<(UnixMillis, TaskId)>,
    nodes: Nodes,
    /// Volatile: time of the last input.
    now: UnixMillis,
    /// Volatile: an event from outside freed something since the last input.
    look_again: bool,
}

impl Scheduler {
    /// A scheduler without tasks.
    pub fn new(options: SchedulerOptions) -> Self {
        Self {
            options,
            tasks: BTreeMap::new(),
            order: BTreeSet::new(),
            waiting: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            hedges: BTreeSet::new(),
            retries: BTreeSet::new(),
            nodes: Nodes::default(),
            now: UnixMillis(0),
            look_again: false,
        }
    }

    /// Decides what follows from an input: judges, expires, places, hedges. Outputs are appended in the order in which
    /// they must take effect.
    pub fn handle(&mut self, input: Input, now: UnixMillis, out: &mut Vec<Output>) {
        self.now = now;
        self.look_again = false;
        let mut turn = inputs::Turn { now, out };
        self.dispatch(input, &mut turn);
        self.expire_tasks(&mut turn);
        self.expire_workers(&mut turn);
        self.place(&mut turn);
        self.hedge(&mut turn);
    }

    /// Drops a task that has ended, with all its records. False: there is no such task, or it has not ended.
    pub fn forget(&mut self, task: TaskId) -> bool {
        let ended = self.tasks.get(&task).is_some_and(|task| task.phase.is_final());
        if ended {
            self.tasks.remove(&task);
        }
        ended
    }
}
