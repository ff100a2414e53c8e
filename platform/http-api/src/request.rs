//! From a JSON body to a task: our own shape (`job`, `params`, ...) and the documents' (`task_type`, parameters at the top
//! level). Every wrong, missing and unknown field is named at once. Pure functions over values.

use crate::caller::Caller;
use crate::extract::{read_id, shown};
use crate::problem::{FieldError, Problem};
use crate::view::{Hash, PriorityName};
use job_model::digits::keep_digits;
use job_model::{BlobHash, MicroCredits, TaskSpec, limits};
use node::config::Role;
use node::control::protocol::{InputSource, SubmitRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

mod fields;
mod settings;

use fields::Fields;

/// Longest name of a job, with version or as a hash, in bytes.
const MAX_JOB_BYTES: usize = 128;
/// Longest label of an owner, in bytes.
const MAX_OWNER_BYTES: usize = 128;

/// A task to run.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "job": "range_reduce", "params": {"start": 1, "end": 1000, "operation": "sum"},
    "config": {"priority": "high", "max_price_credits": 1.0, "verify": "quorum:2"}
}))]
pub struct TaskRequest {
    /// The job: name, `name@version`, hash, or a unique start of the hash of at least 6 digits.
    #[schema(max_length = 128, min_length = 1)]
    pub job: String,
    /// Parameters, valid against the job's schema. Whole numbers of any size keep their digits.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pub params: Value,
    /// Blobs by the names of the job's inputs.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Hash>, required = false)]
    pub inputs: BTreeMap<String, String>,
    /// What a node must offer.
    #[serde(default)]
    #[schema(required = false)]
    pub requirements: TaskRequirements,
    /// How to run it.
    #[serde(default)]
    #[schema(required = false)]
    pub config: TaskSettings,
    /// Whose task it is. With a token: its name, or absent; operators may name anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub owner_id: Option<String>,
}

/// What a node must offer.
#[derive(Clone, PartialEq, Debug, Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRequirements {
    /// Share of one core a replica may expect, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 6400)]
    pub cpu_percent: Option<u32>,
    /// Memory of the sandbox, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Memory of the machine, in GiB; in place of `memory_bytes`. More than a sandbox can have asks for the largest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0.0, maximum = 65536.0)]
    pub ram_gb: Option<f64>,
    /// Only nodes that offer a GPU; float class `fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<bool>,
    /// Which arithmetic computes floats: `exact`, the same bits on every node, or `fast`; null: as the job asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(exact|fast)$")]
    pub float_class: Option<String>,
    /// Share of a GPU, in percent. Taken and not considered: say `gpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0, maximum = 6400.0)]
    pub gpu_percent: Option<f64>,
    /// Disk for inputs and outputs, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_bytes: Option<u64>,
    /// Wall time of one replica, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub timeout_ms: Option<u64>,
    /// Wall time of one replica, in seconds; in place of `timeout_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(exclusive_minimum = 0.0, maximum = 31536000.0)]
    pub timeout_seconds: Option<f64>,
    /// Fuel of one replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub fuel: Option<u64>,
    /// Output of one replica, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

/// How to run a task.
#[derive(Clone, PartialEq, Debug, Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskSettings {
    /// Queue order and price class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PriorityName>)]
    pub priority: Option<String>,
    /// The most the whole task may cost, in credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0, maximum = 1000000000.0)]
    pub max_price_credits: Option<f64>,
    /// The same as `max_price_credits`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0, maximum = 1000000000.0)]
    pub max_price: Option<f64>,
    /// Give up this long after submit, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub deadline_ms: Option<u64>,
    /// Size of a chunk, in the job's own unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub chunk_size: Option<u64>,
    /// How results are believed: `none`, `spot:0.1`, `quorum:2`, `check`; null: as the job asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(none|check|spot:(0(\\.[0-9]+)?|1(\\.0+)?)|quorum:([1-8]))$")]
    pub verify: Option<String>,
    /// When two outputs count as the same: `exact`, `tolerance`, `tolerance:1e-5,1e-6` (relative, absolute), or
    /// `tolerance:1e-5,1e-6,f32` for bare numbers; null: as the job asks, a tolerance in float class `fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        pattern = "^(exact|tolerance(:[0-9.e+-]+,[0-9.e+-]+(,f32|,f64)?)?)$",
        example = "tolerance:1e-5,1e-6"
    )]
    pub compare: Option<String>,
    /// How nodes are chosen: `round_robin`, `least_loaded`, `power_of_two`, `cheapest`, `nearest` or `data_local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(round_robin|least_loaded|power_of_two|cheapest|nearest|data_local)$")]
    pub placement: Option<String>,
    /// Whether results known from earlier tasks may be used; they may unless told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memo: Option<bool>,
}

/// A task to run, with its parameters at the top level.
#[derive(ToSchema)]
#[schema(example = json!({
    "task_type": "range_reduce", "owner_id": "user123", "start": 1, "end": 1000, "operation": "sum",
    "requirements": {"cpu_percent": 50, "ram_gb": 1, "timeout_seconds": 300},
    "config": {"max_price": 1.0, "priority": "high"}
}))]
#[expect(dead_code, reason = "describes a body")]
pub struct FlatTaskRequest {
    /// The job, as `job` in the other shape.
    #[schema(max_length = 128, min_length = 1)]
    task_type: String,
    /// Whose task it is.
    #[schema(max_length = 128)]
    owner_id: Option<String>,
    /// Parameters; those at the top level are added to them.
    #[schema(value_type = Option<Object>)]
    parameters: Value,
    /// Blobs by the names of the job's inputs.
    #[schema(value_type = Option<BTreeMap<String, Hash>>)]
    inputs: Value,
    /// What a node must offer.
    requirements: Option<TaskRequirements>,
    /// How to run it.
    config: Option<TaskSettings>,
}

/// Either shape of a task to run.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes a body")]
pub enum AnyTaskRequest {
    /// `job`, `params`.
    Named(TaskRequest),
    /// `task_type`, parameters at the top level.
    Flat(FlatTaskRequest),
}

/// A request that was read.
#[derive(Clone, PartialEq, Debug)]
pub struct ReadRequest {
    /// For the node.
    pub submit: SubmitRequest,
    /// What was taken and not considered, for the caller; may be empty.
    pub note: String,
    /// Memory was given in GiB (`ram_gb`): what a machine should have, not what a sandbox needs.
    pub machine_memory: bool,
}

impl ReadRequest {
    /// Sandboxes of a network have one largest size: `ram_gb` above it asks for the largest, and the note says so. Who
    /// gives `memory_bytes` means it.
    #[must_use]
    pub fn fitted(mut self, largest_sandbox_bytes: u64) -> Self {
        let memory = &mut self.submit.requirements.memory_bytes;
        if self.machine_memory && *memory > largest_sandbox_bytes {
            *memory = largest_sandbox_bytes;
            let megabytes = largest_sandbox_bytes >> 20;
            let note = format!("ram_gb became {megabytes} MiB, the largest sandbox (worker.memory_bytes)");
            self.note = if self.note.is_empty() {
                note
            } else {
                format!("{}; {note}", self.note)
            };
        }
        self
    }
}

/// Reads a body as either shape. No digit of a whole number is lost.
pub fn read_task(body: &[u8], caller: &Caller) -> Result<ReadRequest, Problem> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Problem::bad_input(format!("the body is no UTF-8: {error}"), "send one JSON object"))?;
    let value: Value = serde_json::from_str(&keep_digits(text))
        .map_err(|error| Problem::bad_input(format!("the body is no JSON: {error}"), "send one JSON object"))?;
    read_task_value(value, caller)
}

/// Reads a value as either shape.
pub fn read_task_value(value: Value, caller: &Caller) -> Result<ReadRequest, Problem> {
    let Value::Object(object) = value else {
        return Err(Problem::bad_field(
            "body",
            "expected a JSON object with `job`, or with `task_type`",
        ));
    };
    let mut errors = Vec::new();
    let read = read_object(object, caller, &mut errors);
    if errors.is_empty() {
        return Ok(read);
    }
    Err(Problem::bad_fields(
        errors,
        "see /openapi.json, or `AnyTaskRequest` at /docs",
    ))
}

fn read_object(object: Map<String, Value>, caller: &Caller, errors: &mut Vec<FieldError>) -> ReadRequest {
    let flat = object.contains_key("task_type");
    let mut fields = Fields::new("", object);
    let job = fields.text(if flat { "task_type" } else { "job" }, MAX_JOB_BYTES, errors);
    if job.as_deref().is_none_or(str::is_empty) && !errors.iter().any(|e| e.field == "job" || e.field == "task_type") {
        errors.push(FieldError::new(
            if flat { "task_type" } else { "job" },
            "missing; name a job",
        ));
    }
    let named = fields.text("owner_id", MAX_OWNER_BYTES, errors);
    let inputs = read_inputs(fields.object("inputs", errors), errors);
    let needs = settings::requirements(fields.object("requirements", errors), errors);
    let settings = settings::config(fields.object("config", errors), errors);
    let mut params = fields.object("params", errors).unwrap_or_default();
    if flat {
        params.extend(fields.object("parameters", errors).unwrap_or_default());
        params.extend(fields.rest());
    } else {
        fields.finish(errors);
    }
    let submit = SubmitRequest {
        job: job.unwrap_or_default(),
        params_json: Value::Object(params).to_string(),
        inputs,
        requirements: needs.needs,
        config: settings.config,
        verify_default: settings.verify_default,
        class_default: needs.class_default,
        compare_default: settings.compare_default,
        owner: owner(named, caller, errors),
    };
    ReadRequest {
        submit,
        note: needs.note,
        machine_memory: needs.machine_memory,
    }
}

/// Whose task it becomes.
fn owner(named: Option<String>, caller: &Caller, errors: &mut Vec<FieldError>) -> String {
    let own = caller.owner();
    match named {
        None => own,
        Some(named) if named.is_empty() || named == own => own,
        // Without a token it is a label; with one, it is who may see and stop the task.
        Some(named) if caller.token.is_none() || caller.role >= Role::Operator => named,
        Some(_) => {
            errors.push(FieldError::new(
                "owner_id",
                format!("the token is {own}'s; leave it out"),
            ));
            own
        }
    }
}

fn read_inputs(given: Option<Map<String, Value>>, errors: &mut Vec<FieldError>) -> Vec<(String, InputSource)> {
    let given = given.unwrap_or_default();
    if given.len() > limits::MAX_INPUTS {
        let most = limits::MAX_INPUTS;
        errors.push(FieldError::new(
            "inputs",
            format!("there are {}, at most {most} are allowed", given.len()),
        ));
        return Vec::new();
    }
    let mut inputs = Vec::new();
    for (name, value) in given {
        let hash = match &value {
            Value::String(text) => read_id::<BlobHash>(text),
            other => Err(format!("expected a hash of 64 digits as text, got {}", kind(other))),
        };
        match hash {
            Ok(hash) => inputs.push((name, InputSource::Hash(hash))),
            Err(why) => errors.push(FieldError::new(format!("inputs.{}", shown(&name)), why)),
        }
    }
    inputs
}

/// What a value is, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The request that would run a task again.
pub fn request_of(spec: &TaskSpec, owner: &str) -> TaskRequest {
    let (needs, config) = (&spec.requirements, &spec.config);
    let params = job_model::codec::decode::<Value>(&spec.params, limits::MAX_PARAMS_BYTES);
    TaskRequest {
        job: spec.job.to_string(),
        params: params.unwrap_or_else(|_| json!({})),
        inputs: spec
            .inputs
            .iter()
            .map(|input| (input.name.clone(), input.hash.to_string()))
            .collect(),
        requirements: TaskRequirements {
            cpu_percent: Some(needs.cpu_percent),
            memory_bytes: Some(needs.memory_bytes),
            disk_bytes: Some(needs.disk_bytes),
            timeout_ms: Some(needs.timeout_ms),
            fuel: Some(needs.fuel),
            output_bytes: Some(needs.output_bytes),
            gpu: needs.gpu.then_some(true),
            float_class: Some(needs.float_class.name().to_owned()),
            ..TaskRequirements::default()
        },
        config: TaskSettings {
            priority: Some(crate::view::priority_name(config.priority).to_owned()),
            max_price_credits: config.max_price.map(MicroCredits::as_f64),
            max_price: None,
            deadline_ms: config.deadline_ms,
            chunk_size: config.chunk_size,
            verify: Some(crate::view::verify_text(config.verify)),
            // In class exact it follows from the class.
            compare: (!needs.float_class.is_exact()).then(|| config.compare.to_string()),
            placement: Some(crate::view::name_of(&config.placement)),
            memo: Some(config.memo),
        },
        owner_id: (!owner.is_empty()).then(|| owner.to_owned()),
    }
}

/// A value of an enum of the model, by its name.
fn named<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

#[cfg(test)]
mod tests;
