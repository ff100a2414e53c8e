//! `explain`: why chunks wait, node by node. Chunks that wait for the same nodes are one group, so the answer costs the
//! same for ten chunks and for a million.

use crate::Scheduler;
use crate::blocker::{Blocker, Explanation, NodeReason, WaitingGroup};
use crate::io::Candidate;
use crate::queue::GroupKey;
use crate::state::{Phase, Task};
use crate::workers::NodeIx;
use job_model::{TaskId, UnixMillis};
use std::collections::BTreeSet;

/// Most groups explained; the largest come first.
const MAX_GROUPS: usize = 50;
/// Chunk indices shown per group.
const FIRST_CHUNKS: usize = 10;

impl Scheduler {
    /// Why a task is not further: for every waiting chunk and every known node the reason it does not run there.
    pub fn explain(&self, task: TaskId, now: UnixMillis) -> Option<Explanation> {
        let record = self.tasks.get(&task)?;
        let mut waiting: Vec<WaitingGroup> = match record.phase {
            Phase::Planning => Vec::new(),
            _ => record
                .queue
                .groups()
                .map(|(key, chunks)| self.explain_group(&task, record, (key, chunks), now))
                .collect(),
        };
        waiting.sort_by_key(|group| std::cmp::Reverse(group.chunks));
        waiting.truncate(MAX_GROUPS);
        let running = |replica: &(u32, u32)| record.replica(replica.0, replica.1).filter(|r| r.is_running());
        let oldest = record
            .ages
            .iter()
            .filter_map(running)
            .map(|r| now.since(r.assigned))
            .next();
        Some(Explanation {
            task,
            status: record.status(),
            summary: summary(record, &waiting),
            waiting,
            running: record.replicas.running,
            oldest_running_ms: oldest,
        })
    }

    fn explain_group(
        &self,
        id: &TaskId,
        task: &Task,
        group: (&GroupKey, &BTreeSet<u32>),
        now: UnixMillis,
    ) -> WaitingGroup {
        let (key, chunks) = group;
        let again = self.may_try_again(task, key);
        let reasons: Vec<NodeReason> = task
            .offers
            .iter()
            .map(|(node, candidate)| {
                let blocker = self.blocker((id, task), (key, again), (*node, candidate), now);
                NodeReason {
                    node: candidate.node,
                    text: blocker.to_string(),
                    remedy: blocker.remedy(),
                    blocker,
                }
            })
            .collect();
        let able = |(node, candidate): &&(NodeIx, Candidate)| {
            !key.is_hard(*node) && self.obstacle(task, *node, candidate).is_none()
        };
        let distinct = task.offers.iter().filter(able).count() as u32;
        WaitingGroup {
            chunks: chunks.len() as u32,
            first_chunks: chunks.iter().take(FIRST_CHUNKS).copied().collect(),
            missing: key.missing,
            summary: group_summary(key.missing, distinct, &reasons),
            nodes: reasons,
        }
    }

    /// The reason for one group at one node; `again`: nodes that were tried may try again.
    fn blocker(
        &self,
        (id, task): (&TaskId, &Task),
        (key, again): (&GroupKey, bool),
        (node, candidate): (NodeIx, &Candidate),
        now: UnixMillis,
    ) -> Blocker {
        if task.plan.is_none() {
            return Blocker::PlanNotLoaded;
        }
        if let Some(obstacle) = self.obstacle(task, node, candidate) {
            return obstacle;
        }
        if key.is_hard(node) {
            return Blocker::AlreadyHasReplica;
        }
        if key.is_soft(node) && !again {
            return Blocker::TriedBefore;
        }
        if let Some(hindrance) = self.hindrance(task, node, candidate, now) {
            return hindrance;
        }
        if self.room(task, node, candidate) > 0 {
            return Blocker::Free;
        }
        let worker = self.nodes.get(node);
        let own = worker.running.get(id).map_or(0, |replicas| replicas.len() as u32);
        let ahead = self.tasks_ahead(id, task);
        let in_flight = worker.in_flight();
        if own == 0 && ahead > 0 {
            return Blocker::Behind { ahead, in_flight };
        }
        Blocker::Busy {
            in_flight,
            limit: in_flight.max(candidate.slots),
        }
    }

    /// Tasks that stand before this one in the queue and have chunks that wait or run.
    fn tasks_ahead(&self, id: &TaskId, task: &Task) -> u32 {
        let key = self.options.queue_key(task.spec.config.priority, task.submitted);
        let earlier = self.order.range(..(key, *id)).filter_map(|(_, id)| self.tasks.get(id));
        earlier
            .filter(|other| other.queue.len() > 0 || other.replicas.running > 0)
            .count() as u32
    }
}

fn group_summary(missing: u32, distinct: u32, reasons: &[NodeReason]) -> String {
    for (lacking, text) in [
        (Blocker::FloatClassMissing, "no node offers float class fast"),
        (Blocker::GpuMissing, "no node offers a GPU"),
    ] {
        if distinct == 0 && reasons.iter().any(|reason| reason.blocker == lacking) {
            return text.to_owned();
        }
    }
    if distinct < missing {
        let lacking = missing - distinct;
        return format!(
            "needs {lacking} more distinct {}",
            if lacking == 1 { "node" } else { "nodes" }
        );
    }
    let able = reasons.iter().filter(|reason| {
        !matches!(
            reason.blocker,
            Blocker::AlreadyHasReplica | Blocker::Ineligible { .. } | Blocker::Distrusted { .. }
        )
    });
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for reason in able {
        match counts.iter_mut().find(|(text, _)| *text == reason.text) {
            Some((_, count)) => *count += 1,
            None => counts.push((&reason.text, 1)),
        }
    }
    match counts.iter().max_by_key(|(_, count)| *count) {
        Some((text, count)) => format!("waits for a node; of {count} node(s): {text}"),
        None => "waits for a node".into(),
    }
}

fn summary(task: &Task, waiting: &[WaitingGroup]) -> String {
    match &task.phase {
        Phase::Planning => format!("{}: the job cuts the task into chunks", Blocker::NotPlanned),
        Phase::Reducing => "every chunk is accepted; the job's reduce is running".into(),
        Phase::Completed { .. } => "the task is completed".into(),
        Phase::Failed { failure, .. } => format!("the task failed: {failure}"),
        Phase::Cancelled { reason, .. } => format!("the task was cancelled: {reason}"),
        Phase::Open => match waiting.first() {
            None => {
                let mut text = format!("nothing waits; {} replica(s) are running", task.replicas.running);
                if !task.checking.is_empty() {
                    let results = task.checking.len();
                    text.push_str(&format!(", the job's check is looking at {results} result(s)"));
                }
                if !task.comparing.is_empty() {
                    text.push_str(&format!(
                        ", {} pair(s) of results are being compared",
                        task.comparing.len()
                    ));
                }
                text
            }
            Some(_) if task.plan.is_none() => Blocker::PlanNotLoaded.to_string(),
            Some(_) if task.offers.is_empty() => format!(
                "{} chunk(s) wait, and no node is known; connect nodes",
                task.queue.len()
            ),
            Some(group) => format!(
                "{} chunk(s) wait; {} of them: {}",
                task.queue.len(),
                group.chunks,
                group.summary
            ),
        },
    }
}
