//! `cancel TASK`: stops a task, here and on every worker.

use crate::app::App;
use crate::error::{CliError, Exit};
use node::control::protocol::{Reply, Request};
use serde_json::json;

/// Arguments of `cancel`.
#[derive(clap::Args, Debug)]
pub struct CancelArgs {
    /// The task, by id or unique prefix
    pub task: String,
    /// Why; kept in the task's record
    #[arg(long, default_value = "cancelled by its requester", value_name = "TEXT")]
    pub reason: String,
}

/// Runs `cancel`.
pub fn run(app: &App, args: CancelArgs) -> Result<Exit, CliError> {
    let CancelArgs { task, reason } = args;
    match app.connect()?.ask(Request::Cancel {
        task: task.clone(),
        reason: reason.clone(),
    })? {
        Reply::Done | Reply::Task(_) => {
            let object = json!({ "task": task, "status": "cancelled", "reason": reason });
            app.console.result(&object, |_| format!("cancelled {task}: {reason}"))?;
            Ok(Exit::Ok)
        }
        _ => Err(CliError::surprise("cancel")),
    }
}
