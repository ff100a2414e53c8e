//! The access layer around all routes: who sends a request, from which page, whether it may do that, how often, and the
//! record of it. Every answer passes here, so every answer has the security headers and every error is a problem.
//!
//! Owns the session key, the buckets of the rate limits and the list of sessions that were ended; the tokens are the
//! node's. A crash forgets buckets and ended sessions, nothing else: the key of the sessions is a file.

mod authenticate;
mod body;
mod headers;
mod origin;
mod record;
mod table;
pub mod view;

pub use authenticate::bad_token;
pub use record::{audit, unwritable};

use crate::caller::Caller;
use crate::limits::{Buckets, Rate, Wait};
use crate::problem::Problem;
use crate::session::Sessions;
use authenticate::{By, Proven};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use node::Api;
use origin::{Facts, Hosts};
use record::{End, Record};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::Rule;

/// Header that programs with a session cookie, but without `Origin` and `Sec-Fetch-Site`, must send with any value.
pub const CSRF_HEADER: &str = "x-p2pjob-csrf";
/// Login attempts that may fail at once, per address, before the rate below counts.
const LOGIN_BURST: u32 = 10;
/// Failed login attempts per second and address, over time.
const LOGIN_PER_SECOND: u32 = 1;
/// Refused requests that are recorded at once; the audit log must not be filled by strangers.
const REFUSED_BURST: u32 = 200;
/// Refused requests that are recorded per second, over time. Those in between are counted in the next record.
const REFUSED_PER_SECOND: u32 = 2;

/// The connection a request came on. Put into its extensions by the listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The other end.
    pub address: SocketAddr,
    /// Whether it is encrypted.
    pub tls: bool,
    /// Whether browsers are to insist on TLS from now on: with a certificate that was given to the node. One of its own
    /// making would lock people out of other programs on the same host.
    pub strict: bool,
}

/// What the layer knows besides the request.
pub struct Gate {
    pub api: Api,
    pub sessions: Sessions,
    hosts: Hosts,
    rates: Buckets,
    /// Failed logins, per address.
    pub logins: Buckets,
    /// Records of refused requests, all together.
    refused: Buckets,
}

impl Gate {
    /// Reads or makes the key of the sessions; an error says which file is in the way.
    pub fn open(api: Api) -> Result<Self, String> {
        let http = &api.config().http;
        let rate = |per_second, burst| Buckets::new(Rate { per_second, burst });
        Ok(Self {
            sessions: Sessions::open(api.data_dir(), api.node_id(), http.session_ms)?,
            hosts: Hosts::new(&http.allowed_hosts, &http.allowed_origins),
            rates: rate(http.rate_per_second, http.rate_burst),
            logins: rate(LOGIN_PER_SECOND, LOGIN_BURST),
            refused: rate(REFUSED_PER_SECOND, REFUSED_BURST),
            api,
        })
    }
}

/// Puts the layer around all routes of a router, its fallback included.
pub fn protect(router: Router, gate: Gate) -> Router {
    router.layer(from_fn_with_state(Arc::new(gate), guard))
}

async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let facts = match Facts::of(&request, &gate.hosts) {
        Ok(facts) => facts,
        Err(problem) => return headers::secured(problem.into_response(), None, request.uri().path()),
    };
    let path = request.uri().path().to_owned();
    let response = if facts.is_preflight() {
        headers::preflight(&facts)
    } else {
        let answered = admit(&gate, &facts, request, next).await;
        answered.unwrap_or_else(|problem| *problem)
    };
    headers::secured(response, Some(&facts), &path)
}

/// Refused: a whole answer, boxed because it is large and rare.
pub type Refused = Box<Response>;

fn refused(problem: Problem) -> Refused {
    Box::new(problem.into_response())
}

async fn admit(gate: &Arc<Gate>, facts: &Facts, request: Request, next: Next) -> Result<Response, Refused> {
    let pattern = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let rule = table::rule(&facts.method, pattern.as_deref());
    let proven = authenticate::authenticate(gate, facts, request.headers());
    let (caller, by, denied) = match proven {
        Ok(Proven { caller, by }) => (Some(caller), by, None),
        Err(denied) => (None, By::Nobody, Some(denied)),
    };
    take_rate(gate, facts, caller.as_ref())?;
    let action = format!("{} {}", facts.method, pattern.as_deref().unwrap_or("(no route)"));
    let record = Record::new(facts, caller.as_ref(), action, request.uri().path());
    let allowed = facts
        .check_proof(by, request.headers())
        .map_err(refused)
        .and_then(|()| match rule {
            Rule::Public => Ok(()),
            Rule::Unknown => Err(refused(no_rule())),
            Rule::OtherMethods(allowed) => Err(other_methods(facts, &allowed)),
            Rule::Needs(role) => match (&caller, denied) {
                (Some(caller), _) if caller.role >= role => Ok(()),
                (Some(caller), _) => Err(refused(wrong_role(role.name(), caller.role.name()))),
                (None, denied) => Err(denied.unwrap_or_else(|| refused(Problem::unauthenticated()))),
            },
        });
    if let Err(answer) = allowed {
        if !facts.is_safe() {
            record.refused(gate, answer.status()).await;
        }
        return Err(answer);
    }
    run(gate, facts, request, next, (caller, record)).await
}

/// Runs the handler of an admitted request.
async fn run(
    gate: &Arc<Gate>,
    facts: &Facts,
    mut request: Request,
    next: Next,
    (caller, record): (Option<Caller>, Record),
) -> Result<Response, Refused> {
    let recorded = !facts.is_safe() && table::is_recorded(&record.action);
    if recorded && !gate.api.audit().is_writable() {
        return Err(refused(record::unwritable("nothing was done")));
    }
    let http = &gate.api.config().http;
    let limit = if table::is_upload(&record.action) {
        http.max_upload_bytes
    } else {
        http.max_body_bytes
    };
    if body::declared(request.headers()).is_some_and(|length| length > limit) {
        return Err(refused(Problem::too_large(limit)));
    }
    let read_timeout = Duration::from_millis(http.read_timeout_ms);
    let (mut paced, fault) = body::pace(request, read_timeout, limit);
    request = {
        let extensions = paced.extensions_mut();
        extensions.insert(Arc::clone(gate));
        if let Some(caller) = &caller {
            extensions.insert(caller.clone());
        }
        paced
    };
    let pending = recorded.then(|| record.pending(gate));
    let ran = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = match (ran, fault.get()) {
        (_, Some(fault)) => fault.problem(read_timeout, limit).into_response(),
        (Ok(response), None) => shaped(response, facts),
        (Err(panic), None) => panicked(panic.as_ref(), facts),
    };
    if let Some(pending) = pending {
        pending.finish(End::of(&response)).await.map_err(refused)?;
    }
    if body::is_event_stream(&response) {
        let end = until_over(gate.api.clone(), caller.and_then(|caller| caller.token));
        response = response.map(|stream| body::ending(stream, end));
    }
    Ok(response)
}

fn take_rate(gate: &Gate, facts: &Facts, caller: Option<&Caller>) -> Result<(), Refused> {
    let token = caller.and_then(|caller| caller.token.as_deref());
    let taken = gate
        .rates
        .take(&crate::limits::key(token, facts.peer.address.ip()), Instant::now());
    taken.map_err(|wait| too_many("too many requests", wait))
}

/// 429 with the time to wait in whole seconds.
pub fn too_many(what: &str, Wait(wait): Wait) -> Refused {
    let seconds = wait.as_secs().saturating_add(1);
    let detail = format!("{what}; the next one is answered in {seconds} s");
    let remedy = "wait as `Retry-After` says; http.rate_per_second and http.rate_burst set the limit";
    let mut answer = refused(Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        detail,
        remedy,
    ));
    answer
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

fn wrong_role(needed: &str, had: &str) -> Problem {
    let detail = format!("this needs the role {needed}; the caller has the role {had}");
    let remedy = format!("use a token with the role {needed} or a stronger one");
    Problem::new(StatusCode::FORBIDDEN, "wrong_role", detail, &remedy)
}

fn no_rule() -> Problem {
    let detail = "no access rule names this address, so nobody may use it";
    Problem::new(StatusCode::FORBIDDEN, "no_access_rule", detail, "please report this")
}

/// 405 with what the address takes.
fn other_methods(facts: &Facts, allowed: &str) -> Refused {
    let detail = format!("this address does not take {}", facts.method);
    let remedy = format!("it takes {allowed}");
    let mut answer = refused(Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        detail,
        &remedy,
    ));
    if let Ok(allowed) = HeaderValue::from_str(allowed) {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}

/// Answers of the framework itself, in our form.
fn shaped(response: Response, facts: &Facts) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !bare || facts.method == Method::HEAD {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            format!("this address does not take {}", facts.method),
        ),
        StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address".to_owned()),
        StatusCode::UPGRADE_REQUIRED => ("upgrade_required", "this address speaks WebSocket".to_owned()),
        _ => ("bad_request", "the request cannot be understood".to_owned()),
    };
    let mut shaped = Problem::new(status, code, detail, "").into_response();
    for (name, value) in response.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            shaped.headers_mut().insert(name.clone(), value.clone());
        }
    }
    shaped
}

fn panicked(panic: &(dyn std::any::Any + Send), facts: &Facts) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let why = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(method = %facts.method, %why, "a handler panicked");
    let detail = "the node failed while it answered this";
    let remedy = "see the node's log; if it repeats, please report it";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, remedy).into_response()
}

/// Resolves when a stream of this caller must end: the node stops, or its token is no longer valid. WebSockets wait for
/// it too.
pub async fn until_over(api: Api, token: Option<String>) {
    let stopping = api.stopping();
    tokio::select! {
        () = stopping.cancelled() => {}
        () = until_invalid(&api, token) => {}
    }
}

async fn until_invalid(api: &Api, token: Option<String>) {
    let Some(id) = token else {
        return std::future::pending().await;
    };
    let mut changes = api.tokens().changes();
    while let Ok(grant) = api.tokens().grant(&id, api.now()) {
        let left = grant.expires_at.map(|end| Duration::from_millis(end.since(api.now())));
        let expired = async {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = expired => {}
        }
    }
}

#[cfg(test)]
mod tests;
