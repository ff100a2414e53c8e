//! What the passing of time brings: deadlines, stalled workers, hedges for slow replicas, and when to look again.

use crate::Scheduler;
use crate::decide::Lot;
use crate::inputs::Turn;
use crate::judge::Bench;
use crate::state::{Replica, ReplicaState, Task};
use job_model::event::AssignReason;
use job_model::{LossReason, NoVerdict, Outcome, TaskFailure, TaskId, UnixMillis};
use std::collections::BTreeSet;

impl Scheduler {
    /// Fails tasks whose deadline has passed.
    pub(crate) fn expire_tasks(&mut self, turn: &mut Turn) {
        while let Some((due, id)) = self.deadlines.first().copied().filter(|(due, _)| *due <= turn.now) {
            self.deadlines.remove(&(due, id));
            let Some(task) = self.tasks.get(&id) else { continue };
            let done = task.counts.accepted + task.counts.recalled;
            let chunks = task.counts.total;
            self.fail(id, TaskFailure::Deadline { done, chunks }, turn);
        }
        while self.retries.first().is_some_and(|(due, _)| *due <= turn.now) {
            self.retries.pop_first();
        }
    }

    /// Takes replicas from workers that say nothing for longer than a replica of the task may take.
    pub(crate) fn expire_workers(&mut self, turn: &mut Turn) {
        let due: Vec<_> = self
            .nodes
            .iter()
            .filter(|(_, worker)| worker.stall_at.is_some_and(|at| at <= turn.now))
            .map(|(ix, _)| ix)
            .collect();
        for node in due {
            let worker = self.nodes.get(node);
            let (mut stalled, mut next) = (Vec::new(), None::<UnixMillis>);
            for (id, replicas) in &worker.running {
                let timeout = self.tasks.get(id).map_or(0, |task| task.spec.requirements.timeout_ms);
                let at = worker.heard.plus(timeout.saturating_add(self.options.stall_ms));
                if at <= turn.now {
                    stalled.push((*id, replicas.iter().copied().collect::<Vec<_>>()));
                } else {
                    next = Some(next.map_or(at, |earlier| earlier.min(at)));
                }
            }
            self.nodes.get_mut(node).stall_at = next;
            for (id, replicas) in stalled {
                let silence = Outcome::NoVerdict(NoVerdict::Host("silent".into()));
                self.note_failures(id, node, std::iter::once(&silence), turn.now);
                self.lose(
                    Lot {
                        task: id,
                        node,
                        replicas,
                    },
                    &LossReason::Stalled,
                    turn,
                );
            }
        }
    }

    /// Gives slow replicas a twin on another node with room. Waiting chunks went first.
    pub(crate) fn hedge(&mut self, turn: &mut Turn) {
        while let Some((due, id)) = self.hedges.first().copied().filter(|(due, _)| *due <= turn.now) {
            self.hedges.remove(&(due, id));
            let next = self.hedge_task(id, turn);
            if let Some(task) = self.tasks.get_mut(&id) {
                task.hedge_at = next;
                self.hedges.extend(next.map(|at| (at, id)));
            }
        }
    }

    /// Hedges for one task; says when to look again: always later than now.
    fn hedge_task(&mut self, id: TaskId, turn: &mut Turn) -> Option<UnixMillis> {
        let task = self.tasks.get_mut(&id).filter(|task| task.is_placeable())?;
        drop_settled(task);
        let task = self.tasks.get(&id)?;
        let (index, attempt) = task.ages.front()?;
        let oldest = task.replica(*index, *attempt)?.assigned;
        let slow_ms = self.slow_after_ms(task).max(1);
        if turn.now.since(oldest) < slow_ms {
            // The threshold falls as results come: look again before the present one is reached.
            let again = turn.now.plus(self.options.hedge_min_ms.max(1));
            return Some(oldest.plus(slow_ms).min(again).max(turn.now.plus(1)));
        }
        let (batches, turns) = match self.pass(&id, task, turn.now) {
            None => (Vec::new(), task.turn),
            Some(mut pass) => {
                self.seat_hedges(task, slow_ms, turn.now, &mut pass);
                pass.finish()
            }
        };
        self.assign(id, batches, turns, turn);
        Some(turn.now.plus(self.options.hedge_check_ms.max(1)))
    }

    fn seat_hedges(&self, task: &Task, slow_ms: u64, now: UnixMillis, pass: &mut crate::place::Pass) {
        let bench = Bench {
            options: &self.options,
            nodes: &self.nodes,
            task: pass.id,
            config: &task.spec.config,
        };
        let mut seen = BTreeSet::new();
        for &(index, attempt) in task.ages.iter().take(self.options.batch) {
            let (Some(chunk), Some(replica)) = (task.chunk(index), task.replica(index, attempt)) else {
                continue;
            };
            let age = now.since(replica.assigned);
            if age < slow_ms || pass.is_full() {
                break;
            }
            let room = bench.attempts_left(chunk) > 0;
            if !is_unhedged(replica)
                || age < slow_ms.saturating_mul(times_heavier(task, index))
                || !room
                || !seen.insert(index)
            {
                continue;
            }
            for seat in &mut pass.seats {
                seat.allowed = chunk.replicas.iter().all(|r| r.node != seat.node);
            }
            let next = chunk.replicas.len() as u32;
            let taken = pass.take(index, next).into_iter().collect();
            pass.record(index, next, AssignReason::Hedge, taken);
        }
    }

    /// Age from which a replica of the task is slow, in milliseconds.
    fn slow_after_ms(&self, task: &Task) -> u64 {
        let options = &self.options;
        match task.durations.median_ms() {
            Some(median) if task.durations.count >= options.hedge_samples => median
                .saturating_mul(u64::from(options.hedge_factor))
                .max(options.hedge_min_ms),
            _ => options.stall_ms,
        }
    }

    /// When the scheduler wants a [`crate::Input::Tick`] if nothing else comes before; none: only inputs change anything.
    pub fn next_wakeup(&self) -> Option<UnixMillis> {
        let lists = [&self.deadlines, &self.hedges, &self.retries];
        let tasks = lists.into_iter().filter_map(|list| list.first().map(|(at, _)| *at));
        let workers = self.nodes.iter().filter_map(|(_, worker)| worker.stall_at);
        tasks.chain(workers).chain(self.look_again.then_some(self.now)).min()
    }
}

fn is_unhedged(replica: &Replica) -> bool {
    matches!(replica.state, ReplicaState::Running { hedged: false })
}

/// Drops what does not run any more from the front of the queue of ages.
fn drop_settled(task: &mut Task) {
    while let Some((index, attempt)) = task.ages.front()
        && !task.replica(*index, *attempt).is_some_and(is_unhedged)
    {
        task.ages.pop_front();
    }
}

/// How many times heavier than the mean a chunk is, at least 1.
fn times_heavier(task: &Task, index: u32) -> u64 {
    let weight = task
        .plan
        .as_ref()
        .and_then(|plan| plan.chunks.get(index as usize))
        .map_or(1, |chunk| chunk.weight);
    (weight / task.mean_weight.max(1)).max(1)
}
