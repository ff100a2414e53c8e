//! What a job says of itself. Read once, at publish; other nodes see this, never a running guest.

use crate::float::{Comparison, ComparisonError, FloatClass};
use serde::{Deserialize, Serialize};

/// How the task's result comes from the chunk outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReduceMode {
    /// The job's `reduce` runs at the requester.
    #[default]
    Reduce,
    /// The result is the chunk outputs one after the other; `reduce` is not called.
    Concat,
}

/// The verification a job asks for when the task does not say.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobVerify {
    /// One replica.
    None,
    /// Two equal replicas.
    #[default]
    Quorum,
    /// One replica and the job's own `check`.
    Check,
}

/// One declared input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InputDecl {
    /// The name used by `--input NAME=...`.
    pub name: String,
    /// What it holds.
    #[serde(default)]
    pub summary: String,
    /// Whether the task must bind it.
    #[serde(default)]
    pub required: bool,
}

/// The manifest: the answer of `describe`, one JSON object.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Lower-case name, `[a-z][a-z0-9_-]{0,63}`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// JSON Schema (draft 2020-12) of the parameters.
    #[serde(with = "crate::codec::json")]
    pub params_schema: serde_json::Value,
    /// Declared inputs, in the order of their indices.
    #[serde(default)]
    pub inputs: Vec<InputDecl>,
    /// How the result is made.
    #[serde(default)]
    pub reduce: ReduceMode,
    /// Verification when the task does not say.
    #[serde(default)]
    pub verify: JobVerify,
    /// Whether the job exports `check`, its own verifier.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checked: bool,
    /// Float class when the task does not say.
    #[serde(default, skip_serializing_if = "FloatClass::is_exact")]
    pub float_class: FloatClass,
    /// Comparison of outputs when the task does not say; none: by the task's float class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Comparison>,
    /// Memory a sandbox of this job needs, in bytes; 0 means the platform's default.
    #[serde(default)]
    pub memory_bytes: u64,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// No JSON object of the manifest's shape.
    #[error("describe() did not return a manifest: {0}")]
    Shape(String),
    /// The name breaks the rule.
    #[error("job name {0:?} is not of the form [a-z][a-z0-9_-]{{0,63}}")]
    Name(String),
    /// Two inputs of one name.
    #[error("input {0:?} is declared twice")]
    DuplicateInput(String),
    /// More inputs than a task may have.
    #[error("{0} inputs are declared, at most {max} are allowed", max = crate::limits::MAX_INPUTS)]
    TooManyInputs(usize),
    /// It asks for a check that it does not have.
    #[error(
        "the manifest's verify is \"check\" and its checked is false; implement Job::check and set CHECKED to true"
    )]
    NoCheck,
    /// Its comparison cannot be.
    #[error("the manifest's compare: {0}")]
    Compare(ComparisonError),
    /// The text is larger than a manifest may be.
    #[error("the manifest has {0} bytes, at most {max} are allowed", max = crate::limits::MAX_MANIFEST_BYTES)]
    TooLarge(usize),
}

/// Whether a text may name a job.
pub fn is_job_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && name.len() <= 64
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

impl Manifest {
    /// Reads and checks what `describe` returned.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > crate::limits::MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge(text.len()));
        }
        let manifest: Self = serde_json::from_str(text).map_err(|e| ManifestError::Shape(e.to_string()))?;
        if !is_job_name(&manifest.name) {
            return Err(ManifestError::Name(manifest.name));
        }
        if manifest.inputs.len() > crate::limits::MAX_INPUTS {
            return Err(ManifestError::TooManyInputs(manifest.inputs.len()));
        }
        if manifest.verify == JobVerify::Check && !manifest.checked {
            return Err(ManifestError::NoCheck);
        }
        if let Some(compare) = &manifest.compare {
            compare.check().map_err(ManifestError::Compare)?;
        }
        for (at, input) in manifest.inputs.iter().enumerate() {
            if manifest.inputs.iter().take(at).any(|other| other.name == input.name) {
                return Err(ManifestError::DuplicateInput(input.name.clone()));
            }
        }
        Ok(manifest)
    }
}
