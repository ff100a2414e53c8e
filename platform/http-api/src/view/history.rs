//! What is remembered: tasks, chunks and samples from the history database. Values made for one answer; own nothing.

use super::{Hash, PriorityName, TaskStatusName, credits_text, finite};
use async_graphql::SimpleObject;
use job_model::MicroCredits;
use serde::Serialize;
use utoipa::ToSchema;

/// A task as it is remembered, also after the node has forgotten its details.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct PastTask {
    /// The task.
    #[schema(value_type = Hash)]
    pub task_id: String,
    /// The node it was submitted to.
    #[schema(value_type = Hash)]
    pub node: String,
    /// Whose task it is; empty: the node's own user.
    pub owner: String,
    /// The job.
    #[schema(value_type = Hash)]
    pub job: String,
    /// Its name at submit.
    pub job_name: String,
    /// Queue order and price class.
    #[schema(value_type = PriorityName)]
    pub priority: String,
    /// `none`, `spot:P` or `quorum:K`.
    pub verify: String,
    /// The parameters as JSON text, cut after 1 KiB.
    pub params: String,
    /// Bound inputs.
    pub inputs: u64,
    /// Their size in bytes.
    pub input_bytes: u64,
    /// The most it might cost, in micro-credits.
    pub max_price: Option<i64>,
    /// Where it stood last.
    #[schema(value_type = TaskStatusName)]
    pub status: String,
    /// When it was submitted.
    pub submitted_at: u64,
    /// When its first replica was placed.
    pub started_at: Option<u64>,
    /// When it ended.
    pub ended_at: Option<u64>,
    /// Chunks; 0 until planned.
    pub chunks: u64,
    /// Accepted chunks.
    pub accepted: u64,
    /// Failed chunks.
    pub failed: u64,
    /// Chunks whose result was known.
    pub recalled: u64,
    /// Replicas placed.
    pub replicas: u64,
    /// Replicas that brought nothing.
    pub lost: u64,
    /// Paid, in micro-credits.
    pub price: i64,
    /// Paid, in credits.
    pub price_credits: String,
    /// Fuel of all finished replicas.
    pub fuel: u64,
    /// Probability, 0 to 1, that its results are right.
    pub confidence: f64,
    /// The result, a blob; it may be gone.
    #[schema(value_type = Option<Hash>)]
    pub result_hash: Option<String>,
    /// Its size in bytes.
    pub result_bytes: Option<u64>,
    /// Why it failed or was cancelled.
    pub detail: String,
}

/// A chunk as it is remembered.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct PastChunk {
    /// Index of the chunk.
    pub chunk: u64,
    /// `open`, `accepted`, `failed` or `recalled`.
    pub status: String,
    /// The attempt whose outcome was accepted.
    pub winner: Option<u64>,
    /// Replicas placed.
    pub replicas: u64,
    /// Replicas that brought nothing.
    pub lost: u64,
    /// The finished replicas.
    pub attempts: Vec<PastAttempt>,
    /// The newest error text.
    pub error: Option<String>,
    /// The longest wall time of a replica, in microseconds.
    pub wall_us: u64,
    /// Fuel of all finished replicas.
    pub fuel: u64,
    /// When it last changed.
    pub changed_at: u64,
}

/// A finished replica as it is remembered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct PastAttempt {
    /// Which execution of the chunk.
    pub attempt: u64,
    /// Who ran it.
    #[schema(value_type = Hash)]
    pub worker: String,
    /// `value`, `error`, `trap`, `out_of_fuel` or `no_verdict`.
    pub outcome: String,
    /// `accepted`, `wrong`, `late`, `undecided`, or empty where it was not judged.
    pub verdict: String,
}

/// Mean load over a span of time; bytes of the network are counters since the machine's boot.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct LoadPoint {
    /// The first sample's time.
    pub at: u64,
    /// How many samples it is the mean of.
    pub samples: u64,
    /// Of the process, in percent of one core.
    pub cpu_percent: f64,
    /// Of the machine, 0 to 100.
    pub host_cpu_percent: f64,
    /// Resident memory of the process.
    pub memory_bytes: f64,
    /// Memory the machine could still give.
    pub memory_available_bytes: f64,
    /// Free space for the data directory.
    pub disk_free_bytes: f64,
    /// Size of the blob store.
    pub store_bytes: f64,
    /// Received by the machine since its boot.
    pub net_received_bytes: u64,
    /// Sent by the machine since its boot.
    pub net_sent_bytes: u64,
    /// Replicas that ran.
    pub running: f64,
    /// Replicas that waited.
    pub queued: f64,
    /// Connected peers.
    pub peers: f64,
    /// Tasks that had not ended.
    pub active_tasks: f64,
    /// The balance, in credits.
    pub credits: f64,
}

/// Mean prices over a span of time, in credits per unit.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case", name = "PastPrices")]
pub struct PastPrices {
    /// The first sample's time.
    pub at: u64,
    /// How many samples it is the mean of.
    pub samples: u64,
    /// The market factor.
    pub factor: f64,
    /// Per 10^9 fuel.
    pub cpu: f64,
    /// 0 while no GPU is offered.
    pub gpu: f64,
    /// Per GiB of memory and 10^9 fuel.
    pub ram: f64,
    /// Per GiB read or written.
    pub disk: f64,
}

/// The database counts signed.
fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

impl From<history::TaskRow> for PastTask {
    fn from(row: history::TaskRow) -> Self {
        Self {
            task_id: row.task,
            node: row.node,
            owner: row.owner,
            job: row.job,
            job_name: row.job_name,
            priority: row.priority,
            verify: row.verify,
            params: row.params,
            inputs: count(row.inputs),
            input_bytes: count(row.input_bytes),
            max_price: row.max_price,
            status: row.status,
            submitted_at: count(row.submitted_at),
            started_at: row.started_at.map(count),
            ended_at: row.ended_at.map(count),
            chunks: count(row.chunks),
            accepted: count(row.accepted),
            failed: count(row.failed),
            recalled: count(row.recalled),
            replicas: count(row.replicas),
            lost: count(row.lost),
            price: row.price,
            price_credits: credits_text(MicroCredits(row.price)),
            fuel: count(row.fuel),
            confidence: finite(row.confidence),
            result_hash: row.result_hash,
            result_bytes: row.result_bytes.map(count),
            detail: row.detail,
        }
    }
}

/// `0v 1e ` as attempts and letters.
fn words(text: &str) -> impl Iterator<Item = (u64, char)> {
    text.split_whitespace().filter_map(|word| {
        let letter = word.chars().last()?;
        Some((word.strip_suffix(letter)?.parse().ok()?, letter))
    })
}

fn attempts(row: &history::ChunkRow) -> Vec<PastAttempt> {
    let verdict_of = |attempt: u64| {
        let judged = words(&row.verdicts).find(|(judged, _)| *judged == attempt);
        match judged.map(|(_, letter)| letter) {
            Some('a') => "accepted",
            Some('w') => "wrong",
            Some('l') => "late",
            Some('u') => "undecided",
            _ => "",
        }
    };
    let attempt = |((attempt, letter), worker): ((u64, char), &str)| PastAttempt {
        attempt,
        worker: worker.to_owned(),
        outcome: match letter {
            'v' => "value",
            'e' => "error",
            't' => "trap",
            'f' => "out_of_fuel",
            _ => "no_verdict",
        }
        .to_owned(),
        verdict: verdict_of(attempt).to_owned(),
    };
    words(&row.outcomes)
        .zip(row.workers.split_whitespace())
        .map(attempt)
        .collect()
}

impl From<history::ChunkRow> for PastChunk {
    fn from(row: history::ChunkRow) -> Self {
        Self {
            attempts: attempts(&row),
            chunk: count(row.chunk),
            status: row.status,
            winner: row.winner.map(count),
            replicas: count(row.replicas),
            lost: count(row.lost),
            error: row.error,
            wall_us: count(row.wall_us),
            fuel: count(row.fuel),
            changed_at: count(row.changed_at),
        }
    }
}

impl From<history::LoadPoint> for LoadPoint {
    fn from(point: history::LoadPoint) -> Self {
        Self {
            at: count(point.at),
            samples: count(point.samples),
            cpu_percent: finite(point.cpu_percent),
            host_cpu_percent: finite(point.host_cpu_percent),
            memory_bytes: point.memory_bytes,
            memory_available_bytes: point.memory_available_bytes,
            disk_free_bytes: point.disk_free_bytes,
            store_bytes: point.store_bytes,
            net_received_bytes: count(point.net_received_bytes),
            net_sent_bytes: count(point.net_sent_bytes),
            running: point.running,
            queued: point.queued,
            peers: point.peers,
            active_tasks: point.active_tasks,
            credits: point.credits / 1e6,
        }
    }
}

impl From<history::PricePoint> for PastPrices {
    fn from(point: history::PricePoint) -> Self {
        Self {
            at: count(point.at),
            samples: count(point.samples),
            factor: point.factor,
            cpu: point.cpu,
            gpu: point.gpu,
            ram: point.ram,
            disk: point.disk,
        }
    }
}
