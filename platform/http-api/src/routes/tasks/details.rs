//! What a task did: chunks, reasons, evidence, receipts, and running a replica again. Owns nothing.

use super::list::page_limit;
use super::{may_change, visible};
use crate::caller::Caller;
use crate::cursor::Binding;
use crate::extract::{Hex, Json, Path, Query, read_id};
use crate::openapi::{BodyProblems, Problems};
use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{Chunk, Explanation, Hash, Logs, Page, Receipt, Replay, receipt};
use axum::extract::State;
use job_model::TaskId;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(explain))
        .routes(routes!(chunks))
        .routes(routes!(chunk))
        .routes(routes!(logs))
        .routes(routes!(receipts))
        .routes(routes!(replay))
}

/// Which chunks.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ChunkQuery {
    /// The first chunk, from 0.
    from: Option<u32>,
    /// `next_cursor` of the page before; in place of `from`.
    #[param(max_length = 600)]
    cursor: Option<String>,
    /// Most chunks in the answer.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// A position in a list that is counted.
fn start(binding: &Binding<'_>, from: Option<u32>, cursor: Option<&str>) -> Result<u32, Problem> {
    let Some(cursor) = cursor else {
        return Ok(from.unwrap_or(0));
    };
    if from.is_some() {
        return Err(Problem::bad_field("from", "give it or cursor, not both"));
    }
    let bytes = binding.position(cursor)?;
    Ok(<[u8; 4]>::try_from(bytes.as_slice()).map_or(0, u32::from_be_bytes))
}

/// Why chunks wait
#[utoipa::path(
    get, path = "/tasks/{id}/explain", operation_id = "explain_task", tag = "tasks",
    params(("id" = inline(Hash), Path, description = "The task's id")),
    responses((status = 200, description = "Reasons, node by node", body = Explanation), Problems)
)]
async fn explain(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
) -> Result<Json<Explanation>, Problem> {
    visible(&state, &caller, id).await?;
    Ok(Json(state.api.explain(id).await?.into()))
}

/// Chunks of a task in order
#[utoipa::path(
    get, path = "/tasks/{id}/chunks", operation_id = "list_chunks", tag = "tasks",
    params(("id" = inline(Hash), Path, description = "The task's id"), ChunkQuery),
    responses((status = 200, description = "Who ran them, what they said, what was decided", body = Page<Chunk>), Problems)
)]
async fn chunks(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
    Query(query): Query<ChunkQuery>,
) -> Result<Json<Page<Chunk>>, Problem> {
    let limit = u32::try_from(page_limit(query.limit)?).unwrap_or(u32::MAX);
    visible(&state, &caller, id).await?;
    let task = id.to_string();
    let binding = Binding {
        list: "chunks",
        query: &task,
    };
    let from = start(&binding, query.from, query.cursor.as_deref())?;
    let mut found = state.api.chunks(id, from, limit.saturating_add(1)).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = more.then(|| binding.cursor(&from.saturating_add(limit).to_be_bytes()));
    Ok(Json(Page {
        items: found.into_iter().map(Chunk::from).collect(),
        next_cursor: next,
    }))
}

/// One chunk
#[utoipa::path(
    get, path = "/tasks/{id}/chunks/{chunk}", operation_id = "get_chunk", tag = "tasks",
    params(
        ("id" = inline(Hash), Path, description = "The task's id"),
        ("chunk" = u32, Path, description = "Its index, from 0")
    ),
    responses((status = 200, description = "Who ran it, what they said, what was decided", body = Chunk), Problems)
)]
async fn chunk(
    State(state): State<AppState>,
    caller: Caller,
    Path((id, chunk)): Path<(String, u32)>,
) -> Result<Json<Chunk>, Problem> {
    let id: TaskId = read_id(&id).map_err(|why| Problem::bad_field("id", why))?;
    visible(&state, &caller, id).await?;
    let found = state.api.chunks(id, chunk, 1).await?.into_iter().next();
    let found = found.ok_or_else(|| Problem::not_found(format!("the task has no chunk {chunk} (yet)")))?;
    Ok(Json(found.into()))
}

/// Which logs.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// All executions of this chunk; else what failed or said something.
    chunk: Option<u32>,
}

/// What failed, and what it said
#[utoipa::path(
    get, path = "/tasks/{id}/logs", operation_id = "get_task_logs", tag = "tasks",
    params(("id" = inline(Hash), Path, description = "The task's id"), LogQuery),
    responses((status = 200, description = "Errors by frequency, and at most 100 executions", body = Logs), Problems)
)]
async fn logs(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
    Query(query): Query<LogQuery>,
) -> Result<Json<Logs>, Problem> {
    visible(&state, &caller, id).await?;
    Ok(Json(state.api.logs(id, query.chunk).await?.into()))
}

/// Which receipts.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReceiptQuery {
    /// `next_cursor` of the page before.
    #[param(max_length = 600)]
    cursor: Option<String>,
    /// Most receipts in the answer.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Receipts of a task
///
/// Settlements with each worker, as both sides signed them, from this node's ledger. Own replicas cost nothing and have none.
#[utoipa::path(
    get, path = "/tasks/{id}/receipts", operation_id = "list_receipts", tag = "market",
    params(("id" = inline(Hash), Path, description = "The task's id"), ReceiptQuery),
    responses((status = 200, description = "Receipts, the oldest first", body = Page<Receipt>), Problems)
)]
async fn receipts(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
    Query(query): Query<ReceiptQuery>,
) -> Result<Json<Page<Receipt>>, Problem> {
    let limit = page_limit(query.limit)?;
    visible(&state, &caller, id).await?;
    let task = id.to_string();
    let binding = Binding {
        list: "receipts",
        query: &task,
    };
    let from = start(&binding, None, query.cursor.as_deref())?;
    let mut found = state.api.receipts(id, from as usize, limit.saturating_add(1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = from.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX));
    Ok(Json(Page {
        items: found.into_iter().filter_map(receipt).collect(),
        next_cursor: more.then(|| binding.cursor(&next.to_be_bytes())),
    }))
}

/// Which execution to run again.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayRequest {
    /// The chunk, from 0.
    chunk: u32,
    /// Which execution of it; else the first failure, or the last.
    attempt: Option<u32>,
}

/// Run one replica again here, and compare
#[utoipa::path(
    post, path = "/tasks/{id}/replay", operation_id = "replay_chunk", tag = "tasks",
    params(("id" = inline(Hash), Path, description = "The task's id")),
    request_body = ReplayRequest,
    responses((status = 200, description = "What was, what came now, and whether they are the same", body = Replay), BodyProblems)
)]
async fn replay(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
    Json(asked): Json<ReplayRequest>,
) -> Result<Json<Replay>, Problem> {
    let owner = visible(&state, &caller, id).await?;
    may_change(&caller, &owner)?;
    Ok(Json(state.api.replay(id, asked.chunk, asked.attempt).await?.into()))
}
