//! Flags that `submit` and `test` share: what to run the job on, and inside which limits.

use crate::error::{CliError, Exit};
use crate::{parameters, quantities};
use job_model::{FloatClass, Requirements};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;

/// What to run a job on.
#[derive(clap::Args, Debug, Default)]
pub struct TaskArgs {
    /// One parameter; the value is JSON if it parses, else text (repeatable)
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// A file with the parameters as one JSON object; --param wins over it
    #[arg(long = "params", value_name = "FILE")]
    pub params_file: Option<PathBuf>,
    /// One input: a file, or a blob by its hash (repeatable)
    #[arg(long = "input", value_name = "NAME=PATH|HASH")]
    pub inputs: Vec<String>,
    /// Size of a chunk, in the job's own unit
    #[arg(long, value_name = "N")]
    pub chunk_size: Option<u64>,
    /// Memory of a sandbox
    #[arg(long, value_name = "SIZE", value_parser = quantities::bytes)]
    pub memory: Option<u64>,
    /// Fuel of one execution, such as 600G
    #[arg(long, value_name = "N", value_parser = quantities::fuel)]
    pub fuel: Option<u64>,
    /// Wall time of one execution, such as 30s
    #[arg(long, value_name = "TIME", value_parser = quantities::duration)]
    pub timeout: Option<Duration>,
    /// Most output of one execution
    #[arg(long, value_name = "SIZE", value_parser = quantities::bytes)]
    pub max_output: Option<u64>,
    /// exact: the same bits on every node; fast: what a node computes fastest with (else: what the job asks for)
    #[arg(long, value_name = "CLASS", value_parser = quantities::float_class)]
    pub float_class: Option<FloatClass>,
}

impl TaskArgs {
    /// The parameters as one JSON object.
    pub fn parameters(&self) -> Result<Map<String, Value>, CliError> {
        parameters::collect(self.params_file.as_deref(), &self.params)
    }

    /// The inputs as `(name, path or hash)`.
    pub fn named_inputs(&self) -> Result<Vec<(&str, &str)>, CliError> {
        self.inputs.iter().map(|input| split_input(input)).collect()
    }

    /// The limits: the platform's defaults where the user says nothing.
    pub fn requirements(&self) -> Requirements {
        let defaults = Requirements::default();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Requirements {
            memory_bytes: self.memory.unwrap_or(defaults.memory_bytes),
            fuel: self.fuel.unwrap_or(defaults.fuel),
            timeout_ms: self.timeout.map_or(defaults.timeout_ms, millis),
            output_bytes: self.max_output.unwrap_or(defaults.output_bytes),
            float_class: self.float_class.unwrap_or(defaults.float_class),
            ..defaults
        }
    }
}

fn split_input(input: &str) -> Result<(&str, &str), CliError> {
    let parts = input
        .split_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty());
    parts.ok_or_else(|| {
        let remedy = "write --input name=path or --input name=hash, such as --input text=book.txt";
        CliError::new(Exit::Usage, format!("input {input:?} has no name and value"), remedy)
    })
}
