//! Every cross-reference of the state, checked. Costs a walk over everything: for tests, the simulator and `doctor`.

use crate::Scheduler;
use crate::groups::awaiting_comparison;
use crate::judge::{Bench, Standing, awaiting_check};
use crate::state::{ChunkState, Decision, Phase, ReplicaState, Task};
use crate::workers::{NodeIx, PRIORITIES};
use job_model::{MicroCredits, TaskId};
use std::collections::BTreeMap;

/// A cross-reference that does not hold: a bug here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task {}: {what}", .task.short())]
pub struct InvariantError {
    /// The task.
    pub task: TaskId,
    /// What does not hold.
    pub what: String,
}

fn check(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// What a walk over the chunks of a task counted.
#[derive(Default)]
struct Walk {
    accepted: u32,
    failed: u32,
    recalled: u32,
    waiting: u32,
    running: u32,
    finished: u32,
    lost: u32,
    assigned: u32,
    held_open: MicroCredits,
    running_at: BTreeMap<NodeIx, u32>,
}

impl Scheduler {
    /// Checks every cross-reference.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        for (id, task) in &self.tasks {
            let key = (self.options.queue_key(task.spec.config.priority, task.submitted), *id);
            let checked = check(self.order.contains(&key) != task.phase.is_final(), || {
                "its place in the queue contradicts its phase".into()
            });
            let waits = self.waiting.contains(&key) == (task.queue.len() > 0);
            let watched = task.hedge_at.is_none_or(|at| self.hedges.contains(&(at, *id)));
            checked
                .and(check(waits, || {
                    "its place among those that wait contradicts its queue".into()
                }))
                .and(check(watched, || "its slow replicas are not looked for".into()))
                .and_then(|()| self.check_task(id, task))
                .map_err(|what| InvariantError { task: *id, what })?;
        }
        for (_, worker) in self.nodes.iter() {
            for priority in 0..PRIORITIES {
                let of = |id: &TaskId| {
                    self.tasks
                        .get(id)
                        .is_some_and(|task| task.spec.config.priority as usize == priority)
                };
                let count: usize = worker
                    .running
                    .iter()
                    .filter(|(id, _)| of(id))
                    .map(|(_, replicas)| replicas.len())
                    .sum();
                let what = || {
                    format!(
                        "worker {} has {count} replicas in flight but counts {}",
                        worker.id.short(),
                        worker.flight[priority]
                    )
                };
                check(count == worker.flight[priority] as usize, what).map_err(|what| InvariantError {
                    task: TaskId::default(),
                    what,
                })?;
            }
        }
        Ok(())
    }

    fn check_task(&self, id: &TaskId, task: &Task) -> Result<(), String> {
        let mut walk = Walk::default();
        for (index, chunk) in task.chunks.iter().enumerate() {
            self.check_chunk(id, task, index as u32, chunk)
                .map_err(|what| format!("chunk {index}: {what}"))?;
            walk.count(index as u32, chunk, task)?;
        }
        let equal = |what: &str, counted: u32, kept: u32| {
            check(counted == kept, || {
                format!("{counted} chunks or replicas are {what}, its record says {kept}")
            })
        };
        equal("planned", task.chunks.len() as u32, task.counts.total)?;
        equal("accepted", walk.accepted, task.counts.accepted)?;
        equal("failed", walk.failed, task.counts.failed)?;
        equal("recalled", walk.recalled, task.counts.recalled)?;
        equal("waiting", walk.waiting, task.queue.len())?;
        equal("running", walk.running, task.replicas.running)?;
        equal("finished", walk.finished, task.replicas.finished)?;
        equal("lost", walk.lost, task.replicas.lost)?;
        equal("assigned", walk.assigned, task.replicas.assigned)?;
        check(walk.held_open == task.held_open, || {
            format!("open holds are {}, its record says {}", walk.held_open, task.held_open)
        })?;
        for (node, worker) in self.nodes.iter() {
            let at_worker = worker.running.get(id).map_or(0, |replicas| replicas.len() as u32);
            equal(
                "running at a worker",
                walk.running_at.get(&node).copied().unwrap_or(0),
                at_worker,
            )?;
            check(at_worker == 0 || !worker.down, || {
                format!("worker {} is down and has replicas in flight", worker.id.short())
            })?;
            check(at_worker == 0 || worker.distrusted.is_none(), || {
                format!("worker {} is distrusted and has replicas in flight", worker.id.short())
            })?;
        }
        check(!task.phase.is_final() || walk.running == 0, || {
            "it has ended and has replicas in flight".into()
        })?;
        let reduced = task.undecided() == 0 && walk.failed == 0 && task.counts.total > 0;
        check(task.phase != Phase::Reducing || reduced, || {
            "it reduces with undecided or failed chunks".into()
        })?;
        check(task.phase != Phase::Open || task.undecided() > 0, || {
            "all its chunks are decided and it has not ended".into()
        })
    }

    fn check_chunk(&self, id: &TaskId, task: &Task, index: u32, chunk: &ChunkState) -> Result<(), String> {
        let bench = Bench {
            options: &self.options,
            nodes: &self.nodes,
            task: id,
            config: &task.spec.config,
        };
        let active = chunk.is_open() && !task.phase.is_final();
        let wanted = if active { bench.group(index, chunk) } else { None };
        let queued = chunk.group.and_then(|number| task.queue.key(number));
        check(queued == wanted.as_ref(), || {
            format!("it waits as {queued:?} and should as {wanted:?}")
        })?;
        check(
            chunk.group.is_none_or(|number| task.queue.contains(number, index)),
            || "its group does not have it".into(),
        )?;
        for (attempt, replica) in chunk.replicas.iter().enumerate() {
            let earlier = &chunk.replicas[..attempt];
            let twice = earlier
                .iter()
                .any(|r| r.node == replica.node && r.is_running() && replica.is_running());
            check(!twice, || {
                format!("two replicas run on node {}", self.nodes.get(replica.node).id.short())
            })?;
            let votes = earlier
                .iter()
                .any(|r| r.node == replica.node && r.vote().is_some() && replica.vote().is_some());
            check(!votes, || {
                format!("node {} has two votes", self.nodes.get(replica.node).id.short())
            })?;
            check(replica.checked().is_none() || replica.vote().is_some(), || {
                "what is no result was checked".into()
            })?;
            let reference = replica.grouping().and_then(|grouping| grouping.reference);
            let leads = reference.and_then(|reference| chunk.replicas.get(reference as usize)?.grouping()?.reference);
            check(reference == leads, || {
                format!("attempt {attempt} belongs to a group that has no such reference")
            })?;
            let after = replica.is_running() && !chunk.is_open();
            check(!after, || "it is decided and a replica runs".into())?;
        }
        if active && task.is_placeable() {
            // Nothing else would move the chunk.
            let unasked = awaiting_check(bench.config.verify, bench.nodes, chunk)
                .find(|attempt| !task.checking.contains(&(index, *attempt)));
            check(unasked.is_none(), || {
                "a result waits for a check that was not asked for".into()
            })?;
            let asked = |&(reference, attempt)| task.comparing.contains(&(index, reference, attempt));
            let uncompared = awaiting_comparison(bench.config, bench.nodes, chunk);
            check(uncompared.iter().all(asked), || {
                "a result waits for a comparison that was not asked for".into()
            })?;
        }
        if active {
            let stuck = matches!(
                bench.standing(index, chunk),
                Standing::Accept { .. } | Standing::Exhausted { .. }
            );
            check(!stuck, || "a verdict is due and was not given".into())?;
        }
        Ok(())
    }
}

impl Walk {
    fn count(&mut self, index: u32, chunk: &ChunkState, task: &Task) -> Result<(), String> {
        match &chunk.decision {
            Decision::Open => {}
            Decision::Recalled { .. } => self.recalled += 1,
            Decision::Accepted { .. } => self.accepted += 1,
            Decision::Failed { .. } => self.failed += 1,
        }
        if let Decision::Accepted { winner, .. } | Decision::Failed { winner, .. } = &chunk.decision {
            let winner = task.replica(index, *winner);
            check(winner.is_some_and(|r| r.vote().is_some()), || {
                format!("chunk {index}: its winner has no vote")
            })?;
            check(winner.is_none_or(|r| !r.is_refuted()), || {
                format!("chunk {index}: its winner was refuted by the job's check")
            })?;
        }
        self.waiting += u32::from(chunk.group.is_some());
        for replica in &chunk.replicas {
            self.assigned += 1;
            match &replica.state {
                ReplicaState::Running { .. } => {
                    self.running += 1;
                    *self.running_at.entry(replica.node).or_default() += 1;
                    self.held_open += replica.hold;
                }
                ReplicaState::Lost(_) => self.lost += 1,
                ReplicaState::Finished(finished) => {
                    self.finished += 1;
                    if chunk.is_open() && !finished.released {
                        self.held_open += replica.hold;
                    }
                }
            }
        }
        Ok(())
    }
}
