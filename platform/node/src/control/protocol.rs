//! The control protocol: what a command line says to the daemon on the same machine, over the Unix socket
//! `control.sock` in the node's data directory (mode 0600).
//!
//! A frame is a big-endian u32 length and that many bytes of CBOR, at most [`MAX_CONTROL_FRAME_BYTES`]. The client sends
//! one [`Request`]; the node answers with any number of [`Reply::Progress`] and then exactly one final reply. Closing
//! the connection ends the request, never the task. These types are the serialisable twins of the node's own: the
//! command line prints them as JSON with `--json`.

use job_model::event::ReplicaResult;
use job_model::quote::{Capability, Load, Rates};
use job_model::task::{Requirements, TaskConfig, TaskStatus};
use job_model::{BlobHash, JobId, Manifest, MicroCredits, NodeId, ProfileId, Recorded, TaskId, UnixMillis};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Largest frame, in bytes: a status of a thousand peers, or a page of log lines.
pub const MAX_CONTROL_FRAME_BYTES: usize = 8 << 20;
/// Version of this protocol; a client of another version gets a clear error.
pub const CONTROL_VERSION: u16 = 1;
/// File name of the socket in the data directory.
pub const SOCKET_NAME: &str = "control.sock";

/// What the client opens with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// [`CONTROL_VERSION`] of the client.
    pub version: u16,
    /// What it wants.
    pub request: Request,
}

/// Where an input's bytes come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputSource {
    /// A file on this machine (absolute path); the node imports it.
    Path(PathBuf),
    /// A blob by hash; fetched from the network when it is not here.
    Hash(BlobHash),
}

/// A task as the user asks for it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SubmitRequest {
    /// Job name, `name@version`, or hash (a unique prefix of at least 6 digits will do).
    pub job: String,
    /// Parameters: one JSON object, as text.
    pub params_json: String,
    /// Inputs by name.
    pub inputs: Vec<(String, InputSource)>,
    /// What a node must offer.
    pub requirements: Requirements,
    /// How to run it. `verify` none here means: the job's own default.
    pub config: TaskConfig,
    /// The user named no `--verify`: use the job's default.
    pub verify_default: bool,
}

/// What a client may ask.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// The node's status (H1).
    Status,
    /// Import a component (absolute path) and make it known by name.
    Publish { path: PathBuf },
    /// The known jobs.
    Jobs,
    /// One job's manifest, by name or hash.
    Describe { job: String },
    /// Import a file (absolute path) under a pin of the given name.
    Import { path: PathBuf, pin: String },
    /// Validate and plan, and say what it would cost. Nothing is started.
    Quote(Box<SubmitRequest>),
    /// Submit a task.
    Submit(Box<SubmitRequest>),
    /// All tasks of this node, newest first.
    Tasks { limit: u32 },
    /// One task, by id or unique prefix.
    Task { task: String },
    /// Progress until the task is final: [`Progress::Task`] on every change (at most ten a second).
    Watch { task: String },
    /// The task's journal records, as [`Progress::Event`] each, from `from_seq` on; then, with `follow`, as they happen.
    Events {
        task: Option<String>,
        from_seq: u64,
        follow: bool,
    },
    /// Why chunks wait.
    Explain { task: String },
    /// Stop a task.
    Cancel { task: String, reason: String },
    /// Bring a blob to a file (absolute path): [`Progress::Bytes`] while it goes on.
    Fetch { hash: BlobHash, path: PathBuf },
    /// The failures (and logs) of a task, grouped.
    Logs { task: String, chunk: Option<u32> },
    /// Run one replica again in this node's sandbox and compare with what was recorded.
    Replay {
        task: String,
        chunk: u32,
        attempt: Option<u32>,
    },
    /// Peers.
    Peers,
    /// Balances per peer.
    Ledger,
    /// Prices.
    Prices,
    /// Checks, each with a remedy.
    Doctor,
    /// Stop the node after finishing what must not be lost.
    Shutdown,
}

/// What comes before the final reply.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Progress {
    /// A task's state changed.
    Task(Box<TaskReport>),
    /// A journal record.
    Event(Box<Recorded>),
    /// Bytes moved so far, of how many (0 while unknown).
    Bytes { done: u64, total: u64 },
    /// What is being done.
    Step(String),
}

/// The node's answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// More will come.
    Progress(Progress),
    /// [`Request::Status`].
    Status(Box<StatusReport>),
    /// [`Request::Publish`] and [`Request::Describe`].
    Job(Box<JobReport>),
    /// [`Request::Jobs`].
    Jobs(Vec<JobReport>),
    /// [`Request::Import`].
    Imported { hash: BlobHash, size: u64 },
    /// [`Request::Quote`].
    Quote(Box<QuoteReport>),
    /// [`Request::Submit`].
    Submitted { task: TaskId },
    /// [`Request::Tasks`].
    Tasks(Vec<TaskReport>),
    /// [`Request::Task`] and the end of [`Request::Watch`].
    Task(Box<TaskReport>),
    /// [`Request::Explain`].
    Explain(Box<ExplainReport>),
    /// [`Request::Fetch`].
    Fetched {
        hash: BlobHash,
        size: u64,
        transferred: u64,
        path: PathBuf,
    },
    /// [`Request::Logs`].
    Logs(Box<LogsReport>),
    /// [`Request::Replay`].
    Replay(Box<ReplayReport>),
    /// [`Request::Peers`].
    Peers(Vec<PeerReport>),
    /// [`Request::Ledger`].
    Ledger(Box<LedgerReport>),
    /// [`Request::Prices`].
    Prices(Box<PricesReport>),
    /// [`Request::Doctor`].
    Doctor(Vec<DoctorFinding>),
    /// Done, nothing to say.
    Done,
    /// It did not work.
    Error(ControlError),
}

/// Classes of errors; the command line turns each into a documented exit code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Parameters, file or component are wrong.
    BadInput,
    /// No such task, job, blob or peer.
    NotFound,
    /// Not now: nobody to run it, not connected, busy.
    Unavailable,
    /// A quota, the disk, a price or another limit.
    Limit,
    /// Client and node speak different control versions.
    Version,
    /// A fault of the node: please report.
    Internal,
}

/// An error for a person: what was wrong, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// Its class.
    pub code: ErrorCode,
    /// What was wrong.
    pub message: String,
    /// What to do; may be empty.
    pub remedy: String,
}

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
    /// Proposals without the peer's signature.
    pub unanswered: u32,
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
