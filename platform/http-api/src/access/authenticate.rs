//! Who sends a request: a token in a header, a session of the console, or somebody on this machine.

use super::{Gate, Refused, refused};
use crate::access::origin::Facts;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::session::SessionProblem;
use axum::http::{HeaderMap, StatusCode, header};
use node::access::{ANONYMOUS, Grant, TokenProblem};
use std::net::IpAddr;

/// What showed who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// `Authorization: Bearer`.
    Bearer,
    /// The console's cookie: a browser sends it for any page.
    Cookie,
    /// Being on this machine: true for any page in a browser here.
    Anonymous,
    /// Nothing.
    Nobody,
}

/// Somebody known.
pub struct Proven {
    pub caller: Caller,
    pub by: By,
}

/// Finds out who it is. A token or session that does not count is an error even where nobody needs one: falling back to
/// another identity would surprise.
pub fn authenticate(gate: &Gate, facts: &Facts, headers: &HeaderMap) -> Result<Proven, Refused> {
    let address = facts.peer.address.ip().to_canonical();
    let now = gate.api.now();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or(TokenProblem::Malformed);
        let grant = token.and_then(|token| gate.api.tokens().check(token, now));
        let grant = grant.map_err(|problem| refused(bad_token(problem)))?;
        return Ok(proven(grant, By::Bearer, address));
    }
    if facts.is_foreign() {
        let detail = "the request comes from a page of another origin, where only a token in `Authorization` counts";
        return Err(refused(nobody(detail)));
    }
    if let Some(session) = gate.sessions.find(headers, facts.peer.tls, now) {
        let granted = session.and_then(|id| gate.api.tokens().grant(&id, now).map_err(SessionProblem::Token));
        return match granted {
            Ok(grant) => Ok(proven(grant, By::Cookie, address)),
            Err(problem) => Err(session_over(gate, facts, problem)),
        };
    }
    anonymous(gate, facts, address).map_err(refused)
}

/// The token of `Bearer TOKEN`.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn proven(grant: Grant, by: By, address: IpAddr) -> Proven {
    let caller = Caller {
        role: grant.role,
        name: grant.name,
        token: Some(grant.id),
        own_only: grant.own_only,
        address,
    };
    Proven { caller, by }
}

fn anonymous(gate: &Gate, facts: &Facts, address: IpAddr) -> Result<Proven, Problem> {
    if !address.is_loopback() {
        return Err(nobody("callers from other machines need a token"));
    }
    if facts.forwarded {
        return Err(nobody("the request came through a proxy, so it needs a token"));
    }
    let role = gate.api.config().http.anonymous_role.role();
    let role = role.ok_or_else(|| nobody("http.anonymous_role gives nothing to callers without a token"))?;
    let caller = Caller {
        role,
        name: ANONYMOUS.to_owned(),
        token: None,
        own_only: false,
        address,
    };
    Ok(Proven {
        caller,
        by: By::Anonymous,
    })
}

fn nobody(detail: &str) -> Problem {
    Problem {
        detail: detail.to_owned(),
        ..Problem::unauthenticated()
    }
}

/// 401 that says what is wrong with a token.
pub fn bad_token(problem: TokenProblem) -> Problem {
    let code = match problem {
        TokenProblem::Malformed => "token_malformed",
        TokenProblem::Unknown => "token_unknown",
        TokenProblem::Expired => "token_expired",
        TokenProblem::Revoked => "token_revoked",
    };
    let remedy = "`p2pjob token new --role ROLE --name NAME` on the node's machine makes a token";
    Problem::new(StatusCode::UNAUTHORIZED, code, problem.to_string(), remedy)
}

/// 401 that also takes the cookie back, so that the next request is one without a session.
fn session_over(gate: &Gate, facts: &Facts, problem: SessionProblem) -> Refused {
    let detail = format!("the session is over: {problem}");
    let mut answer = refused(Problem::new(
        StatusCode::UNAUTHORIZED,
        "session_over",
        detail,
        "log in again",
    ));
    answer
        .headers_mut()
        .append(header::SET_COOKIE, gate.sessions.farewell(facts.peer.tls));
    answer
}
