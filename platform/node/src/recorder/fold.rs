//! Events in, rows out: what a batch of journal records means for history. Pure: no clock, no IO, no waiting.
//!
//! Changes are sums, so a batch may end anywhere. The only thing that must be known from earlier is how the replicas of
//! undecided chunks ended (a verdict names the winning attempt, not its outcome); after a restart the database says it.

use history::{Batch, ChunkChange, ChunkState, OpenTask, Resume, Submitted, TaskChange, TaskEnd};
use job_model::event::{CheckVerdict, ChunkVerdict, ReplicaResult};
use job_model::receipt::ReplicaVerdict;
use job_model::task::{TaskSpec, TaskStatus, VerifyPolicy};
use job_model::{Event, MicroCredits, NodeId, Outcome, Recorded, TaskId, UnixMillis, codec};
use std::collections::BTreeMap;

/// Longest text of an error, a reason or parameters, in bytes; the journal has all of it.
const MAX_TEXT_BYTES: usize = 1_024;
/// Parameters larger than this, in bytes, are not even read to be cut.
const MAX_PARAMS_BYTES: usize = 64 << 10;
/// Letter of a value that the job's own check accepted.
const CHECKED: char = 'c';
/// Share of work that confidence assumes to be bad, as the scheduler does.
const BAD_SHARE: f64 = 0.2;

/// What must be known of a task that has not ended.
#[derive(Default)]
struct Open {
    started: bool,
    /// Attempts and outcome letters of undecided chunks.
    outcomes: BTreeMap<u32, Vec<(u32, char)>>,
}

/// Gathers changes of one node.
pub struct Fold {
    open: BTreeMap<TaskId, Open>,
    batch: Batch,
    /// Where in the batch a task or a chunk is.
    task_at: BTreeMap<TaskId, usize>,
    chunk_at: BTreeMap<(TaskId, u32), usize>,
}

impl Fold {
    /// Goes on where the database is.
    pub fn new(node: NodeId, resume: &Resume) -> Self {
        let open = |task: &OpenTask| {
            let outcomes = task.chunks.iter().map(|(chunk, words)| (*chunk, read_outcomes(words)));
            let started = task.started;
            let outcomes = outcomes.collect();
            (task.task, Open { started, outcomes })
        };
        Self {
            open: resume.open.iter().map(open).collect(),
            batch: Batch::new(node, resume.recorded_seq),
            task_at: BTreeMap::new(),
            chunk_at: BTreeMap::new(),
        }
    }

    /// The last position that was applied.
    pub fn seq(&self) -> u64 {
        self.batch.to_seq
    }

    /// Rows gathered.
    pub fn rows(&self) -> usize {
        self.batch.rows()
    }

    /// The batch so far; the next one goes on after it.
    pub fn take(&mut self) -> Batch {
        self.task_at.clear();
        self.chunk_at.clear();
        let next = Batch::new(self.batch.node, self.batch.to_seq);
        std::mem::replace(&mut self.batch, next)
    }

    /// One record.
    pub fn apply(&mut self, record: &Recorded) {
        self.batch.to_seq = record.seq;
        let at = record.at;
        match &record.event {
            Event::TaskSubmitted { task, spec, owner } => {
                self.open.insert(*task, Open::default());
                self.task(*task).submitted = Some(Box::new(submitted(spec, owner, at)));
            }
            Event::TaskPlanned { task, chunks, .. } => self.task(*task).chunks = Some(*chunks),
            Event::ChunksRecalled { task, chunks } => {
                self.task(*task).recalled += count(chunks.len());
                for (chunk, _) in chunks {
                    self.chunk(*task, *chunk, at).state = ChunkState::Recalled;
                }
            }
            Event::ReplicasAssigned { task, replicas, .. } => self.assigned(*task, replicas, at),
            Event::ReplicasFinished { task, worker, results } => {
                for result in results {
                    self.finished(*task, *worker, result, at);
                }
            }
            Event::ReplicasLost { task, replicas, .. } => {
                self.task(*task).lost += count(replicas.len());
                for (chunk, _) in replicas {
                    self.chunk(*task, *chunk, at).lost += 1;
                }
            }
            Event::ReplicasChecked { task, checks } => {
                for check in checks.iter().filter(|check| check.verdict == CheckVerdict::Accepted) {
                    self.checked(*task, (check.chunk, check.attempt));
                }
            }
            Event::ChunksVerified { task, verdicts } => {
                for verdict in verdicts {
                    self.verified(*task, verdict, at);
                }
            }
            Event::CreditsPosted { task, postings } => {
                self.task(*task).price += postings.iter().map(|posting| posting.amount).sum::<MicroCredits>();
            }
            Event::TaskCompleted { task, result, size } => {
                self.end(*task, (TaskStatus::Completed, at), Some((*result, *size)), "");
            }
            Event::TaskFailed { task, failure } => {
                self.end(*task, (TaskStatus::Failed, at), None, &failure.to_string());
            }
            Event::TaskCancelled { task, reason } => self.end(*task, (TaskStatus::Cancelled, at), None, reason),
            Event::JobPublished { .. }
            | Event::QuoteReceived { .. }
            | Event::OutputsCompared { .. }
            | Event::NodeDistrusted { .. }
            | Event::SettlementProposed { .. }
            | Event::SettlementSigned { .. } => {}
        }
    }

    fn task(&mut self, task: TaskId) -> &mut TaskChange {
        let tasks = &mut self.batch.tasks;
        let at = *self.task_at.entry(task).or_insert_with(|| {
            tasks.push(TaskChange::new(task));
            tasks.len() - 1
        });
        &mut tasks[at]
    }

    fn chunk(&mut self, task: TaskId, chunk: u32, at: UnixMillis) -> &mut ChunkChange {
        let chunks = &mut self.batch.chunks;
        let place = *self.chunk_at.entry((task, chunk)).or_insert_with(|| {
            chunks.push(ChunkChange::new(task, chunk));
            chunks.len() - 1
        });
        let change = &mut chunks[place];
        change.at = at;
        change
    }

    fn assigned(&mut self, task: TaskId, replicas: &[(u32, u32)], at: UnixMillis) {
        let first = self
            .open
            .get_mut(&task)
            .is_some_and(|open| !std::mem::replace(&mut open.started, true));
        let change = self.task(task);
        change.replicas += count(replicas.len());
        if first {
            change.started_at = Some(at);
        }
        for (chunk, _) in replicas {
            self.chunk(task, *chunk, at).replicas += 1;
        }
    }

    fn finished(&mut self, task: TaskId, worker: NodeId, result: &ReplicaResult, at: UnixMillis) {
        let letter = letter(&result.outcome);
        // After its task's end nobody decides about it any more.
        if let Some(open) = self.open.get_mut(&task) {
            open.outcomes
                .entry(result.chunk)
                .or_default()
                .push((result.attempt, letter));
        }
        let fuel = result.usage.fuel;
        let change = self.task(task);
        change.fuel = change.fuel.saturating_add(fuel);
        let change = self.chunk(task, result.chunk, at);
        change.fuel = change.fuel.saturating_add(fuel);
        change.wall_us = change.wall_us.max(result.usage.wall_us);
        change.outcomes.push_str(&format!("{}{letter} ", result.attempt));
        change.workers.push_str(&format!("{worker} "));
        if !result.outcome.is_value() {
            change.error = Some(cut(&result.outcome.error_text()));
        }
    }

    /// A value that the job's own check accepted: a second word of its attempt, which stands for the first. Only in memory:
    /// the verdict follows in the same turn.
    fn checked(&mut self, task: TaskId, (chunk, attempt): (u32, u32)) {
        if let Some(open) = self.open.get_mut(&task) {
            open.outcomes.entry(chunk).or_default().push((attempt, CHECKED));
        }
    }

    fn verified(&mut self, task: TaskId, verdict: &ChunkVerdict, at: UnixMillis) {
        let outcomes = self
            .open
            .get_mut(&task)
            .and_then(|open| open.outcomes.remove(&verdict.chunk));
        let mut outcomes = outcomes.unwrap_or_default().into_iter();
        let winner = outcomes.rfind(|(attempt, _)| *attempt == verdict.winner);
        // As the scheduler: a verdict whose winner is not known decides nothing.
        let Some((_, letter)) = winner.filter(|(_, letter)| *letter != 'n') else {
            return;
        };
        let state = if matches!(letter, 'v' | CHECKED) {
            ChunkState::Accepted
        } else {
            ChunkState::Failed
        };
        let with = |wanted: &[ReplicaVerdict]| {
            let decided = verdict
                .replicas
                .iter()
                .filter(|(_, _, decided)| wanted.contains(decided));
            decided.count()
        };
        let agreeing = with(&[ReplicaVerdict::Accepted, ReplicaVerdict::Late]);
        let change = self.task(task);
        change.confidence_sum += if letter == CHECKED {
            1.0
        } else {
            confidence(agreeing, with(&[ReplicaVerdict::Wrong]))
        };
        match state {
            ChunkState::Accepted => change.accepted += 1,
            _ => change.failed += 1,
        }
        let change = self.chunk(task, verdict.chunk, at);
        change.state = state;
        change.winner = Some(verdict.winner);
        for (attempt, _, decided) in &verdict.replicas {
            let letter = match decided {
                ReplicaVerdict::Accepted => 'a',
                ReplicaVerdict::Wrong => 'w',
                ReplicaVerdict::Late => 'l',
                ReplicaVerdict::Undecided => 'u',
            };
            change.verdicts.push_str(&format!("{attempt}{letter} "));
        }
    }

    fn end(
        &mut self,
        task: TaskId,
        (status, at): (TaskStatus, UnixMillis),
        result: Option<(job_model::BlobHash, u64)>,
        detail: &str,
    ) {
        self.open.remove(&task);
        let detail = cut(detail);
        self.task(task).end = Some(TaskEnd {
            status,
            at,
            result,
            detail,
        });
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn letter(outcome: &Outcome) -> char {
    match outcome {
        Outcome::Value(_) => 'v',
        Outcome::GuestError(_) => 'e',
        Outcome::Trap { .. } => 't',
        Outcome::OutOfFuel => 'f',
        Outcome::NoVerdict(_) => 'n',
    }
}

/// What [`ChunkChange::outcomes`] says.
fn read_outcomes(words: &str) -> Vec<(u32, char)> {
    let word = |word: &str| {
        let letter = word.chars().last()?;
        let attempt = word.strip_suffix(letter)?.parse().ok()?;
        Some((attempt, letter))
    };
    words.split_whitespace().filter_map(word).collect()
}

fn submitted(spec: &TaskSpec, owner: &str, at: UnixMillis) -> Submitted {
    let params = codec::decode::<serde_json::Value>(&spec.params, MAX_PARAMS_BYTES);
    Submitted {
        owner: cut(owner),
        job: spec.job,
        job_name: cut(&spec.job_name),
        priority: spec.config.priority,
        verify: spec.config.verify,
        params: params.map(|params| cut(&params.to_string())).unwrap_or_default(),
        params_bytes: spec.params.len() as u64,
        inputs: count(spec.inputs.len()),
        input_bytes: spec.inputs.iter().map(|input| input.size).fold(0, u64::saturating_add),
        max_price: spec.config.max_price,
        at,
        recalled_confidence: confidence(confirmations(spec.config.verify), 0),
    }
}

fn confirmations(policy: VerifyPolicy) -> usize {
    match policy {
        VerifyPolicy::None | VerifyPolicy::Spot(_) => 1,
        VerifyPolicy::Quorum(count) => usize::from(count),
        VerifyPolicy::Check => 2,
    }
}

/// Probability that a result with these votes is right (Sarmenta 2001), as the scheduler reports it.
fn confidence(agreeing: usize, dissenting: usize) -> f64 {
    let power = |base: f64, times: usize| base.powi(i32::try_from(times).unwrap_or(i32::MAX));
    let right = power(1.0 - BAD_SHARE, agreeing) * power(BAD_SHARE, dissenting);
    let wrong = power(BAD_SHARE, agreeing) * power(1.0 - BAD_SHARE, dissenting);
    right / (right + wrong)
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_TEXT_BYTES.min(text.len()));
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
