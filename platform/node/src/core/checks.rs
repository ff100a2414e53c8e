//! Outputs that the job's own check has to look at, or that are to be compared: from the scheduler's wish to background work, and back.

use super::Core;
use crate::effects::Effect;
use crate::requester::{CHECK_LANES, Claim, OutputPair};
use job_model::TaskId;
use job_model::event::{OutputComparison, ReplicaCheck};
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

    /// Starts comparisons of replicas' values, in as many lanes as there are threads for them.
    pub(super) fn start_comparisons(&mut self, task: TaskId, pairs: &[(u32, u32, u32)]) {
        let Some(tolerance) = self
            .tasks
            .get(&task)
            .and_then(|entry| entry.spec.config.compare.tolerance())
        else {
            return;
        };
        let mut lanes: Vec<Vec<OutputPair>> = vec![Vec::new(); CHECK_LANES];
        for (at, &(chunk, reference, attempt)) in pairs.iter().enumerate() {
            let claim = |attempt| Some((attempt, self.scheduler.claim(task, chunk, attempt)?.clone()));
            let (Some(reference), Some(other)) = (claim(reference), claim(attempt)) else {
                continue;
            };
            lanes[at % CHECK_LANES].push(OutputPair {
                chunk,
                reference,
                other,
            });
        }
        for pairs in lanes.into_iter().filter(|pairs| !pairs.is_empty()) {
            self.effect(Effect::Compare { task, tolerance, pairs });
        }
    }

    /// Outputs were compared.
    pub fn on_compared(&mut self, task: TaskId, comparisons: Vec<OutputComparison>) {
        self.schedule(Input::Compared { task, comparisons });
    }

    /// The job's own check looked at outputs.
    pub fn on_checked(&mut self, task: TaskId, checks: Vec<ReplicaCheck>) {
        self.schedule(Input::Checked { task, checks });
    }
}
