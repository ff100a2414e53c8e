//! Outputs that the job's own check has to look at: from the scheduler's wish to background work, and back.

use super::Core;
use crate::effects::Effect;
use crate::requester::{CHECK_LANES, Claim};
use job_model::TaskId;
use job_model::event::ReplicaCheck;
use scheduler::Input;
use std::sync::Arc;

impl Core {
    /// Starts the checks of replicas' values, in as many lanes as there are threads for them.
    pub(super) fn start_checks(&mut self, task: TaskId, replicas: &[(u32, u32)]) {
        let Some(entry) = self.tasks.get(&task) else { return };
        let (Some(plan), spec) = (entry.plan.clone(), Arc::clone(&entry.spec)) else {
            return;
        };
        let mut lanes: Vec<Vec<Claim>> = vec![Vec::new(); CHECK_LANES];
        for (at, &(chunk, attempt)) in replicas.iter().enumerate() {
            let Some(output) = self.scheduler.claim(task, chunk, attempt).cloned() else {
                continue;
            };
            lanes[at % CHECK_LANES].push(Claim { chunk, attempt, output });
        }
        for claims in lanes.into_iter().filter(|claims| !claims.is_empty()) {
            let (spec, plan) = (Arc::clone(&spec), Arc::clone(&plan));
            self.effect(Effect::Check {
                task,
                spec,
                plan,
                claims,
            });
        }
    }

    /// The job's own check looked at outputs.
    pub fn on_checked(&mut self, task: TaskId, checks: Vec<ReplicaCheck>) {
        self.schedule(Input::Checked { task, checks });
    }
}
