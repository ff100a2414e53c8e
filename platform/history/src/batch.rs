//! What is written: changes of tasks and chunks since the last batch, and samples. Plain data, made by the recorder.

use job_model::task::{Priority, TaskStatus, VerifyPolicy};
use job_model::{BlobHash, JobId, MicroCredits, NodeId, TaskId, UnixMillis};

/// Everything between two positions of one node's journal. Written whole or not at all.
#[derive(Clone, PartialEq, Debug)]
pub struct Batch {
    /// Whose journal.
    pub node: NodeId,
    /// The position the database must be at.
    pub from_seq: u64,
    /// The position it is at afterwards.
    pub to_seq: u64,
    /// Changes of tasks, at most one per task.
    pub tasks: Vec<TaskChange>,
    /// Changes of chunks, at most one per chunk.
    pub chunks: Vec<ChunkChange>,
    /// Samples of load.
    pub load: Vec<LoadSample>,
    /// Samples of prices.
    pub prices: Vec<PriceSample>,
}

impl Batch {
    /// One without content.
    pub fn new(node: NodeId, seq: u64) -> Self {
        Self {
            node,
            from_seq: seq,
            to_seq: seq,
            tasks: Vec::new(),
            chunks: Vec::new(),
            load: Vec::new(),
            prices: Vec::new(),
        }
    }

    /// Rows it touches.
    pub fn rows(&self) -> usize {
        self.tasks.len() + self.chunks.len() + self.load.len() + self.prices.len()
    }
}

/// What a task was at its submit.
#[derive(Clone, PartialEq, Debug)]
pub struct Submitted {
    /// Whose task it is; empty: the node's own user.
    pub owner: String,
    /// The job.
    pub job: JobId,
    /// Its name.
    pub job_name: String,
    /// Order of the queue.
    pub priority: Priority,
    /// How results are believed.
    pub verify: VerifyPolicy,
    /// The parameters as JSON, cut.
    pub params: String,
    /// Their whole size in bytes, as CBOR.
    pub params_bytes: u64,
    /// Bound inputs.
    pub inputs: u32,
    /// Their size in bytes.
    pub input_bytes: u64,
    /// The most it may cost.
    pub max_price: Option<MicroCredits>,
    /// When.
    pub at: UnixMillis,
    /// Confidence, 0 to 1, if all its chunks are recalled.
    pub recalled_confidence: f64,
}

/// How a task ended.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskEnd {
    /// A final status.
    pub status: TaskStatus,
    /// When.
    pub at: UnixMillis,
    /// The result and its size in bytes.
    pub result: Option<(BlobHash, u64)>,
    /// Why it failed or was cancelled; cut.
    pub detail: String,
}

/// What changed of a task. Numbers are added to what is there.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskChange {
    /// The task.
    pub task: TaskId,
    /// It is new.
    pub submitted: Option<Box<Submitted>>,
    /// Its first replica was placed, if none was before.
    pub started_at: Option<UnixMillis>,
    /// It ended.
    pub end: Option<TaskEnd>,
    /// It was cut into so many chunks.
    pub chunks: Option<u32>,
    /// Chunks accepted.
    pub accepted: u32,
    /// Chunks that replicas agree to fail.
    pub failed: u32,
    /// Chunks whose result was known.
    pub recalled: u32,
    /// Replicas placed.
    pub replicas: u32,
    /// Replicas that brought nothing.
    pub lost: u32,
    /// Credits posted.
    pub price: MicroCredits,
    /// Fuel of finished replicas.
    pub fuel: u64,
    /// Summed confidence of decided chunks.
    pub confidence_sum: f64,
}

impl TaskChange {
    /// Nothing yet.
    pub fn new(task: TaskId) -> Self {
        Self {
            task,
            submitted: None,
            started_at: None,
            end: None,
            chunks: None,
            accepted: 0,
            failed: 0,
            recalled: 0,
            replicas: 0,
            lost: 0,
            price: MicroCredits::ZERO,
            fuel: 0,
            confidence_sum: 0.0,
        }
    }
}

/// Where a chunk stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ChunkState {
    /// No verdict yet.
    #[default]
    Open,
    /// A result is accepted.
    Accepted,
    /// Replicas agree that it fails.
    Failed,
    /// Its result was known.
    Recalled,
}

impl ChunkState {
    /// As the database and people have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Recalled => "recalled",
        }
    }
}

/// What changed of a chunk. Numbers are added, texts appended to what is there.
#[derive(Clone, PartialEq, Debug)]
pub struct ChunkChange {
    /// The task.
    pub task: TaskId,
    /// Index of the chunk.
    pub chunk: u32,
    /// Its state, unless open: an open change leaves the state as it is.
    pub state: ChunkState,
    /// The attempt whose outcome was accepted.
    pub winner: Option<u32>,
    /// Replicas placed.
    pub replicas: u32,
    /// Replicas that brought nothing.
    pub lost: u32,
    /// One word per finished replica: attempt and letter (v value, e guest error, t trap, f out of fuel, n no verdict),
    /// each followed by a space.
    pub outcomes: String,
    /// One word per judged replica: attempt and letter (a accepted, w wrong, l late, u undecided), each followed by a
    /// space.
    pub verdicts: String,
    /// The nodes of `outcomes`, in its order, each followed by a space.
    pub workers: String,
    /// The newest error text; cut.
    pub error: Option<String>,
    /// The longest wall time of a replica, in microseconds.
    pub wall_us: u64,
    /// Fuel of finished replicas.
    pub fuel: u64,
    /// When the last of this happened.
    pub at: UnixMillis,
}

impl ChunkChange {
    /// Nothing yet.
    pub fn new(task: TaskId, chunk: u32) -> Self {
        Self {
            task,
            chunk,
            state: ChunkState::Open,
            winner: None,
            replicas: 0,
            lost: 0,
            outcomes: String::new(),
            verdicts: String::new(),
            workers: String::new(),
            error: None,
            wall_us: 0,
            fuel: 0,
            at: UnixMillis(0),
        }
    }
}

/// How busy a node is at a moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct LoadSample {
    /// When.
    pub at: UnixMillis,
    /// Of this process, in percent of one core.
    pub cpu_percent: f64,
    /// Of the machine, 0 to 100.
    pub host_cpu_percent: f64,
    /// Resident memory of the process.
    pub memory_bytes: u64,
    /// Memory the machine could still give.
    pub memory_available_bytes: u64,
    /// Free space for the data directory.
    pub disk_free_bytes: u64,
    /// Size of the blob store.
    pub store_bytes: u64,
    /// Received by the machine since boot.
    pub net_received_bytes: u64,
    /// Sent by the machine since boot.
    pub net_sent_bytes: u64,
    /// Replicas that run here.
    pub running: u32,
    /// Replicas that wait here.
    pub queued: u32,
    /// Connected peers.
    pub peers: u32,
    /// Own tasks that have not ended.
    pub active_tasks: u32,
    /// The balance.
    pub credits: MicroCredits,
}

/// Prices of a node at a moment, in credits per unit.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PriceSample {
    /// When.
    pub at: UnixMillis,
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
