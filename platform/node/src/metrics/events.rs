//! Counting what was journalled: once per event, not once per chunk where that can be avoided.

use super::Meters;
use crate::context::Context;
use crate::requester::ends;
use job_model::event::{AssignReason, CheckVerdict, CompareVerdict, ReplicaResult};
use job_model::receipt::ReplicaVerdict;
use job_model::task::TaskFailure;
use job_model::{Event, LossReason, Outcome, Recorded, UnixMillis};
use metrics::Counter;
use std::sync::Arc;

/// Counts one event of this node.
pub fn count(context: &Arc<Context>, record: &Recorded) {
    context.meters.count(&record.event);
    if ends(&record.event)
        && let Some(task) = record.event.task()
    {
        let (here, ended) = (Arc::clone(context), record.at);
        context.spawn(async move {
            let submitted = here
                .ask(move |core| core.tasks.get(&task).map(|entry| entry.submitted))
                .await;
            if let Ok(Some(submitted)) = submitted {
                here.meters.task_ended(submitted, ended);
            }
        });
    }
}

impl Meters {
    fn task_ended(&self, submitted: UnixMillis, ended: UnixMillis) {
        self.task_seconds.record(ended.since(submitted) as f64 / 1e3);
    }

    pub(super) fn count(&self, event: &Event) {
        let [completed, failed, cancelled] = &self.tasks_ended;
        let [accepted, chunks_failed, recalled] = &self.chunks;
        let [proposed, signed] = &self.settlements;
        match event {
            Event::JobPublished { .. } => {}
            Event::TaskSubmitted { .. } => self.tasks_submitted.increment(1),
            Event::TaskPlanned { chunks, .. } => self.chunks_planned.increment(u64::from(*chunks)),
            Event::ChunksRecalled { chunks, .. } => recalled.increment(chunks.len() as u64),
            Event::QuoteReceived { .. } => self.quotes.increment(1),
            Event::ReplicasAssigned { reason, replicas, .. } => self.assigned(*reason).increment(replicas.len() as u64),
            Event::ReplicasFinished { results, .. } => self.finished(results),
            Event::ReplicasLost { why, replicas, .. } => self.lost(why).increment(replicas.len() as u64),
            Event::ReplicasChecked { checks, .. } => {
                let mut counts = [0u64; 3];
                for check in checks {
                    counts[match check.verdict {
                        CheckVerdict::Accepted => 0,
                        CheckVerdict::Refuted => 1,
                        CheckVerdict::Failed(_) => 2,
                    }] += 1;
                }
                increment(&self.checks, counts);
            }
            Event::OutputsCompared { comparisons, .. } => {
                let mut counts = [0u64; 3];
                for one in comparisons {
                    counts[match one.verdict {
                        CompareVerdict::Close => 0,
                        CompareVerdict::Apart => 1,
                        CompareVerdict::Failed(_) => 2,
                    }] += 1;
                }
                increment(&self.comparisons, counts);
            }
            Event::ChunksVerified { verdicts, .. } => {
                accepted.increment(verdicts.len() as u64);
                self.judged(
                    verdicts
                        .iter()
                        .flat_map(|verdict| verdict.replicas.iter().map(|(.., what)| *what)),
                );
            }
            Event::CreditsPosted { postings, .. } => {
                let micros: i64 = postings
                    .iter()
                    .map(|posting| posting.amount.0)
                    .fold(0, i64::saturating_add);
                self.posted.increment(u64::try_from(micros).unwrap_or(0));
            }
            Event::NodeDistrusted { .. } => self.distrusted.increment(1),
            Event::TaskCompleted { .. } => completed.increment(1),
            Event::TaskFailed { failure, .. } => {
                failed.increment(1);
                chunks_failed.increment(match failure {
                    TaskFailure::Chunks { failed, .. } => u64::from(*failed),
                    TaskFailure::Attempts { .. } => 1,
                    _ => 0,
                });
            }
            Event::TaskCancelled { .. } => cancelled.increment(1),
            Event::SettlementProposed { .. } => proposed.increment(1),
            Event::SettlementSigned { .. } => signed.increment(1),
        }
    }

    fn assigned(&self, reason: AssignReason) -> &Counter {
        let [policy, spot, escalation, hedge, retry] = &self.assigned;
        match reason {
            AssignReason::Policy => policy,
            AssignReason::Spot => spot,
            AssignReason::Escalation => escalation,
            AssignReason::Hedge => hedge,
            AssignReason::Retry => retry,
        }
    }

    fn lost(&self, why: &LossReason) -> &Counter {
        let [disconnected, stalled, restarted, refused, superseded, task_ended] = &self.lost;
        match why {
            LossReason::Disconnected => disconnected,
            LossReason::Stalled => stalled,
            LossReason::Restarted => restarted,
            LossReason::Refused(_) => refused,
            LossReason::Superseded => superseded,
            LossReason::TaskEnded => task_ended,
        }
    }

    fn finished(&self, results: &[ReplicaResult]) {
        let (mut counts, mut fuel) = ([0u64; 5], 0u64);
        let [value, error, trap, out_of_fuel, no_verdict] = &mut counts;
        for result in results {
            fuel = fuel.saturating_add(result.usage.fuel);
            *match &result.outcome {
                Outcome::Value(_) => &mut *value,
                Outcome::GuestError(_) => &mut *error,
                Outcome::Trap { .. } => &mut *trap,
                Outcome::OutOfFuel => &mut *out_of_fuel,
                Outcome::NoVerdict(_) => &mut *no_verdict,
            } += 1;
        }
        self.fuel.increment(fuel);
        increment(&self.finished, counts);
    }

    fn judged(&self, verdicts: impl Iterator<Item = ReplicaVerdict>) {
        let mut counts = [0u64; 4];
        let [accepted, wrong, late, undecided] = &mut counts;
        for verdict in verdicts {
            *match verdict {
                ReplicaVerdict::Accepted => &mut *accepted,
                ReplicaVerdict::Wrong => &mut *wrong,
                ReplicaVerdict::Late => &mut *late,
                ReplicaVerdict::Undecided => &mut *undecided,
            } += 1;
        }
        increment(&self.verdicts, counts);
    }
}

fn increment<const N: usize>(counters: &[Counter; N], counts: [u64; N]) {
    for (counter, count) in counters.iter().zip(counts).filter(|(_, count)| *count > 0) {
        counter.increment(count);
    }
}
