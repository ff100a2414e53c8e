//! A task: one request to run a job, as its requester wrote it down. The specification never changes after submit.

use crate::float::{Comparison, FloatClass};
use crate::ids::{BlobHash, JobId, NodeId, TaskId};
use crate::limits;
use crate::money::MicroCredits;
use serde::{Deserialize, Serialize};

/// The order of the queue and its price (E1: 0.8, 1.0, 1.5, 2.0).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// 0.8 times the price.
    Low,
    /// The base price.
    #[default]
    Normal,
    /// 1.5 times the price.
    High,
    /// Twice the price.
    Critical,
}

/// How results are believed (D2).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyPolicy {
    /// One replica, believed.
    None,
    /// One replica; with this probability (0..=1, drawn from the chunk's id after the result is committed) a second one.
    Spot(f64),
    /// This many equal results from distinct nodes.
    Quorum(u8),
    /// One replica; its value is believed when the job's own `check` accepts it (D3). Where that cannot be said (the outcome
    /// is no value, or the check itself failed) two equal results are wanted instead.
    Check,
}

/// How a node is chosen among those that could run a chunk (F5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// One after the other.
    RoundRobin,
    /// The one with the shortest queue.
    #[default]
    LeastLoaded,
    /// The less loaded of two drawn by hash (Mitzenmacher 2001).
    PowerOfTwo,
    /// The one with the lowest price.
    Cheapest,
    /// The one with the lowest round-trip time.
    Nearest,
    /// The one that already holds most of the chunk's bytes.
    DataLocal,
}

/// What the task asks of a node (C3).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Requirements {
    /// Share of one core, in percent, a replica may expect.
    pub cpu_percent: u32,
    /// Memory of the sandbox, in bytes.
    pub memory_bytes: u64,
    /// Disk for inputs and outputs, in bytes; 0 is none in particular.
    pub disk_bytes: u64,
    /// Wall time of one replica, in milliseconds.
    pub timeout_ms: u64,
    /// Fuel of one replica.
    pub fuel: u64,
    /// Output of one replica, in bytes.
    pub output_bytes: u64,
    /// Which arithmetic computes floats.
    #[serde(skip_serializing_if = "FloatClass::is_exact")]
    pub float_class: FloatClass,
    /// Only nodes that compute on a GPU.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gpu: bool,
}

impl Default for Requirements {
    fn default() -> Self {
        Self {
            cpu_percent: 100,
            memory_bytes: limits::DEFAULT_MEMORY_BYTES,
            disk_bytes: 0,
            timeout_ms: 300_000,
            fuel: limits::DEFAULT_FUEL,
            output_bytes: limits::DEFAULT_OUTPUT_BYTES,
            float_class: FloatClass::Exact,
            gpu: false,
        }
    }
}

/// How the task is to be run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskConfig {
    /// Queue order and price class.
    pub priority: Priority,
    /// The most the whole task may cost; none is no cap.
    pub max_price: Option<MicroCredits>,
    /// Give up this long after submit, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// In the job's own unit.
    pub chunk_size: Option<u64>,
    /// How results are believed.
    pub verify: VerifyPolicy,
    /// When two outputs count as the same.
    #[serde(skip_serializing_if = "Comparison::is_exact")]
    pub compare: Comparison,
    /// How nodes are chosen.
    pub placement: Placement,
    /// Whether results known from earlier tasks may be used (C8).
    pub memo: bool,
}

impl Default for TaskConfig {
    fn default() -> Self {
        Self {
            priority: Priority::Normal,
            max_price: None,
            deadline_ms: None,
            chunk_size: None,
            verify: VerifyPolicy::Quorum(2),
            compare: Comparison::Exact,
            placement: Placement::LeastLoaded,
            memo: true,
        }
    }
}

/// One bound input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InputRef {
    /// Name from the manifest.
    pub name: String,
    /// The bytes.
    pub hash: BlobHash,
    /// Size in bytes.
    pub size: u64,
}

/// A task as its requester wrote it down.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskSpec {
    /// The job to run.
    pub job: JobId,
    /// Its name at submit, for people.
    pub job_name: String,
    /// Parameters as CBOR, valid against the job's schema.
    #[serde(with = "serde_bytes")]
    pub params: Vec<u8>,
    /// Inputs in the manifest's order.
    pub inputs: Vec<InputRef>,
    /// What a node must offer.
    pub requirements: Requirements,
    /// How to run it.
    pub config: TaskConfig,
}

impl TaskSpec {
    /// The task's id: BLAKE3, in key-derivation mode, over specification, requester and nonce.
    pub fn id(&self, requester: &NodeId, nonce: &[u8; 16]) -> TaskId {
        let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 task id v1");
        hasher.update(&crate::codec::encode(self));
        hasher.update(requester.as_bytes());
        hasher.update(nonce);
        TaskId(*hasher.finalize().as_bytes())
    }
}

/// Where a task stands (C1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Submitted, no chunk is placed.
    Pending,
    /// At least one chunk was placed.
    Running,
    /// The result can be fetched.
    Completed,
    /// It will not complete; the record says why.
    Failed,
    /// Its requester cancelled it.
    Cancelled,
}

impl TaskStatus {
    /// Whether the status is final.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Why a task failed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum TaskFailure {
    /// The job's `plan` failed or broke a limit.
    #[error("plan failed: {0}")]
    Plan(String),
    /// `plan` returned different chunks for the same task.
    #[error(
        "plan is not deterministic: two runs returned different chunks; the job must not depend on anything but its arguments"
    )]
    PlanUnstable,
    /// Replicas agreed that chunks fail.
    #[error("{failed} of {chunks} chunks failed; the most frequent error ({count}x): {message}")]
    Chunks {
        /// Failed chunks.
        failed: u32,
        /// All chunks.
        chunks: u32,
        /// How often the most frequent error occurred.
        count: u32,
        /// The most frequent error.
        message: String,
    },
    /// A chunk was tried as often as allowed without a verdict.
    #[error("chunk {chunk} got no verdict in {attempts} attempts; the last: {last}")]
    Attempts {
        /// The chunk.
        chunk: u32,
        /// Executions.
        attempts: u32,
        /// Why the last one brought nothing.
        last: String,
    },
    /// The job's `reduce` failed.
    #[error("reduce failed: {0}")]
    Reduce(String),
    /// The deadline passed.
    #[error("the deadline passed with {done} of {chunks} chunks accepted")]
    Deadline {
        /// Accepted chunks.
        done: u32,
        /// All chunks.
        chunks: u32,
    },
    /// The next replica would cost more than the task may.
    #[error(
        "the price limit of {limit} credits is reached with {done} of {chunks} chunks accepted; submit again with a higher --max-price: accepted chunks are recalled, not run again"
    )]
    Price {
        /// The limit.
        limit: MicroCredits,
        /// Accepted chunks.
        done: u32,
        /// All chunks.
        chunks: u32,
    },
    /// The node lost something it needs.
    #[error("{0}")]
    Internal(String),
}
