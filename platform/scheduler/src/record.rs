//! What a verdict leaves in a task's record: decisions, tallies, grouped errors, disagreements, confidence.

use crate::state::{Replica, ReplicaState, Task};
use crate::view::{Disagreement, ErrorGroup};
use crate::workers::Nodes;
use job_model::Outcome;
use job_model::event::{CheckVerdict, ChunkVerdict};
use job_model::receipt::ReplicaVerdict;

/// Most groups of errors kept per task; further ones are counted in the last.
pub(crate) const MAX_ERROR_GROUPS: usize = 64;
/// Most disagreements kept in a task's view; every single one is still in the chunk's own record.
const MAX_DISAGREEMENTS: usize = 100;
/// Chunk indices kept per group of errors.
const FIRST_CHUNKS: usize = 10;
/// Longest error text, in characters, that tells groups apart.
const ERROR_KEY_CHARS: usize = 200;
/// Share of work done by liars that `confidence` assumes (trust.md, `f`).
const BAD_SHARE: f64 = 0.2;

/// The outcome a verdict accepts, if the chunk is open and has it.
pub(crate) fn winning_outcome(task: &Task, verdict: &ChunkVerdict) -> Option<Outcome> {
    if !task.chunk(verdict.chunk)?.is_open() {
        return None;
    }
    match &task.replica(verdict.chunk, verdict.winner)?.state {
        ReplicaState::Finished(finished) => finished.outcome.clone().filter(|_| finished.vote.is_some()),
        _ => None,
    }
}

/// Writes what was decided about each replica: tallies, confidence, disagreements.
pub(crate) fn record_verdict(task: &mut Task, nodes: &mut Nodes, verdict: &ChunkVerdict) {
    let (mut believed, mut wrong) = (Vec::new(), Vec::new());
    for (attempt, node, decided) in &verdict.replicas {
        let ix = nodes.intern(*node);
        let replica = task
            .chunks
            .get_mut(verdict.chunk as usize)
            .and_then(|c| c.replicas.get_mut(*attempt as usize));
        if let Some(Replica {
            state: ReplicaState::Finished(finished),
            ..
        }) = replica
        {
            finished.verdict = Some(*decided);
        }
        let tally = task.tallies.entry(ix).or_default();
        match decided {
            ReplicaVerdict::Accepted | ReplicaVerdict::Late => {
                tally.accepted += 1;
                believed.push(*node);
            }
            ReplicaVerdict::Wrong => {
                tally.wrong += 1;
                wrong.push(*node);
            }
            ReplicaVerdict::Undecided => {}
        }
    }
    let winner = task.replica(verdict.chunk, verdict.winner).and_then(Replica::checked);
    task.confidence_sum += match winner {
        // The job vouches for its own check.
        Some(CheckVerdict::Accepted) => 1.0,
        _ => confidence(believed.len(), wrong.len()),
    };
    if !wrong.is_empty() && task.disagreements.len() < MAX_DISAGREEMENTS {
        task.disagreements.push(Disagreement {
            chunk: verdict.chunk,
            believed,
            wrong,
        });
    }
}

/// Probability that a result with these votes for and against it is right, when every vote is wrong with probability
/// [`BAD_SHARE`] and liars agree with each other (Sarmenta 2001, two groups).
fn confidence(agreeing: usize, dissenting: usize) -> f64 {
    let power = |base: f64, times: usize| base.powi(i32::try_from(times).unwrap_or(i32::MAX));
    let right = power(1.0 - BAD_SHARE, agreeing) * power(BAD_SHARE, dissenting);
    let wrong = power(BAD_SHARE, agreeing) * power(1.0 - BAD_SHARE, dissenting);
    right / (right + wrong)
}

/// A decided chunk waits for no verdict: its holds are open no more, and outcomes nobody reads again are dropped.
pub(crate) fn settle_chunk(task: &mut Task, index: u32) {
    let Some(chunk) = task.chunks.get_mut(index as usize) else {
        return;
    };
    for replica in &mut chunk.replicas {
        if let ReplicaState::Finished(finished) = &mut replica.state {
            if !finished.released {
                task.held_open -= replica.hold;
            }
            if finished.vote.is_some() {
                finished.outcome = None;
            }
        }
    }
}

/// Counts an error in its group and returns the group. Errors that differ only in numbers are one group.
pub(crate) fn add_error(task: &mut Task, chunk: u32, message: &str) -> u32 {
    let key = error_key(message);
    let full = task.errors.len() >= MAX_ERROR_GROUPS;
    let last = task.errors.len().saturating_sub(1) as u32;
    let group = match task.error_keys.get(&key) {
        Some(group) => *group,
        None if full => last,
        None => {
            let group = task.errors.len() as u32;
            let other = task.errors.len() + 1 == MAX_ERROR_GROUPS;
            let message = if other {
                format!("other errors, such as: {message}")
            } else {
                message.to_owned()
            };
            task.errors.push(ErrorGroup {
                message,
                count: 0,
                first_chunks: Vec::new(),
            });
            task.error_keys.insert(key, group);
            group
        }
    };
    if let Some(error) = task.errors.get_mut(group as usize) {
        error.count += 1;
        if error.first_chunks.len() < FIRST_CHUNKS {
            error.first_chunks.push(chunk);
        }
    }
    group
}

/// The text with every run of digits replaced, cut.
fn error_key(message: &str) -> String {
    let mut key = String::new();
    let mut in_number = false;
    for character in message.chars().take(ERROR_KEY_CHARS) {
        let digit = character.is_ascii_digit();
        if !digit {
            key.push(character);
        } else if !in_number {
            key.push('#');
        }
        in_number = digit;
    }
    key
}
