//! What each request does. Translates between people and the node; decisions are the core's.

mod blobs;
mod inspect;
mod jobs;
mod submit;
mod tasks;

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

pub(super) fn bad_input(message: impl Into<String>, remedy: &str) -> ControlError {
    ControlError {
        code: ErrorCode::BadInput,
        message: message.into(),
        remedy: remedy.to_owned(),
    }
}

pub(super) fn not_found(message: impl Into<String>, remedy: &str) -> ControlError {
    ControlError {
        code: ErrorCode::NotFound,
        message: message.into(),
        remedy: remedy.to_owned(),
    }
}

pub(super) fn internal(message: impl std::fmt::Display) -> ControlError {
    let remedy = "see the node's log; if it repeats, please report it".to_owned();
    ControlError {
        code: ErrorCode::Internal,
        message: message.to_string(),
        remedy,
    }
}

/// Answers one request.
pub async fn handle(request: Request, context: Arc<Context>, replies: Replies) -> Result<Reply, ControlError> {
    match request {
        Request::Status => inspect::status(&context).await,
        Request::Publish { path } => jobs::publish(&context, &path).await,
        Request::Jobs => jobs::list(&context).await,
        Request::Describe { job } => jobs::describe(&context, &job)
            .await
            .map(|report| Reply::Job(Box::new(report))),
        Request::Import { path, pin } => blobs::import(&context, path, pin).await,
        Request::Quote(request) => submit::quote(&context, *request, &replies).await,
        Request::Submit(request) => submit::submit(&context, *request, &replies).await,
        Request::Tasks { limit } => tasks::list(&context, limit).await,
        Request::Task { task } => tasks::one(&context, &task).await,
        Request::Watch { task } => tasks::watch(&context, &task, &replies).await,
        Request::Events { task, from_seq, follow } => {
            tasks::events(&context, task.as_deref(), from_seq, follow, &replies).await
        }
        Request::Explain { task } => tasks::explain(&context, &task).await,
        Request::Cancel { task, reason } => tasks::cancel(&context, &task, reason).await,
        Request::Fetch { hash, path } => blobs::fetch(&context, hash, &path, &replies).await,
        Request::Logs { task, chunk } => inspect::logs(&context, &task, chunk).await,
        Request::Replay { task, chunk, attempt } => inspect::replay(&context, &task, chunk, attempt).await,
        Request::Peers => Ok(Reply::Peers(context.ask(|core| core.peer_reports()).await?)),
        Request::Ledger => inspect::ledger(&context).await,
        Request::Prices => Ok(Reply::Prices(Box::new(context.ask(|core| core.prices_report()).await?))),
        Request::Doctor => inspect::doctor(&context).await,
        Request::Shutdown => {
            context.stop.cancel();
            Ok(Reply::Done)
        }
    }
}
