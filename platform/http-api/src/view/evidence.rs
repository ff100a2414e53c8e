//! Why chunks wait, what failed and what it said. Values made for one answer; own nothing.

use super::task::status_name;
use super::{ErrorGroup, Hash, TaskStatusName};
use async_graphql::SimpleObject;
use job_model::BlobHash;
use job_model::event::ReplicaResult;
use node::control::protocol::{self, ExplainReport, LogsReport, ReplayReport, ReplicaReport};
use serde::Serialize;
use utoipa::ToSchema;

/// Why chunks wait.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Explanation {
    /// The task.
    #[schema(value_type = Hash)]
    pub task_id: String,
    /// Where it stands.
    #[schema(value_type = TaskStatusName)]
    pub status: String,
    /// One sentence.
    pub summary: String,
    /// Chunks that wait, by why.
    pub groups: Vec<ExplainGroup>,
}

/// Chunks that wait for the same reasons.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct ExplainGroup {
    /// How many.
    pub chunks: u32,
    /// The first of them.
    pub first_chunks: Vec<u32>,
    /// What they need.
    pub needs: String,
    /// Every known node, and why not there.
    pub nodes: Vec<ExplainNode>,
}

/// Why not on this node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct ExplainNode {
    /// The node.
    #[schema(value_type = Hash)]
    pub node: String,
    /// Stable code such as `busy`.
    pub code: String,
    /// Why not.
    pub reason: String,
    /// What would make it run.
    pub remedy: String,
}

impl From<ExplainReport> for Explanation {
    fn from(report: ExplainReport) -> Self {
        let node = |node: protocol::ExplainNode| ExplainNode {
            node: node.node.to_string(),
            code: node.code,
            reason: node.reason,
            remedy: node.remedy,
        };
        let group = |group: protocol::ExplainGroup| ExplainGroup {
            chunks: group.chunks,
            first_chunks: group.first_chunks,
            needs: group.needs,
            nodes: group.nodes.into_iter().map(node).collect(),
        };
        Self {
            task_id: report.task_id.to_string(),
            status: status_name(report.status).to_owned(),
            summary: report.summary,
            groups: report.groups.into_iter().map(group).collect(),
        }
    }
}

/// What one execution used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Usage {
    /// Fuel.
    pub fuel: u64,
    /// Bytes read from inputs.
    pub input_bytes: u64,
    /// Bytes put out.
    pub output_bytes: u64,
    /// Largest memory, in bytes.
    pub memory_bytes: u64,
    /// Wall time in microseconds.
    pub wall_us: u64,
}

impl From<job_model::Usage> for Usage {
    fn from(usage: job_model::Usage) -> Self {
        Self {
            fuel: usage.fuel,
            input_bytes: usage.input_bytes,
            output_bytes: usage.output_bytes,
            memory_bytes: usage.memory_bytes,
            wall_us: usage.wall_us,
        }
    }
}

/// What came of an execution.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Outcome {
    /// `value`, `guest_error`, `trap`, `out_of_fuel` or `no_verdict`.
    pub kind: String,
    /// One line for people; empty for a value.
    pub text: String,
    /// Backtrace of a trap.
    pub detail: Option<String>,
    /// Hash of a value's bytes.
    #[schema(value_type = Option<Hash>)]
    pub output_hash: Option<String>,
    /// Size of a value in bytes.
    pub output_bytes: Option<u64>,
}

impl From<job_model::Outcome> for Outcome {
    fn from(outcome: job_model::Outcome) -> Self {
        use job_model::Outcome as Model;
        let text = outcome.error_text();
        let (kind, detail, output) = match outcome {
            Model::Value(output) => ("value", None, Some(output)),
            Model::GuestError(_) => ("guest_error", None, None),
            Model::Trap { detail, .. } => ("trap", Some(detail), None),
            Model::OutOfFuel => ("out_of_fuel", None, None),
            Model::NoVerdict(_) => ("no_verdict", None, None),
        };
        Self {
            kind: kind.to_owned(),
            text,
            detail,
            output_hash: output.as_ref().map(|output| output.hash().to_string()),
            output_bytes: output.as_ref().map(job_model::Output::size),
        }
    }
}

/// A part of an input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct InputSlice {
    /// The blob.
    #[schema(value_type = Hash)]
    pub hash: String,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

impl From<(BlobHash, u64, u64)> for InputSlice {
    fn from((hash, offset, length): (BlobHash, u64, u64)) -> Self {
        Self {
            hash: hash.to_string(),
            offset,
            length,
        }
    }
}

/// One execution as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct LoggedReplica {
    /// Who ran it; null for a run here.
    #[schema(value_type = Option<Hash>)]
    pub worker: Option<String>,
    /// When its result came; null for a run here.
    pub at: Option<u64>,
    /// Its chunk.
    pub chunk: u32,
    /// Which execution of the chunk.
    pub attempt: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
    /// Its log lines.
    pub log: String,
    /// `accepted`, `wrong`, `late`, `undecided`; empty while undecided.
    pub verdict: String,
    /// Everything needed to run it again, as a blob, when it was kept.
    #[schema(value_type = Option<Hash>)]
    pub bundle: Option<String>,
    /// What it reads.
    pub inputs: Vec<InputSlice>,
}

impl From<ReplicaResult> for LoggedReplica {
    fn from(result: ReplicaResult) -> Self {
        Self {
            worker: None,
            at: None,
            chunk: result.chunk,
            attempt: result.attempt,
            outcome: result.outcome.into(),
            usage: result.usage.into(),
            log: result.log,
            verdict: String::new(),
            bundle: None,
            inputs: Vec::new(),
        }
    }
}

impl From<ReplicaReport> for LoggedReplica {
    fn from(report: ReplicaReport) -> Self {
        Self {
            worker: Some(report.worker.to_string()),
            at: Some(report.at.0),
            verdict: report.verdict,
            bundle: report.bundle.map(|hash| hash.to_string()),
            inputs: report.inputs.into_iter().map(InputSlice::from).collect(),
            ..Self::from(report.result)
        }
    }
}

/// What failed in a task, and what it said.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Logs {
    /// The task.
    #[schema(value_type = Hash)]
    pub task_id: String,
    /// Where it stands.
    #[schema(value_type = TaskStatusName)]
    pub status: String,
    /// What it is doing, or why it failed.
    pub detail: String,
    /// Distinct errors, the most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// At most 100 executions.
    pub replicas: Vec<LoggedReplica>,
}

impl From<LogsReport> for Logs {
    fn from(report: LogsReport) -> Self {
        Self {
            task_id: report.task_id.to_string(),
            status: status_name(report.status).to_owned(),
            detail: report.detail,
            errors: report.errors.into_iter().map(ErrorGroup::from).collect(),
            replicas: report.replicas.into_iter().map(LoggedReplica::from).collect(),
        }
    }
}

/// One replica, run again here.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Replay {
    /// The task.
    #[schema(value_type = Hash)]
    pub task_id: String,
    /// The chunk.
    pub chunk: u32,
    /// What the worker had reported; null where nothing was.
    pub recorded: Option<LoggedReplica>,
    /// What came now.
    pub replayed: LoggedReplica,
    /// Whether both outcomes are equal.
    pub same_outcome: bool,
    /// Whether both used the same fuel.
    pub same_fuel: bool,
}

impl From<ReplayReport> for Replay {
    fn from(report: ReplayReport) -> Self {
        Self {
            task_id: report.task_id.to_string(),
            chunk: report.chunk,
            recorded: report.recorded.map(LoggedReplica::from),
            replayed: report.replayed.into(),
            same_outcome: report.same_outcome,
            same_fuel: report.same_fuel,
        }
    }
}
