//! After a restart: the same events through the same `apply`, then the world as it is now.

use super::Core;
use crate::effects::Effect;
use job_model::{BlobHash, Recorded, TaskId, TaskSpec};
use scheduler::Input;
use std::sync::Arc;

impl Core {
    /// Takes one event of the journal.
    pub fn replay(&mut self, record: &Recorded) {
        self.now = self.now.max(record.at);
        self.seq = record.seq;
        self.scheduler.apply(&record.event, record.at);
        self.market.apply(&record.event, record.at);
        self.tasks.apply(&record.event, record.at);
        self.metrics.apply(&record.event);
        self.jobs.apply(&record.event);
    }

    /// The journal is at its end: repairs what a crash left half done and goes on with open tasks.
    pub fn resume(&mut self) {
        self.reconcile();
        self.schedule(Input::Restarted);
        type Open = (TaskId, Arc<TaskSpec>, Option<BlobHash>);
        let open: Vec<Open> = self
            .tasks
            .open()
            .map(|(task, entry)| (*task, Arc::clone(&entry.spec), entry.plan_hash))
            .collect();
        for (task, spec, plan) in open {
            match plan {
                Some(plan) => self.effect(Effect::LoadPlan { task, plan }),
                None => self.effect(Effect::Plan { task, spec }),
            }
        }
    }
}
