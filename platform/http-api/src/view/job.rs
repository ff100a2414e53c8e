//! A known job. A value made for one answer; owns nothing.

use super::{Hash, name_of};
use async_graphql::SimpleObject;
use node::control::protocol::JobReport;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A known job.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Job {
    /// The hash of its component.
    #[schema(value_type = Hash)]
    pub job: String,
    /// Its name.
    #[schema(example = "range_reduce")]
    pub name: String,
    /// Its version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Size of its component in bytes.
    pub size: u64,
    /// Who published it.
    #[schema(value_type = Hash)]
    pub publisher: String,
    /// `builtin`, `own` or `peer`.
    pub origin: String,
    /// What it says of itself; null for a peer's job that was not fetched yet.
    pub manifest: Option<Manifest>,
}

/// What a job says of itself.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Manifest {
    /// One line for people.
    pub summary: String,
    /// JSON Schema (draft 2020-12) of the parameters.
    #[schema(value_type = Object)]
    pub params_schema: Value,
    /// Declared inputs.
    pub inputs: Vec<JobInput>,
    /// How the result is made: `reduce` or `concat`.
    pub reduce: String,
    /// Verification when the task does not say: `none`, `quorum` or `check`.
    pub verify: String,
    /// Whether the job has a check of its own, so that its tasks may ask for `check`.
    pub checked: bool,
    /// Memory a sandbox of this job needs, in bytes; 0: the platform's default.
    pub memory_bytes: u64,
}

/// One declared input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct JobInput {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub summary: String,
    /// Whether the task must bind it.
    pub required: bool,
}

impl From<job_model::Manifest> for Manifest {
    fn from(manifest: job_model::Manifest) -> Self {
        let input = |input: job_model::manifest::InputDecl| JobInput {
            name: input.name,
            summary: input.summary,
            required: input.required,
        };
        Self {
            summary: manifest.summary,
            params_schema: manifest.params_schema,
            inputs: manifest.inputs.into_iter().map(input).collect(),
            reduce: name_of(&manifest.reduce),
            verify: name_of(&manifest.verify),
            checked: manifest.checked,
            memory_bytes: manifest.memory_bytes,
        }
    }
}

impl From<JobReport> for Job {
    fn from(report: JobReport) -> Self {
        Self {
            job: report.job.to_string(),
            name: report.name,
            version: report.version,
            size: report.size,
            publisher: report.publisher.to_string(),
            origin: report.origin,
            manifest: report.manifest.map(Manifest::from),
        }
    }
}
