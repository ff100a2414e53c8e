//! Values that are compared by tolerance (D3): which of a chunk's values belong together.
//!
//! A group is what lies close to its **reference**, the first value of the group: closeness is not transitive, so members
//! may be twice the tolerance apart, and never more. A value that comes is compared with every reference, one value after the
//! other; it joins the first one it is found close to, or becomes a reference itself when all answers say no. The same
//! bytes are close without being compared. Votes of a group count as votes for its reference.
//!
//! The node compares, for outputs cannot be read here. Its answers are events, so that replay gives the same groups without
//! comparing again. An answer that could not be given makes no group, and nobody a liar.

use crate::Scheduler;
use crate::inputs::Turn;
use crate::io::{Ignored, Output};
use crate::state::{ChunkState, Replica, ReplicaState, Task};
use crate::steps::reindex;
use crate::workers::Nodes;
use job_model::event::{CompareVerdict, OutputComparison};
use job_model::{Event, TaskConfig, TaskId, VerifyPolicy, VoteKey};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a value that is compared by tolerance.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Grouping {
    /// The attempt whose value is its group's reference; none: not known yet.
    pub(crate) reference: Option<u32>,
    /// What comparing it with references showed.
    pub(crate) compared: Vec<Compared>,
}

/// One answer.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Compared {
    pub(crate) reference: u32,
    pub(crate) verdict: CompareVerdict,
    pub(crate) difference: Option<f64>,
}

impl Replica {
    /// Its place among the chunk's groups, if it is a value that is compared by tolerance.
    pub(crate) fn grouping(&self) -> Option<&Grouping> {
        match &self.state {
            ReplicaState::Finished(finished) => finished.grouping.as_deref(),
            _ => None,
        }
    }
    fn is_ungrouped(&self) -> bool {
        self.grouping().is_some_and(|grouping| grouping.reference.is_none())
    }
    fn with(&self, reference: u32) -> Option<&Compared> {
        self.grouping()?.compared.iter().find(|one| one.reference == reference)
    }
}

impl ChunkState {
    /// What a replica's vote counts for: its group's reference where values are compared by tolerance, else itself.
    pub(crate) fn counted_vote(&self, replica: &Replica) -> Option<VoteKey> {
        let reference = replica.grouping().and_then(|grouping| grouping.reference);
        match reference.and_then(|reference| self.replicas.get(reference as usize)) {
            Some(reference) => reference.vote(),
            None => replica.vote(),
        }
    }

    /// The attempts that are references.
    fn references(&self) -> impl Iterator<Item = u32> + '_ {
        let own = |(attempt, replica): (u32, &Replica)| {
            let reference = replica.grouping().and_then(|grouping| grouping.reference);
            (reference == Some(attempt)).then_some(attempt)
        };
        (0u32..).zip(&self.replicas).filter_map(own)
    }

    /// The reference that stands for a vote.
    fn reference_of(&self, vote: VoteKey) -> Option<u32> {
        self.references().find(|reference| {
            let replica = self.replicas.get(*reference as usize);
            replica.and_then(Replica::vote) == Some(vote)
        })
    }

    /// Whether a value of another group was found close to the reference that stands for a vote: it is as right as that one.
    pub(crate) fn is_close_to(&self, replica: &Replica, vote: VoteKey) -> bool {
        let compared = self.reference_of(vote).and_then(|reference| replica.with(reference));
        compared.is_some_and(|one| one.verdict == CompareVerdict::Close)
    }

    /// Whether nothing is known of how a value relates to the group that stands for a vote: then it is neither right nor wrong.
    pub(crate) fn is_unrelated(&self, replica: &Replica, vote: VoteKey) -> bool {
        let Some(grouping) = replica.grouping() else {
            return false;
        };
        let Some(reference) = self.reference_of(vote) else {
            return false;
        };
        let failed = |one: &Compared| matches!(one.verdict, CompareVerdict::Failed(_));
        let unknown = |one: &Replica, with: u32| one.with(with).is_none_or(failed);
        // Of two references the later one was compared with the earlier one.
        let earlier = grouping
            .reference
            .and_then(|own| self.replicas.get(reference as usize)?.with(own));
        unknown(replica, reference) && earlier.is_none_or(failed)
    }

    /// Gives every value its group where the answers are enough for it.
    fn settle_groups(&mut self) {
        for attempt in 0..self.replicas.len() as u32 {
            let reference = self.group_of(attempt);
            let replica = self.replicas.get_mut(attempt as usize);
            if let Some(ReplicaState::Finished(finished)) = replica.map(|replica| &mut replica.state)
                && let Some(grouping) = &mut finished.grouping
                && grouping.reference.is_none()
            {
                grouping.reference = reference;
            }
        }
    }

    fn group_of(&self, attempt: u32) -> Option<u32> {
        let replica = self
            .replicas
            .get(attempt as usize)
            .filter(|replica| replica.is_ungrouped())?;
        let same = |other: &Replica| {
            let reference = other.grouping()?.reference;
            reference.filter(|_| other.vote() == replica.vote())
        };
        if let Some(reference) = self.replicas.iter().find_map(same) {
            return Some(reference);
        }
        let close = |reference: &u32| {
            let one = replica.with(*reference);
            one.is_some_and(|one| one.verdict == CompareVerdict::Close)
        };
        if let Some(reference) = self.references().find(close) {
            return Some(reference);
        }
        self.references()
            .all(|reference| replica.with(reference).is_some())
            .then_some(attempt)
    }
}

/// The comparisons that a chunk waits for, as reference and attempt: those of the first trusted value without a group.
/// Nothing waits where votes are not counted.
pub(crate) fn awaiting_comparison(config: &TaskConfig, nodes: &Nodes, chunk: &ChunkState) -> Vec<(u32, u32)> {
    let counts = match config.verify {
        VerifyPolicy::None => false,
        VerifyPolicy::Spot(_) | VerifyPolicy::Quorum(_) => true,
        VerifyPolicy::Check => chunk.is_unchecked(),
    };
    if config.compare.is_exact() || !counts || !chunk.is_open() {
        return Vec::new();
    }
    let waits = |replica: &&Replica| replica.is_ungrouped() && !nodes.is_distrusted(replica.node);
    let Some((attempt, replica)) = (0u32..).zip(&chunk.replicas).find(|(_, replica)| waits(replica)) else {
        return Vec::new();
    };
    let open = chunk
        .references()
        .filter(|reference| replica.with(*reference).is_none());
    open.map(|reference| (reference, attempt)).collect()
}

/// A value came: it gets its group if that needs no comparison.
pub(crate) fn enter_group(task: &mut Task, index: u32) {
    if let Some(chunk) = task.chunks.get_mut(index as usize) {
        chunk.settle_groups();
    }
}

impl Scheduler {
    /// Asks for the comparisons that these chunks wait for and that were not asked for yet.
    pub(crate) fn ask_comparisons(&mut self, id: TaskId, chunks: &[u32], turn: &mut Turn) {
        let Self { tasks, nodes, .. } = self;
        let due = |task: &&mut Task| !task.spec.config.compare.is_exact() && task.is_placeable();
        let Some(task) = tasks.get_mut(&id).filter(due) else {
            return;
        };
        let mut wanted = Vec::new();
        for &index in chunks {
            let Some(chunk) = task.chunk(index) else { continue };
            let pairs = awaiting_comparison(&task.spec.config, nodes, chunk).into_iter();
            let named = pairs.map(|(reference, attempt)| (index, reference, attempt));
            wanted.extend(named.filter(|pair| !task.comparing.contains(pair)));
        }
        task.comparing.extend(wanted.iter().copied());
        for part in wanted.chunks(self.options.batch.max(1)) {
            let pairs = part.to_vec();
            turn.out.push(Output::CompareOutputs { task: id, pairs });
        }
    }

    /// Outputs were compared.
    pub(crate) fn on_compared(&mut self, id: TaskId, comparisons: Vec<OutputComparison>, turn: &mut Turn) {
        if let Some(task) = self.tasks.get_mut(&id) {
            for one in &comparisons {
                task.comparing.remove(&(one.chunk, one.reference, one.attempt));
            }
        }
        let mut misfits: BTreeMap<Ignored, Vec<(u32, u32)>> = BTreeMap::new();
        let (mut seen, mut fitting) = (BTreeSet::new(), Vec::with_capacity(comparisons.len()));
        for one in comparisons {
            let why = match self.fits_comparison(id, &one) {
                Err(why) => why,
                Ok(()) if seen.insert((one.chunk, one.reference, one.attempt)) => {
                    fitting.push(one);
                    continue;
                }
                Ok(()) => Ignored::Duplicate,
            };
            misfits.entry(why).or_default().push((one.chunk, one.attempt));
        }
        for (why, replicas) in misfits {
            turn.out.push(Output::Ignored {
                task: Some(id),
                worker: None,
                replicas,
                why,
            });
        }
        let chunks: Vec<u32> = fitting.iter().map(|one| one.chunk).collect();
        while !fitting.is_empty() {
            let rest = fitting.split_off(fitting.len().min(self.options.batch.max(1)));
            let comparisons = std::mem::replace(&mut fitting, rest);
            self.emit(Event::OutputsCompared { task: id, comparisons }, turn);
        }
        self.judge(id, chunks, turn);
    }

    fn fits_comparison(&self, id: TaskId, one: &OutputComparison) -> Result<(), Ignored> {
        let task = self.tasks.get(&id).ok_or(Ignored::UnknownTask)?;
        if task.phase.is_final() {
            return Err(Ignored::TaskEnded);
        }
        let chunk = task.chunk(one.chunk).ok_or(Ignored::UnknownChunk)?;
        let replica = chunk
            .replicas
            .get(one.attempt as usize)
            .ok_or(Ignored::UnknownAttempt)?;
        if !chunk.is_open() {
            return Err(Ignored::Decided);
        }
        let expected = replica.grouping().is_some() && chunk.references().any(|own| own == one.reference);
        match replica.with(one.reference) {
            Some(_) => Err(Ignored::Duplicate),
            None if !expected || one.reference == one.attempt => Err(Ignored::NotExpected),
            None => Ok(()),
        }
    }

    /// Writes down what comparing showed.
    pub(crate) fn apply_compared(&mut self, id: &TaskId, comparisons: &[OutputComparison]) {
        let Self {
            tasks, nodes, options, ..
        } = self;
        let Some(task) = tasks.get_mut(id) else { return };
        for one in comparisons {
            let Some(chunk) = task.chunks.get_mut(one.chunk as usize) else {
                continue;
            };
            let replica = chunk.replicas.get_mut(one.attempt as usize);
            let Some(ReplicaState::Finished(finished)) = replica.map(|replica| &mut replica.state) else {
                continue;
            };
            let Some(grouping) = &mut finished.grouping else {
                continue;
            };
            if grouping.compared.iter().any(|known| known.reference == one.reference) {
                continue;
            }
            grouping.compared.push(Compared {
                reference: one.reference,
                verdict: one.verdict.clone(),
                difference: one.difference,
            });
            let counts = &mut task.comparisons;
            match one.verdict {
                CompareVerdict::Close => {
                    counts.close += 1;
                    let seen = one.difference.filter(|difference| difference.is_finite());
                    counts.largest_difference =
                        [counts.largest_difference, seen].into_iter().flatten().reduce(f64::max);
                }
                CompareVerdict::Apart => counts.apart += 1,
                CompareVerdict::Failed(_) => counts.failed += 1,
            }
            chunk.settle_groups();
            reindex(options, nodes, id, task, one.chunk);
        }
    }
}
