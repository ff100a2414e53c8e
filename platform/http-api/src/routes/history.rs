//! `/history`: what was, from the history database of this node. Owns nothing. Asked of the database directly, never of
//! the node's main loop; who may see only tasks of their own sees only those.

use super::tasks::{no_task, page_limit};
use crate::caller::Caller;
use crate::cursor::Binding;
use crate::extract::{Hex, Json, Query};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{LoadPoint, Page, PastChunk, PastPrices, PastTask, TaskStatusName};
use axum::extract::State;
use axum::http::StatusCode;
use history::{History, HistoryError, SeriesQuery, TaskFilter};
use job_model::{TaskId, TaskStatus, UnixMillis};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A series goes back so far unless told otherwise: a day.
const DEFAULT_SPAN_MS: u64 = 86_400_000;
/// Points of a series unless told otherwise.
const DEFAULT_POINTS: u32 = 500;
/// Longest text of a filter, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// The routes of this module.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(tasks))
        .routes(routes!(chunks))
        .routes(routes!(load))
        .routes(routes!(prices))
}

/// Which tasks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PastTaskQuery {
    /// In this status.
    #[param(value_type = Option<TaskStatusName>)]
    status: Option<TaskStatus>,
    /// Name or hash of the job.
    #[param(max_length = 256)]
    job: Option<String>,
    /// Whose tasks; empty: the node's own user's.
    #[param(max_length = 256)]
    owner: Option<String>,
    /// Submitted at this moment or later, in Unix milliseconds.
    since: Option<u64>,
    /// Submitted before this moment, in Unix milliseconds.
    until: Option<u64>,
    /// `next_cursor` of the page before, with the same filters.
    #[param(max_length = 600)]
    cursor: Option<String>,
    /// Most tasks in the answer.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Which chunks.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PastChunkQuery {
    /// Of this task.
    #[param(value_type = crate::view::Hash)]
    task: Hex<TaskId>,
    /// The first chunk, by index.
    #[serde(default)]
    #[param(default = 0)]
    from: u32,
    /// `next_cursor` of the page before, of the same task.
    #[serde(default)]
    #[param(max_length = 600)]
    cursor: Option<String>,
    /// Most chunks in the answer.
    #[serde(default)]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Which samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Span {
    /// From this moment on, in Unix milliseconds; else the day before `until`.
    since: Option<u64>,
    /// To before this moment, in Unix milliseconds; else now.
    until: Option<u64>,
    /// Most points in the answer: the database gives means over equal spans of time.
    #[param(minimum = 1, maximum = 2000, default = 500)]
    points: Option<u32>,
}

fn open(state: &AppState) -> Result<&History, Problem> {
    state.api.history().ok_or_else(|| {
        let remedy = "set history.enabled = true in the node's configuration";
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "this node keeps no history",
            remedy,
        )
    })
}

/// Where the database is, is nobody's business here; the node's log says it.
fn unavailable(error: HistoryError) -> Problem {
    tracing::debug!(%error, "a question to the history failed");
    let remedy = "try again; the node's log says why";
    let detail = "the history database does not answer now";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail, remedy)
}

/// Remembered tasks, the newest first
#[utoipa::path(
    get, path = "/history/tasks", operation_id = "history_tasks", tag = "history", params(PastTaskQuery),
    responses((status = 200, description = "Tasks, and where to go on", body = Page<PastTask>), Problems)
)]
async fn tasks(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<PastTaskQuery>,
) -> Result<Json<Page<PastTask>>, Problem> {
    let limit = page_limit(query.limit)?;
    for (field, text) in [("job", &query.job), ("owner", &query.owner)] {
        if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(Problem::bad_field(
                field,
                format!("at most {MAX_TEXT_BYTES} bytes are allowed"),
            ));
        }
    }
    let others = query.owner.as_ref().is_some_and(|owner| *owner != caller.name);
    let mut filter = TaskFilter {
        node: Some(state.api.node_id()),
        owner: if caller.own_only {
            Some(caller.name.clone())
        } else {
            query.owner
        },
        status: query.status,
        job: query.job,
        since: query.since.map(UnixMillis),
        // Somebody else's tasks are not there for them.
        until: if caller.own_only && others {
            Some(UnixMillis(0))
        } else {
            query.until.map(UnixMillis)
        },
        ..TaskFilter::default()
    };
    let bound = format!("{filter:?}");
    let binding = Binding {
        list: "history/tasks",
        query: &bound,
    };
    if let Some(cursor) = &query.cursor {
        let position = String::from_utf8(binding.position(cursor)?).unwrap_or_default();
        filter.after = position.parse().ok();
    }
    filter.limit = u32::try_from(limit).unwrap_or(history::MAX_ROWS);
    let page = open(&state)?.tasks(&filter).await.map_err(unavailable)?;
    Ok(Json(Page {
        items: page.tasks.into_iter().map(PastTask::from).collect(),
        next_cursor: page.next.map(|next| binding.cursor(next.to_string().as_bytes())),
    }))
}

/// Remembered chunks of a task
///
/// Chunks that no node was given are left out.
#[utoipa::path(
    get, path = "/history/chunks", operation_id = "history_chunks", tag = "history", params(PastChunkQuery),
    responses((status = 200, description = "Chunks by index, and where to go on", body = Page<PastChunk>), Problems)
)]
async fn chunks(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<PastChunkQuery>,
) -> Result<Json<Page<PastChunk>>, Problem> {
    let limit = page_limit(query.limit)?;
    let Hex(task) = query.task;
    let bound = task.to_string();
    let binding = Binding {
        list: "history/chunks",
        query: &bound,
    };
    let mut from = query.from;
    if let Some(cursor) = &query.cursor {
        let position = binding.position(cursor)?;
        from = position
            .first_chunk::<4>()
            .map_or(from, |bytes| u32::from_be_bytes(*bytes));
    }
    let (history, node) = (open(&state)?, state.api.node_id());
    let row = history.task(node, task).await.map_err(unavailable)?;
    if !row.is_some_and(|row| caller.may_see(&row.owner)) {
        return Err(no_task(task));
    }
    // One more tells whether there is more.
    let wanted = u32::try_from(limit).unwrap_or(history::MAX_ROWS - 1) + 1;
    let mut rows = history.chunks(node, task, from, wanted).await.map_err(unavailable)?;
    let next = rows.get(limit).and_then(|row| u32::try_from(row.chunk).ok());
    rows.truncate(limit);
    Ok(Json(Page {
        items: rows.into_iter().map(PastChunk::from).collect(),
        next_cursor: next.map(|next| binding.cursor(&next.to_be_bytes())),
    }))
}

fn series(state: &AppState, span: Span) -> Result<SeriesQuery, Problem> {
    let until = span.until.unwrap_or_else(|| state.api.now().0);
    let since = span.since.unwrap_or_else(|| until.saturating_sub(DEFAULT_SPAN_MS));
    let points = span.points.unwrap_or(DEFAULT_POINTS);
    if !(1..=history::MAX_POINTS).contains(&points) {
        let message = format!("expected 1 to {}, got {points}", history::MAX_POINTS);
        return Err(Problem::bad_field("points", message));
    }
    if since > until {
        return Err(Problem::bad_field("since", "must not lie after `until`"));
    }
    Ok(SeriesQuery {
        node: state.api.node_id(),
        since: UnixMillis(since),
        until: UnixMillis(until),
        points,
    })
}

/// Load of this node over time
#[utoipa::path(
    get, path = "/history/load", operation_id = "history_load", tag = "history", params(Span),
    responses((status = 200, description = "Means over equal spans of time, the oldest first", body = Page<LoadPoint>), Problems)
)]
async fn load(State(state): State<AppState>, Query(span): Query<Span>) -> Result<Json<Page<LoadPoint>>, Problem> {
    let query = series(&state, span)?;
    let points = open(&state)?.load(&query).await.map_err(unavailable)?;
    Ok(Json(Page::whole(points.into_iter().map(LoadPoint::from))))
}

/// Prices of this node over time
#[utoipa::path(
    get, path = "/history/prices", operation_id = "history_prices", tag = "history", params(Span),
    responses((status = 200, description = "Means over equal spans of time, the oldest first", body = Page<PastPrices>), Problems)
)]
async fn prices(State(state): State<AppState>, Query(span): Query<Span>) -> Result<Json<Page<PastPrices>>, Problem> {
    let query = series(&state, span)?;
    let points = open(&state)?.prices(&query).await.map_err(unavailable)?;
    Ok(Json(Page::whole(points.into_iter().map(PastPrices::from))))
}
