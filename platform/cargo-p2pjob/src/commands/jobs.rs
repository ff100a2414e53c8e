//! `jobs [NAME]`: the known jobs, or what one says of itself.

use super::publish::example;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::quantities::show_bytes;
use crate::table::Table;
use node::control::protocol::{JobReport, Reply, Request};
use serde_json::json;

/// Arguments of `jobs`.
#[derive(clap::Args, Debug)]
pub struct JobsArgs {
    /// A job: name, name@version or hash
    pub job: Option<String>,
}

/// Runs `jobs`.
pub fn run(app: &App, args: &JobsArgs) -> Result<Exit, CliError> {
    let session = app.connect()?;
    if let Some(job) = &args.job {
        let Reply::Job(report) = session.ask(Request::Describe { job: job.clone() })? else {
            return Err(CliError::surprise("jobs"));
        };
        app.console.result(&report, |_| describe(&report))?;
        return Ok(Exit::Ok);
    }
    let Reply::Jobs(jobs) = session.ask(Request::Jobs)? else {
        return Err(CliError::surprise("jobs"));
    };
    app.console.result(&json!({ "jobs": jobs }), |_| {
        let mut table = Table::new(&["name", "version", "job", "size", "from", "summary"]);
        for job in &jobs {
            let summary = job
                .manifest
                .as_ref()
                .map(|manifest| manifest.summary.clone())
                .unwrap_or_default();
            let (name, version) = (job.name.clone(), job.version.clone());
            table.row([
                name,
                version,
                job.job.short(),
                show_bytes(job.size),
                job.origin.clone(),
                summary,
            ]);
        }
        if table.is_empty() {
            "no job is known yet: publish one with `p2pjob publish`".to_owned()
        } else {
            table.render()
        }
    })?;
    Ok(Exit::Ok)
}

fn describe(report: &JobReport) -> String {
    let mut lines = vec![
        format!("job      {}", report.job),
        format!("name     {}@{}", report.name, report.version),
        format!("size     {}", show_bytes(report.size)),
        format!("from     {} ({})", report.origin, report.publisher.short()),
    ];
    if let Some(manifest) = &report.manifest {
        lines.push(format!("summary  {}", manifest.summary));
        for input in &manifest.inputs {
            let required = if input.required { "required" } else { "optional" };
            lines.push(format!("input    {} ({required}): {}", input.name, input.summary));
        }
        let own = if manifest.checked { "yes: --verify check" } else { "no" };
        lines.push(format!("check    {own}"));
        let schema = serde_json::to_string_pretty(&manifest.params_schema).unwrap_or_default();
        lines.push(format!("params   {}", schema.replace('\n', "\n         ")));
    }
    lines.push(format!("try      {}", example(report)));
    lines.join("\n")
}
