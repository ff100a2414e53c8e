//! The control protocol: what a command line says to the daemon on the same machine, over the Unix socket
//! `control.sock` in the node's data directory (mode 0600).
//!
//! A frame is a big-endian u32 length and that many bytes of CBOR, at most [`MAX_CONTROL_FRAME_BYTES`]. The client sends
//! one [`Request`]; the node answers with any number of [`Reply::Progress`] and then exactly one final reply. Closing
//! the connection ends the request, never the task. These types are the serialisable twins of the node's own: the
//! command line prints them as JSON with `--json`.

mod reports;

pub use reports::*;

use job_model::task::{Requirements, TaskConfig};
use job_model::{BlobHash, MicroCredits, NodeId, Recorded, TaskId};
use serde::{Deserialize, Serialize};
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
    /// The user named no float class: use the job's, or `fast` where a GPU is asked for.
    #[serde(default = "yes")]
    pub class_default: bool,
    /// The user named no comparison: use the job's, or that of the float class.
    #[serde(default = "yes")]
    pub compare_default: bool,
    /// Whose task it is: the name of the HTTP token, or what the user says (`owner_id`). Empty: this node's own user.
    #[serde(default)]
    pub owner: String,
}

/// A client of before these words says nothing of them.
fn yes() -> bool {
    true
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
    /// Give credits to a connected peer.
    Transfer { node: NodeId, amount: MicroCredits },
    /// Prices.
    Prices,
    /// Checks, each with a remedy.
    Doctor,
    /// Webhooks.
    Webhook(crate::webhooks::WebhookRequest),
    /// Tokens and the audit log (I2).
    Access(crate::access::AccessRequest),
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
    /// [`Request::Transfer`].
    Transfer(Box<TransferReport>),
    /// [`Request::Prices`].
    Prices(Box<PricesReport>),
    /// [`Request::Doctor`].
    Doctor(Vec<DoctorFinding>),
    /// [`Request::Webhook`].
    Webhook(Box<crate::webhooks::WebhookReply>),
    /// [`Request::Access`].
    Access(Box<crate::access::AccessReply>),
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
