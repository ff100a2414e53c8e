//! A task at a glance. A value made for one answer; owns nothing.

use super::{Hash, PriorityName, TaskMetric, TaskStatusName, credits_text, finite, priority_name, verify_text};
use async_graphql::SimpleObject;
use job_model::TaskStatus;
use node::control::protocol::{self, TaskReport};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A task at a glance.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Task {
    /// Its id.
    #[schema(value_type = Hash)]
    pub task_id: String,
    /// The job's hash.
    #[schema(value_type = Hash)]
    pub job: String,
    /// The job's name at submit.
    pub job_name: String,
    /// Whose task it is: the name of the token; empty: the node's own user.
    pub owner: String,
    /// The same as `owner`.
    pub owner_id: String,
    /// Where it stands.
    #[schema(value_type = TaskStatusName)]
    pub status: String,
    /// `status` in words.
    pub message: String,
    /// Its priority.
    #[schema(value_type = PriorityName)]
    pub priority: String,
    /// How results are believed: `none`, `spot:0.1`, `quorum:2`, `check`.
    #[schema(pattern = "^(none|check|spot:[0-9.e-]+|quorum:[0-9]+)$", example = "quorum:2")]
    pub verify: String,
    /// When two outputs count as the same: `exact` or `tolerance:1e-5,1e-6`.
    #[schema(example = "exact")]
    pub compare: String,
    /// Which arithmetic computes floats: `exact` or `fast`.
    #[schema(pattern = "^(exact|fast)$", example = "exact")]
    pub float_class: String,
    /// When it came.
    pub submitted_at: u64,
    /// When its first chunk was placed.
    pub started_at: Option<u64>,
    /// When it ended.
    pub ended_at: Option<u64>,
    /// Seconds from the first placement to the end, or to now; null before the first.
    pub execution_time: Option<f64>,
    /// How many chunks it has; 0 until planned.
    pub chunks: u32,
    /// Chunks with an accepted value.
    pub accepted: u32,
    /// Chunks that failed.
    pub failed: u32,
    /// Chunks whose results were known.
    pub recalled: u32,
    /// Chunks that run.
    pub running: u32,
    /// Chunks that wait for a node.
    pub waiting: u32,
    /// Executions so far.
    pub replicas: u32,
    /// Of them beyond the policy: hedges, retries, escalations.
    pub extra_replicas: u32,
    /// Paid, in micro-credits.
    pub price: i64,
    /// Held for replicas that are not settled, in micro-credits.
    pub held: i64,
    /// Paid, in credits.
    #[schema(example = "0.0042")]
    pub price_credits: String,
    /// Held, in credits.
    #[schema(example = "0")]
    pub held_credits: String,
    /// 0 to 1: how sure the accepted chunks are.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub confidence: f64,
    /// The result, a blob.
    #[schema(value_type = Option<Hash>)]
    pub result_hash: Option<String>,
    /// Its size in bytes.
    pub result_bytes: Option<u64>,
    /// The result itself, where it is at most 64 KiB: JSON if it is JSON, else text; null where it is neither.
    #[schema(value_type = Option<serde_json::Value>, required = true)]
    pub result: Option<Value>,
    /// What it is doing, or why it failed or was cancelled.
    pub detail: String,
    /// The first node that took part; null before.
    #[schema(value_type = Option<Hash>)]
    pub worker_id: Option<String>,
    /// All nodes that took part.
    #[schema(value_type = Vec<Hash>)]
    pub workers: Vec<String>,
    /// Nodes that contradicted accepted results.
    pub liars: Vec<Liar>,
    /// Distinct errors, the most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// Fuel of all executions.
    pub fuel: u64,
    /// What the job's own check came to.
    pub checks: Checks,
    /// What comparing outputs by tolerance came to.
    pub comparisons: Comparisons,
    /// Numbers the job reported, over accepted chunks.
    pub metrics: Vec<TaskMetric>,
}

/// What the job's own check came to, over a task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Checks {
    /// Results it found right.
    pub accepted: u32,
    /// Results it found wrong: their nodes are among the `liars`.
    pub refuted: u32,
    /// Checks that could not be done: their chunks were verified by two equal results.
    pub failed: u32,
    /// Fuel of all of them, spent at the requester and paid by nobody.
    pub fuel: u64,
}

/// What comparing outputs by tolerance came to, over a task.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Comparisons {
    /// Pairs that were close.
    pub close: u32,
    /// Pairs that were not.
    pub apart: u32,
    /// Comparisons that could not be done: they count for nobody and against nobody.
    pub failed: u32,
    /// The largest difference in a pair that was close, relative to the largest element of its tensor.
    pub largest_difference: Option<f64>,
}

impl From<protocol::CompareTally> for Comparisons {
    fn from(tally: protocol::CompareTally) -> Self {
        Self {
            close: tally.close,
            apart: tally.apart,
            failed: tally.failed,
            largest_difference: tally.largest_difference,
        }
    }
}

impl From<protocol::CheckTally> for Checks {
    fn from(tally: protocol::CheckTally) -> Self {
        Self {
            accepted: tally.accepted,
            refuted: tally.refuted,
            failed: tally.failed,
            fuel: tally.fuel,
        }
    }
}

/// A node that contradicted an accepted result, or sent one that the job's own check refuted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Liar {
    /// The node.
    #[schema(value_type = Hash)]
    pub node: String,
    /// The first chunk that showed it.
    pub chunk: u32,
}

/// Equal errors of many chunks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct ErrorGroup {
    /// The first such message.
    pub message: String,
    /// How many chunks have it.
    pub count: u32,
    /// The first of them.
    pub chunks: Vec<u32>,
}

impl From<protocol::ErrorGroup> for ErrorGroup {
    fn from(group: protocol::ErrorGroup) -> Self {
        Self {
            message: group.message,
            count: group.count,
            chunks: group.chunks,
        }
    }
}

/// The name of a status.
pub fn status_name(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Pending => "pending",
        TaskStatus::Running => "running",
        TaskStatus::Completed => "completed",
        TaskStatus::Failed => "failed",
        TaskStatus::Cancelled => "cancelled",
    }
}

fn message(report: &TaskReport) -> String {
    match (report.status, report.detail.is_empty()) {
        (TaskStatus::Completed, _) => "the result can be fetched".to_owned(),
        (_, false) => report.detail.clone(),
        (status, true) => status_name(status).to_owned(),
    }
}

impl Task {
    /// As of a moment, in Unix milliseconds: running tasks have an execution time up to then.
    pub fn at(report: TaskReport, now: u64) -> Self {
        let end = report.ended_at.map_or(now, |at| at.0);
        let execution_time = report.started_at.map(|start| end.saturating_sub(start.0) as f64 / 1e3);
        let workers: Vec<String> = report.workers.iter().map(ToString::to_string).collect();
        let liar = |(node, chunk): (job_model::NodeId, u32)| Liar {
            node: node.to_string(),
            chunk,
        };
        Self {
            task_id: report.task_id.to_string(),
            job: report.job.to_string(),
            message: message(&report),
            job_name: report.job_name,
            owner_id: report.owner.clone(),
            owner: report.owner,
            status: status_name(report.status).to_owned(),
            priority: priority_name(report.priority).to_owned(),
            verify: verify_text(report.verify),
            compare: report.compare.to_string(),
            float_class: report.float_class.name().to_owned(),
            submitted_at: report.submitted_at.0,
            started_at: report.started_at.map(|at| at.0),
            ended_at: report.ended_at.map(|at| at.0),
            execution_time,
            chunks: report.chunks,
            accepted: report.accepted,
            failed: report.failed,
            recalled: report.recalled,
            running: report.running,
            waiting: report.waiting,
            replicas: report.replicas,
            extra_replicas: report.extra_replicas,
            price: report.price.0,
            held: report.held.0,
            price_credits: credits_text(report.price),
            held_credits: credits_text(report.held),
            confidence: finite(report.confidence),
            result_hash: report.result_hash.map(|hash| hash.to_string()),
            result_bytes: report.result_bytes,
            result: None,
            detail: report.detail,
            worker_id: workers.first().cloned(),
            workers,
            liars: report.liars.into_iter().map(liar).collect(),
            errors: report.errors.into_iter().map(ErrorGroup::from).collect(),
            fuel: report.fuel,
            checks: report.checks.into(),
            comparisons: report.comparisons.into(),
            metrics: TaskMetric::all(report.metrics),
        }
    }
}

impl From<TaskReport> for Task {
    /// As of its last moment: a running task has no execution time yet.
    fn from(report: TaskReport) -> Self {
        let last = report.ended_at.or(report.started_at).unwrap_or(report.submitted_at);
        Self::at(report, last.0)
    }
}
