//! What a job says of itself: the JSON object that `describe` returns.

use crate::glue::Package;
use crate::job::Job;
use serde::{Deserialize, Serialize};

/// How the task's result comes from the chunk outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduce {
    /// [`Job::reduce`] folds the partials.
    #[default]
    Reduce,
    /// The result is the chunk outputs one after the other, as `run` wrote them; `reduce` is not called.
    /// The right choice where the result may be larger than memory.
    Concat,
}

/// The verification a task gets that does not ask for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// One replica, believed.
    None,
    /// Two equal replicas from distinct nodes.
    #[default]
    Quorum,
    /// One replica, believed when [`Job::check`] accepts its output. Only for a job that is [`Job::CHECKED`].
    Check,
}

/// Which arithmetic the host computes floats with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FloatClass {
    /// The same bits on every node.
    #[default]
    Exact,
    /// What a node computes fastest with; outputs are compared by tolerance, or by [`Job::check`].
    Fast,
}

impl FloatClass {
    fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
}

/// When two outputs of class `fast` count as the same.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// `|x - y| <= atol + rtol * max |reference|`, for every tensor of the output.
    Tolerance {
        /// Relative to the largest element, 0 to 1.
        rtol: f64,
        /// Not negative.
        atol: f64,
    },
}

/// One declared input: what `--input NAME=...` binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct InputDecl {
    name: &'static str,
    summary: &'static str,
    required: bool,
}

impl InputDecl {
    /// An input the task must bind.
    pub const fn required(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            required: true,
        }
    }

    /// An input the task may leave out; then it does not appear in `Inputs`.
    pub const fn optional(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            required: false,
        }
    }
}

/// The parameters of a job that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
pub struct NoParams {}

/// The manifest of a job, with the field names the platform reads.
#[derive(Serialize)]
struct Manifest {
    name: &'static str,
    version: &'static str,
    summary: &'static str,
    params_schema: schemars::Schema,
    inputs: &'static [InputDecl],
    reduce: Reduce,
    verify: Verify,
    checked: bool,
    #[serde(skip_serializing_if = "FloatClass::is_exact")]
    float_class: FloatClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<Compare>,
    memory_bytes: u64,
}

/// The manifest as one JSON object.
pub(crate) fn describe<J: Job + Package>() -> String {
    let manifest = Manifest {
        name: J::NAME,
        version: J::VERSION,
        summary: J::SUMMARY,
        params_schema: schemars::generate::SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<J::Params>(),
        inputs: J::INPUTS,
        reduce: J::REDUCE,
        verify: J::VERIFY,
        checked: J::CHECKED,
        float_class: J::FLOAT_CLASS,
        compare: J::COMPARE,
        memory_bytes: J::MEMORY_BYTES,
    };
    // A schema is JSON and the rest are plain fields, so this cannot fail; an empty text would be refused at publish.
    serde_json::to_string(&manifest).unwrap_or_default()
}
