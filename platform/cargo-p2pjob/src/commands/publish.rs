//! `publish [DIR|FILE.wasm]`: makes a job known on the network. A folder is built first.

use super::build::component_of;
use crate::app::App;
use crate::error::{CliError, Exit};
use node::control::protocol::{JobReport, Reply, Request};
use std::path::PathBuf;

/// Arguments of `publish`.
#[derive(clap::Args, Debug)]
pub struct PublishArgs {
    /// A job's crate, or a component
    #[arg(default_value = ".")]
    pub path: PathBuf,
}

/// Runs `publish`.
pub fn run(app: &App, args: &PublishArgs) -> Result<Exit, CliError> {
    let session = app.connect()?;
    let path = component_of(app, &args.path)?;
    let Reply::Job(job) = session.ask(Request::Publish { path })? else {
        return Err(CliError::surprise("publish"));
    };
    app.console.result(&job, |_| {
        format!(
            "published {}@{}\njob       {}\nnext      {}",
            job.name,
            job.version,
            job.job,
            example(&job)
        )
    })?;
    Ok(Exit::Ok)
}

/// A line that submits the job with its required parameters and inputs.
pub fn example(job: &JobReport) -> String {
    let mut line = format!("p2pjob submit {} --wait", job.name);
    let Some(manifest) = &job.manifest else { return line };
    let required = manifest
        .params_schema
        .get("required")
        .and_then(serde_json::Value::as_array);
    for name in required.into_iter().flatten().filter_map(serde_json::Value::as_str) {
        line.push_str(&format!(" --param {name}=..."));
    }
    for input in manifest.inputs.iter().filter(|input| input.required) {
        line.push_str(&format!(" --input {}=FILE", input.name));
    }
    line
}
