//! The rules a run must keep.

use super::worker::{rounded, truth};
use super::world::{World, check};
use job_model::{Event, Outcome, TaskFailure, TaskId, TaskStatus, UnixMillis, VerifyPolicy};
use scheduler::{Blocker, Input};

impl World {
    /// No node that could take a waiting chunk now is passed over, and every offered node is named.
    pub(super) fn check_busy(&self) -> Result<(), String> {
        for task in &self.tasks {
            let Some(explanation) = self.scheduler.explain(*task, UnixMillis(self.now)) else {
                continue;
            };
            for group in &explanation.waiting {
                let free = group.nodes.iter().find(|reason| reason.blocker == Blocker::Free);
                check(free.is_none(), || {
                    let record = group
                        .first_chunks
                        .first()
                        .and_then(|chunk| self.scheduler.chunk(*task, *chunk));
                    format!("a chunk waits although a node is free: {group:?} {record:?}")
                })?;
                let offered = group.nodes.is_empty() || group.nodes.len() == self.workers.len();
                check(offered, || {
                    format!("explain names {} of {} nodes", group.nodes.len(), self.workers.len())
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn complaints(&self) -> String {
        let waits = |task: &TaskId| {
            self.scheduler
                .explain(*task, UnixMillis(self.now))
                .map(|e| format!("{}: {}; ", task.short(), e.summary))
        };
        self.tasks.iter().filter_map(waits).collect()
    }

    /// The run is over: every task ended as it should, nothing is held, what was paid is what was due.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.report.took_ms = self.now;
        let replayed = self.replay(self.journal.len());
        self.same_as(&replayed)?;
        self.check_cut_journal()?;
        for view in self.scheduler.tasks() {
            let (task, held) = (view.task, view.held.0);
            check(view.status.is_final(), || {
                format!("task {} has not ended", task.short())
            })?;
            let booked = self.books.held.get(&task).copied().unwrap_or(0);
            check(held == 0 && booked == 0, || {
                format!("task {} holds {held}, by the books {booked}", task.short())
            })?;
            let paid = self.books.spent.get(&task).copied().unwrap_or(0);
            check(view.spent.0 == paid, || {
                format!("task {} spent {}, by the books {paid}", task.short(), view.spent.0)
            })?;
            self.report.accepted += view.chunks.accepted;
            self.report.assigned += view.replicas.assigned;
            self.report.refuted += view.checks.refuted;
            self.report.failed_checks += view.checks.failed;
            self.report.close += view.comparisons.close;
            self.report.apart += view.comparisons.apart;
            self.report.hedges += view.replicas.hedges;
            self.report.lost += view.replicas.lost;
            match (view.status, view.failure) {
                (TaskStatus::Completed, _) | (TaskStatus::Cancelled, _) | (_, Some(TaskFailure::Chunks { .. })) => {
                    self.report.ended_well += 1
                }
                (_, failure) => self
                    .report
                    .failed
                    .push(failure.map(|why| why.to_string()).unwrap_or_default()),
            }
        }
        self.check_truth()?;
        self.check_refuted()
    }

    /// A crash may cut the journal anywhere: the rest of a decision is made up for.
    fn check_cut_journal(&mut self) -> Result<(), String> {
        let cut = self.random.below(self.journal.len() as u64 + 1) as usize;
        let mut replayed = self.replay(cut);
        replayed.handle(Input::Restarted, UnixMillis(self.now), &mut Vec::new());
        replayed
            .check_invariants()
            .map_err(|error| format!("after a replay of {cut} events and a restart: {error}"))
    }

    fn check_truth(&mut self) -> Result<(), String> {
        let sure = matches!(self.options.verify, VerifyPolicy::Quorum(2..) | VerifyPolicy::Check);
        for task in &self.tasks {
            for (chunk, output) in self.scheduler.outputs(*task) {
                let right = truth(task, chunk, self.options.bad_chunk_in);
                self.report.wrong += u32::from(right != Outcome::Value(rounded(output)));
            }
        }
        check(!sure || self.report.wrong == 0, || {
            format!(
                "{} wrong results were accepted in spite of {:?}",
                self.report.wrong, self.options.verify
            )
        })?;
        for worker in &self.workers {
            let distrusted = self.scheduler.is_distrusted(worker.id);
            check(worker.liar || !distrusted, || {
                let why = self.journal.iter().find_map(|(event, _)| match event {
                    Event::NodeDistrusted { node, task, chunk } if *node == worker.id => {
                        self.scheduler.chunk(*task, *chunk)
                    }
                    _ => None,
                });
                format!("honest worker {} is distrusted: {why:?}", worker.id.short())
            })?;
            self.report.liars_found += u32::from(distrusted);
        }
        Ok(())
    }
}
