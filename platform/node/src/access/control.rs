//! Tokens and audit log over the control socket, and the record of what is ordered through it.

use super::{AuditEntry, AuditPage, LOCAL_ACTOR, MadeToken, NewToken, TokenReport};
use crate::config::Role;
use crate::context::Context;
use crate::control::protocol::{ControlError, ErrorCode, Reply, Request};
use crate::control::requests::internal;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Address of who uses the control socket.
const SOCKET: &str = "control socket";

/// What a client may ask about access.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AccessRequest {
    /// Make a token.
    TokenNew(NewToken),
    /// All tokens.
    Tokens,
    /// End a token, by id.
    TokenRevoke { id: String },
    /// Records of the audit log from number `from` on; none: the newest.
    Audit { from: Option<u64>, limit: u32 },
}

/// The answers, in the order of [`AccessRequest`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AccessReply {
    /// The new token.
    Made(MadeToken),
    /// All tokens, the oldest first.
    Tokens(Vec<TokenReport>),
    /// The token that ended.
    Revoked(TokenReport),
    /// A piece of the log.
    Audit(AuditPage),
}

/// Answers a request about access.
pub async fn handle(context: &Arc<Context>, request: AccessRequest) -> Result<AccessReply, ControlError> {
    let (tokens, audit) = (Arc::clone(&context.access.tokens), context.access.audit.clone());
    let work = move || {
        Ok(match request {
            AccessRequest::TokenNew(new) => AccessReply::Made(tokens.make(new)?),
            AccessRequest::Tokens => AccessReply::Tokens(tokens.list()),
            AccessRequest::TokenRevoke { id } => AccessReply::Revoked(tokens.revoke(&id)?),
            AccessRequest::Audit { from, limit } => AccessReply::Audit(audit.page(from, limit).map_err(internal)?),
        })
    };
    context.runtime.spawn_blocking(work).await.map_err(internal)?
}

/// An order through the socket that must be recorded, from its beginning to its end. One that is given up in between is
/// recorded too: what it did so far stands.
pub struct Order {
    context: Arc<Context>,
    action: &'static str,
    target: String,
    recorded: bool,
}

/// What must be recorded of a request; an error when the log cannot be written. Questions are not recorded.
pub fn audited(context: &Arc<Context>, request: &Request) -> Result<Option<Order>, ControlError> {
    let (action, target) = match request {
        Request::Publish { path } => ("job publish", path.display().to_string()),
        Request::Import { path, .. } => ("blob import", path.display().to_string()),
        Request::Submit(submit) => ("task submit", submit.job.clone()),
        Request::Cancel { task, .. } => ("task cancel", task.clone()),
        Request::Transfer { node, amount } => ("ledger transfer", format!("{node} {amount}")),
        Request::Shutdown => ("node stop", String::new()),
        Request::Access(AccessRequest::TokenNew(new)) => ("token new", format!("{} {}", new.role.name(), new.name)),
        Request::Access(AccessRequest::TokenRevoke { id }) => ("token revoke", id.clone()),
        _ => return Ok(None),
    };
    if !context.access.audit.is_writable() {
        return Err(unwritable("nothing was done"));
    }
    Ok(Some(Order {
        context: Arc::clone(context),
        action,
        target,
        recorded: false,
    }))
}

/// Records how an order ended; returns when that is on disk.
pub async fn record(order: Option<Order>, result: &Result<Reply, ControlError>) -> Result<(), ControlError> {
    let Some(mut order) = order else {
        return Ok(());
    };
    match result {
        Ok(Reply::Submitted { task }) => order.target = format!("{} as task {task}", order.target),
        Ok(Reply::Access(reply)) => match reply.as_ref() {
            AccessReply::Made(made) => order.target = format!("{} as {}", order.target, made.report.id),
            AccessReply::Revoked(report) => order.target = format!("{} ({})", order.target, report.name),
            _ => {}
        },
        _ => {}
    }
    order.recorded = true;
    let outcome = if result.is_ok() { "ok" } else { "failed" };
    let appended = order.context.access.audit.append(order.entry(outcome)).await;
    appended.map_err(|_| unwritable("it was done, but is not recorded"))
}

fn unwritable(what: &str) -> ControlError {
    ControlError {
        code: ErrorCode::Limit,
        message: format!("the audit log cannot be written; {what}"),
        remedy: "free the disk of the data directory, then restart the node".to_owned(),
    }
}

impl Order {
    fn entry(&self, outcome: &str) -> AuditEntry {
        AuditEntry {
            actor: LOCAL_ACTOR.to_owned(),
            token: None,
            role: Role::Admin.name().to_owned(),
            address: SOCKET.to_owned(),
            action: self.action.to_owned(),
            target: self.target.clone(),
            outcome: outcome.to_owned(),
            status: None,
        }
    }
}

impl Drop for Order {
    fn drop(&mut self) {
        if self.recorded {
            return;
        }
        let (audit, entry) = (self.context.access.audit.clone(), self.entry("given up"));
        self.context.runtime.spawn(async move {
            // The writer logs why it cannot.
            let _ = audit.append(entry).await;
        });
    }
}
