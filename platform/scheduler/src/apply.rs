//! The only code that changes durable state. `handle` decides events and applies them here; replay applies the same
//! events from the journal. Nothing here decides, and no event can make it panic: what does not fit is skipped.

use crate::Scheduler;
use crate::groups::{Grouping, enter_group};
use crate::queue::GroupKey;
use crate::record::{add_error, record_verdict, settle_chunk, winning_outcome};
use crate::state::{ChunkState, Decision, Finished, Phase, Replica, ReplicaState, Task};
use crate::steps::{
    add_usage, enter_reducing, mark_hedged, open_chunks_of, reindex, release, release_undecided, set_state, take_off,
};
use job_model::event::{AssignReason, ChunkVerdict, Posting, ReplicaResult};
use job_model::{Event, LossReason, MicroCredits, NodeId, Outcome, Output, TaskId, TaskSpec, UnixMillis, VerifyPolicy};

/// The replicas of one `ReplicasAssigned`.
struct Assigned<'a> {
    quote: u64,
    hold: MicroCredits,
    reason: AssignReason,
    replicas: &'a [(u32, u32)],
}

impl Scheduler {
    /// Changes the state as the event says. Replay is this and nothing else.
    pub fn apply(&mut self, event: &Event, at: UnixMillis) {
        match event {
            Event::TaskSubmitted { task, spec, .. } => self.apply_submitted(task, spec, at),
            Event::TaskPlanned { task, chunks, .. } => self.apply_planned(task, *chunks),
            Event::ChunksRecalled { task, chunks } => self.apply_recalled(task, chunks),
            Event::ReplicasAssigned {
                task,
                worker,
                quote,
                hold,
                reason,
                replicas,
            } => {
                let assigned = Assigned {
                    quote: *quote,
                    hold: *hold,
                    reason: *reason,
                    replicas,
                };
                self.apply_assigned(task, *worker, &assigned, at);
            }
            Event::ReplicasFinished { task, worker, results } => self.apply_finished(task, *worker, results, at),
            Event::ReplicasLost {
                task,
                worker,
                why,
                replicas,
            } => self.apply_lost(task, *worker, why, replicas),
            Event::ReplicasChecked { task, checks } => self.apply_checked(task, checks),
            Event::OutputsCompared { task, comparisons } => self.apply_compared(task, comparisons),
            Event::ChunksVerified { task, verdicts } => self.apply_verified(task, verdicts),
            Event::CreditsPosted { task, postings } => self.apply_posted(task, postings),
            Event::NodeDistrusted { node, task, chunk } => self.apply_distrusted(*node, *task, *chunk),
            Event::TaskCompleted { task, result, size } => {
                self.apply_end(
                    task,
                    Phase::Completed {
                        result: *result,
                        size: *size,
                        at,
                    },
                );
            }
            Event::TaskFailed { task, failure } => self.apply_end(
                task,
                Phase::Failed {
                    failure: failure.clone(),
                    at,
                },
            ),
            Event::TaskCancelled { task, reason } => self.apply_end(
                task,
                Phase::Cancelled {
                    reason: reason.clone(),
                    at,
                },
            ),
            Event::JobPublished { .. }
            | Event::QuoteReceived { .. }
            | Event::SettlementProposed { .. }
            | Event::SettlementSigned { .. } => {}
        }
        if let Some(task) = event.task() {
            self.note_waiting(&task);
        }
    }

    /// Puts a task into the list of those with chunks that wait, or takes it out.
    fn note_waiting(&mut self, id: &TaskId) {
        let Some(task) = self.tasks.get(id) else { return };
        let key = (self.options.queue_key(task.spec.config.priority, task.submitted), *id);
        if task.queue.len() > 0 {
            self.waiting.insert(key);
        } else {
            self.waiting.remove(&key);
        }
    }

    fn apply_submitted(&mut self, id: &TaskId, spec: &TaskSpec, at: UnixMillis) {
        let task = Task::new(Box::new(spec.clone()), at);
        self.order
            .insert((self.options.queue_key(spec.config.priority, at), *id));
        self.deadlines.extend(task.deadline().map(|due| (due, *id)));
        self.tasks.insert(*id, task);
    }

    fn apply_planned(&mut self, id: &TaskId, chunks: u32) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        if task.phase != Phase::Planning || chunks == 0 {
            return;
        }
        task.phase = Phase::Open;
        task.counts.total = chunks;
        let missing = if let VerifyPolicy::Quorum(k) = task.spec.config.verify {
            u32::from(k).max(1)
        } else {
            1
        };
        let group = task.queue.fill(GroupKey::new(Vec::new(), Vec::new(), missing), chunks);
        task.chunks = (0..chunks)
            .map(|_| ChunkState {
                group: Some(group),
                ..ChunkState::new()
            })
            .collect();
    }

    fn apply_recalled(&mut self, id: &TaskId, chunks: &[(u32, Output)]) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        for (index, output) in chunks {
            let Some(chunk) = task.chunks.get_mut(*index as usize).filter(|chunk| chunk.is_open()) else {
                continue;
            };
            chunk.decision = Decision::Recalled { output: output.clone() };
            task.counts.recalled += 1;
            if let Some(group) = chunk.group.take() {
                task.queue.remove(group, *index);
            }
            settle_chunk(task, *index);
        }
        enter_reducing(task);
    }

    fn apply_assigned(&mut self, id: &TaskId, worker: NodeId, assigned: &Assigned, at: UnixMillis) {
        let Self {
            tasks,
            nodes,
            options,
            hedges,
            ..
        } = self;
        let Some(task) = tasks.get_mut(id) else { return };
        if task.hedge_at.is_none() {
            task.hedge_at = Some(at);
            hedges.insert((at, *id));
        }
        let node = nodes.intern(worker);
        let cost_us = options.cost_us(task, node);
        let priority = task.spec.config.priority as usize;
        if !nodes.get(node).running.contains_key(id) {
            task.paces.entry(node).or_default().since = at;
        }
        for &(index, attempt) in assigned.replicas {
            let Some(chunk) = task.chunks.get_mut(index as usize) else {
                continue;
            };
            if chunk.replicas.len() != attempt as usize {
                continue;
            }
            if assigned.reason == AssignReason::Hedge {
                mark_hedged(chunk);
                task.replicas.hedges += 1;
            }
            let Assigned {
                quote, hold, reason, ..
            } = *assigned;
            chunk.replicas.push(Replica {
                node,
                reason,
                quote,
                hold,
                assigned: at,
                cost_us,
                state: ReplicaState::Running { hedged: false },
            });
            task.replicas.assigned += 1;
            task.replicas.running += 1;
            task.tallies.entry(node).or_default().assigned += 1;
            task.held += hold;
            task.held_open += hold;
            task.started.get_or_insert(at);
            task.ages.push_back((index, attempt));
            let worker = nodes.get_mut(node);
            if worker.in_flight() == 0 {
                worker.heard = at;
            }
            let due = at.plus(task.spec.requirements.timeout_ms.saturating_add(options.stall_ms));
            worker.stall_at = Some(worker.stall_at.map_or(due, |earlier| earlier.min(due)));
            worker.running.entry(*id).or_default().insert((index, attempt));
            worker.flight[priority] += 1;
            worker.load_us[priority] += u64::from(cost_us);
            worker.credit -= hold;
            reindex(options, nodes, id, task, index);
        }
    }

    fn apply_finished(&mut self, id: &TaskId, worker: NodeId, results: &[ReplicaResult], at: UnixMillis) {
        let Self {
            tasks, nodes, options, ..
        } = self;
        let (Some(task), Some(node)) = (tasks.get_mut(id), nodes.find(&worker)) else {
            return;
        };
        let tolerant = !task.spec.config.compare.is_exact();
        for result in results {
            let Some(replica) = task.replica(result.chunk, result.attempt).filter(|r| r.node == node) else {
                continue;
            };
            let late = match &replica.state {
                ReplicaState::Running { .. } => false,
                ReplicaState::Lost(_) => true,
                ReplicaState::Finished(_) => continue,
            };
            let vote = result.outcome.vote();
            let (age, hold) = (at.since(replica.assigned), replica.hold);
            let tally = task.tallies.entry(node).or_default();
            tally.finished += 1;
            if late {
                tally.lost -= 1;
                task.replicas.lost -= 1;
            } else {
                take_off(nodes, task, id, result.chunk, result.attempt);
                match vote {
                    Some(_) => task.durations.add(age),
                    None => release(nodes, task, node, hold),
                }
            }
            task.replicas.finished += 1;
            add_usage(task, result);
            let finished = Finished {
                vote,
                outcome: Some(result.outcome.clone()),
                usage: result.usage,
                verdict: None,
                released: late || vote.is_none(),
                checked: None,
                grouping: (tolerant && result.outcome.is_value()).then(Box::<Grouping>::default),
            };
            set_state(
                task,
                result.chunk,
                result.attempt,
                ReplicaState::Finished(Box::new(finished)),
            );
            enter_group(task, result.chunk);
            reindex(options, nodes, id, task, result.chunk);
        }
    }

    fn apply_lost(&mut self, id: &TaskId, worker: NodeId, why: &LossReason, replicas: &[(u32, u32)]) {
        let Self {
            tasks, nodes, options, ..
        } = self;
        let (Some(task), Some(node)) = (tasks.get_mut(id), nodes.find(&worker)) else {
            return;
        };
        for &(index, attempt) in replicas {
            let Some(replica) = task
                .replica(index, attempt)
                .filter(|r| r.node == node && r.is_running())
            else {
                continue;
            };
            let hold = replica.hold;
            take_off(nodes, task, id, index, attempt);
            release(nodes, task, node, hold);
            task.replicas.lost += 1;
            task.tallies.entry(node).or_default().lost += 1;
            set_state(task, index, attempt, ReplicaState::Lost(Box::new(why.clone())));
            reindex(options, nodes, id, task, index);
        }
    }

    fn apply_verified(&mut self, id: &TaskId, verdicts: &[ChunkVerdict]) {
        let Self { tasks, nodes, .. } = self;
        let Some(task) = tasks.get_mut(id) else { return };
        for verdict in verdicts {
            let Some(outcome) = winning_outcome(task, verdict) else {
                continue;
            };
            let decision = match outcome {
                Outcome::Value(output) => {
                    task.counts.accepted += 1;
                    Decision::Accepted {
                        winner: verdict.winner,
                        output,
                    }
                }
                other => {
                    task.counts.failed += 1;
                    Decision::Failed {
                        winner: verdict.winner,
                        group: add_error(task, verdict.chunk, &other.error_text()),
                    }
                }
            };
            let Some(chunk) = task.chunks.get_mut(verdict.chunk as usize) else {
                continue;
            };
            chunk.decision = decision;
            if let Some(group) = chunk.group.take() {
                task.queue.remove(group, verdict.chunk);
            }
            record_verdict(task, nodes, verdict);
            settle_chunk(task, verdict.chunk);
        }
        enter_reducing(task);
    }

    fn apply_posted(&mut self, id: &TaskId, postings: &[Posting]) {
        for posting in postings {
            if let Some(node) = self.nodes.find(&posting.worker) {
                let worker = self.nodes.get_mut(node);
                worker.credit += posting.released - posting.amount;
                // No result will come from there to make us look for what may be placed now.
                self.look_again |= worker.running.is_empty();
            }
            if let Some(task) = self.tasks.get_mut(id) {
                self.look_again |= task.replicas.running == 0 && task.queue.len() > 0;
                task.spent += posting.amount;
                task.held = (task.held - posting.released).max(MicroCredits::ZERO);
            }
        }
    }

    fn apply_distrusted(&mut self, node: NodeId, by_task: TaskId, by_chunk: u32) {
        let Self {
            tasks,
            nodes,
            options,
            order,
            ..
        } = self;
        let node = nodes.intern(node);
        nodes.get_mut(node).distrusted.get_or_insert((by_task, by_chunk));
        let mut touched = Vec::new();
        for (_, id) in order.iter() {
            let Some(task) = tasks.get_mut(id).filter(|task| task.tallies.contains_key(&node)) else {
                continue;
            };
            for index in open_chunks_of(task, node) {
                reindex(options, nodes, id, task, index);
            }
            touched.push(*id);
        }
        touched.iter().for_each(|id| self.note_waiting(id));
    }

    fn apply_end(&mut self, id: &TaskId, phase: Phase) {
        let Self {
            tasks,
            nodes,
            options,
            order,
            ..
        } = self;
        let Some(task) = tasks.get_mut(id) else { return };
        if task.phase.is_final() {
            return;
        }
        release_undecided(nodes, task);
        task.phase = phase;
        task.queue = crate::queue::WaitingQueue::default();
        task.ages.clear();
        task.offers.clear();
        task.checking.clear();
        task.comparing.clear();
        task.plan = None;
        for chunk in &mut task.chunks {
            chunk.group = None;
        }
        let key = options.queue_key(task.spec.config.priority, task.submitted);
        order.remove(&(key, *id));
        if let Some(due) = task.deadline() {
            self.deadlines.remove(&(due, *id));
        }
        if let Some(due) = task.hedge_at.take() {
            self.hedges.remove(&(due, *id));
        }
    }
}
