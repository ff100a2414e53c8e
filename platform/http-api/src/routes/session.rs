//! The console's login: a token becomes a cookie that no script can read.

use crate::access::view::{LoginBody, SessionView};
use crate::access::{CSRF_HEADER, Gate, Peer, bad_token, too_many};
use crate::caller::Caller;
use crate::extract::Json;
use crate::limits::address_key;
use crate::problem::Problem;
use crate::state::AppState;
use axum::Extension;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of the login.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(whoami, login, logout))
}

/// Who the caller is, and what it may do.
#[utoipa::path(get, path = "/session", tag = "access", operation_id = "get_session", responses(
    (status = 200, body = SessionView),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
async fn whoami(caller: Caller) -> Json<SessionView> {
    Json(SessionView {
        anonymous: caller.token.is_none(),
        name: caller.name,
        role: caller.role,
        own_only: caller.own_only,
        csrf_header: CSRF_HEADER.to_owned(),
        expires_at: None,
    })
}

/// Logs in: the answer sets a cookie that stands for the token.
#[utoipa::path(post, path = "/session", tag = "access", operation_id = "log_in", request_body = LoginBody, responses(
    (status = 200, body = SessionView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
async fn login(
    Extension(gate): Extension<Arc<Gate>>,
    Extension(peer): Extension<Peer>,
    Json(body): Json<LoginBody>,
) -> Response {
    let (key, instant) = (address_key(peer.address.ip()), Instant::now());
    if let Err(wait) = gate.logins.look(&key, instant) {
        return *too_many("too many failed logins from this address", wait);
    }
    let now = gate.api.now();
    let grant = match gate.api.tokens().check(body.token.trim(), now) {
        Ok(grant) => grant,
        Err(problem) => {
            // Taken only for failures: whoever has a token may log in as often as the rate of requests allows.
            let _ = gate.logins.take(&key, instant);
            return bad_token(problem).into_response();
        }
    };
    let opened = gate.sessions.start(&grant, peer.tls, now);
    // For the audit log: who logged in.
    let caller = Caller {
        role: grant.role,
        name: grant.name.clone(),
        token: Some(grant.id),
        own_only: grant.own_only,
        address: peer.address.ip(),
    };
    let view = SessionView {
        name: grant.name,
        role: grant.role,
        own_only: grant.own_only,
        anonymous: false,
        csrf_header: CSRF_HEADER.to_owned(),
        expires_at: Some(opened.expires_at.0),
    };
    ([(header::SET_COOKIE, opened.cookie)], Extension(caller), Json(view)).into_response()
}

/// Logs out. Without a session this does nothing.
#[utoipa::path(delete, path = "/session", tag = "access", operation_id = "log_out", responses(
    (status = 204, description = "There is no session any more."),
))]
async fn logout(
    Extension(gate): Extension<Arc<Gate>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    gate.sessions.end(&headers, peer.tls, gate.api.now());
    (
        StatusCode::NO_CONTENT,
        [(header::SET_COOKIE, gate.sessions.farewell(peer.tls))],
    )
        .into_response()
}
