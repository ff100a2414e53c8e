//! The requester's side: from an accepted specification to a result. What the scheduler needs not know of a task is
//! kept here: its specification, its plan, and which nodes were given parts of it.

use super::Core;
use crate::context::{Arrived, Planned};
use crate::effects::Effect;
use crate::journal::MemoEntry;
use blob_store::Pin;
use job_model::chunk::ChunkKey;
use job_model::event::ReplicaResult;
use job_model::limits::{MAX_BATCH_REPLICAS, MAX_FRAME_BYTES};
use job_model::message::{AssignBatch, Assignment, ResultBatch};
use job_model::receipt::ReplicaVerdict;
use job_model::task::TaskFailure;
use job_model::{
    BlobHash, Comparison, Event, LossReason, Message, NoVerdict, NodeId, Outcome, Output, Plan, TaskId, TaskSpec,
    VerifyPolicy, sign,
};
use scheduler::Input;
use std::sync::Arc;

/// An assignment message is closed at this size, in bytes: room for the last replica under the frame limit.
const ASSIGN_BYTES: usize = MAX_FRAME_BYTES / 2;

/// As many agreeing nodes a result is worth that the job's own check accepted here: what [`VerifyPolicy::Check`] falls back
/// to where it cannot check.
pub const CHECKED_CONFIRMATIONS: u32 = 2;

impl Core {
    /// Takes a task on.
    pub fn submit(&mut self, task: TaskId, spec: TaskSpec, owner: String) {
        self.schedule(Input::Submit {
            task,
            spec: Box::new(spec),
            owner,
        });
    }

    /// A task is cut, or cannot be.
    pub fn on_planned(&mut self, task: TaskId, result: Result<Planned, TaskFailure>) {
        let Planned {
            plan,
            hash,
            fuel,
            recalled,
        } = match result {
            Ok(planned) => planned,
            Err(failure) => return self.schedule(Input::PlanFailed { task, failure }),
        };
        if let Some(entry) = self.tasks.get_mut(&task) {
            entry.plan = Some(Arc::clone(&plan));
        }
        self.schedule(Input::Planned {
            task,
            plan: hash,
            fuel,
            chunks: plan,
        });
        if !recalled.is_empty() {
            self.schedule(Input::Recalled { task, chunks: recalled });
        }
        self.request_quotes_for(task);
        self.offers_due = true;
    }

    /// After a restart: a task's plan was read again.
    pub fn on_plan_loaded(&mut self, task: TaskId, plan: Arc<Plan>) {
        if let Some(entry) = self.tasks.get_mut(&task) {
            entry.plan = Some(Arc::clone(&plan));
        }
        self.schedule(Input::PlanLoaded { task, chunks: plan });
        self.request_quotes_for(task);
        self.offers_due = true;
    }

    /// A task is reduced, or cannot be.
    pub fn on_reduced(&mut self, task: TaskId, result: Result<(BlobHash, u64), TaskFailure>) {
        match result {
            Ok((result, size)) => self.schedule(Input::Reduced { task, result, size }),
            Err(failure) => self.schedule(Input::ReduceFailed { task, failure }),
        }
    }

    /// Stops a task.
    pub fn cancel(&mut self, task: TaskId, reason: String) {
        self.schedule(Input::Cancel { task, reason });
    }

    pub(super) fn start_reduce(&mut self, task: TaskId) {
        let Some(entry) = self.tasks.get(&task) else { return };
        let spec = Arc::clone(&entry.spec);
        let partials: Vec<Output> = self.scheduler.outputs(task).map(|(_, output)| output.clone()).collect();
        self.effect(Effect::Reduce { task, spec, partials });
    }

    /// What follows from an event besides telling watchers.
    pub(super) fn follow_up(&mut self, event: &Event) {
        match event {
            Event::TaskSubmitted { task, spec, .. } => {
                self.effect(Effect::Plan {
                    task: *task,
                    spec: Arc::new((**spec).clone()),
                });
            }
            Event::ReplicasAssigned {
                task,
                worker,
                quote,
                replicas,
                ..
            } => {
                self.send_assignments(*task, *worker, *quote, replicas);
            }
            Event::ReplicasFinished { task, worker, results } => self.keep_bundles(*task, *worker, results),
            Event::ChunksVerified { task, verdicts } => self.remember(*task, verdicts),
            Event::TaskCompleted { task, .. } | Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => {
                self.end_task(*task);
            }
            _ => {}
        }
    }

    fn send_assignments(&mut self, task: TaskId, worker: NodeId, quote: u64, replicas: &[(u32, u32)]) {
        let Some(entry) = self.tasks.get(&task) else { return };
        let Some(plan) = entry.plan.clone() else { return };
        let spec = Arc::clone(&entry.spec);
        let job_size = self
            .jobs
            .get(&spec.job)
            .map_or(job_model::limits::MAX_COMPONENT_BYTES, |known| known.size);
        let batch = |replicas: Vec<Assignment>| AssignBatch {
            task,
            job: spec.job,
            job_size,
            quote,
            priority: spec.config.priority,
            requirements: spec.requirements.clone(),
            inputs: spec.inputs.clone(),
            providers: Vec::new(),
            replicas,
        };
        let mut part: Vec<Assignment> = Vec::with_capacity(replicas.len());
        let mut bytes = 0;
        for &(chunk, attempt) in replicas {
            let Some(planned) = plan.chunks.get(chunk as usize) else {
                continue;
            };
            bytes += planned.body.len() + planned.slices.len() * 32 + 32;
            part.push(Assignment {
                chunk,
                attempt,
                body: planned.body.clone(),
                slices: planned.slices.clone(),
            });
            if bytes >= ASSIGN_BYTES || part.len() >= MAX_BATCH_REPLICAS {
                self.send(worker, Message::Assign(Box::new(batch(std::mem::take(&mut part)))));
                bytes = 0;
            }
        }
        if !part.is_empty() {
            self.send(worker, Message::Assign(Box::new(batch(part))));
        }
    }

    /// Results came over the wire (or from our own worker).
    pub(super) fn on_results(&mut self, from: NodeId, batch: ResultBatch) {
        if from != self.me {
            let claim = ResultBatch::claim(&batch.task, &batch.profile, &batch.results);
            if let Err(error) = sign::verify(&from, ResultBatch::DOMAIN, &claim, &batch.signature) {
                tracing::warn!(node = %from.short(), %error, "results dropped: the worker did not sign them");
                return;
            }
        }
        if batch.profile != self.profile {
            let replicas = batch.results.iter().map(|r| (r.chunk, r.attempt)).collect();
            let why = LossReason::Refused("the results were made under another metering profile".to_owned());
            return self.schedule(Input::Lost {
                task: batch.task,
                worker: from,
                why,
                replicas,
            });
        }
        let remote = from != self.me
            && batch
                .results
                .iter()
                .any(|r| matches!(r.outcome, Outcome::Value(Output::Blob { .. })));
        if remote {
            self.effect(Effect::FetchOutputs {
                from,
                batch: Box::new(batch),
            });
        } else {
            let ResultBatch { task, results, .. } = batch;
            self.on_arrived(Arrived {
                worker: from,
                task,
                results,
                lost: Vec::new(),
                why: String::new(),
            });
        }
    }

    /// Results whose bytes are all here.
    pub fn on_arrived(&mut self, arrived: Arrived) {
        let Arrived {
            worker,
            task,
            results,
            lost,
            why,
        } = arrived;
        let refused = results
            .iter()
            .any(|r| matches!(&r.outcome, Outcome::NoVerdict(NoVerdict::Refused(_))));
        if refused {
            // Most often the quote is of before a restart of the worker: ask again.
            self.forget_quotes_of(worker);
        }
        if !results.is_empty() {
            self.schedule(Input::Finished { task, worker, results });
        }
        if !lost.is_empty() {
            self.schedule(Input::Lost {
                task,
                worker,
                why: LossReason::Refused(why),
                replicas: lost,
            });
        }
    }

    /// Accepted values are remembered with the number of nodes that agreed.
    fn remember(&mut self, task: TaskId, verdicts: &[job_model::event::ChunkVerdict]) {
        let Some(entry) = self.tasks.get(&task) else { return };
        let (Some(plan), spec) = (entry.plan.clone(), Arc::clone(&entry.spec)) else {
            return;
        };
        for verdict in verdicts {
            let output = self.scheduler.output(task, verdict.chunk);
            let (Some(chunk), Some(output)) = (plan.chunks.get(verdict.chunk as usize), output) else {
                continue;
            };
            let agreed = verdict
                .replicas
                .iter()
                .filter(|(_, _, verdict)| *verdict == ReplicaVerdict::Accepted)
                .count();
            let mut confirmations = u32::try_from(agreed).unwrap_or(u32::MAX);
            let mut compare = spec.config.compare;
            if self.scheduler.is_checked(task, verdict.chunk) {
                confirmations = confirmations.max(CHECKED_CONFIRMATIONS);
                // Its check vouches for it, whatever tolerance was asked for.
                compare = Comparison::Exact;
            }
            let class = spec.requirements.float_class;
            let key = ChunkKey::new(&self.profile, &spec.job, class, chunk, &spec.inputs);
            self.batch.memo.push((
                key,
                MemoEntry {
                    output: output.clone(),
                    confirmations,
                    compare,
                },
            ));
        }
    }

    fn keep_bundles(&mut self, task: TaskId, worker: NodeId, results: &[ReplicaResult]) {
        for result in results.iter().filter(|result| is_evidence(&result.outcome)) {
            if let Some(bundle) = self.bundle(task, worker, result) {
                self.effect(Effect::KeepBundle { task, bundle });
            }
        }
    }

    /// Lets go of tasks that ended longer ago than `store.keep_task_ms`: their blobs may be collected. The journal keeps
    /// their events.
    pub(super) fn forget_old_tasks(&mut self) {
        let keep_ms = self.config.store.keep_task_ms;
        let old = self.tasks.ended_before(self.now, keep_ms);
        for task in old {
            if self.scheduler.forget(task) {
                self.tasks.remove(&task);
                self.bundles.remove(&task);
                self.metrics.forget(&task);
                self.effect(Effect::Unpin(Pin::Task(task)));
            }
        }
    }

    fn end_task(&mut self, task: TaskId) {
        let Some(entry) = self.tasks.get(&task) else { return };
        let workers: Vec<NodeId> = entry.workers.iter().copied().collect();
        for worker in workers {
            let reason = "the task ended".to_owned();
            self.send(
                worker,
                Message::Cancel {
                    task,
                    replicas: Vec::new(),
                    reason,
                },
            );
        }
    }
}

/// Whether an outcome tells something of the job: a cancelled or refused replica does not.
fn is_evidence(outcome: &Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::Value(_) | Outcome::NoVerdict(NoVerdict::Cancelled | NoVerdict::Refused(_))
    )
}

/// How many agreeing nodes a remembered result needs to stand for a fresh one under a policy.
pub fn confirmations_needed(policy: VerifyPolicy) -> u32 {
    match policy {
        VerifyPolicy::None | VerifyPolicy::Spot(_) => 1,
        VerifyPolicy::Quorum(k) => u32::from(k),
        VerifyPolicy::Check => CHECKED_CONFIRMATIONS,
    }
}
