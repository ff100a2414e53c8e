//! The requester dies and comes back from its journal.

use super::world::{What, World, check, scheduler};
use job_model::TaskId;
use scheduler::{Input, Scheduler};
use std::collections::BTreeSet;
use std::sync::Arc;

impl World {
    /// The requester dies, before or after its last decision took effect, and comes back from its journal.
    pub(super) fn restart_requester(&mut self) -> Result<(), String> {
        if self.random.one_in(2) {
            self.decide(Input::Tick)?;
        }
        let replayed = self.replay(self.journal.len());
        self.same_as(&replayed)?;
        self.report.restarts += 1;
        self.epoch += 1;
        self.scheduler = replayed;
        let known: BTreeSet<TaskId> = self.scheduler.tasks().map(|view| view.task).collect();
        for ((when, _), what) in std::mem::take(&mut self.happenings) {
            if let Some(what) = self.survives(what, &known) {
                self.at(when, what);
            }
        }
        self.feed(Input::Restarted)?;
        for view in self
            .scheduler
            .tasks()
            .filter(|view| !view.status.is_final())
            .collect::<Vec<_>>()
        {
            let (task, chunks) = (view.task, Arc::clone(&self.plan));
            let input = if view.chunks.total == 0 {
                self.planned(task)
            } else {
                Input::PlanLoaded { task, chunks }
            };
            self.at(self.now + 5, What::Input(self.epoch, Box::new(input)));
        }
        Ok(())
    }

    /// What of a pending happening is left after a restart of the requester: what was submitted to a dead requester is
    /// submitted again, workers may or may not send again what was not received.
    fn survives(&mut self, what: What, known: &BTreeSet<TaskId>) -> Option<What> {
        let What::Input(_, input) = what else { return Some(what) };
        let stays = match &*input {
            Input::Finished { .. } => self.random.one_in(2),
            Input::Submit { task, .. } | Input::Planned { task, .. } => !known.contains(task),
            _ => false,
        };
        stays.then_some(What::Input(self.epoch, input))
    }

    pub(super) fn replay(&self, events: usize) -> Scheduler {
        let mut replayed = scheduler();
        for (event, at) in self.journal.iter().take(events) {
            replayed.apply(event, *at);
        }
        replayed
    }

    pub(super) fn same_as(&self, replayed: &Scheduler) -> Result<(), String> {
        replayed
            .check_invariants()
            .map_err(|error| format!("after a replay: {error}"))?;
        for (live, again) in self.scheduler.tasks().zip(replayed.tasks()) {
            check(live == again, || {
                format!("a replay shows another task: {live:?} is now {again:?}")
            })?;
        }
        check(self.scheduler.tasks().count() == replayed.tasks().count(), || {
            "a replay shows other tasks".into()
        })
    }
}
