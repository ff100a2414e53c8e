//! `logs TASK`: what went wrong, equal errors together, then the failure bundles with logs and backtraces.

use crate::app::App;
use crate::console::{Console, Paint};
use crate::error::{CliError, Exit};
use crate::follow::status_word;
use crate::quantities::show_millis;
use crate::table::some_of;
use job_model::Outcome;
use node::control::protocol::{LogsReport, ReplicaReport, Reply, Request};

/// Most chunk numbers named per error.
const MAX_NAMED: usize = 8;
/// Microseconds in a millisecond.
const MICROS: u64 = 1000;

/// Arguments of `logs`.
#[derive(clap::Args, Debug)]
pub struct LogsArgs {
    /// The task, by id or unique prefix
    pub task: String,
    /// Only this chunk
    #[arg(long, value_name = "N")]
    pub chunk: Option<u32>,
}

/// Runs `logs`.
pub fn run(app: &App, args: &LogsArgs) -> Result<Exit, CliError> {
    let request = Request::Logs {
        task: args.task.clone(),
        chunk: args.chunk,
    };
    let Reply::Logs(report) = app.connect()?.ask(request)? else {
        return Err(CliError::surprise("logs"));
    };
    app.console.result(&report, |console| describe(console, &report))?;
    Ok(Exit::Ok)
}

fn describe(console: &Console, report: &LogsReport) -> String {
    let detail = if report.detail.is_empty() {
        String::new()
    } else {
        format!(": {}", report.detail)
    };
    let mut text = format!(
        "task {} {}{detail}\n",
        report.task_id.short(),
        status_word(console, report.status)
    );
    if report.errors.is_empty() {
        text.push_str("no chunk failed\n");
    }
    for group in &report.errors {
        let count = console.paint(Paint::Red, &format!("{:>8} x", group.count));
        text.push_str(&format!(
            "{count} {} (chunks {})\n",
            group.message,
            some_of(&group.chunks, MAX_NAMED)
        ));
    }
    for replica in &report.replicas {
        text.push('\n');
        text.push_str(&describe_replica(console, replica));
    }
    if let Some(first) = report.replicas.first() {
        let task = report.task_id.short();
        text.push_str(&format!(
            "\nrun one again here: p2pjob replay {task} {}\n",
            first.result.chunk
        ));
    }
    text
}

/// One execution with its end, log and backtrace.
pub fn describe_replica(console: &Console, replica: &ReplicaReport) -> String {
    let result = &replica.result;
    let head = format!(
        "chunk {} attempt {} on node {}",
        result.chunk,
        result.attempt,
        replica.worker.short()
    );
    let verdict = if replica.verdict.is_empty() {
        "undecided"
    } else {
        &replica.verdict
    };
    let mut text = format!(
        "{} ({verdict}; fuel {}, {})\n",
        console.paint(Paint::Bold, &head),
        result.usage.fuel,
        show_millis(result.usage.wall_us / MICROS)
    );
    text.push_str(&indent(&describe_outcome(&result.outcome)));
    if !result.log.is_empty() {
        text.push_str("  log:\n");
        text.push_str(&indent(&indent(&result.log)));
    }
    for (hash, offset, length) in &replica.inputs {
        text.push_str(&format!("  input {hash} bytes {offset}+{length}\n"));
    }
    if let Some(bundle) = replica.bundle {
        text.push_str(&format!("  failure bundle {bundle}\n"));
    }
    text
}

/// What came of an execution, with the whole backtrace of a trap.
pub fn describe_outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Value(output) => format!("value: {} bytes, hash {}", output.size(), output.hash()),
        Outcome::GuestError(message) => format!("the job returned an error: {message}"),
        Outcome::Trap { kind, detail } => format!("trap ({kind:?}): {detail}"),
        Outcome::OutOfFuel | Outcome::NoVerdict(_) => outcome.error_text(),
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
