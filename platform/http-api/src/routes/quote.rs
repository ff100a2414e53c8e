//! `/quote`: what a task would cost. Nothing is started and nothing is kept.

use crate::caller::Caller;
use crate::extract::{Json, json_body};
use crate::openapi::BodyProblems;
use crate::problem::Problem;
use crate::request::{AnyTaskRequest, read_task};
use crate::state::AppState;
use crate::view::Quote;
use axum::extract::{Request, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(quote))
}

/// What a task would cost
///
/// Validates and plans, and asks the nodes for their prices. Nothing is started.
#[utoipa::path(
    post, path = "/quote", operation_id = "get_quote", tag = "tasks",
    request_body = AnyTaskRequest,
    responses((status = 200, description = "Chunks, price, and who would run them", body = Quote), BodyProblems)
)]
async fn quote(State(state): State<AppState>, caller: Caller, request: Request) -> Result<Json<Quote>, Problem> {
    let body = json_body(request, &state).await?;
    let read = read_task(&body, &caller)?.fitted(state.api.config().worker.memory_bytes);
    let report = state.api.quote(read.submit).await?;
    Ok(Json(report.into()))
}
