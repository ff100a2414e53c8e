//! `/tasks`: submit, list, look at, stop. Owns nothing. Who may see only tasks of their own is told of others' as of tasks
//! that do not exist.

mod details;
mod list;

pub use list::page_limit;

use crate::caller::Caller;
use crate::extract::{Hex, Json, OptionalJson, Path, json_body};
use crate::idempotency::Claim;
use crate::openapi::{BodyProblems, Problems};
use crate::problem::Problem;
use crate::request::{AnyTaskRequest, TaskRequest, read_task, request_of};
use crate::results;
use crate::routes::API;
use crate::state::AppState;
use crate::view::{Hash, Task};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use job_model::TaskId;
use node::control::protocol::{SubmitRequest, TaskReport};
use serde::Deserialize;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use list::{TaskQuery, listed};

/// Longest reason of a cancellation, in bytes.
const MAX_REASON_BYTES: usize = 1_000;
/// Whether the answer is of an earlier request with the same key.
const REPLAYED: &str = "idempotency-replayed";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list, submit))
        .routes(routes!(task))
        .routes(routes!(cancel))
        .routes(routes!(request))
        .merge(details::router())
}

/// The same words for a task that is not there and one that is somebody else's.
pub fn no_task(task: TaskId) -> Problem {
    let mut problem = Problem::not_found(format!("this node has no task {task}"));
    problem.remedy = "tasks are known to the node they were submitted to".to_owned();
    problem
}

/// The owner of a task that the caller may see.
pub async fn visible(state: &AppState, caller: &Caller, task: TaskId) -> Result<String, Problem> {
    let owner = state.api.find_task_owner(task).await?;
    owner.filter(|owner| caller.may_see(owner)).ok_or_else(|| no_task(task))
}

/// A task that the caller may see.
pub async fn find(state: &AppState, caller: &Caller, task: TaskId) -> Result<TaskReport, Problem> {
    let report = state.api.task(task).await?;
    if caller.may_see(&report.owner) {
        Ok(report)
    } else {
        Err(no_task(task))
    }
}

/// A task for people, with its result where that is small.
pub async fn shown(state: &AppState, report: TaskReport) -> Task {
    let result = results::inline(state, &report).await;
    let mut task = Task::at(report, state.api.now().0);
    task.result = result;
    task
}

/// Submit a task
///
/// Both shapes of the body are taken: `job` with `params`, and `task_type` with the parameters at the top level. The
/// answer comes once the task is on disk. With an `Idempotency-Key` the same request sent again gives the same task.
#[utoipa::path(
    post, path = "/tasks", operation_id = "submit_task", tag = "tasks",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
        description = "Any text of yours: the same text with the same body within a day is the same task")),
    request_body = AnyTaskRequest,
    responses(
        (status = 201, description = "Submitted", body = Task,
         headers(("Location" = String, description = "Where the task is"))),
        BodyProblems
    )
)]
async fn submit(State(state): State<AppState>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let body = json_body(request, &state).await?;
    let read = read_task(&body, &caller)?.fitted(state.api.config().worker.memory_bytes);
    let (task, replayed) = match Claim::of(&headers, &caller.name, &body)? {
        None => (state.api.submit(read.submit).await?, false),
        Some(claim) => submit_once(&state, read.submit, claim).await?,
    };
    let report = state.api.task(task).await?;
    let mut task = shown(&state, report).await;
    "submitted".clone_into(&mut task.message);
    if !read.note.is_empty() {
        task.message = format!("submitted; {}", read.note);
    }
    let place = HeaderValue::try_from(format!("{API}/tasks/{}", task.task_id));
    let mut response = (StatusCode::CREATED, Json(task)).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    if replayed {
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The task of a key, and whether it was there before.
pub async fn submit_once(state: &AppState, request: SubmitRequest, claim: Claim) -> Result<(TaskId, bool), Problem> {
    let (keys, claim) = (Arc::clone(&state.keys), Arc::new(claim));
    let now = state.api.now().0;
    let known = on_disk(&keys, &claim, move |keys, claim| keys.claim(claim, now)).await??;
    if let Some(task) = known {
        return Ok((task, true));
    }
    match state.api.submit_once(request, claim.nonce()).await {
        Ok(task) => {
            on_disk(&keys, &claim, move |keys, claim| keys.settle(claim, task, now)).await?;
            Ok((task, false))
        }
        Err(error) => {
            let problem = Problem::from(error);
            // Refused for good: the corrected request may use the same key.
            if problem.status < StatusCode::INTERNAL_SERVER_ERROR.as_u16() {
                on_disk(&keys, &claim, move |keys, claim| keys.release(claim, now)).await?;
            }
            Err(problem)
        }
    }
}

/// Runs what waits for the disk on a thread that may wait.
async fn on_disk<R: Send + 'static>(
    keys: &Arc<crate::idempotency::Keys>,
    claim: &Arc<Claim>,
    work: impl FnOnce(&crate::idempotency::Keys, &Claim) -> R + Send + 'static,
) -> Result<R, Problem> {
    let (keys, claim) = (Arc::clone(keys), Arc::clone(claim));
    let running = tokio::task::spawn_blocking(move || work(&keys, &claim));
    running.await.map_err(|error| {
        let remedy = "see the node's log; if it repeats, please report it";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string(), remedy)
    })
}

/// Whether `If-None-Match` names this tag; weak and strong tags are the same to it.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.is_some_and(|known| known.trim() == "*" || known.split(',').any(|one| plain(one) == plain(tag)))
}

fn tag_of(task: &Task, body: &[u8]) -> String {
    let hash = if task.ended_at.is_none() && task.execution_time.is_some() {
        // The time goes on without news.
        let still = Task {
            execution_time: None,
            ..task.clone()
        };
        blake3::hash(&serde_json::to_vec(&still).unwrap_or_default())
    } else {
        blake3::hash(body)
    };
    let digits: String = hash.to_hex().chars().take(32).collect();
    format!("W/\"{digits}\"")
}

/// One task
///
/// The tag changes when the task does: with `If-None-Match` nothing new is 304.
#[utoipa::path(
    get, path = "/tasks/{id}", operation_id = "get_task", tag = "tasks",
    params(
        ("id" = inline(Hash), Path, description = "The task's id"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer")
    ),
    responses(
        (status = 200, description = "The task", body = Task, headers(("ETag" = String, description = "Changes with the task"))),
        (status = 304, description = "Nothing new"),
        Problems
    )
)]
async fn task(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let report = find(&state, &caller, id).await?;
    let task = shown(&state, report).await;
    let body = serde_json::to_vec(&task).unwrap_or_default();
    let tag = tag_of(&task, &body);
    let known = is_known(&headers, &tag);
    let kept = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Why a task is to stop.
#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
struct CancelRequest {
    /// For the record and for whoever asks why.
    #[schema(max_length = 1000)]
    reason: String,
}

/// Stop a task
///
/// Answers once that is on disk. Its workers are told to stop.
#[utoipa::path(
    post, path = "/tasks/{id}/cancel", operation_id = "cancel_task", tag = "tasks",
    params(("id" = inline(Hash), Path, description = "The task's id")),
    request_body = Option<CancelRequest>,
    responses((status = 200, description = "Cancelled", body = Task), BodyProblems)
)]
async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
    OptionalJson(asked): OptionalJson<CancelRequest>,
) -> Result<Json<Task>, Problem> {
    let after = stop(&state, &caller, id, asked.reason).await?;
    Ok(Json(shown(&state, after).await))
}

/// Stops a task that the caller may change; for REST and GraphQL.
pub async fn stop(state: &AppState, caller: &Caller, id: TaskId, reason: String) -> Result<TaskReport, Problem> {
    if reason.len() > MAX_REASON_BYTES {
        return Err(Problem::bad_field(
            "reason",
            format!("at most {MAX_REASON_BYTES} bytes are allowed"),
        ));
    }
    let before = find(state, caller, id).await?;
    may_change(caller, &before.owner)?;
    if before.status.is_final() {
        let status = crate::view::name_of(&before.status);
        let detail = format!("the task has ended already: it is {status}");
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", detail, ""));
    }
    Ok(state.api.cancel(id, reason).await?)
}

fn may_change(caller: &Caller, owner: &str) -> Result<(), Problem> {
    if caller.may_change(owner) {
        return Ok(());
    }
    let detail = format!("the role {} may change only tasks of its own", caller.role.name());
    let remedy = "use the token that submitted it, or one of role operator";
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail, remedy))
}

/// The request that would run a task again
///
/// Send it, changed or not, to `POST /tasks`. The job is named by its hash: what runs is what ran.
#[utoipa::path(
    get, path = "/tasks/{id}/request", operation_id = "get_task_request", tag = "tasks",
    params(("id" = inline(Hash), Path, description = "The task's id")),
    responses((status = 200, description = "A body for `POST /tasks`", body = TaskRequest), Problems)
)]
async fn request(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(id)): Path<Hex<TaskId>>,
) -> Result<Json<TaskRequest>, Problem> {
    let owner = visible(&state, &caller, id).await?;
    let spec = state.api.task_spec(id).await?;
    // The owner of the new task is whoever sends it.
    let owner = if owner == caller.owner() { "" } else { owner.as_str() };
    Ok(Json(request_of(&spec, owner)))
}

#[cfg(test)]
mod tests;
