//! Looking at tasks, following them, stopping them.

use super::{bad_input, internal, not_found};
use crate::context::Context;
use crate::control::protocol::{ControlError, ExplainReport, Progress, Reply, TaskReport};
use crate::control::server::Replies;
use crate::requester::ends;
use job_model::TaskId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// Fewest digits that may stand for a task.
const MIN_PREFIX_DIGITS: usize = 4;
/// Most tasks in one list.
const MAX_LISTED: u32 = 10_000;
/// Watchers get at most one report in this time.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// A watcher looks again after this long without news.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Journal records read at once.
const EVENT_PAGE: usize = 256;

/// The task that an id or the start of one stands for.
pub async fn resolve(context: &Arc<Context>, text: &str) -> Result<TaskId, ControlError> {
    let prefix = text.trim().to_ascii_lowercase();
    if prefix.len() < MIN_PREFIX_DIGITS || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(bad_input(
            format!("{text:?} is no task id"),
            "give at least 4 hexadecimal digits; see `p2pjob status`",
        ));
    }
    let found = {
        let prefix = prefix.clone();
        context.ask(move |core| core.tasks.with_prefix(&prefix)).await?
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(not_found(
            format!("this node has no task {prefix}"),
            "tasks are known to the node they were submitted to; see `p2pjob status`",
        )),
        several => Err(bad_input(
            format!("{} tasks start with {prefix}", several.len()),
            "give more digits",
        )),
    }
}

/// All tasks.
pub async fn list(context: &Arc<Context>, limit: u32) -> Result<Vec<TaskReport>, ControlError> {
    let limit = limit.min(MAX_LISTED) as usize;
    Ok(context.ask(move |core| core.task_reports(limit)).await?)
}

/// One task.
pub async fn one(context: &Arc<Context>, text: &str) -> Result<TaskReport, ControlError> {
    let task = resolve(context, text).await?;
    let report = context.ask(move |core| core.task_report(task)).await?;
    report.ok_or_else(|| internal("the task is not in the scheduler"))
}

/// Follows a task to its end.
pub async fn watch(context: &Arc<Context>, text: &str, replies: &Replies) -> Result<Reply, ControlError> {
    let task = resolve(context, text).await?;
    // Subscribed before the first look: nothing can happen in between unseen.
    let mut events = context.events.subscribe();
    loop {
        let report = context.ask(move |core| core.task_report(task)).await?;
        let report = report.ok_or_else(|| internal("the task is not in the scheduler"))?;
        if report.status.is_final() {
            return Ok(Reply::Task(Box::new(report)));
        }
        if !replies.progress(Progress::Task(Box::new(report))).await {
            return Ok(Reply::Done);
        }
        let not_before = tokio::time::Instant::now() + WATCH_EVERY;
        // The end is told at once; other news at most every so often; and something may change without an event.
        let news = async {
            loop {
                match events.recv().await {
                    Ok(record) if record.event.task() == Some(task) && ends(&record.event) => return,
                    Ok(record) if record.event.task() == Some(task) && tokio::time::Instant::now() >= not_before => {
                        return;
                    }
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                    Ok(_) => {}
                }
            }
        };
        // Nothing new for a second: look all the same.
        let _ = tokio::time::timeout(LOOK_AGAIN, news).await;
    }
}

/// Journal records, and then, if wanted, those to come.
pub async fn events(
    context: &Arc<Context>,
    text: Option<&str>,
    from_seq: u64,
    follow: bool,
    replies: &Replies,
) -> Result<Reply, ControlError> {
    let task = match text {
        Some(text) => Some(resolve(context, text).await?),
        None => None,
    };
    let mut live = context.events.subscribe();
    let mut next = from_seq.max(1);
    loop {
        // Later records may be there while earlier ones are still being written.
        let complete = context.published.load(Ordering::Acquire);
        let journal = context.journal.clone();
        let reading = context
            .runtime
            .spawn_blocking(move || journal.page(task.as_ref(), next, EVENT_PAGE));
        let page = reading.await.map_err(internal)?.map_err(internal)?;
        let full = page.len() == EVENT_PAGE && page.last().is_some_and(|record| record.seq <= complete);
        for record in page.into_iter().take_while(|record| record.seq <= complete) {
            next = record.seq + 1;
            if !replies.progress(Progress::Event(Box::new(record))).await {
                return Ok(Reply::Done);
            }
        }
        if full {
            continue;
        }
        if !follow {
            return Ok(Reply::Done);
        }
        // Something new, or missed: the journal has it.
        match live.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(Reply::Done),
        }
    }
}

/// Why chunks wait.
pub async fn explain(context: &Arc<Context>, text: &str) -> Result<ExplainReport, ControlError> {
    let task = resolve(context, text).await?;
    let report = context.ask(move |core| core.explain_report(task)).await?;
    report.ok_or_else(|| internal("the task is not in the scheduler"))
}

/// Stops a task; answers when that is on disk.
pub async fn cancel(context: &Arc<Context>, text: &str, reason: String) -> Result<TaskReport, ControlError> {
    let task = resolve(context, text).await?;
    let (durable, waiting) = tokio::sync::oneshot::channel();
    let before = context
        .ask(move |core| {
            let before = core.task_report(task);
            if before.as_ref().is_some_and(|report| !report.status.is_final()) {
                core.cancel(task, reason);
            }
            core.answer_when_durable(move || {
                let _ = durable.send(());
            });
            before
        })
        .await?;
    waiting
        .await
        .map_err(|_| ControlError::from(crate::context::Stopping))?;
    match before {
        Some(report) if report.status.is_final() => Err(bad_input(
            format!("task {} has ended already ({:?})", task.short(), report.status).to_lowercase(),
            "",
        )),
        _ => one(context, text).await,
    }
}
