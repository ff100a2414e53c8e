//! From state to what people see.

use crate::Scheduler;
use crate::groups::{Compared, awaiting_comparison};
use crate::judge::awaiting_check;
use crate::state::{ChunkState, Decision, Phase, Replica, ReplicaState, Task};
use crate::view::{ChunkCounts, ChunkView, ComparedView, ReplicaOutcome, ReplicaView, TaskView, WorkerTally};
use job_model::event::{CheckVerdict, CompareVerdict};
use job_model::receipt::ReplicaVerdict;
use job_model::{NodeId, Output, TaskId, TaskStatus, Usage, VerifyPolicy};

impl Task {
    pub(crate) fn status(&self) -> TaskStatus {
        match self.phase {
            Phase::Completed { .. } => TaskStatus::Completed,
            Phase::Failed { .. } => TaskStatus::Failed,
            Phase::Cancelled { .. } => TaskStatus::Cancelled,
            Phase::Reducing => TaskStatus::Running,
            Phase::Planning | Phase::Open if self.started.is_some() => TaskStatus::Running,
            Phase::Planning | Phase::Open => TaskStatus::Pending,
        }
    }

    fn view_counts(&self) -> ChunkCounts {
        let waiting = self.queue.len();
        ChunkCounts {
            waiting,
            running: self.undecided().saturating_sub(waiting),
            ..self.counts
        }
    }
}

impl Scheduler {
    /// A task as people see it.
    pub fn task(&self, task: TaskId) -> Option<TaskView> {
        self.tasks.get(&task).map(|record| self.view(task, record))
    }

    /// Where a task stands, without the rest of its view.
    pub fn status(&self, task: TaskId) -> Option<TaskStatus> {
        self.tasks.get(&task).map(Task::status)
    }

    /// All tasks, the first submitted first.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView> + '_ {
        let mut tasks: Vec<_> = self.tasks.iter().collect();
        tasks.sort_by_key(|(id, task)| (task.submitted, **id));
        tasks.into_iter().map(|(id, task)| self.view(*id, task))
    }

    /// How many tasks have not ended.
    pub fn active_tasks(&self) -> usize {
        self.order.len()
    }

    /// The record of one chunk: who ran it, what they said, what was decided and why.
    pub fn chunk(&self, task: TaskId, chunk: u32) -> Option<ChunkView> {
        let task = self.tasks.get(&task)?;
        let state = task.chunk(chunk)?;
        let error = match &state.decision {
            Decision::Failed { group, .. } => task.errors.get(*group as usize).map(|error| error.message.clone()),
            _ => None,
        };
        let (decision, winner) = match &state.decision {
            Decision::Open => ("open", None),
            Decision::Recalled { .. } => ("recalled", None),
            Decision::Accepted { winner, .. } => ("accepted", Some(*winner)),
            Decision::Failed { winner, .. } => ("failed", Some(*winner)),
        };
        let replicas = state
            .replicas
            .iter()
            .enumerate()
            .map(|(attempt, replica)| self.replica_view(attempt as u32, replica));
        Some(ChunkView {
            chunk,
            decision,
            winner,
            verdict: self.verdict_text(task, state),
            error,
            replicas: replicas.collect(),
        })
    }

    /// One execution of a chunk.
    pub fn replica(&self, task: TaskId, chunk: u32, attempt: u32) -> Option<ReplicaView> {
        self.tasks
            .get(&task)?
            .replica(chunk, attempt)
            .map(|replica| self.replica_view(attempt, replica))
    }

    /// The accepted outputs by chunk index, recalled ones included; chunks without one are left out.
    pub fn outputs(&self, task: TaskId) -> impl Iterator<Item = (u32, &Output)> + '_ {
        let chunks = self
            .tasks
            .get(&task)
            .map(|task| task.chunks.as_slice())
            .unwrap_or_default();
        chunks
            .iter()
            .enumerate()
            .filter_map(|(at, chunk)| match &chunk.decision {
                Decision::Recalled { output } | Decision::Accepted { output, .. } => Some((at as u32, output)),
                Decision::Open | Decision::Failed { .. } => None,
            })
    }

    /// The accepted output of one chunk, if it has one.
    pub fn output(&self, task: TaskId, chunk: u32) -> Option<&Output> {
        match &self.tasks.get(&task)?.chunks.get(chunk as usize)?.decision {
            Decision::Recalled { output } | Decision::Accepted { output, .. } => Some(output),
            Decision::Open | Decision::Failed { .. } => None,
        }
    }

    /// The task and chunk that showed a node contradicting an accepted result, if it ever did.
    pub fn distrusted(&self, node: NodeId) -> Option<(TaskId, u32)> {
        self.nodes.find(&node).and_then(|ix| self.nodes.get(ix).distrusted)
    }

    /// Whether a node contradicted an accepted result here: it gets no more work.
    pub fn is_distrusted(&self, node: NodeId) -> bool {
        self.distrusted(node).is_some()
    }

    /// Replicas of ours in flight at a node, over all tasks.
    pub fn in_flight(&self, node: NodeId) -> u32 {
        self.nodes.find(&node).map_or(0, |ix| self.nodes.get(ix).in_flight())
    }

    fn view(&self, id: TaskId, task: &Task) -> TaskView {
        let (mut result, mut failure, mut cancelled, mut ended) = (None, None, None, None);
        match &task.phase {
            Phase::Planning | Phase::Open | Phase::Reducing => {}
            Phase::Completed { result: hash, size, at } => (result, ended) = (Some((*hash, *size)), Some(*at)),
            Phase::Failed { failure: why, at } => (failure, ended) = (Some(why.clone()), Some(*at)),
            Phase::Cancelled { reason, at } => (cancelled, ended) = (Some(reason.clone()), Some(*at)),
        }
        let mut errors = task.errors.clone();
        errors.sort_by_key(|error| std::cmp::Reverse(error.count));
        let judged = task.counts.accepted + task.counts.failed;
        TaskView {
            task: id,
            job: task.spec.job,
            job_name: task.spec.job_name.clone(),
            priority: task.spec.config.priority,
            verify: task.spec.config.verify,
            compare: task.spec.config.compare,
            float_class: task.spec.requirements.float_class,
            status: task.status(),
            reducing: task.phase == Phase::Reducing,
            chunks: task.view_counts(),
            replicas: task.replicas,
            checks: task.checks,
            comparisons: task.comparisons,
            usage: task.usage,
            spent: task.spent,
            held: task.held,
            submitted: task.submitted,
            started: task.started,
            ended,
            result,
            failure,
            cancelled,
            errors,
            confidence: (judged > 0).then(|| task.confidence_sum / f64::from(judged)),
            workers: self.tallies(task),
            disagreements: task.disagreements.clone(),
        }
    }

    fn tallies(&self, task: &Task) -> Vec<WorkerTally> {
        let mut workers: Vec<_> = task
            .tallies
            .iter()
            .map(|(ix, tally)| WorkerTally {
                node: self.nodes.get(*ix).id,
                assigned: tally.assigned,
                running: tally.assigned.saturating_sub(tally.finished).saturating_sub(tally.lost),
                finished: tally.finished,
                lost: tally.lost,
                accepted: tally.accepted,
                wrong: tally.wrong,
            })
            .collect();
        workers.sort_by_key(|worker| worker.node);
        workers
    }

    fn replica_view(&self, attempt: u32, replica: &Replica) -> ReplicaView {
        let mut usage = Usage::default();
        let outcome = match &replica.state {
            ReplicaState::Running { .. } => ReplicaOutcome::Running,
            ReplicaState::Lost(why) => ReplicaOutcome::Lost { why: why.to_string() },
            ReplicaState::Finished(finished) => {
                usage = finished.usage;
                match finished.vote {
                    Some(vote) => ReplicaOutcome::Voted {
                        vote,
                        verdict: finished.verdict,
                    },
                    None => ReplicaOutcome::NoVerdict {
                        why: crate::judge::last_words(replica),
                    },
                }
            }
        };
        let node = self.nodes.get(replica.node).id;
        let check = replica.checked().cloned();
        let (group, compared) = replica.grouping().map_or((None, Vec::new()), |grouping| {
            let view = |one: &Compared| ComparedView {
                reference: one.reference,
                verdict: one.verdict.clone(),
                difference: one.difference,
            };
            (grouping.reference, grouping.compared.iter().map(view).collect())
        });
        let Replica {
            quote,
            hold,
            reason,
            assigned,
            ..
        } = *replica;
        ReplicaView {
            attempt,
            node,
            quote,
            hold,
            reason,
            assigned,
            usage,
            outcome,
            check,
            group,
            compared,
        }
    }

    /// The value a replica claims, while its chunk is open: what [`crate::Output::CheckReplicas`] wants checked.
    pub fn claim(&self, task: TaskId, chunk: u32, attempt: u32) -> Option<&Output> {
        let chunk = self.tasks.get(&task)?.chunk(chunk).filter(|chunk| chunk.is_open())?;
        chunk.replicas.get(attempt as usize)?.value()
    }

    /// Whether the accepted output of a chunk passed the job's own check.
    pub fn is_checked(&self, task: TaskId, chunk: u32) -> bool {
        let Some(chunk) = self.tasks.get(&task).and_then(|task| task.chunk(chunk)) else {
            return false;
        };
        let Decision::Accepted { winner, .. } = &chunk.decision else {
            return false;
        };
        let winner = chunk.replicas.get(*winner as usize);
        winner.and_then(Replica::checked) == Some(&CheckVerdict::Accepted)
    }

    /// One line: what was decided about a chunk, and why.
    fn verdict_text(&self, task: &Task, chunk: &ChunkState) -> String {
        let mut text = self.decision_text(task, chunk);
        let who = |r: &Replica| self.nodes.get(r.node).id.short();
        let refuted: Vec<String> = chunk.replicas.iter().filter(|r| r.is_refuted()).map(who).collect();
        if !refuted.is_empty() {
            text.push_str(&format!("; refuted by the job's check: {}", refuted.join(", ")));
        }
        let failed = chunk.replicas.iter().find_map(|r| match r.checked() {
            Some(CheckVerdict::Failed(why)) => Some(why),
            _ => None,
        });
        if let Some(why) = failed {
            text.push_str(&format!(
                "; the job's check could not be done ({why}), so two equal results are wanted"
            ));
        }
        text.push_str(&compared_text(task, chunk));
        text
    }

    fn open_text(&self, task: &Task, chunk: &ChunkState) -> String {
        let policy = task.spec.config.verify;
        let so_far = format!("undecided after {} replica(s)", chunk.replicas.len());
        if awaiting_check(policy, &self.nodes, chunk).next().is_some() {
            return format!("{so_far}: the job's check is looking at a result");
        }
        if !awaiting_comparison(&task.spec.config, &self.nodes, chunk).is_empty() {
            return format!("{so_far}: results are being compared");
        }
        let no_value = |r: &Replica| r.vote().is_some() && r.value().is_none();
        if policy == VerifyPolicy::Check && chunk.replicas.iter().any(no_value) {
            return format!("{so_far}: an error cannot be checked, so two equal results are wanted");
        }
        so_far
    }

    fn decision_text(&self, task: &Task, chunk: &ChunkState) -> String {
        let named = |wanted: ReplicaVerdict| -> Vec<String> {
            let is = |r: &&Replica| matches!(&r.state, ReplicaState::Finished(f) if f.verdict == Some(wanted));
            chunk
                .replicas
                .iter()
                .filter(is)
                .map(|r| self.nodes.get(r.node).id.short())
                .collect()
        };
        let (what, winner) = match &chunk.decision {
            Decision::Open => return self.open_text(task, chunk),
            Decision::Recalled { .. } => return "recalled from an earlier task".into(),
            Decision::Accepted { winner, .. } => ("value", winner),
            Decision::Failed { winner, .. } => ("error", winner),
        };
        let (for_it, against) = (named(ReplicaVerdict::Accepted), named(ReplicaVerdict::Wrong));
        let contradicted = if against.is_empty() {
            "nobody".to_owned()
        } else {
            against.join(", ")
        };
        format!(
            "accepted the {what} of attempt {winner}: {} agreed, {contradicted} contradicted",
            for_it.join(", ")
        )
    }
}

/// What comparing the chunk's values showed, where that was done.
fn compared_text(task: &Task, chunk: &ChunkState) -> String {
    let all = || {
        chunk
            .replicas
            .iter()
            .filter_map(Replica::grouping)
            .flat_map(|grouping| &grouping.compared)
    };
    let close = || all().filter(|one| one.verdict == CompareVerdict::Close);
    let mut text = String::new();
    if close().next().is_some() {
        text.push_str(&format!("; compared by {}", task.spec.config.compare));
        let largest = close().filter_map(|one| one.difference).reduce(f64::max);
        if let Some(largest) = largest {
            text.push_str(&format!(", largest difference {largest:.1e} of the largest element"));
        }
    }
    let failed = all().find_map(|one| match &one.verdict {
        CompareVerdict::Failed(why) => Some(why),
        _ => None,
    });
    if let Some(why) = failed {
        text.push_str(&format!("; results could not be compared ({why})"));
    }
    text
}
