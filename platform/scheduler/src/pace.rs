//! What orders work: a task's place in the queue, how fast workers are, whether they should pause, and whether the
//! money is out.

use crate::Scheduler;
use crate::io::Candidate;
use crate::options::SchedulerOptions;
use crate::state::{Backoff, Task};
use crate::workers::NodeIx;
use job_model::{NoVerdict, Outcome, Priority, TaskId, UnixMillis};

impl Scheduler {
    /// Whether the price limit stops a task for good: nothing is in flight or being looked at, all that was given back is back, and of the
    /// nodes that could take a waiting chunk none is cheap enough. A node that has a replica of the chunk cannot take it,
    /// however cheap it is.
    pub(crate) fn is_out_of_money(&self, task: &Task) -> bool {
        let looking = !task.checking.is_empty() || !task.comparing.is_empty();
        if task.replicas.running > 0 || looking || task.held != task.held_open {
            return false;
        }
        let able: Vec<&(NodeIx, Candidate)> = task
            .offers
            .iter()
            .filter(|(node, candidate)| self.obstacle(task, *node, candidate).is_none())
            .collect();
        let (mut any, budget) = (false, task.budget());
        for (key, _) in task.queue.groups() {
            for (_, candidate) in able.iter().filter(|(node, _)| !key.is_hard(*node)) {
                if candidate.hold <= budget {
                    return false;
                }
                any = true;
            }
        }
        any
    }

    /// How fast the worker is with this task, from the time its results took to come.
    pub(crate) fn note_pace(&mut self, id: TaskId, node: NodeIx, results: u32, now: UnixMillis) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let pace = task.paces.entry(node).or_default();
        pace.pending += results;
        let elapsed_ms = now.since(pace.since);
        if elapsed_ms == 0 {
            return;
        }
        let sample = (elapsed_ms.saturating_mul(1000) / u64::from(pace.pending)).max(1);
        pace.mean_us = Some(match pace.mean_us {
            None => sample,
            // Quick to see that a worker can take more: its queue runs dry otherwise.
            Some(mean) if sample < mean => (mean + 3 * sample) / 4,
            Some(mean) => (3 * mean + sample) / 4,
        });
        pace.since = now;
        pace.pending = 0;
    }

    /// A worker that failed (not the job) pauses for this task, longer each time, until it brings a result.
    pub(crate) fn note_failures<'a>(
        &mut self,
        id: TaskId,
        node: NodeIx,
        outcomes: impl Iterator<Item = &'a Outcome>,
        now: UnixMillis,
    ) {
        let (mut failed, mut worked) = (false, false);
        for outcome in outcomes {
            match outcome {
                Outcome::NoVerdict(NoVerdict::Unavailable(_) | NoVerdict::Host(_) | NoVerdict::Refused(_)) => {
                    failed = true
                }
                Outcome::NoVerdict(_) => {}
                _ => worked = true,
            }
        }
        let (first, most) = (self.options.backoff_ms, self.options.backoff_max_ms);
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if worked {
            task.backoffs.remove(&node);
        } else if failed {
            let backoff = task.backoffs.entry(node).or_insert(Backoff { until: now, times: 0 });
            let pause = first
                .saturating_mul(1u64.checked_shl(backoff.times).unwrap_or(u64::MAX))
                .min(most);
            *backoff = Backoff {
                until: now.plus(pause),
                times: backoff.times.saturating_add(1),
            };
            self.retries.insert((backoff.until, id));
        }
    }
}

impl SchedulerOptions {
    /// A task's place in the queue: its time of submit, moved ahead by `aging_ms` for each step of priority. Smaller goes
    /// first. Since the key never changes and time goes on, every task is first one day: nobody starves.
    pub(crate) fn queue_key(&self, priority: Priority, submitted: UnixMillis) -> i128 {
        i128::from(submitted.0) - priority as i128 * i128::from(self.aging_ms)
    }

    /// Expected work of one replica at a worker, in microseconds, all its slots together. Before the first results such
    /// that a worker gets two replicas per slot.
    pub(crate) fn cost_us(&self, task: &Task, node: NodeIx) -> u32 {
        let known = task.paces.get(&node).and_then(|pace| pace.mean_us);
        let cost = known.unwrap_or_else(|| {
            let offer = task.offers.iter().find(|(ix, _)| *ix == node);
            let slots = offer.map_or(1, |(_, candidate)| candidate.slots.max(1));
            self.work_ahead_ms.saturating_mul(500) / u64::from(slots)
        });
        u32::try_from(cost.max(1)).unwrap_or(u32::MAX)
    }
}
