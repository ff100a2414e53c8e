//! Following this node's events as a requester. What a slow follower misses is read from the journal.

use super::tasks::TracedTasks;
use crate::context::Context;
use job_model::{Recorded, TaskId};
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Records read from the journal at once.
const PAGE: usize = 1_000;

/// Follows until the node stops.
pub async fn run(context: Arc<Context>, mut events: broadcast::Receiver<Arc<Recorded>>) {
    let mut tasks = TracedTasks::default();
    let mut next = 0;
    loop {
        let record = match events.recv().await {
            Ok(record) => record,
            // Seen with the first event after the gap.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if next > 0 && record.seq > next {
            catch_up(&context, &mut tasks, (next, record.seq)).await;
        }
        next = record.seq + 1;
        take(&context, &mut tasks, &record).await;
    }
}

async fn take(context: &Arc<Context>, tasks: &mut TracedTasks, record: &Recorded) {
    let Some(task) = record.event.task().filter(|task| context.traces.samples(task)) else {
        return;
    };
    if tasks.wants_past(&task, &record.event) {
        remember(context, tasks, task, record.seq).await;
    }
    tasks.apply(record, |span| context.traces.send(span));
}

/// Events from one position up to, not including, another.
async fn catch_up(context: &Arc<Context>, tasks: &mut TracedTasks, (mut from, to): (u64, u64)) {
    while from < to {
        let page = read(context, None, from).await;
        let Some(last) = page.last().map(|record| record.seq) else {
            return;
        };
        for record in page.iter().filter(|record| record.seq < to) {
            tasks.apply(record, |span| context.traces.send(span));
        }
        from = last + 1;
    }
}

/// A task of before our last start: its past makes the state, its spans were or were not exported then.
async fn remember(context: &Arc<Context>, tasks: &mut TracedTasks, task: TaskId, before: u64) {
    let mut from = 0;
    loop {
        let page = read(context, Some(task), from).await;
        let Some(last) = page.last().map(|record| record.seq) else {
            return;
        };
        for record in page.iter().filter(|record| record.seq < before) {
            tasks.apply(record, drop);
        }
        if last >= before {
            return;
        }
        from = last + 1;
    }
}

async fn read(context: &Arc<Context>, task: Option<TaskId>, from: u64) -> Vec<Recorded> {
    let journal = context.journal.clone();
    let reading = context
        .runtime
        .spawn_blocking(move || journal.page(task.as_ref(), from, PAGE));
    match reading.await {
        Ok(Ok(page)) => page,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a trace will have gaps");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}
