//! `replay TASK CHUNK`: one replica again, in this node's own sandbox, and whether the same came of it.

use super::logs::{describe_outcome, describe_replica};
use crate::app::App;
use crate::console::Paint;
use crate::error::{CliError, Exit};
use node::control::protocol::{Reply, Request};

/// Arguments of `replay`.
#[derive(clap::Args, Debug)]
pub struct ReplayArgs {
    /// The task, by id or unique prefix
    pub task: String,
    /// The chunk's number
    pub chunk: u32,
    /// Which execution of it to compare with (else: the newest)
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
}

/// Runs `replay`.
pub fn run(app: &App, args: &ReplayArgs) -> Result<Exit, CliError> {
    let request = Request::Replay {
        task: args.task.clone(),
        chunk: args.chunk,
        attempt: args.attempt,
    };
    let Reply::Replay(report) = app.connect()?.ask(request)? else {
        return Err(CliError::surprise("replay"));
    };
    app.console.result(&report, |console| {
        let recorded = match &report.recorded {
            Some(replica) => format!("recorded: {}", describe_replica(console, replica)),
            None => "recorded: nothing\n".to_owned(),
        };
        let same = |same: bool| {
            if same {
                console.paint(Paint::Green, "same")
            } else {
                console.paint(Paint::Red, "different")
            }
        };
        let log = if report.replayed.log.is_empty() {
            String::new()
        } else {
            format!("\nlog:\n{}", report.replayed.log)
        };
        format!(
            "{recorded}replayed: fuel {}\n  {}{log}\noutcome {}, fuel {}",
            report.replayed.usage.fuel,
            describe_outcome(&report.replayed.outcome),
            same(report.same_outcome),
            same(report.same_fuel)
        )
    })?;
    let same = report.recorded.is_none() || (report.same_outcome && report.same_fuel);
    Ok(if same { Exit::Ok } else { Exit::TaskFailed })
}
