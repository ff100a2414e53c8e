//! The worker's queue: which replicas wait for what, and which run next. Pure: no clock, no IO.
//!
//! An order is what one requester wants of one task. Orders of higher priority go first; equal ones take turns, so that
//! a large task does not shut out a small one.

use super::no_verdict;
use job_model::event::ReplicaResult;
use job_model::message::{AssignBatch, Assignment};
use job_model::task::{InputRef, Priority, Requirements, TaskSpec};
use job_model::{JobId, NoVerdict, NodeId, Slice, TaskId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use wasm_runtime::CancelToken;

/// Names an order for as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId(u64);

/// What all replicas of an order share.
#[derive(Clone, Debug)]
pub struct Details {
    /// Who asked.
    pub requester: NodeId,
    /// The task.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// Component size in bytes, as the requester says.
    pub job_size: u64,
    /// Number of our quote.
    pub quote: u64,
    /// Limits of a sandbox.
    pub requirements: Requirements,
    /// The task's inputs.
    pub inputs: Vec<InputRef>,
    /// Who has them.
    pub providers: Vec<NodeId>,
}

impl Details {
    /// A chunk of one of this node's own tasks, run here.
    pub fn local(me: NodeId, task: TaskId, spec: &TaskSpec) -> Self {
        Self {
            requester: me,
            task,
            job: spec.job,
            job_size: 0,
            quote: 0,
            requirements: spec.requirements.clone(),
            inputs: spec.inputs.clone(),
            providers: Vec::new(),
        }
    }
}

/// Replicas to hand to a sandbox thread.
pub struct Ready<J> {
    /// Their order.
    pub order: OrderId,
    /// What they share.
    pub details: Arc<Details>,
    /// Their job, compiled.
    pub job: Arc<J>,
    /// The replicas and what stops each.
    pub replicas: Vec<(Assignment, CancelToken)>,
}

enum Component<J> {
    Missing,
    Loading,
    Ready(Arc<J>),
}

struct Order<J> {
    details: Arc<Details>,
    priority: Priority,
    component: Component<J>,
    /// Their inputs are not asked for yet.
    waiting: VecDeque<Assignment>,
    /// Their inputs are on the way.
    fetching: BTreeMap<(u32, u32), Assignment>,
    /// Everything is here.
    ready: VecDeque<Assignment>,
    running: BTreeMap<(u32, u32), CancelToken>,
    /// Mean time of a replica so far.
    mean: Option<Duration>,
    /// When it last got a sandbox, counted in hand-overs.
    turn: u64,
}

impl<J> Order<J> {
    fn open(&self) -> usize {
        self.waiting.len() + self.fetching.len() + self.ready.len()
    }
}

/// All orders of this worker. `J` is a compiled job.
pub struct Queue<J> {
    orders: BTreeMap<OrderId, Order<J>>,
    by_task: BTreeMap<(NodeId, TaskId), OrderId>,
    next_id: u64,
    next_turn: u64,
    capacity: usize,
}

impl<J> Queue<J> {
    /// A queue for at most `capacity` replicas.
    pub fn new(capacity: usize) -> Self {
        Self {
            orders: BTreeMap::new(),
            by_task: BTreeMap::new(),
            next_id: 0,
            next_turn: 0,
            capacity,
        }
    }

    /// Replicas that run, and that wait.
    pub fn load(&self) -> (u32, u32) {
        let running: usize = self.orders.values().map(|order| order.running.len()).sum();
        let queued: usize = self.orders.values().map(Order::open).sum();
        (
            u32::try_from(running).unwrap_or(u32::MAX),
            u32::try_from(queued).unwrap_or(u32::MAX),
        )
    }

    /// Takes replicas in; returns those that do not fit.
    pub fn assign(&mut self, requester: NodeId, batch: AssignBatch) -> (OrderId, Vec<ReplicaResult>) {
        let key = (requester, batch.task);
        let id = *self.by_task.entry(key).or_insert_with(|| {
            self.next_id += 1;
            OrderId(self.next_id)
        });
        let room = self.capacity.saturating_sub(self.load().1 as usize);
        let details = Details {
            requester,
            task: batch.task,
            job: batch.job,
            job_size: batch.job_size,
            quote: batch.quote,
            requirements: batch.requirements,
            inputs: batch.inputs,
            providers: batch.providers,
        };
        let order = self.orders.entry(id).or_insert_with(|| Order {
            details: Arc::new(details.clone()),
            priority: batch.priority,
            component: Component::Missing,
            waiting: VecDeque::new(),
            fetching: BTreeMap::new(),
            ready: VecDeque::new(),
            running: BTreeMap::new(),
            mean: None,
            turn: 0,
        });
        order.details = Arc::new(details);
        let mut refused = Vec::new();
        for (at, assignment) in batch.replicas.into_iter().enumerate() {
            if at >= room {
                let why =
                    NoVerdict::Refused("the queue of this node is full; it will take more in a moment".to_owned());
                refused.push(no_verdict((assignment.chunk, assignment.attempt), why));
            } else if assignment.slices.is_empty() {
                order.ready.push_back(assignment);
            } else {
                order.waiting.push_back(assignment);
            }
        }
        (id, refused)
    }

    /// What the replicas of an order share.
    pub fn details(&self, id: OrderId) -> Option<Arc<Details>> {
        self.orders.get(&id).map(|order| Arc::clone(&order.details))
    }

    /// Whether somebody must load the component.
    pub fn needs_job(&self, id: OrderId) -> bool {
        self.orders
            .get(&id)
            .is_some_and(|order| matches!(order.component, Component::Missing))
    }

    /// The component is being loaded.
    pub fn loading(&mut self, id: OrderId) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.component = Component::Loading;
        }
    }

    /// The component is there; or it is not, and every waiting replica fails.
    pub fn loaded(&mut self, id: OrderId, job: Result<Arc<J>, NoVerdict>) -> Option<Vec<ReplicaResult>> {
        let order = self.orders.get_mut(&id)?;
        match job {
            Ok(job) => {
                order.component = Component::Ready(job);
                None
            }
            Err(why) => {
                order.component = Component::Missing;
                let waiting = order.waiting.drain(..).chain(order.ready.drain(..));
                let all = waiting.chain(std::mem::take(&mut order.fetching).into_values());
                Some(all.map(|a| no_verdict((a.chunk, a.attempt), why.clone())).collect())
            }
        }
    }

    /// The next replica whose inputs should be fetched, while fewer than `ahead` are on the way or ready.
    pub fn next_fetch(&mut self, ahead: usize) -> Option<(OrderId, (u32, u32), Vec<Slice>)> {
        let with_inputs = |order: &Order<J>| {
            order.fetching.len() + order.ready.iter().filter(|a| !a.slices.is_empty()).take(ahead).count()
        };
        let now: usize = self.orders.values().map(with_inputs).sum();
        if now >= ahead {
            return None;
        }
        let candidates = self.orders.iter_mut().filter(|(_, order)| !order.waiting.is_empty());
        let (id, order) = candidates.min_by_key(|(_, order)| (std::cmp::Reverse(order.priority), order.turn))?;
        let assignment = order.waiting.pop_front()?;
        let replica = (assignment.chunk, assignment.attempt);
        let slices = assignment.slices.clone();
        order.fetching.insert(replica, assignment);
        Some((*id, replica, slices))
    }

    /// The inputs of a replica are there, or the replica fails.
    pub fn fetched(
        &mut self,
        id: OrderId,
        replica: (u32, u32),
        outcome: Result<(), NoVerdict>,
    ) -> Option<ReplicaResult> {
        let order = self.orders.get_mut(&id)?;
        // A replica that was cancelled meanwhile is not there any more.
        let assignment = order.fetching.remove(&replica)?;
        match outcome {
            Ok(()) => {
                order.ready.push_back(assignment);
                None
            }
            Err(why) => Some(no_verdict(replica, why)),
        }
    }

    /// The next hand-over: replicas of one order that together take about `target`.
    pub fn next_run(&mut self, target: Duration, most: usize) -> Option<Ready<J>> {
        let runnable = |order: &Order<J>| !order.ready.is_empty() && matches!(order.component, Component::Ready(_));
        let candidates = self.orders.iter_mut().filter(|(_, order)| runnable(order));
        let (id, order) = candidates.min_by_key(|(_, order)| (std::cmp::Reverse(order.priority), order.turn))?;
        let Component::Ready(job) = &order.component else {
            return None;
        };
        let count = order.mean.map_or(1, |mean| {
            let per = mean.as_nanos().max(1);
            usize::try_from(target.as_nanos() / per).unwrap_or(most).clamp(1, most)
        });
        self.next_turn += 1;
        order.turn = self.next_turn;
        let mut replicas = Vec::with_capacity(count);
        while replicas.len() < count
            && let Some(assignment) = order.ready.pop_front()
        {
            let cancel = CancelToken::new();
            order
                .running
                .insert((assignment.chunk, assignment.attempt), cancel.clone());
            replicas.push((assignment, cancel));
        }
        Some(Ready {
            order: *id,
            details: Arc::clone(&order.details),
            job: Arc::clone(job),
            replicas,
        })
    }

    /// Replicas finished: returns those that somebody still waits for.
    pub fn ran(&mut self, id: OrderId, results: Vec<ReplicaResult>, busy: Duration) -> Vec<ReplicaResult> {
        let Some(order) = self.orders.get_mut(&id) else {
            return Vec::new();
        };
        if let Ok(count) = u32::try_from(results.len())
            && count > 0
        {
            let new = busy / count;
            order.mean = Some(order.mean.map_or(new, |mean| (mean * 3 + new) / 4));
        }
        results
            .into_iter()
            .filter(|result| order.running.remove(&(result.chunk, result.attempt)).is_some())
            .collect()
    }

    /// Stops replicas of a task; all when none is named. True when the order is gone.
    pub fn cancel(&mut self, requester: &NodeId, task: &TaskId, replicas: &[(u32, u32)]) -> bool {
        let key = (*requester, *task);
        let Some(id) = self.by_task.get(&key).copied() else {
            return replicas.is_empty();
        };
        let Some(order) = self.orders.get_mut(&id) else {
            return true;
        };
        if replicas.is_empty() {
            order.running.values().for_each(CancelToken::cancel);
            self.orders.remove(&id);
            self.by_task.remove(&key);
            return true;
        }
        let named: BTreeSet<(u32, u32)> = replicas.iter().copied().collect();
        let keep = |a: &Assignment| !named.contains(&(a.chunk, a.attempt));
        order.waiting.retain(keep);
        order.ready.retain(keep);
        order.fetching.retain(|replica, _| !named.contains(replica));
        for replica in &named {
            if let Some(cancel) = order.running.remove(replica) {
                cancel.cancel();
            }
        }
        false
    }

    /// Stops everything of a requester; returns its tasks.
    pub fn cancel_requester(&mut self, requester: &NodeId) -> Vec<TaskId> {
        let tasks: Vec<TaskId> = self
            .by_task
            .keys()
            .filter(|(node, _)| node == requester)
            .map(|(_, task)| *task)
            .collect();
        for task in &tasks {
            self.cancel(requester, task, &[]);
        }
        tasks
    }

    /// Stops everything.
    pub fn cancel_everything(&mut self) {
        for order in self.orders.values() {
            order.running.values().for_each(CancelToken::cancel);
        }
        self.orders.clear();
        self.by_task.clear();
    }
}

#[cfg(test)]
mod tests;
