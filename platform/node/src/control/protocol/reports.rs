//! What the node reports: the serialisable twins of its state. Plain data; the command line prints them as JSON.

use job_model::event::ReplicaResult;
use job_model::quote::{Capability, Load, Rates};
use job_model::task::{Priority, TaskStatus, VerifyPolicy};
use job_model::{
    BlobHash, Comparison, FloatClass, JobId, JobMetrics, Manifest, MicroCredits, NodeId, ProfileId, TaskId, UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A node at a glance (H1).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StatusReport {
    pub node_id: NodeId,
    pub version: String,
    pub data_dir: PathBuf,
    pub addresses: Vec<SocketAddr>,
    pub started_at: UnixMillis,
    pub peers_count: u32,
    pub active_tasks: u32,
    pub running_replicas: u32,
    pub queued_replicas: u32,
    /// Initial credits plus earned minus spent.
    pub credits: MicroCredits,
    pub held: MicroCredits,
    pub reputation_score: f64,
    /// Of one core, in percent, over the last second.
    pub cpu_usage: f64,
    pub ram_bytes: u64,
    pub store_bytes: u64,
    pub profile: ProfileId,
    pub jobs: u32,
    pub journal_seq: u64,
}

/// A known job.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JobReport {
    pub job: JobId,
    pub name: String,
    pub version: String,
    pub size: u64,
    pub publisher: NodeId,
    /// `builtin`, `own` or `peer`.
    pub origin: String,
    /// None for a peer's job that was not fetched yet.
    pub manifest: Option<Manifest>,
}

/// What a task would cost.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuoteReport {
    pub job: JobId,
    pub job_name: String,
    pub chunks: u32,
    /// Chunks whose results are known already.
    pub recalled: u32,
    /// Replicas per chunk that the policy wants at least.
    pub replicas: u32,
    /// Expected price of the whole task.
    pub estimate: MicroCredits,
    /// Whether the estimate rests on receipts of the same job (else: on a default).
    pub from_history: bool,
    pub workers: Vec<WorkerQuote>,
    pub input_bytes: u64,
}

/// One worker's offer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WorkerQuote {
    pub node: NodeId,
    pub rates: Option<Rates>,
    pub slots: u32,
    /// Expected price of one replica.
    pub expected: MicroCredits,
    /// Why it does not offer, if it does not.
    pub refused: Option<String>,
}

/// A task at a glance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskReport {
    pub task_id: TaskId,
    pub job: JobId,
    pub job_name: String,
    /// Whose task it is; empty: this node's own user.
    #[serde(default)]
    pub owner: String,
    #[serde(default)]
    pub priority: Priority,
    pub verify: VerifyPolicy,
    /// When two outputs count as the same.
    #[serde(default, skip_serializing_if = "Comparison::is_exact")]
    pub compare: Comparison,
    /// Which arithmetic computes floats.
    #[serde(default, skip_serializing_if = "FloatClass::is_exact")]
    pub float_class: FloatClass,
    pub status: TaskStatus,
    pub submitted_at: UnixMillis,
    pub started_at: Option<UnixMillis>,
    pub ended_at: Option<UnixMillis>,
    /// 0 until planned.
    pub chunks: u32,
    pub accepted: u32,
    pub failed: u32,
    pub recalled: u32,
    pub running: u32,
    pub waiting: u32,
    /// Executions so far, and how many of them beyond the policy (hedges, retries, escalations).
    pub replicas: u32,
    pub extra_replicas: u32,
    pub price: MicroCredits,
    pub held: MicroCredits,
    /// 0..=1: share of accepted chunks that the policy's number of distinct nodes confirmed.
    pub confidence: f64,
    pub result_hash: Option<BlobHash>,
    pub result_bytes: Option<u64>,
    /// What it is doing, or why it failed or was cancelled.
    pub detail: String,
    pub workers: Vec<NodeId>,
    /// Nodes that contradicted accepted results, with the first chunk that showed it.
    pub liars: Vec<(NodeId, u32)>,
    /// Distinct errors, most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// Fuel of all executions.
    pub fuel: u64,
    /// What the job's own check came to.
    #[serde(default, skip_serializing_if = "CheckTally::is_empty")]
    pub checks: CheckTally,
    /// What comparing outputs by tolerance came to.
    #[serde(default, skip_serializing_if = "CompareTally::is_empty")]
    pub comparisons: CompareTally,
    /// Numbers the job reported, over accepted chunks.
    #[serde(default, skip_serializing_if = "JobMetrics::is_empty")]
    pub metrics: JobMetrics,
}

/// What the job's own check came to, over a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CheckTally {
    /// Results it found right.
    pub accepted: u32,
    /// Results it found wrong.
    pub refuted: u32,
    /// Checks that could not be done.
    pub failed: u32,
    /// Fuel of all of them, spent here and paid by nobody.
    pub fuel: u64,
}

impl CheckTally {
    /// Whether nothing was checked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What comparing outputs by tolerance came to, over a task.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CompareTally {
    /// Pairs that were close.
    pub close: u32,
    /// Pairs that were not.
    pub apart: u32,
    /// Comparisons that could not be done.
    pub failed: u32,
    /// The largest difference in a pair that was close, relative to the largest element of its tensor.
    pub largest_difference: Option<f64>,
}

impl CompareTally {
    /// Whether nothing was compared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Equal errors of many chunks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorGroup {
    pub message: String,
    pub count: u32,
    /// The first few chunks.
    pub chunks: Vec<u32>,
}

/// Why chunks wait.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ExplainReport {
    pub task_id: TaskId,
    pub status: TaskStatus,
    /// One sentence.
    pub summary: String,
    pub groups: Vec<ExplainGroup>,
}

/// Chunks that wait for the same reasons.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ExplainGroup {
    pub chunks: u32,
    pub first_chunks: Vec<u32>,
    /// What the chunks need, such as "1 more replica on another node".
    pub needs: String,
    /// Every known node, why not there, and what would make it run.
    pub nodes: Vec<ExplainNode>,
}

/// Why not on this node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExplainNode {
    pub node: NodeId,
    /// Stable code such as `busy`.
    pub code: String,
    pub reason: String,
    pub remedy: String,
}

/// Failure bundles and logs of a task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LogsReport {
    pub task_id: TaskId,
    pub status: TaskStatus,
    pub detail: String,
    pub errors: Vec<ErrorGroup>,
    /// At most 100; ask for one chunk to see a certain one.
    pub replicas: Vec<ReplicaReport>,
}

/// One execution as it was recorded: the failure bundle.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReplicaReport {
    pub worker: NodeId,
    pub at: UnixMillis,
    pub result: ReplicaResult,
    /// `accepted`, `wrong`, `late`, `undecided` or empty while undecided.
    pub verdict: String,
    /// The bundle as a blob, when one was kept.
    pub bundle: Option<BlobHash>,
    /// Inputs by hash, offset, length.
    pub inputs: Vec<(BlobHash, u64, u64)>,
}

/// A replica run again here.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReplayReport {
    pub task_id: TaskId,
    pub chunk: u32,
    /// What the worker had reported.
    pub recorded: Option<ReplicaReport>,
    /// What came now.
    pub replayed: ReplicaResult,
    pub same_outcome: bool,
    pub same_fuel: bool,
}

/// A peer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PeerReport {
    pub node: NodeId,
    pub connected: bool,
    pub addresses: Vec<SocketAddr>,
    pub rtt_us: u32,
    pub agent: String,
    pub capability: Capability,
    pub load: Load,
    pub distrusted: bool,
    /// Level name (E5).
    pub reputation: String,
    pub accepted: u64,
    pub wrong: u64,
    /// Expected share of right results, 0..=1, from what was seen here in 30 days.
    #[serde(default)]
    pub correctness: f64,
    /// A lower bound of it at 95 % confidence.
    #[serde(default)]
    pub correctness_at_least: f64,
    /// Expected share of replicas it brings in time, 0..=1.
    #[serde(default)]
    pub availability: f64,
    /// It signed two contradicting records: nothing is done with it any more.
    #[serde(default)]
    pub forked: bool,
    pub balance: MicroCredits,
}

/// The ledger at a glance.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LedgerReport {
    pub owner: NodeId,
    /// The ledger file, for `ledger verify`.
    pub file: PathBuf,
    pub records: u64,
    pub balance: MicroCredits,
    /// Fees of transfers, gone for good.
    #[serde(default)]
    pub burned: MicroCredits,
    /// Nodes that forked their chains: nothing is done with them.
    #[serde(default)]
    pub forked: Vec<NodeId>,
    pub rows: Vec<LedgerRow>,
}

/// Dealings with one peer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerRow {
    pub peer: NodeId,
    pub earned: MicroCredits,
    pub spent: MicroCredits,
    pub held: MicroCredits,
    /// Positive when the peer owes.
    pub balance: MicroCredits,
    pub credit_left: MicroCredits,
    /// What this node would lend the peer now, on top of what it owes.
    #[serde(default)]
    pub lends: MicroCredits,
    /// Proposals without the peer's signature.
    pub unanswered: u32,
}

/// What became of a transfer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TransferReport {
    pub peer: NodeId,
    /// What left this node: `received` and `fee`.
    pub amount: MicroCredits,
    pub received: MicroCredits,
    /// Burned.
    pub fee: MicroCredits,
    /// Position in this node's chain.
    pub seq: u64,
    /// Whether the peer has signed that it took it.
    pub signed: bool,
    /// Why it did not, if it said so.
    pub refused: Option<String>,
}

/// Prices of this node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PricesReport {
    /// `low`, `normal`, `high` or `critical` load.
    pub market_condition: String,
    pub market_factor: f64,
    /// Per resource, at normal priority and average reputation, in credits.
    pub current_prices: BTreeMap<String, f64>,
    /// Per resource, in one hour.
    pub prediction_1h: BTreeMap<String, f64>,
    pub prediction_method: String,
    /// Factor per moment, oldest first.
    pub history: Vec<(UnixMillis, f64)>,
}

/// One check of `doctor`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DoctorFinding {
    /// `ok`, `warn` or `fail`.
    pub level: String,
    pub check: String,
    pub finding: String,
    pub remedy: String,
}
