//! The audit record of a request that changes something: on disk before its answer is sent, whatever the answer is.

use super::Gate;
use super::origin::Facts;
use crate::caller::Caller;
use crate::problem::Problem;
use axum::http::{StatusCode, header};
use axum::response::Response;
use node::Api;
use node::access::AuditEntry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Actor of requests that nobody is known to have sent.
const NOBODY: &str = "unknown";
/// Refused requests since the last record of one, over all nodes of this process: a number for people.
static UNRECORDED: AtomicU64 = AtomicU64::new(0);

/// Records something a caller did, such as one GraphQL mutation; returns when that is on disk. `status` is what it is
/// answered with: below 400 is `ok`, 401 and 403 are `refused`, anything else `failed`.
pub async fn audit(api: &Api, caller: &Caller, action: &str, target: &str, status: StatusCode) -> Result<(), Problem> {
    let entry = AuditEntry {
        actor: caller.name.clone(),
        token: caller.token.clone(),
        role: caller.role.name().to_owned(),
        address: caller.address.to_string(),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: outcome(status).to_owned(),
        status: Some(status.as_u16()),
    };
    let appended = api.audit().append(entry).await;
    appended.map_err(|_| unwritable("it was done, but is not recorded"))
}

fn outcome(status: StatusCode) -> &'static str {
    match status {
        status if status.as_u16() < 400 => "ok",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => "refused",
        _ => "failed",
    }
}

/// 507: nothing is changed that cannot be recorded.
pub fn unwritable(what: &str) -> Problem {
    let detail = format!("the audit log cannot be written; {what}");
    let remedy = "free the disk of the node's data directory, then restart the node";
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, "audit_unwritable", detail, remedy)
}

/// Who wants what.
pub struct Record {
    entry: AuditEntry,
    pub action: String,
}

impl Record {
    /// Of a request's head; nothing is recorded yet.
    pub fn new(facts: &Facts, caller: Option<&Caller>, action: String, path: &str) -> Self {
        let entry = AuditEntry {
            actor: caller.map_or(NOBODY, |caller| &caller.name).to_owned(),
            token: caller.and_then(|caller| caller.token.clone()),
            role: caller.map_or("", |caller| caller.role.name()).to_owned(),
            address: facts.peer.address.ip().to_canonical().to_string(),
            action: action.clone(),
            target: path.to_owned(),
            outcome: String::new(),
            status: None,
        };
        Self { entry, action }
    }

    /// Records that it was refused, unless too many were lately.
    pub async fn refused(mut self, gate: &Gate, status: StatusCode) {
        self.entry.outcome = "refused".to_owned();
        self.entry.status = Some(status.as_u16());
        record_some(gate, self.entry).await;
    }

    /// From now on it will be recorded, whatever happens.
    pub fn pending(self, gate: &Arc<Gate>) -> Pending {
        Pending {
            gate: Arc::clone(gate),
            entry: Some(self.entry),
        }
    }
}

/// Records what strangers did, unless they did too much lately: the log must not be filled by them.
async fn record_some(gate: &Gate, mut entry: AuditEntry) {
    if gate.refused.take("refused", Instant::now()).is_err() {
        UNRECORDED.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let unrecorded = UNRECORDED.swap(0, Ordering::Relaxed);
    if unrecorded > 0 {
        entry
            .target
            .push_str(&format!(" (and {unrecorded} refused requests before it)"));
    }
    // It was refused anyway; the writer logs why it cannot.
    let _ = gate.api.audit().append(entry).await;
}

/// What is recorded of an answer.
pub struct End {
    status: StatusCode,
    /// Where what was made is found.
    made: Option<String>,
    /// Who logged in with it.
    login: Option<Caller>,
}

impl End {
    /// Of an answer.
    pub fn of(response: &Response) -> Self {
        let made = response
            .headers()
            .get(header::LOCATION)
            .and_then(|place| place.to_str().ok());
        Self {
            status: response.status(),
            made: made.map(str::to_owned),
            login: response.extensions().get::<Caller>().cloned(),
        }
    }
}

/// A request that runs. Dropping it (the client went away) records that too: what was done so far stands.
pub struct Pending {
    gate: Arc<Gate>,
    entry: Option<AuditEntry>,
}

impl Pending {
    /// Records how it ended; returns when that is on disk.
    pub async fn finish(mut self, end: End) -> Result<(), Problem> {
        let Some(mut entry) = self.entry.take() else {
            return Ok(());
        };
        if let Some(place) = end.made {
            entry.target = place;
        }
        if let Some(caller) = end.login {
            entry.actor = caller.name;
            entry.token = caller.token;
            entry.role = caller.role.name().to_owned();
        }
        entry.outcome = outcome(end.status).to_owned();
        entry.status = Some(end.status.as_u16());
        if entry.actor == NOBODY {
            record_some(&self.gate, entry).await;
            return Ok(());
        }
        let appended = self.gate.api.audit().append(entry).await;
        appended.map_err(|_| unwritable("it was done, but is not recorded"))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(mut entry) = self.entry.take().filter(|entry| entry.actor != NOBODY) else {
            return;
        };
        entry.outcome = "given up".to_owned();
        let audit = self.gate.api.audit().clone();
        self.gate.api.spawn(async move {
            // The writer logs why it cannot.
            let _ = audit.append(entry).await;
        });
    }
}
