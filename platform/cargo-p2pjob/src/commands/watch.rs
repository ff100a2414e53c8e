//! `watch TASK`: a progress bar until the task ends; its end is the exit code.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::follow::{describe, exit_of_status, follow, task_object};
use node::control::protocol::{Reply, Request};

/// Arguments of `watch`.
#[derive(clap::Args, Debug)]
pub struct WatchArgs {
    /// The task, by id or unique prefix (else: the newest)
    pub task: Option<String>,
}

/// Runs `watch`.
pub fn run(app: &App, args: &WatchArgs) -> Result<Exit, CliError> {
    let session = app.connect()?;
    let task = match &args.task {
        Some(task) => {
            let Reply::Task(report) = session.ask(Request::Task { task: task.clone() })? else {
                return Err(CliError::surprise("watch"));
            };
            report.task_id
        }
        None => {
            let Reply::Tasks(tasks) = session.ask(Request::Tasks { limit: 1 })? else {
                return Err(CliError::surprise("watch"));
            };
            let newest = tasks.first().map(|task| task.task_id);
            newest.ok_or_else(|| {
                CliError::new(
                    Exit::NotFound,
                    "this node has no task",
                    "submit one with `p2pjob submit`",
                )
            })?
        }
    };
    let report = follow(app, &session, task)?;
    app.console
        .result(&task_object(&report)?, |console| describe(console, &report))?;
    Ok(exit_of_status(report.status))
}
