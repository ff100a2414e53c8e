//! HTTP tokens, for administrators.

use crate::access::view::{MadeTokenView, NewTokenBody, TokenList, TokenView};
use crate::extract::{Json, Path};
use crate::problem::Problem;
use crate::state::AppState;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of tokens.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

/// All tokens, without their secrets.
#[utoipa::path(get, path = "/tokens", tag = "access", operation_id = "list_tokens", responses(
    (status = 200, body = TokenList),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(state): State<AppState>) -> Json<TokenList> {
    Json(TokenList {
        items: state.api.tokens().list().into_iter().map(TokenView::from).collect(),
        next_cursor: None,
    })
}

/// Makes a token. Its secret is in this answer only.
#[utoipa::path(post, path = "/tokens", tag = "access", operation_id = "make_token", request_body = NewTokenBody,
    responses(
        (status = 201, body = MadeTokenView),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ))]
async fn make(State(state): State<AppState>, Json(body): Json<NewTokenBody>) -> Result<Response, Problem> {
    if body.expires_in_ms == Some(0) {
        return Err(Problem::bad_field("expires_in_ms", "expected a number above 0"));
    }
    let made = state.api.make_token(body.into()).await?;
    let place = format!("/api/v1/tokens/{}", made.report.id);
    let headers = [
        (header::LOCATION, place),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::CREATED, headers, Json(MadeTokenView::from(made))).into_response())
}

/// Ends a token and every session and stream opened with it. Ending it twice is no error.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "access", operation_id = "revoke_token",
    params(("id" = String, Path, description = "Id of the token")),
    responses(
        (status = 200, body = TokenView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ))]
async fn revoke(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<TokenView>, Problem> {
    Ok(Json(state.api.revoke_token(id).await?.into()))
}
