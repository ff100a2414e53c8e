//! Workers as seen from here: what runs on them, what they are owed, whether they can be reached and trusted.

use job_model::{MicroCredits, NodeId, TaskId, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};

/// Index of a node in [`Nodes`]: four bytes instead of 32 in every replica.
pub(crate) type NodeIx = u32;

/// How many priorities there are.
pub(crate) const PRIORITIES: usize = 4;

/// A worker as seen from here, over all tasks.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Worker {
    pub(crate) id: NodeId,
    /// Replicas in flight: task -> chunk index and attempt.
    pub(crate) running: BTreeMap<TaskId, BTreeSet<(u32, u32)>>,
    /// How many they are, by priority of their task.
    pub(crate) flight: [u32; PRIORITIES],
    /// Their expected work in microseconds, by priority of their task.
    pub(crate) load_us: [u64; PRIORITIES],
    /// The task and chunk that showed it lying.
    pub(crate) distrusted: Option<(TaskId, u32)>,
    /// Volatile: its connection ended.
    pub(crate) down: bool,
    /// Volatile: sandboxes it gives at the same time.
    pub(crate) slots: u32,
    /// Volatile: what may still be held there.
    pub(crate) credit: MicroCredits,
    /// Volatile: when it last said something, or got the first of its replicas.
    pub(crate) heard: UnixMillis,
    /// Volatile: when it is looked at for a stall.
    pub(crate) stall_at: Option<UnixMillis>,
}

impl Worker {
    pub(crate) fn in_flight(&self) -> u32 {
        self.flight.iter().sum()
    }
    /// Replicas in flight and their expected work in microseconds, of tasks of this priority or a higher one.
    pub(crate) fn busy(&self, priority: usize) -> (u32, u64) {
        let from = |at: usize| at >= priority;
        let flight = self
            .flight
            .iter()
            .enumerate()
            .filter(|(at, _)| from(*at))
            .map(|(_, count)| count)
            .sum();
        let load = self
            .load_us
            .iter()
            .enumerate()
            .filter(|(at, _)| from(*at))
            .map(|(_, load)| load)
            .sum();
        (flight, load)
    }
}

/// All nodes ever met, each with a small index.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Nodes {
    index: BTreeMap<NodeId, NodeIx>,
    workers: Vec<Worker>,
}

impl Nodes {
    /// The node's index; a new node gets the next one.
    pub(crate) fn intern(&mut self, id: NodeId) -> NodeIx {
        let next = self.workers.len() as NodeIx;
        let ix = *self.index.entry(id).or_insert(next);
        if ix == next {
            self.workers.push(Worker {
                id,
                running: BTreeMap::new(),
                flight: [0; PRIORITIES],
                load_us: [0; PRIORITIES],
                distrusted: None,
                down: false,
                slots: 1,
                credit: MicroCredits::MAX,
                heard: UnixMillis(0),
                stall_at: None,
            });
        }
        ix
    }
    pub(crate) fn find(&self, id: &NodeId) -> Option<NodeIx> {
        self.index.get(id).copied()
    }
    /// The worker of an index that [`Nodes::intern`] returned.
    pub(crate) fn get(&self, ix: NodeIx) -> &Worker {
        &self.workers[ix as usize]
    }
    pub(crate) fn get_mut(&mut self, ix: NodeIx) -> &mut Worker {
        &mut self.workers[ix as usize]
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeIx, &Worker)> {
        self.workers
            .iter()
            .enumerate()
            .map(|(ix, worker)| (ix as NodeIx, worker))
    }
    pub(crate) fn is_distrusted(&self, ix: NodeIx) -> bool {
        self.get(ix).distrusted.is_some()
    }
}
