//! What is to be sent when: one lane per hook, so that a slow receiver delays nobody else. Pure state of the driver; the
//! database has the same and more.

use job_model::UnixMillis;
use std::collections::{BTreeMap, BTreeSet};

/// Deliveries to one hook at the same time.
const MAX_PER_HOOK: usize = 4;
/// Deliveries at the same time, over all hooks.
const MAX_RUNNING: usize = 64;

/// Deliveries that wait, and those that run.
#[derive(Debug, Default)]
pub struct Queue {
    lanes: BTreeMap<String, Lane>,
    running: usize,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: BTreeSet<(UnixMillis, u64)>,
    running: BTreeSet<u64>,
}

impl Queue {
    /// Adds a delivery. One that runs already is not queued a second time.
    pub fn push(&mut self, hook: &str, due: UnixMillis, number: u64) {
        let lane = self.lanes.entry(hook.to_owned()).or_default();
        if !lane.running.contains(&number) {
            lane.waiting.insert((due, number));
        }
    }

    /// Forgets everything that waits; what runs stays running.
    pub fn clear_waiting(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.waiting.clear());
        self.lanes.retain(|_, lane| !lane.running.is_empty());
    }

    /// Starts the next delivery that is due and has room: its hook and number.
    pub fn start(&mut self, now: UnixMillis) -> Option<(String, u64)> {
        if self.running >= MAX_RUNNING {
            return None;
        }
        // The lane with the fewest runs first: no hook waits for another's crowd.
        let ready = self.lanes.iter_mut().filter(|(_, lane)| lane.next(now).is_some());
        let (hook, lane) = ready.min_by_key(|(_, lane)| lane.running.len())?;
        let (due, number) = lane.next(now)?;
        lane.waiting.remove(&(due, number));
        lane.running.insert(number);
        self.running += 1;
        Some((hook.clone(), number))
    }

    /// A delivery that was started has ended.
    pub fn end(&mut self, hook: &str, number: u64) {
        let Some(lane) = self.lanes.get_mut(hook) else { return };
        if lane.running.remove(&number) {
            self.running = self.running.saturating_sub(1);
        }
        if lane.running.is_empty() && lane.waiting.is_empty() {
            self.lanes.remove(hook);
        }
    }

    /// When the next delivery that has room is due.
    pub fn next_due(&self) -> Option<UnixMillis> {
        if self.running >= MAX_RUNNING {
            return None;
        }
        let open = self.lanes.values().filter(|lane| lane.running.len() < MAX_PER_HOOK);
        open.filter_map(|lane| lane.waiting.first().map(|(due, _)| *due)).min()
    }
}

impl Lane {
    fn next(&self, now: UnixMillis) -> Option<(UnixMillis, u64)> {
        let first = *self.waiting.first()?;
        (self.running.len() < MAX_PER_HOOK && first.0 <= now).then_some(first)
    }
}

#[cfg(test)]
mod tests;
