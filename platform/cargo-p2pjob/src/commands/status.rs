//! `status [TASK]`: the node at a glance with its newest tasks, or one task.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::follow::{describe, status_word, task_object};
use crate::quantities::{show_bytes, show_millis};
use crate::table::Table;
use node::control::protocol::{Reply, Request, StatusReport, TaskReport};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tasks shown when the user does not say how many.
const DEFAULT_TASKS: u32 = 10;

/// Arguments of `status`.
#[derive(clap::Args, Debug)]
pub struct StatusArgs {
    /// A task, by id or unique prefix
    pub task: Option<String>,
    /// Most tasks to list
    #[arg(long, default_value_t = DEFAULT_TASKS, value_name = "N")]
    pub limit: u32,
}

/// Runs `status`.
pub fn run(app: &App, args: &StatusArgs) -> Result<Exit, CliError> {
    let session = app.connect()?;
    if let Some(task) = &args.task {
        let Reply::Task(report) = session.ask(Request::Task { task: task.clone() })? else {
            return Err(CliError::surprise("status"));
        };
        app.console
            .result(&task_object(&report)?, |console| describe(console, &report))?;
        return Ok(Exit::Ok);
    }
    let Reply::Status(status) = session.ask(Request::Status)? else {
        return Err(CliError::surprise("status"));
    };
    let Reply::Tasks(tasks) = session.ask(Request::Tasks { limit: args.limit })? else {
        return Err(CliError::surprise("status"));
    };
    let objects = tasks.iter().map(task_object).collect::<Result<Vec<_>, _>>()?;
    app.console
        .result(&json!({ "node": status, "tasks": objects }), |console| {
            let list = if tasks.is_empty() {
                "no tasks yet\n".to_owned()
            } else {
                task_table(console, &tasks)
            };
            format!("{}\n\n{list}", describe_node(&status))
        })?;
    Ok(Exit::Ok)
}

fn describe_node(status: &StatusReport) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let uptime = u64::try_from(now)
        .unwrap_or(u64::MAX)
        .saturating_sub(status.started_at.0);
    let addresses: Vec<String> = status.addresses.iter().map(ToString::to_string).collect();
    [
        format!("node        {}", status.node_id),
        format!("version     {} (profile {})", status.version, status.profile.short()),
        format!("address     {}", addresses.join(", ")),
        format!(
            "data        {} ({} of blobs)",
            status.data_dir.display(),
            show_bytes(status.store_bytes)
        ),
        format!("up          {}", show_millis(uptime)),
        format!("peers       {}", status.peers_count),
        format!("tasks       {} active, {} jobs known", status.active_tasks, status.jobs),
        format!(
            "replicas    {} running, {} queued here",
            status.running_replicas, status.queued_replicas
        ),
        format!("credits     {} ({} held)", status.credits, status.held),
        format!("reputation  {:.2}", status.reputation_score),
        format!(
            "load        {:.1} % of a core, {} resident",
            status.cpu_usage,
            show_bytes(status.ram_bytes)
        ),
    ]
    .join("\n")
}

fn task_table(console: &crate::console::Console, tasks: &[TaskReport]) -> String {
    let mut table = Table::new(&["task", "job", "chunks", "replicas", "price", "conf.", "took", "status"]);
    for task in tasks {
        let took = task
            .ended_at
            .map_or("-".to_owned(), |ended| show_millis(ended.since(task.submitted_at)));
        table.row([
            task.task_id.short(),
            task.job_name.clone(),
            format!("{}/{}", task.accepted.saturating_add(task.recalled), task.chunks),
            task.replicas.to_string(),
            task.price.to_string(),
            format!("{:.0} %", task.confidence * 100.0),
            took,
            status_word(console, task.status),
        ]);
    }
    table.render()
}
