//! What each request does. Translates between people and the node; decisions are the core's.

pub(crate) mod blobs;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod submit;
pub(crate) mod tasks;
pub(crate) mod transfer;

pub use jobs::load_builtin_jobs;
pub use submit::IMPORT_PIN;

use super::protocol::{ControlError, ErrorCode, Reply, Request};
use super::server::Replies;
use crate::context::{Context, Stopping};
use std::sync::Arc;

impl From<Stopping> for ControlError {
    fn from(stopping: Stopping) -> Self {
        Self {
            code: ErrorCode::Unavailable,
            message: stopping.to_string(),
            remedy: "start it again; tasks go on where they were".to_owned(),
        }
    }
}

pub(crate) fn bad_input(message: impl Into<String>, remedy: &str) -> ControlError {
    ControlError {
        code: ErrorCode::BadInput,
        message: message.into(),
        remedy: remedy.to_owned(),
    }
}

pub(crate) fn not_found(message: impl Into<String>, remedy: &str) -> ControlError {
    ControlError {
        code: ErrorCode::NotFound,
        message: message.into(),
        remedy: remedy.to_owned(),
    }
}

pub(crate) fn internal(message: impl std::fmt::Display) -> ControlError {
    let remedy = "see the node's log; if it repeats, please report it".to_owned();
    ControlError {
        code: ErrorCode::Internal,
        message: message.to_string(),
        remedy,
    }
}

/// Answers one request. What changes something is in the audit log before its answer.
pub async fn handle(request: Request, context: Arc<Context>, replies: Replies) -> Result<Reply, ControlError> {
    let order = crate::access::audited(&context, &request)?;
    let result = answer(request, &context, replies).await;
    crate::access::record(order, &result).await?;
    result
}

async fn answer(request: Request, context: &Arc<Context>, replies: Replies) -> Result<Reply, ControlError> {
    Ok(match request {
        Request::Status => Reply::Status(Box::new(inspect::status(context).await?)),
        Request::Publish { path } => Reply::Job(Box::new(jobs::publish(context, &path).await?)),
        Request::Jobs => Reply::Jobs(jobs::list(context).await?),
        Request::Describe { job } => Reply::Job(Box::new(jobs::describe(context, &job).await?)),
        Request::Import { path, pin } => blobs::import(context, path, pin).await?,
        Request::Quote(request) => Reply::Quote(Box::new(submit::quote(context, *request, &replies).await?)),
        Request::Submit(request) => Reply::Submitted {
            task: submit::submit(context, *request, &replies).await?,
        },
        Request::Tasks { limit } => Reply::Tasks(tasks::list(context, limit).await?),
        Request::Task { task } => Reply::Task(Box::new(tasks::one(context, &task).await?)),
        Request::Watch { task } => tasks::watch(context, &task, &replies).await?,
        Request::Events { task, from_seq, follow } => {
            tasks::events(context, task.as_deref(), from_seq, follow, &replies).await?
        }
        Request::Explain { task } => Reply::Explain(Box::new(tasks::explain(context, &task).await?)),
        Request::Cancel { task, reason } => Reply::Task(Box::new(tasks::cancel(context, &task, reason).await?)),
        Request::Fetch { hash, path } => blobs::fetch(context, hash, &path, &replies).await?,
        Request::Logs { task, chunk } => Reply::Logs(Box::new(inspect::logs(context, &task, chunk).await?)),
        Request::Replay { task, chunk, attempt } => {
            Reply::Replay(Box::new(inspect::replay(context, &task, chunk, attempt).await?))
        }
        Request::Peers => Reply::Peers(context.ask(|core| core.peer_reports()).await?),
        Request::Ledger => Reply::Ledger(Box::new(inspect::ledger(context).await?)),
        Request::Transfer { node, amount } => Reply::Transfer(Box::new(transfer::give(context, node, amount).await?)),
        Request::Prices => Reply::Prices(Box::new(context.ask(|core| core.prices_report()).await?)),
        Request::Doctor => Reply::Doctor(inspect::doctor(context).await?),
        Request::Webhook(request) => Reply::Webhook(Box::new(crate::webhooks::handle(context, request).await?)),
        Request::Access(request) => Reply::Access(Box::new(crate::access::handle(context, request).await?)),
        Request::Shutdown => {
            context.stop.cancel();
            Reply::Done
        }
    })
}
