//! The audit log, for administrators.

use crate::access::view::{AuditList, AuditVerdict, bad_cursor};
use crate::extract::{Json, Query};
use crate::problem::Problem;
use crate::state::AppState;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Records of a page, unless asked otherwise.
const DEFAULT_LIMIT: u32 = 50;
/// Digits of a hash.
const HASH_DIGITS: usize = 64;

/// The routes of the audit log.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(page)).routes(routes!(verify))
}

/// Which records.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// Number of the first one; none: the newest.
    #[param(minimum = 1)]
    from: Option<u64>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many, 1 to 500; 50 unless told.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Against what to check.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VerifyQuery {
    /// Hash of a record that must be in the log, noted earlier.
    #[param(pattern = "^[0-9a-f]{64}$")]
    expect: Option<String>,
}

/// Records of the audit log, the oldest first; without `from` the newest ones.
#[utoipa::path(get, path = "/audit", tag = "access", operation_id = "list_audit", params(PageQuery), responses(
    (status = 200, body = AuditList),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
async fn page(State(state): State<AppState>, Query(query): Query<PageQuery>) -> Result<Json<AuditList>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=node::access::MAX_AUDIT_PAGE).contains(&limit) {
        return Err(Problem::bad_field("limit", "expected a number from 1 to 500"));
    }
    if query.from == Some(0) {
        return Err(Problem::bad_field("from", "expected a number above 0"));
    }
    let from = match &query.cursor {
        Some(cursor) => Some(cursor.parse().map_err(|_| bad_cursor())?),
        None => query.from,
    };
    Ok(Json(state.api.audit_page(from, limit).await?.into()))
}

/// Checks every record and every link of the audit log.
#[utoipa::path(get, path = "/audit/verify", tag = "access", operation_id = "verify_audit", params(VerifyQuery),
    responses(
        (status = 200, body = AuditVerdict),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ))]
async fn verify(
    State(state): State<AppState>,
    Query(query): Query<VerifyQuery>,
) -> Result<Json<AuditVerdict>, Problem> {
    let is_hash = |text: &String| {
        text.len() == HASH_DIGITS
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    if query.expect.as_ref().is_some_and(|expect| !is_hash(expect)) {
        return Err(Problem::bad_field(
            "expect",
            "expected 64 lower-case hexadecimal digits",
        ));
    }
    Ok(Json(state.api.audit_verify(query.expect).await?.into()))
}
