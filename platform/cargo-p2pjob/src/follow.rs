//! Waiting for a task: a progress bar until it is final. Ctrl-C leaves the task running and says how to come back.

use crate::app::App;
use crate::console::{Console, Paint};
use crate::error::{CliError, Exit};
use crate::quantities::{show_bytes, show_millis};
use crate::session::Session;
use crate::table::some_of;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use job_model::{TaskId, TaskStatus};
use node::control::protocol::{CheckTally, CompareTally, Progress, Reply, Request, TaskReport};
use serde_json::{Map, Value};
use std::time::Duration;

/// How often the spinner of a bar turns.
const SPIN: Duration = Duration::from_millis(120);
/// Most nodes, chunks or errors named in one line.
const MAX_NAMED: usize = 5;

/// Waits until the task is final. A signal ends this process, never the task.
pub fn follow(app: &App, session: &Session, task: TaskId) -> Result<TaskReport, CliError> {
    let bar = chunk_bar(&app.console);
    let seen = bar.clone();
    let short = task.short();
    let text = format!(
        "interrupted: task {short} goes on\n  help: come back with `p2pjob watch {short}`, stop it with `p2pjob cancel {short}`"
    );
    crate::signals::exit_on_interrupt(text, move || seen.finish_and_clear())?;
    let mut on_progress = |progress: Progress| match progress {
        Progress::Task(report) => show(&bar, &report),
        Progress::Step(step) => bar.set_message(step),
        Progress::Event(_) | Progress::Bytes { .. } => {}
    };
    let answer = session.ask_with(Request::Watch { task: task.to_string() }, &mut on_progress);
    bar.finish_and_clear();
    match answer? {
        Reply::Task(report) => Ok(*report),
        _ => Err(CliError::surprise("watch")),
    }
}

/// A bar on stderr; hidden when that is no terminal, and with `--json`.
fn chunk_bar(console: &Console) -> ProgressBar {
    bar(console, "{spinner} [{bar:30}] {pos}/{len} chunks  {elapsed}  {msg}")
}

/// A bar that counts bytes.
pub fn byte_bar(console: &Console) -> ProgressBar {
    bar(
        console,
        "{spinner} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {msg}",
    )
}

fn bar(console: &Console, template: &str) -> ProgressBar {
    let target = if console.is_json() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(SPIN);
    bar
}

fn show(bar: &ProgressBar, report: &TaskReport) {
    bar.set_length(u64::from(report.chunks));
    bar.set_position(u64::from(done(report)));
    bar.set_message(format!(
        "replicas {}{}  price {}  confidence {}",
        report.replicas,
        beyond(report.extra_replicas),
        report.price,
        percent(report.confidence)
    ));
}

/// Chunks whose result is known: run for this task, or recalled from an earlier one.
fn done(report: &TaskReport) -> u32 {
    report.accepted.saturating_add(report.recalled)
}

fn beyond(extra: u32) -> String {
    if extra == 0 {
        String::new()
    } else {
        format!(" ({extra} extra)")
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The word for a status, in its colour.
pub fn status_word(console: &Console, status: TaskStatus) -> String {
    let (paint, word) = match status {
        TaskStatus::Pending => (Paint::Yellow, "pending"),
        TaskStatus::Running => (Paint::Yellow, "running"),
        TaskStatus::Completed => (Paint::Green, "completed"),
        TaskStatus::Failed => (Paint::Red, "failed"),
        TaskStatus::Cancelled => (Paint::Red, "cancelled"),
    };
    console.paint(paint, word)
}

/// The exit code that a final status stands for.
pub fn exit_of_status(status: TaskStatus) -> Exit {
    match status {
        TaskStatus::Completed | TaskStatus::Pending | TaskStatus::Running => Exit::Ok,
        TaskStatus::Failed => Exit::TaskFailed,
        TaskStatus::Cancelled => Exit::TaskCancelled,
    }
}

/// A task as a block of lines.
pub fn describe(console: &Console, report: &TaskReport) -> String {
    let mut lines = vec![
        format!("task        {}", report.task_id),
        format!("job         {} ({})", report.job_name, report.job.short()),
        format!("status      {}{}", status_word(console, report.status), detail(report)),
        format!("chunks      {}", chunks(report)),
        format!("replicas    {}{}", report.replicas, beyond(report.extra_replicas)),
        format!("price       {} credits{}", report.price, held(report)),
        format!("confidence  {}", percent(report.confidence)),
        format!("workers     {}", workers(report)),
    ];
    if !report.checks.is_empty() {
        let CheckTally {
            accepted,
            refuted,
            failed,
            ..
        } = report.checks;
        lines.push(format!(
            "checks      {accepted} accepted, {refuted} refuted, {failed} could not be done"
        ));
    }
    lines.extend(floats(report));
    if let Some(ended) = report.ended_at {
        lines.push(format!("took        {}", show_millis(ended.since(report.submitted_at))));
    }
    for (node, chunk) in &report.liars {
        let verdict = format!(
            "node {} lied: its result of chunk {chunk} is wrong; not paid",
            node.short()
        );
        lines.push(format!("verdict     {}", console.paint(Paint::Red, &verdict)));
    }
    for group in report.errors.iter().take(MAX_NAMED) {
        lines.push(format!(
            "error       {} x {} (chunks {})",
            group.count,
            group.message,
            some_of(&group.chunks, MAX_NAMED)
        ));
    }
    if let Some(hash) = report.result_hash {
        lines.push(format!(
            "result      {hash} ({})",
            show_bytes(report.result_bytes.unwrap_or(0))
        ));
    }
    lines.join("\n")
}

/// A task as a JSON object: the report's fields, and the price in credits as text.
pub fn task_object(report: &TaskReport) -> Result<Map<String, Value>, CliError> {
    match serde_json::to_value(report) {
        Ok(Value::Object(mut object)) => {
            object.insert("price_credits".to_owned(), Value::String(report.price.to_string()));
            Ok(object)
        }
        _ => Err(CliError::new(
            Exit::Internal,
            "the task's report is no JSON object",
            "please report this",
        )),
    }
}

/// Float class and comparison, where they are not the usual ones.
fn floats(report: &TaskReport) -> Option<String> {
    if report.float_class.is_exact() && report.compare.is_exact() {
        return None;
    }
    let CompareTally {
        close,
        apart,
        failed,
        largest_difference,
    } = report.comparisons;
    let mut line = format!(
        "floats      class {}, compared by {}: {close} pairs close, {apart} apart, {failed} could not be compared",
        report.float_class.name(),
        report.compare
    );
    if let Some(largest) = largest_difference {
        line.push_str(&format!("; largest difference {largest:.1e} of the largest element"));
    }
    Some(line)
}

fn detail(report: &TaskReport) -> String {
    if report.detail.is_empty() {
        String::new()
    } else {
        format!(": {}", report.detail)
    }
}

fn chunks(report: &TaskReport) -> String {
    let mut text = format!("{} of {} done", done(report), report.chunks);
    let parts = [
        ("recalled", report.recalled),
        ("running", report.running),
        ("waiting", report.waiting),
        ("failed", report.failed),
    ];
    for (what, count) in parts {
        // What was under way when a task ended is nobody's concern any more.
        let over = report.status.is_final() && matches!(what, "running" | "waiting");
        if count > 0 && !over {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

fn held(report: &TaskReport) -> String {
    if report.held.0 == 0 {
        String::new()
    } else {
        format!(" ({} held)", report.held)
    }
}

fn workers(report: &TaskReport) -> String {
    let names: Vec<String> = report.workers.iter().map(job_model::NodeId::short).collect();
    if names.is_empty() {
        "none yet".to_owned()
    } else {
        some_of(&names, MAX_NAMED)
    }
}
