//! Results that the job's own check looks at (policy `check`): what is asked of it, and what follows from its answer.
//!
//! The check itself runs in the node. Its answer is an event, so that replay gives the same state without running it again.
//! A refuted result is evidence like a lost vote: first-hand, for the check ran here.

use crate::Scheduler;
use crate::inputs::Turn;
use crate::io::{Ignored, Output};
use crate::judge::awaiting_check;
use crate::state::{ReplicaState, Task};
use crate::steps::reindex;
use job_model::event::{CheckVerdict, ReplicaCheck};
use job_model::{Event, NodeId, TaskId, VerifyPolicy};
use std::collections::{BTreeMap, BTreeSet};

impl Scheduler {
    /// Asks for the checks that these chunks wait for and that were not asked for yet.
    pub(crate) fn ask_checks(&mut self, id: TaskId, chunks: &[u32], turn: &mut Turn) {
        let Self { tasks, nodes, .. } = self;
        let due = |task: &&mut Task| task.spec.config.verify == VerifyPolicy::Check && task.is_placeable();
        let Some(task) = tasks.get_mut(&id).filter(due) else {
            return;
        };
        let mut wanted = Vec::new();
        for &index in chunks {
            let Some(chunk) = task.chunk(index) else { continue };
            let awaited = awaiting_check(VerifyPolicy::Check, nodes, chunk).map(|attempt| (index, attempt));
            wanted.extend(awaited.filter(|replica| !task.checking.contains(replica)));
        }
        task.checking.extend(wanted.iter().copied());
        for part in wanted.chunks(self.options.batch.max(1)) {
            let replicas = part.to_vec();
            turn.out.push(Output::CheckReplicas { task: id, replicas });
        }
    }

    /// The check has looked at outputs.
    pub(crate) fn on_checked(&mut self, id: TaskId, checks: Vec<ReplicaCheck>, turn: &mut Turn) {
        if let Some(task) = self.tasks.get_mut(&id) {
            for check in &checks {
                task.checking.remove(&(check.chunk, check.attempt));
            }
        }
        let mut misfits: BTreeMap<Ignored, Vec<(u32, u32)>> = BTreeMap::new();
        let (mut seen, mut fitting) = (BTreeSet::new(), Vec::with_capacity(checks.len()));
        for check in checks {
            let named = (check.chunk, check.attempt);
            match self.fits_check(id, named) {
                Err(why) => misfits.entry(why).or_default().push(named),
                Ok(()) if seen.insert(named) => fitting.push(check),
                Ok(()) => misfits.entry(Ignored::Duplicate).or_default().push(named),
            }
        }
        for (why, replicas) in misfits {
            turn.out.push(Output::Ignored {
                task: Some(id),
                worker: None,
                replicas,
                why,
            });
        }
        let chunks: Vec<u32> = fitting.iter().map(|check| check.chunk).collect();
        while !fitting.is_empty() {
            let rest = fitting.split_off(fitting.len().min(self.options.batch.max(1)));
            let checks = std::mem::replace(&mut fitting, rest);
            let refuted = self.refuted_by(id, &checks);
            self.emit(Event::ReplicasChecked { task: id, checks }, turn);
            self.distrust(id, refuted, turn);
        }
        self.judge(id, chunks, turn);
    }

    fn fits_check(&self, id: TaskId, (index, attempt): (u32, u32)) -> Result<(), Ignored> {
        let task = self.tasks.get(&id).ok_or(Ignored::UnknownTask)?;
        if task.phase.is_final() {
            return Err(Ignored::TaskEnded);
        }
        let chunk = task.chunk(index).ok_or(Ignored::UnknownChunk)?;
        let replica = chunk.replicas.get(attempt as usize).ok_or(Ignored::UnknownAttempt)?;
        if task.spec.config.verify != VerifyPolicy::Check {
            return Err(Ignored::NotExpected);
        }
        if !chunk.is_open() {
            return Err(Ignored::Decided);
        }
        match replica.checked() {
            Some(_) => Err(Ignored::Duplicate),
            None if replica.value().is_none() => Err(Ignored::NotExpected),
            None => Ok(()),
        }
    }

    fn refuted_by(&self, id: TaskId, checks: &[ReplicaCheck]) -> Vec<(NodeId, u32)> {
        let task = self.tasks.get(&id);
        let refuted = checks.iter().filter(|check| check.verdict == CheckVerdict::Refuted);
        let node = |check: &ReplicaCheck| {
            let replica = task?.replica(check.chunk, check.attempt)?;
            Some((self.nodes.get(replica.node).id, check.chunk))
        };
        refuted.filter_map(node).collect()
    }

    /// Nodes of a task with a refuted result, and the chunk that shows it.
    pub(crate) fn refuted(&self, task: &Task) -> Vec<(NodeId, u32)> {
        let chunks = (0u32..).zip(&task.chunks);
        let replicas = chunks.flat_map(|(index, chunk)| chunk.replicas.iter().map(move |replica| (index, replica)));
        let refuted = replicas.filter(|(_, replica)| replica.is_refuted());
        refuted
            .map(|(index, replica)| (self.nodes.get(replica.node).id, index))
            .collect()
    }

    /// Writes down what the check said.
    pub(crate) fn apply_checked(&mut self, id: &TaskId, checks: &[ReplicaCheck]) {
        let Self {
            tasks, nodes, options, ..
        } = self;
        let Some(task) = tasks.get_mut(id) else { return };
        for check in checks {
            let chunk = task.chunks.get_mut(check.chunk as usize);
            let replica = chunk.and_then(|chunk| chunk.replicas.get_mut(check.attempt as usize));
            let Some(ReplicaState::Finished(finished)) = replica.map(|replica| &mut replica.state) else {
                continue;
            };
            if finished.checked.is_some() || finished.vote.is_none() {
                continue;
            }
            finished.checked = Some(check.verdict.clone());
            let counts = &mut task.checks;
            match check.verdict {
                CheckVerdict::Accepted => counts.accepted += 1,
                CheckVerdict::Refuted => counts.refuted += 1,
                CheckVerdict::Failed(_) => counts.failed += 1,
            }
            counts.fuel = counts.fuel.saturating_add(check.usage.fuel);
            counts.wall_us = counts.wall_us.saturating_add(check.usage.wall_us);
            reindex(options, nodes, id, task, check.chunk);
        }
    }
}
