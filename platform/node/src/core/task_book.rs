//! Our tasks, by id and by the moment they came: what the scheduler needs not know of them. Changed only by events, so a
//! restart restores it. Lists of thousands of tasks are read in bounded steps, newest first, without sorting.

use super::Core;
use crate::control::protocol::TaskReport;
use job_model::{BlobHash, Event, JobId, NodeId, Plan, TaskId, TaskSpec, TaskStatus, UnixMillis};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Tasks looked at in one turn of the main loop while a list is read: about a millisecond.
const SCAN_STEP: usize = 4_096;
/// Digits of a task id.
const ID_DIGITS: usize = 64;

/// What belongs to one task besides the scheduler's state.
#[derive(Debug)]
pub struct TaskEntry {
    /// What was asked.
    pub spec: Arc<TaskSpec>,
    /// Whose task it is among the users of this node; empty: the node's own user.
    pub owner: String,
    /// The chunks, once they are here.
    pub plan: Option<Arc<Plan>>,
    /// The plan's blob.
    pub plan_hash: Option<BlobHash>,
    /// Nodes that got replicas.
    pub workers: BTreeSet<NodeId>,
    /// When it came.
    pub submitted: UnixMillis,
    /// When the task ended.
    pub ended: Option<UnixMillis>,
}

/// A place in the list of tasks, newest first.
pub type TaskPlace = (UnixMillis, TaskId);

/// Our tasks.
#[derive(Default, Debug)]
pub struct TaskBook {
    tasks: BTreeMap<TaskId, TaskEntry>,
    by_time: BTreeSet<TaskPlace>,
    open: BTreeSet<TaskId>,
}

impl TaskBook {
    /// Takes an event in.
    pub fn apply(&mut self, event: &Event, at: UnixMillis) {
        if let Event::TaskSubmitted { task, spec, owner } = event {
            let spec = Arc::new((**spec).clone());
            let entry = TaskEntry {
                spec,
                owner: owner.clone(),
                plan: None,
                plan_hash: None,
                workers: BTreeSet::new(),
                submitted: at,
                ended: None,
            };
            self.remove(task);
            self.tasks.insert(*task, entry);
            self.by_time.insert((at, *task));
            self.open.insert(*task);
            return;
        }
        let Some((task, entry)) = event.task().and_then(|task| Some((task, self.tasks.get_mut(&task)?))) else {
            return;
        };
        match event {
            Event::TaskPlanned { plan, .. } => entry.plan_hash = Some(*plan),
            Event::ReplicasAssigned { worker, .. } => {
                entry.workers.insert(*worker);
            }
            Event::TaskCompleted { .. } | Event::TaskFailed { .. } | Event::TaskCancelled { .. } => {
                entry.ended = Some(at);
                entry.plan = None;
                self.open.remove(&task);
            }
            _ => {}
        }
    }

    /// One task.
    pub fn get(&self, task: &TaskId) -> Option<&TaskEntry> {
        self.tasks.get(task)
    }

    pub(super) fn get_mut(&mut self, task: &TaskId) -> Option<&mut TaskEntry> {
        self.tasks.get_mut(task)
    }

    pub(super) fn remove(&mut self, task: &TaskId) {
        if let Some(entry) = self.tasks.remove(task) {
            self.by_time.remove(&(entry.submitted, *task));
            self.open.remove(task);
        }
    }

    /// Tasks that are not over.
    pub fn open(&self) -> impl Iterator<Item = (&TaskId, &TaskEntry)> {
        self.open.iter().filter_map(|task| self.tasks.get_key_value(task))
    }

    /// Tasks that ended more than `keep_ms` milliseconds before `now`.
    pub(super) fn ended_before(&self, now: UnixMillis, keep_ms: u64) -> Vec<TaskId> {
        // A task cannot have ended before it came: later ones need no look.
        let newest = now.0.saturating_sub(keep_ms);
        self.by_time
            .range(..(UnixMillis(newest), TaskId::default()))
            .filter(|(_, task)| {
                let ended = self.tasks.get(task).and_then(|entry| entry.ended);
                ended.is_some_and(|at| now.since(at) > keep_ms)
            })
            .map(|(_, task)| *task)
            .collect()
    }

    /// All task ids that start with these lower-case hex digits.
    pub fn with_prefix(&self, prefix: &str) -> Vec<TaskId> {
        let Some((low, high)) = id_range(prefix) else {
            return Vec::new();
        };
        self.tasks.range(low..=high).map(|(task, _)| *task).collect()
    }

    /// All tasks.
    pub fn ids(&self) -> impl Iterator<Item = &TaskId> {
        self.tasks.keys()
    }

    /// Tasks older than a place, or all, the newest first.
    pub fn newest_before(&self, before: Option<TaskPlace>) -> impl Iterator<Item = TaskPlace> + '_ {
        let end = before.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.by_time.range((std::ops::Bound::Unbounded, end)).rev().copied()
    }
}

/// The first and the last id that start with these digits.
fn id_range(prefix: &str) -> Option<(TaskId, TaskId)> {
    if prefix.is_empty() || prefix.len() > ID_DIGITS || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let low = format!("{prefix:0<ID_DIGITS$}").parse().ok()?;
    let high = format!("{prefix:f<ID_DIGITS$}").parse().ok()?;
    Some((low, high))
}

/// Which tasks a list shows; an empty filter shows all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TaskFilter {
    /// Only these; empty: all.
    pub statuses: Vec<TaskStatus>,
    /// Only of this job: its name, or its hash.
    pub job: Option<String>,
    /// Only of this owner.
    pub owner: Option<String>,
    /// Only those that came at this moment or later.
    pub since: Option<UnixMillis>,
    /// Only those that came before this moment.
    pub until: Option<UnixMillis>,
    /// Only those whose id starts so, or whose job's name holds it.
    pub text: Option<String>,
}

/// A part of a list of tasks.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TaskPage {
    /// The tasks, the newest first.
    pub tasks: Vec<TaskReport>,
    /// Where to go on; none: there is nothing older.
    pub next: Option<TaskPlace>,
}

impl TaskFilter {
    fn takes(&self, core: &Core, task: TaskId) -> bool {
        let Some(entry) = core.tasks.get(&task) else {
            return false;
        };
        if self.owner.as_ref().is_some_and(|owner| *owner != entry.owner) {
            return false;
        }
        let of_job = |job: &String| *job == entry.spec.job_name || job.parse::<JobId>() == Ok(entry.spec.job);
        if !self.job.as_ref().is_none_or(of_job) {
            return false;
        }
        let fits =
            |text: &String| entry.spec.job_name.contains(text.as_str()) || task.to_string().starts_with(text.as_str());
        if !self.text.as_ref().is_none_or(fits) {
            return false;
        }
        self.statuses.is_empty()
            || core
                .task_status(task)
                .is_some_and(|status| self.statuses.contains(&status))
    }

    fn start(&self, before: Option<TaskPlace>) -> Option<TaskPlace> {
        let until = self.until.map(|until| (until, TaskId::default()));
        match (before, until) {
            (Some(before), Some(until)) => Some(before.min(until)),
            (before, until) => before.or(until),
        }
    }
}

impl Core {
    /// Where a task stands.
    pub fn task_status(&self, task: TaskId) -> Option<TaskStatus> {
        self.scheduler.status(task)
    }

    /// At most `limit` tasks older than a place, found among at most [`SCAN_STEP`]: a page may be short though `next`
    /// says there is more.
    pub fn task_page(&self, filter: &TaskFilter, before: Option<TaskPlace>, limit: usize) -> TaskPage {
        let mut page = TaskPage::default();
        let mut last = None;
        for (scanned, place) in self.tasks.newest_before(filter.start(before)).enumerate() {
            if filter.since.is_some_and(|since| place.0 < since) {
                return page;
            }
            if scanned >= SCAN_STEP || page.tasks.len() >= limit {
                page.next = last;
                return page;
            }
            last = Some(place);
            if filter.takes(self, place.1)
                && let Some(report) = self.task_report(place.1)
            {
                page.tasks.push(report);
            }
        }
        page
    }
}

#[cfg(test)]
mod tests;
