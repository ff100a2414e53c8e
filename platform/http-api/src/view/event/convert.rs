//! From the journal's records to what the API shows. Pure; owns nothing.

use super::{EventView, Happening, PostingView, WrongReplica};
use crate::view::{priority_name, verify_text};
use job_model::event::{
    AssignReason, CheckVerdict, ChunkVerdict, CompareVerdict, OutputComparison, Posting, ReplicaCheck, ReplicaResult,
};
use job_model::receipt::ReplicaVerdict;
use job_model::{Event, LossReason, NodeId, Outcome, Recorded, TaskId, TaskSpec};

/// Nodes whose agreement counts as a confirmation.
const CONFIRMING_NODES: usize = 2;

impl From<&Recorded> for EventView {
    fn from(record: &Recorded) -> Self {
        Self {
            seq: record.seq,
            at: record.at.0,
            what: Happening::from(&record.event),
        }
    }
}

impl From<&Event> for Happening {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm per kind of event, so that a new kind does not compile without"
    )]
    fn from(event: &Event) -> Self {
        match event {
            Event::JobPublished {
                job,
                size,
                publisher,
                manifest,
            } => Self::JobPublished {
                job: *job,
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                size: *size,
                publisher: *publisher,
            },
            Event::TaskSubmitted { task, spec, owner } => submitted(*task, spec, owner),
            Event::TaskPlanned {
                task,
                plan,
                chunks,
                fuel,
            } => Self::TaskPlanned {
                task: *task,
                plan: *plan,
                chunks: *chunks,
                fuel: *fuel,
            },
            Event::ChunksRecalled { task, chunks } => Self::ChunksRecalled {
                task: *task,
                chunks: chunks.iter().map(|(chunk, _)| *chunk).collect(),
            },
            Event::QuoteReceived { quote } => Self::QuoteReceived {
                worker: quote.worker,
                quote: quote.number,
                cpu: quote.rates.cpu.0,
                ram: quote.rates.ram.0,
                disk: quote.rates.disk.0,
                slots: quote.slots,
            },
            Event::ReplicasAssigned {
                task,
                worker,
                hold,
                reason,
                replicas,
                ..
            } => Self::ReplicasAssigned {
                task: *task,
                worker: *worker,
                reason: reason_name(*reason).to_owned(),
                hold: hold.0,
                chunks: replicas.iter().map(|(chunk, _)| *chunk).collect(),
                attempts: replicas.iter().map(|(_, attempt)| *attempt).collect(),
            },
            Event::ReplicasFinished { task, worker, results } => finished(*task, *worker, results),
            Event::ReplicasLost {
                task,
                worker,
                why,
                replicas,
            } => lost((*task, *worker), why, replicas),
            Event::ReplicasChecked { task, checks } => checked(*task, checks),
            Event::OutputsCompared { task, comparisons } => compared(*task, comparisons),
            Event::ChunksVerified { task, verdicts } => verified(*task, verdicts),
            Event::CreditsPosted { task, postings } => Self::CreditsPosted {
                task: *task,
                postings: postings.iter().map(posting).collect(),
            },
            Event::NodeDistrusted { node, task, chunk } => Self::NodeDistrusted {
                node: *node,
                task: *task,
                chunk: *chunk,
            },
            Event::TaskCompleted { task, result, size } => Self::TaskCompleted {
                task: *task,
                result: *result,
                size: *size,
            },
            Event::TaskFailed { task, failure } => Self::TaskFailed {
                task: *task,
                failure: failure.to_string(),
            },
            Event::TaskCancelled { task, reason } => Self::TaskCancelled {
                task: *task,
                reason: reason.clone(),
            },
            Event::SettlementProposed {
                worker,
                seq,
                task,
                lines,
                ..
            } => Self::SettlementProposed {
                worker: *worker,
                seq_in_chain: *seq,
                task: *task,
                lines: *lines,
            },
            Event::SettlementSigned { peer, seq, amount, fee } => Self::SettlementSigned {
                peer: *peer,
                seq_in_chain: *seq,
                amount: amount.0,
                fee: fee.map(|fee| fee.0),
            },
        }
    }
}

fn submitted(task: TaskId, spec: &TaskSpec, owner: &str) -> Happening {
    Happening::TaskSubmitted {
        task,
        job: spec.job,
        job_name: spec.job_name.clone(),
        owner: owner.to_owned(),
        priority: priority_name(spec.config.priority).to_owned(),
        verify: verify_text(spec.config.verify),
    }
}

fn finished(task: TaskId, worker: NodeId, results: &[ReplicaResult]) -> Happening {
    Happening::ReplicasFinished {
        task,
        worker,
        chunks: results.iter().map(|result| result.chunk).collect(),
        attempts: results.iter().map(|result| result.attempt).collect(),
        outcomes: results.iter().map(|result| letter(&result.outcome)).collect(),
        wall_us: results.iter().map(|result| result.usage.wall_us).collect(),
        fuel: results
            .iter()
            .fold(0, |sum, result| sum.saturating_add(result.usage.fuel)),
    }
}

fn lost((task, worker): (TaskId, NodeId), why: &LossReason, replicas: &[(u32, u32)]) -> Happening {
    let (why, detail) = match why {
        LossReason::Disconnected => ("disconnected", ""),
        LossReason::Stalled => ("stalled", ""),
        LossReason::Restarted => ("restarted", ""),
        LossReason::Refused(said) => ("refused", said.as_str()),
        LossReason::Superseded => ("superseded", ""),
        LossReason::TaskEnded => ("task_ended", ""),
    };
    Happening::ReplicasLost {
        task,
        worker,
        why: why.to_owned(),
        detail: detail.to_owned(),
        chunks: replicas.iter().map(|(chunk, _)| *chunk).collect(),
        attempts: replicas.iter().map(|(_, attempt)| *attempt).collect(),
    }
}

fn checked(task: TaskId, checks: &[ReplicaCheck]) -> Happening {
    let letter = |check: &ReplicaCheck| match check.verdict {
        CheckVerdict::Accepted => 'a',
        CheckVerdict::Refuted => 'r',
        CheckVerdict::Failed(_) => 'f',
    };
    let why = checks.iter().find_map(|check| match &check.verdict {
        CheckVerdict::Failed(why) => Some(why.clone()),
        _ => None,
    });
    Happening::ReplicasChecked {
        task,
        chunks: checks.iter().map(|check| check.chunk).collect(),
        attempts: checks.iter().map(|check| check.attempt).collect(),
        verdicts: checks.iter().map(letter).collect(),
        detail: why.unwrap_or_default(),
        fuel: checks.iter().map(|check| check.usage.fuel).fold(0, u64::saturating_add),
    }
}

fn compared(task: TaskId, comparisons: &[OutputComparison]) -> Happening {
    let letter = |one: &OutputComparison| match one.verdict {
        CompareVerdict::Close => 'c',
        CompareVerdict::Apart => 'a',
        CompareVerdict::Failed(_) => 'f',
    };
    let why = comparisons.iter().find_map(|one| match &one.verdict {
        CompareVerdict::Failed(why) => Some(why.clone()),
        _ => None,
    });
    let close = comparisons.iter().filter(|one| one.verdict == CompareVerdict::Close);
    Happening::OutputsCompared {
        task,
        chunks: comparisons.iter().map(|one| one.chunk).collect(),
        references: comparisons.iter().map(|one| one.reference).collect(),
        attempts: comparisons.iter().map(|one| one.attempt).collect(),
        verdicts: comparisons.iter().map(letter).collect(),
        detail: why.unwrap_or_default(),
        largest_difference: close
            .filter_map(|one| one.difference)
            .filter(|d| d.is_finite())
            .reduce(f64::max),
    }
}

fn verified(task: TaskId, verdicts: &[ChunkVerdict]) -> Happening {
    let wrong = |verdict: &ChunkVerdict| {
        let chunk = verdict.chunk;
        let contradicted = verdict
            .replicas
            .iter()
            .filter(|(_, _, said)| *said == ReplicaVerdict::Wrong);
        let named = contradicted.map(|(_, node, _)| WrongReplica { chunk, node: *node });
        named.collect::<Vec<_>>()
    };
    let agreed = |said: ReplicaVerdict| matches!(said, ReplicaVerdict::Accepted | ReplicaVerdict::Late);
    let agreeing = |verdict: &ChunkVerdict| verdict.replicas.iter().filter(|(_, _, said)| agreed(*said)).count();
    let confirmed = verdicts
        .iter()
        .filter(|verdict| agreeing(verdict) >= CONFIRMING_NODES)
        .count();
    Happening::ChunksVerified {
        task,
        chunks: verdicts.iter().map(|verdict| verdict.chunk).collect(),
        winners: verdicts.iter().map(|verdict| verdict.winner).collect(),
        wrong: verdicts.iter().flat_map(wrong).collect(),
        confidence: (confirmed > 0).then(|| share(confirmed, verdicts.len())),
    }
}

/// Two decimals are enough for people, and short on the wire.
fn share(part: usize, whole: usize) -> f64 {
    let hundredths = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    f64::from(u32::try_from(hundredths).unwrap_or(0)) / 100.0
}

fn posting(posting: &Posting) -> PostingView {
    PostingView {
        worker: posting.worker,
        released: posting.released.0,
        amount: posting.amount.0,
    }
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

fn reason_name(reason: AssignReason) -> &'static str {
    match reason {
        AssignReason::Policy => "policy",
        AssignReason::Spot => "spot",
        AssignReason::Escalation => "escalation",
        AssignReason::Hedge => "hedge",
        AssignReason::Retry => "retry",
    }
}
