//! A simulated worker: slots, a queue, a pace, and its vices.

use super::random::Random;
use job_model::event::ReplicaResult;
use job_model::{NoVerdict, NodeId, Outcome, Output, TaskId, Usage};
use std::collections::{BTreeSet, VecDeque};

/// One replica at a worker.
pub(super) type Replica = (TaskId, u32, u32);

/// Between a value and what is its node's own of it.
const JITTER: u8 = b'~';

/// What is left of a value when its node's jitter is taken off.
pub(super) fn rounded(value: &Output) -> Output {
    match value {
        Output::Inline(bytes) => {
            let end = bytes.iter().position(|byte| *byte == JITTER).unwrap_or(bytes.len());
            Output::Inline(bytes.iter().take(end).copied().collect())
        }
        blob => blob.clone(),
    }
}

/// A worker.
#[derive(Debug)]
pub(super) struct SimWorker {
    pub(super) id: NodeId,
    pub(super) slots: u32,
    /// One way, in milliseconds.
    pub(super) latency_ms: u64,
    /// Its chunks take this many percent of the usual.
    pub(super) slowness: u64,
    pub(super) liar: bool,
    /// One execution in this many fails for the node's own reasons; 0: none does.
    pub(super) fails_in: u64,
    /// Grows with every crash: what was begun before is gone.
    pub(super) life: u32,
    pub(super) alive: bool,
    /// Cut off from the requester.
    pub(super) cut: bool,
    /// Does nothing until then.
    pub(super) frozen_until: u64,
    pub(super) waiting: VecDeque<Replica>,
    pub(super) running: BTreeSet<Replica>,
    /// Finished, not sent.
    pub(super) outbox: Vec<(TaskId, ReplicaResult)>,
}

impl SimWorker {
    pub(super) fn draw(number: u32, liar: bool, random: &mut Random) -> Self {
        let mut id = [0u8; 32];
        id[..4].copy_from_slice(&(number + 1).to_be_bytes());
        Self {
            id: NodeId(id),
            slots: 1 + random.below(4) as u32,
            latency_ms: 1 + random.below(60),
            slowness: if random.one_in(6) { 800 } else { 60 + random.below(80) },
            liar,
            fails_in: if random.one_in(4) { 15 } else { 0 },
            life: 0,
            alive: true,
            cut: false,
            frozen_until: 0,
            waiting: VecDeque::new(),
            running: BTreeSet::new(),
            outbox: Vec::new(),
        }
    }

    /// Whether the requester can reach it.
    pub(super) fn is_connected(&self) -> bool {
        self.alive && !self.cut
    }

    /// It is gone with all it had.
    pub(super) fn crash(&mut self) {
        self.alive = false;
        self.life += 1;
        self.waiting.clear();
        self.running.clear();
        self.outbox.clear();
    }

    pub(super) fn cancel(&mut self, task: TaskId, replicas: &[(u32, u32)]) {
        self.waiting
            .retain(|(of, chunk, attempt)| *of != task || !replicas.contains(&(*chunk, *attempt)));
    }

    /// What it says came of a replica.
    /// With `jitter` no two nodes have the same bytes.
    pub(super) fn result(&self, replica: Replica, truth: Outcome, jitter: bool, random: &mut Random) -> ReplicaResult {
        let (_, chunk, attempt) = replica;
        let outcome = if random.one_in(self.fails_in) {
            Outcome::NoVerdict(NoVerdict::Host("the disk is full".into()))
        } else if self.liar && !random.one_in(3) {
            let lie = format!("lie of {} about {chunk}", self.id.short());
            Outcome::Value(Output::Inline(lie.into_bytes()))
        } else {
            truth
        };
        let outcome = match outcome {
            Outcome::Value(Output::Inline(mut bytes)) if jitter => {
                bytes.push(JITTER);
                bytes.extend_from_slice(self.id.short().as_bytes());
                Outcome::Value(Output::Inline(bytes))
            }
            outcome => outcome,
        };
        ReplicaResult {
            chunk,
            attempt,
            outcome,
            usage: Usage {
                fuel: 1_000,
                wall_us: 500,
                ..Usage::default()
            },
            log: String::new(),
            metrics: job_model::JobMetrics::default(),
        }
    }
}

/// What an honest worker finds.
pub(super) fn truth(task: &TaskId, chunk: u32, bad_chunk_in: u32) -> Outcome {
    if bad_chunk_in > 0 && chunk % bad_chunk_in == 1 % bad_chunk_in {
        return Outcome::GuestError(format!("row {chunk} is bad"));
    }
    Outcome::Value(Output::Inline(format!("{} {chunk}", task.short()).into_bytes()))
}
