//! What goes into a call and what comes out of it.
//!
//! Calls own their sources and sinks, because a sandbox may outlive the borrow of its caller's stack as far as wasmtime's
//! types can tell; everything is dropped when the call returns.

use crate::cancel::CancelToken;
use job_model::chunk::PlanError;
use job_model::manifest::ManifestError;
use job_model::{InputRef, JobMetrics, Outcome, Plan, Requirements, Usage};
use std::io::Write;
use std::time::Duration;
use tensor_compute::FloatClass;

/// What a call may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Fuel of the call; instantiation is free.
    pub fuel: u64,
    /// Linear memory of the sandbox, in bytes. More than [`EngineOptions`](crate::EngineOptions) allows is refused.
    pub memory_bytes: u64,
    /// Bytes written through `output`.
    pub output_bytes: u64,
    /// Wall time of the call.
    pub timeout: Duration,
    /// How the host computes with floats. Class `fast` is refused where [`EngineOptions::fast`](crate::EngineOptions) is
    /// none.
    pub float_class: FloatClass,
    /// The node whose task it is: in class `fast`, calls of different owners share no process.
    pub owner: [u8; 32],
}

/// In class exact: plans, checks and reductions are computed by one node.
impl From<&Requirements> for Limits {
    fn from(requirements: &Requirements) -> Self {
        Self {
            fuel: requirements.fuel,
            memory_bytes: requirements.memory_bytes,
            output_bytes: requirements.output_bytes,
            timeout: Duration::from_millis(requirements.timeout_ms),
            float_class: FloatClass::Exact,
            owner: [0; 32],
        }
    }
}

impl Limits {
    /// What `run` may use: as every other call, in the task's float class, for the node whose task it is.
    pub fn for_run(requirements: &Requirements, owner: [u8; 32]) -> Self {
        Self {
            float_class: match requirements.float_class {
                job_model::FloatClass::Exact => FloatClass::Exact,
                job_model::FloatClass::Fast => FloatClass::Fast,
            },
            owner,
            ..Self::from(requirements)
        }
    }
}

/// Where `inputs` reads from: whole inputs in `plan`, slices of the chunk in `run`.
pub trait ReadInput: Send {
    /// The size in bytes of input (or slice) `index`; none when there is no such input. Must not change during a call.
    fn size(&self, index: u32) -> Option<u64>;

    /// Exactly the bytes `offset .. offset + length`, which lie inside [`ReadInput::size`]. An error ends the call with
    /// [`NoVerdict::Unavailable`](job_model::NoVerdict::Unavailable) and that text.
    fn read(&mut self, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, String>;
}

/// Where `partials` reads from: the outputs of the chunks, in chunk order.
pub trait PartialSource: Send {
    /// How many there are in all.
    fn count(&self) -> u32;

    /// The next one, or none after the last. An error ends the call with
    /// [`NoVerdict::Unavailable`](job_model::NoVerdict::Unavailable) and that text.
    fn next(&mut self) -> Result<Option<Vec<u8>>, String>;
}

/// What the platform would like `plan` to aim for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanHint {
    /// The user's chunk size, in the job's own unit.
    pub chunk_size: Option<u64>,
    /// How many chunks would keep today's workers busy.
    pub target_chunks: u32,
    /// The most chunks the plan may have.
    pub max_chunks: u32,
}

/// One call of `plan`.
pub struct PlanCall<'a> {
    /// Parameters as CBOR.
    pub params: &'a [u8],
    /// The task's inputs, in the manifest's order.
    pub inputs: &'a [InputRef],
    /// The bytes of the inputs, by the same indices.
    pub source: Box<dyn ReadInput>,
    /// What to aim for.
    pub hint: PlanHint,
    /// What the call may use.
    pub limits: &'a Limits,
    /// Stops the call.
    pub cancel: &'a CancelToken,
}

/// Why there is no plan.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanFailure {
    /// The call did not return a plan.
    #[error("{}", .0.error_text())]
    Failed(Outcome),
    /// More chunks than the hint allows.
    #[error("plan returned {chunks} chunks, at most {max} are allowed; use a larger --chunk-size")]
    TooManyChunks {
        /// How many came.
        chunks: u64,
        /// How many may come.
        max: u32,
    },
    /// The list of chunks was not even copied out of the sandbox.
    #[error(
        "plan returned more than {limit_bytes} bytes of chunks, and at most {max_chunks} chunks are allowed; \
         use a larger --chunk-size, and keep large data in inputs instead of chunk bodies"
    )]
    TooLarge {
        /// The most bytes a plan may have.
        limit_bytes: u64,
        /// How many chunks may come.
        max_chunks: u32,
    },
    /// The chunks break a rule.
    #[error(transparent)]
    Broken(#[from] PlanError),
}

/// What came of `plan`.
pub struct PlanReport {
    /// The checked plan ([`Plan::check`] passed), or why there is none.
    pub plan: Result<Plan, PlanFailure>,
    /// What the call used.
    pub usage: Usage,
    /// Log lines, each ended by a line feed.
    pub log: String,
    /// Log lines that were counted but not kept.
    pub log_dropped: u32,
}

/// One call of `run`.
pub struct RunCall<'a> {
    /// The chunk's body.
    pub body: &'a [u8],
    /// The chunk's slices, by their index in the chunk.
    pub slices: Box<dyn ReadInput>,
    /// Seed of `entropy`; the same for all replicas of a chunk.
    pub entropy_seed: [u8; 32],
    /// What the call may use.
    pub limits: &'a Limits,
    /// Stops the call.
    pub cancel: &'a CancelToken,
}

/// What came of `run`.
pub struct RunReport {
    /// The output's bytes, or an outcome that is no value.
    pub outcome: Result<Vec<u8>, Outcome>,
    /// What the call used.
    pub usage: Usage,
    /// Log lines, each ended by a line feed.
    pub log: String,
    /// Log lines that were counted but not kept.
    pub log_dropped: u32,
    /// Numbers the job reported.
    pub metrics: JobMetrics,
}

/// One call of `reduce`.
pub struct ReduceCall<'a> {
    /// Parameters as CBOR.
    pub params: &'a [u8],
    /// The outputs of the chunks.
    pub partials: Box<dyn PartialSource>,
    /// Takes the result. Written through a buffer and flushed before the call returns.
    pub out: Box<dyn Write + Send>,
    /// Seed of `entropy`.
    pub entropy_seed: [u8; 32],
    /// What the call may use.
    pub limits: &'a Limits,
    /// Stops the call.
    pub cancel: &'a CancelToken,
}

/// What came of `reduce`.
pub struct ReduceReport {
    /// How many bytes were written to `out`, or an outcome that is no value (then what was written is worthless).
    pub outcome: Result<u64, Outcome>,
    /// What the call used.
    pub usage: Usage,
    /// Log lines, each ended by a line feed.
    pub log: String,
    /// Log lines that were counted but not kept.
    pub log_dropped: u32,
}

/// Why a job could not be described.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DescribeError {
    /// The call did not return.
    #[error("describe() failed: {}", .0.error_text())]
    Failed(Outcome),
    /// It returned, but no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}
