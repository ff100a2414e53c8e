//! The requester's background work: planning, recalling known results, bringing outputs here, checking and comparing
//! them, reducing.
//! Each function ends in a new input for the main loop; nothing here holds state that a crash could lose.

mod check;
mod compare;
mod imports;
mod outputs;
mod plan;
mod reduce;

pub use check::{CHECK_LANES, Claim, check_replicas};
pub use compare::{OutputPair, compare_outputs};
pub use imports::{ImportCache, bring_blob, import_input};
pub use outputs::fetch_outputs;
pub use plan::{MAX_PLAN_BYTES, PlanCache, load_plan, plan_once, plan_task, recall};
pub use reduce::reduce_task;

use crate::context::Context;
use job_model::{Event, TaskId};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use wasm_runtime::CancelToken;

/// Stops a call on a sandbox thread when the work that waits for it is dropped: its client is gone, its task has ended,
/// or the node stops. Without it a long plan would hold the thread for nobody.
struct CancelOnDrop(CancelToken);

impl CancelOnDrop {
    fn new() -> Self {
        Self(CancelToken::new())
    }
    fn token(&self) -> CancelToken {
        self.0.clone()
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Resolves when a task has ended, or the node stops.
async fn until_ended(context: &Arc<Context>, task: TaskId) {
    let mut events = context.events.subscribe();
    loop {
        let ended = context
            .ask(move |core| core.tasks.get(&task).is_none_or(|entry| entry.ended.is_some()))
            .await;
        if ended.unwrap_or(true) {
            return;
        }
        loop {
            match events.recv().await {
                Ok(record) if record.event.task() == Some(task) && ends(&record.event) => return,
                Ok(_) => {}
                // Something was missed: look again.
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// Whether an event ends its task.
pub fn ends(event: &Event) -> bool {
    matches!(
        event,
        Event::TaskCompleted { .. } | Event::TaskFailed { .. } | Event::TaskCancelled { .. }
    )
}
