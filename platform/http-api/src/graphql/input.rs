//! What mutations and filters take. Translated into the same JSON that REST takes, so that both have the same rules and the
//! same words for what is wrong. Pure.

use crate::routes::tasks::TaskQuery;
use async_graphql::InputObject;
use serde::Serialize;
use serde_json::{Map, Value};

/// Which tasks.
#[derive(Default, InputObject)]
#[graphql(rename_fields = "snake_case")]
pub struct TaskFilterInput {
    /// `pending`, `running`, `completed`, `failed`, `cancelled`.
    status: Option<Vec<String>>,
    /// Name or hash of the job.
    job: Option<String>,
    /// Whose tasks; empty: the node's own user's.
    owner: Option<String>,
    /// Submitted at this moment or later, in Unix milliseconds.
    since: Option<u64>,
    /// Submitted before this moment, in Unix milliseconds.
    until: Option<u64>,
    /// Start of the id, or a part of the job's name.
    q: Option<String>,
}

impl TaskFilterInput {
    /// As REST asks.
    pub fn into_query(self, first: u32, after: Option<String>) -> TaskQuery {
        TaskQuery {
            status: self
                .status
                .filter(|names| !names.is_empty())
                .map(|names| names.join(",")),
            job: self.job,
            owner: self.owner,
            since: self.since,
            until: self.until,
            q: self.q,
            cursor: after,
            limit: Some(first),
        }
    }
}

/// A task to run.
#[derive(Serialize, InputObject)]
#[graphql(rename_fields = "snake_case")]
pub struct TaskInput {
    /// Name, `name@version`, or hash of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    /// The same as `job`.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<String>,
    /// Its parameters, by the job's schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Value>,
    /// Input blobs: an object of names and hashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<Value>,
    /// Whose task it is; a token's tasks are its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_id: Option<String>,
    /// What a node must offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    requirements: Option<RequirementsInput>,
    /// How to run it.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ConfigInput>,
}

/// What a node must offer.
#[derive(Serialize, InputObject)]
#[graphql(rename_fields = "snake_case")]
struct RequirementsInput {
    /// Share of one core a replica may expect, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<u32>,
    /// Memory of the sandbox, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// The same in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    ram_gb: Option<f64>,
    /// Only nodes that offer a GPU; float class `fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<bool>,
    /// `exact` or `fast`; absent: as the job asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    float_class: Option<String>,
    /// Disk for inputs and outputs, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_bytes: Option<u64>,
    /// Wall time of one replica, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    /// The same in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<f64>,
    /// Fuel of one replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    /// Output of one replica, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_bytes: Option<u64>,
}

/// How to run a task.
#[derive(Serialize, InputObject)]
#[graphql(rename_fields = "snake_case")]
struct ConfigInput {
    /// `low`, `normal`, `high`, `critical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    /// The most the whole task may cost, in credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_price: Option<f64>,
    /// The same as `max_price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_price_credits: Option<f64>,
    /// Give up this long after submit, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    /// Size of a chunk, in the job's own unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_size: Option<u64>,
    /// `none`, `spot:0.1`, `quorum:2`, `check`; absent: as the job asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<String>,
    /// `exact`, `tolerance`, `tolerance:1e-5,1e-6`; absent: as the job asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<String>,
    /// `round_robin`, `least_loaded`, `power_of_two`, `cheapest`, `nearest`, `data_local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<String>,
    /// Whether results known from earlier tasks may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    memo: Option<bool>,
}

impl TaskInput {
    /// As REST takes it.
    pub fn into_json(self) -> Value {
        let mut value = serde_json::to_value(&self).unwrap_or_default();
        // `task_type` makes REST take `parameters`, not `params`.
        if let Some(object) = value.as_object_mut().filter(|object| object.contains_key("task_type")) {
            rename(object, "params", "parameters");
        }
        value
    }
}

fn rename(object: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}
