//! Verdicts and ends: accepts results, names liars, takes back what is not needed, fails and completes tasks.

use crate::Scheduler;
use crate::inputs::Turn;
use crate::io::Output;
use crate::judge::{Bench, Standing};
use crate::state::{Phase, Replica, ReplicaState, Task};
use crate::steps::open_chunks_of;
use crate::workers::{NodeIx, Worker};
use job_model::event::{CheckVerdict, ChunkVerdict};
use job_model::receipt::ReplicaVerdict;
use job_model::{Event, LossReason, NodeId, TaskFailure, TaskId, VoteKey};
use std::collections::{BTreeMap, BTreeSet};

/// Replicas of one task at one node.
pub(crate) struct Lot {
    pub(crate) task: TaskId,
    pub(crate) node: NodeIx,
    /// Chunk index and attempt.
    pub(crate) replicas: Vec<(u32, u32)>,
}

/// What judging some chunks came to.
#[derive(Default)]
struct Judgement {
    verdicts: Vec<ChunkVerdict>,
    /// Nodes that contradicted an accepted result, and the chunk that shows it.
    liars: Vec<(NodeId, u32)>,
    failure: Option<TaskFailure>,
}

impl Scheduler {
    /// Judges chunks of a task and does all that follows.
    pub(crate) fn judge(&mut self, id: TaskId, mut chunks: Vec<u32>, turn: &mut Turn) {
        chunks.sort_unstable();
        chunks.dedup();
        let Some(task) = self.tasks.get(&id).filter(|task| task.phase == Phase::Open) else {
            return;
        };
        let judgement = self.weigh(&id, task, &chunks);
        let mut verdicts = judgement.verdicts;
        while !verdicts.is_empty() {
            let rest = verdicts.split_off(verdicts.len().min(self.options.batch.max(1)));
            self.emit(Event::ChunksVerified { task: id, verdicts }, turn);
            verdicts = rest;
        }
        self.supersede(id, &chunks, turn);
        self.distrust(id, judgement.liars, turn);
        if let Some(failure) = judgement.failure {
            self.fail(id, failure, turn);
        }
        self.conclude(id, turn);
        self.ask_checks(id, &chunks, turn);
        self.ask_comparisons(id, &chunks, turn);
    }

    fn weigh(&self, id: &TaskId, task: &Task, chunks: &[u32]) -> Judgement {
        let bench = Bench {
            options: &self.options,
            nodes: &self.nodes,
            task: id,
            config: &task.spec.config,
        };
        let mut judgement = Judgement::default();
        for &index in chunks {
            let Some(chunk) = task.chunk(index).filter(|chunk| chunk.is_open()) else {
                continue;
            };
            match bench.standing(index, chunk) {
                Standing::Open { .. } => {}
                Standing::Exhausted { attempts, last } => {
                    judgement.failure.get_or_insert(TaskFailure::Attempts {
                        chunk: index,
                        attempts,
                        last,
                    });
                }
                Standing::Accept { winner, vote } => {
                    let verdict = self.verdict(task, index, winner, vote);
                    let agreeing = verdict
                        .replicas
                        .iter()
                        .filter(|(_, _, v)| *v == ReplicaVerdict::Accepted)
                        .count();
                    // One vote against one is no majority: nobody is called a liar for it.
                    if agreeing > 1 {
                        let wrong = verdict.replicas.iter().filter(|(_, _, v)| *v == ReplicaVerdict::Wrong);
                        judgement.liars.extend(wrong.map(|(_, node, _)| (*node, index)));
                    }
                    judgement.verdicts.push(verdict);
                }
            }
        }
        judgement
    }

    /// What is decided about every finished replica of a chunk.
    fn verdict(&self, task: &Task, index: u32, winner: u32, vote: VoteKey) -> ChunkVerdict {
        let chunk = task.chunk(index);
        let replicas = chunk.map(|chunk| chunk.replicas.as_slice()).unwrap_or_default();
        let close = |replica: &Replica| chunk.is_some_and(|chunk| chunk.is_close_to(replica, vote));
        let unrelated = |replica: &Replica| chunk.is_some_and(|chunk| chunk.is_unrelated(replica, vote));
        let by_check = replicas
            .get(winner as usize)
            .is_some_and(|replica| replica.checked() == Some(&CheckVerdict::Accepted));
        let judged = replicas.iter().enumerate().filter_map(|(attempt, replica)| {
            let ReplicaState::Finished(finished) = &replica.state else {
                return None;
            };
            let counted = chunk.and_then(|chunk| chunk.counted_vote(replica));
            let verdict = match (counted, &finished.checked) {
                (None, _) => ReplicaVerdict::Undecided,
                (Some(_), Some(CheckVerdict::Refuted)) => ReplicaVerdict::Wrong,
                (Some(_), Some(CheckVerdict::Accepted)) => ReplicaVerdict::Accepted,
                (Some(own), _) if own == vote || close(replica) => ReplicaVerdict::Accepted,
                // A check may accept more than one value: nothing is known of one that it did not look at.
                (Some(_), _) if by_check && replica.value().is_some() => ReplicaVerdict::Undecided,
                (Some(_), _) if unrelated(replica) => ReplicaVerdict::Undecided,
                (Some(_), _) => ReplicaVerdict::Wrong,
            };
            Some((attempt as u32, self.nodes.get(replica.node).id, verdict))
        });
        ChunkVerdict {
            chunk: index,
            winner,
            replicas: judged.collect(),
        }
    }

    /// Takes trust from nodes: their running replicas are taken back, and their votes on open chunks do not count any more.
    pub(crate) fn distrust(&mut self, id: TaskId, liars: Vec<(NodeId, u32)>, turn: &mut Turn) {
        for (node, chunk) in liars {
            let ix = self.nodes.intern(node);
            if self.nodes.is_distrusted(ix) {
                continue;
            }
            self.emit(Event::NodeDistrusted { node, task: id, chunk }, turn);
            self.cancel_all_of(ix, turn);
            for other in self.order.iter().map(|(_, id)| *id).collect::<Vec<_>>() {
                let Some(task) = self.tasks.get(&other).filter(|task| task.tallies.contains_key(&ix)) else {
                    continue;
                };
                let chunks = open_chunks_of(task, ix);
                self.judge(other, chunks, turn);
            }
        }
    }

    /// Ends a task whose chunks are all decided, or starts its reduction.
    pub(crate) fn conclude(&mut self, id: TaskId, turn: &mut Turn) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        match task.phase {
            Phase::Reducing if !task.reduce_asked => {
                task.reduce_asked = true;
                turn.out.push(Output::StartReduce { task: id });
            }
            Phase::Open if task.undecided() == 0 => {
                let top = task.errors.iter().max_by_key(|error| error.count);
                let failure = TaskFailure::Chunks {
                    failed: task.counts.failed,
                    chunks: task.counts.total,
                    count: top.map_or(0, |error| error.count),
                    message: top.map(|error| error.message.clone()).unwrap_or_default(),
                };
                self.fail(id, failure, turn);
            }
            _ => {}
        }
    }

    /// Ends a task that cannot complete.
    pub(crate) fn fail(&mut self, id: TaskId, failure: TaskFailure, turn: &mut Turn) {
        if self.tasks.get(&id).is_none_or(|task| task.phase.is_final()) {
            return;
        }
        self.end_replicas(id, &failure.to_string(), turn);
        self.emit(Event::TaskFailed { task: id, failure }, turn);
    }

    /// Takes back all running replicas of a task that ends.
    pub(crate) fn end_replicas(&mut self, id: TaskId, reason: &str, turn: &mut Turn) {
        for lot in self.running_of(id) {
            self.take_back(&lot, &LossReason::TaskEnded, reason, turn);
        }
    }

    /// Takes back replicas that cannot change anything any more: of decided chunks, and of nodes that have voted.
    pub(crate) fn supersede(&mut self, id: TaskId, chunks: &[u32], turn: &mut Turn) {
        let Some(task) = self.tasks.get(&id) else { return };
        let mut idle: BTreeMap<NodeIx, Vec<(u32, u32)>> = BTreeMap::new();
        for &index in chunks {
            let Some(chunk) = task.chunk(index) else { continue };
            for (attempt, replica) in chunk.replicas.iter().enumerate() {
                if replica.is_running() && (!chunk.is_open() || chunk.has_vote_of(replica.node)) {
                    idle.entry(replica.node).or_default().push((index, attempt as u32));
                }
            }
        }
        for (node, replicas) in idle {
            let lot = Lot {
                task: id,
                node,
                replicas,
            };
            self.take_back(&lot, &LossReason::Superseded, "the chunk is decided", turn);
        }
    }

    /// All replicas in flight at a node are lost. Chunks are judged: it may have been their last attempt.
    pub(crate) fn lose_all_of(&mut self, node: NodeIx, why: &LossReason, turn: &mut Turn) {
        for lot in self.running_at(node) {
            self.lose(lot, why, turn);
        }
    }

    /// As [`Scheduler::lose_all_of`] for a node that can be told.
    fn cancel_all_of(&mut self, node: NodeIx, turn: &mut Turn) {
        for lot in self.running_at(node) {
            self.take_back(&lot, &LossReason::Superseded, "the node is distrusted", turn);
        }
    }

    /// Replicas are lost, and their chunks are judged.
    pub(crate) fn lose(&mut self, lot: Lot, why: &LossReason, turn: &mut Turn) {
        self.emit_lost(&lot, why, turn);
        self.judge(lot.task, lot.replicas.iter().map(|(chunk, _)| *chunk).collect(), turn);
    }

    /// Replicas are lost because we say so: the worker is told.
    fn take_back(&mut self, lot: &Lot, why: &LossReason, reason: &str, turn: &mut Turn) {
        self.emit_lost(lot, why, turn);
        let (task, worker) = (lot.task, self.nodes.get(lot.node).id);
        for part in lot.replicas.chunks(self.options.batch.max(1)) {
            let (replicas, reason) = (part.to_vec(), reason.to_owned());
            turn.out.push(Output::CancelReplicas {
                task,
                worker,
                replicas,
                reason,
            });
        }
    }

    fn emit_lost(&mut self, lot: &Lot, why: &LossReason, turn: &mut Turn) {
        let (task, worker) = (lot.task, self.nodes.get(lot.node).id);
        for part in lot.replicas.chunks(self.options.batch.max(1)) {
            let (why, replicas) = (why.clone(), part.to_vec());
            self.emit(
                Event::ReplicasLost {
                    task,
                    worker,
                    why,
                    replicas,
                },
                turn,
            );
        }
    }

    /// Replicas of a task in flight, by node.
    fn running_of(&self, task: TaskId) -> Vec<Lot> {
        let at = |(node, worker): (NodeIx, &Worker)| {
            let replicas = worker.running.get(&task)?.iter().copied().collect();
            Some(Lot { task, node, replicas })
        };
        self.nodes.iter().filter_map(at).collect()
    }

    /// Replicas in flight at a node, by task.
    fn running_at(&self, node: NodeIx) -> Vec<Lot> {
        let lot = |(task, replicas): (&TaskId, &BTreeSet<(u32, u32)>)| {
            let replicas = replicas.iter().copied().collect();
            Lot {
                task: *task,
                node,
                replicas,
            }
        };
        self.nodes.get(node).running.iter().map(lot).collect()
    }
}
