//! What jobs report of themselves (H4): per task, and per job over all tasks the journal knows. Changed only by events,
//! so a restart restores it.
//!
//! A chunk counts once, with the numbers of the replica whose outcome was accepted; other replicas of it, and chunks
//! that were recalled, count nothing.

use super::Core;
use job_model::{Event, JobMetrics, MicroCredits, TaskId};
use std::collections::BTreeMap;

/// Results with numbers that may wait for their verdict, per task; of more, the numbers are counted as dropped.
const MAX_PENDING: usize = 16_384;
/// Jobs with numbers of their own on `/metrics`: with [`job_model::limits::MAX_METRICS`] names each, few enough for
/// Prometheus. Of more jobs, only the tasks show them.
const MAX_JOBS: usize = 64;

#[derive(Default, Debug)]
struct OfTask {
    job: String,
    /// By chunk and attempt.
    pending: BTreeMap<(u32, u32), JobMetrics>,
    accepted: JobMetrics,
}

/// All of it.
#[derive(Default, Debug)]
pub struct MetricBook {
    tasks: BTreeMap<TaskId, OfTask>,
    by_job: BTreeMap<String, JobMetrics>,
    /// Names of the jobs of open tasks, for the first numbers of a task.
    open: BTreeMap<TaskId, String>,
}

impl MetricBook {
    /// Takes an event in.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::TaskSubmitted { task, spec, .. } => {
                self.open.insert(*task, spec.job_name.clone());
            }
            Event::ReplicasFinished { task, results, .. } => {
                for result in results.iter().filter(|result| !result.metrics.is_empty()) {
                    let Some(of_task) = self.of_open_task(task) else { return };
                    if of_task.pending.len() < MAX_PENDING {
                        of_task
                            .pending
                            .insert((result.chunk, result.attempt), result.metrics.clone());
                    } else {
                        of_task.accepted.dropped = of_task.accepted.dropped.saturating_add(1);
                    }
                }
            }
            Event::ChunksVerified { task, verdicts } => {
                for verdict in verdicts {
                    self.accept(task, verdict.chunk, verdict.winner);
                }
            }
            Event::TaskCompleted { task, .. } | Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => {
                self.open.remove(task);
                if let Some(of_task) = self.tasks.get_mut(task) {
                    of_task.pending = BTreeMap::new();
                }
            }
            _ => {}
        }
    }

    fn of_open_task(&mut self, task: &TaskId) -> Option<&mut OfTask> {
        let job = self.open.get(task)?;
        Some(self.tasks.entry(*task).or_insert_with(|| OfTask {
            job: job.clone(),
            ..OfTask::default()
        }))
    }

    fn accept(&mut self, task: &TaskId, chunk: u32, winner: u32) {
        let Some(of_task) = self.tasks.get_mut(task) else {
            return;
        };
        let winning = of_task.pending.remove(&(chunk, winner));
        // Those that lost, or only confirmed.
        let others: Vec<(u32, u32)> = of_task
            .pending
            .range((chunk, 0)..=(chunk, u32::MAX))
            .map(|(key, _)| *key)
            .collect();
        for other in others {
            of_task.pending.remove(&other);
        }
        let Some(metrics) = winning else { return };
        of_task.accepted.fold(&metrics);
        if self.by_job.contains_key(&of_task.job) || self.by_job.len() < MAX_JOBS {
            self.by_job.entry(of_task.job.clone()).or_default().fold(&metrics);
        }
    }

    /// What the accepted chunks of a task reported.
    pub fn of_task(&self, task: &TaskId) -> JobMetrics {
        self.tasks
            .get(task)
            .map(|of_task| of_task.accepted.clone())
            .unwrap_or_default()
    }

    /// What each job's accepted chunks reported, over all tasks.
    pub fn by_job(&self) -> &BTreeMap<String, JobMetrics> {
        &self.by_job
    }

    /// Lets go of a task.
    pub fn forget(&mut self, task: &TaskId) {
        self.tasks.remove(task);
        self.open.remove(task);
    }
}

impl Core {
    /// What jobs report of themselves.
    pub fn metric_book(&self) -> &MetricBook {
        &self.metrics
    }

    /// Credits earned and spent so far, by signed settlements.
    pub fn earned_and_spent(&self) -> (MicroCredits, MicroCredits) {
        let view = self.market.balance();
        (view.earned, view.spent)
    }
}

#[cfg(test)]
mod tests;
