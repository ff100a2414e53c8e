//! What looks at outputs, simulated: the job's own check, which knows the truth, and comparison by tolerance. Both take a
//! while, and sometimes cannot be done.

use super::worker::{rounded, truth};
use super::world::{What, World, check};
use job_model::event::{CheckVerdict, CompareVerdict, OutputComparison, ReplicaCheck};
use job_model::{Event, Outcome, TaskId, Usage};
use scheduler::Input;
use std::collections::BTreeMap;

/// Longest check, in simulated milliseconds.
const LONGEST_CHECK_MS: u64 = 40;

impl World {
    /// Looks at what the scheduler wants checked; the answers come later, each at its own time.
    pub(super) fn check_replicas(&mut self, task: TaskId, replicas: &[(u32, u32)]) {
        for &(chunk, attempt) in replicas {
            let claimed = self.scheduler.claim(task, chunk, attempt).cloned();
            let right = claimed.map(|value| Outcome::Value(rounded(&value)))
                == Some(truth(&task, chunk, self.options.bad_chunk_in));
            let verdict = match right {
                _ if self.random.one_in(self.options.failed_check_in) => CheckVerdict::Failed("out of fuel".into()),
                true => CheckVerdict::Accepted,
                false => CheckVerdict::Refuted,
            };
            let usage = Usage {
                fuel: 10,
                wall_us: 5,
                ..Usage::default()
            };
            let checked = ReplicaCheck {
                chunk,
                attempt,
                verdict,
                usage,
            };
            let checks = vec![checked];
            let when = self.now + 1 + self.random.below(LONGEST_CHECK_MS);
            self.at(when, What::Input(self.epoch, Box::new(Input::Checked { task, checks })));
        }
    }

    /// Compares outputs, as good as a tolerance does; each answer comes at its own time, and some cannot be given.
    pub(super) fn compare_outputs(&mut self, task: TaskId, pairs: &[(u32, u32, u32)]) {
        for &(chunk, reference, attempt) in pairs {
            let claimed = |attempt| self.scheduler.claim(task, chunk, attempt).map(rounded);
            let (first, second) = (claimed(reference), claimed(attempt));
            let (verdict, difference) = match (first, second) {
                _ if self.random.one_in(self.options.failed_comparison_in) => {
                    (CompareVerdict::Failed("too large".into()), None)
                }
                (Some(first), Some(second)) if first == second => (CompareVerdict::Close, Some(1e-7)),
                _ => (CompareVerdict::Apart, None),
            };
            let comparisons = vec![OutputComparison {
                chunk,
                reference,
                attempt,
                verdict,
                difference,
            }];
            let when = self.now + 1 + self.random.below(LONGEST_CHECK_MS);
            self.at(
                when,
                What::Input(self.epoch, Box::new(Input::Compared { task, comparisons })),
            );
        }
    }

    /// Whoever sent what a check refuted is distrusted for good, and was not paid for it.
    pub(super) fn check_refuted(&self) -> Result<(), String> {
        let mut by = BTreeMap::new();
        for (event, _) in &self.journal {
            match event {
                Event::ReplicasAssigned {
                    task, worker, replicas, ..
                } => by.extend(
                    replicas
                        .iter()
                        .map(|(chunk, attempt)| ((*task, *chunk, *attempt), *worker)),
                ),
                Event::ReplicasChecked { task, checks } => {
                    let refuted = checks.iter().filter(|one| one.verdict == CheckVerdict::Refuted);
                    for one in refuted {
                        let worker = by.get(&(*task, one.chunk, one.attempt)).copied().unwrap_or_default();
                        check(self.scheduler.is_distrusted(worker), || {
                            format!("{} sent a refuted result and is trusted", worker.short())
                        })?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
