//! `explain TASK`: for every group of waiting chunks and every node, the exact reason it does not run there, and what
//! would make it run.

use crate::app::App;
use crate::console::Paint;
use crate::error::{CliError, Exit};
use crate::table::{Table, some_of};
use node::control::protocol::{ExplainGroup, Reply, Request};

/// Most chunk numbers named per group.
const MAX_NAMED: usize = 8;

/// Arguments of `explain`.
#[derive(clap::Args, Debug)]
pub struct ExplainArgs {
    /// The task, by id or unique prefix
    pub task: String,
}

/// Runs `explain`.
pub fn run(app: &App, args: &ExplainArgs) -> Result<Exit, CliError> {
    let Reply::Explain(report) = app.connect()?.ask(Request::Explain {
        task: args.task.clone(),
    })?
    else {
        return Err(CliError::surprise("explain"));
    };
    app.console.result(&report, |console| {
        let head = console.paint(
            Paint::Bold,
            &format!("task {}: {}", report.task_id.short(), report.summary),
        );
        let groups: Vec<String> = report.groups.iter().map(describe).collect();
        format!("{head}\n{}", groups.join("\n"))
    })?;
    Ok(Exit::Ok)
}

fn describe(group: &ExplainGroup) -> String {
    let chunks = some_of(&group.first_chunks, MAX_NAMED);
    let mut table = Table::new(&["node", "why not here", "what would make it run"]);
    for node in &group.nodes {
        table.row([
            node.node.short(),
            format!("{} ({})", node.reason, node.code),
            node.remedy.clone(),
        ]);
    }
    format!(
        "{} chunks ({chunks}): {}\n{}",
        group.chunks,
        group.needs,
        table.render()
    )
}
