//! The routes that move bytes. An upload goes straight to the store, piece by piece; one that ends early leaves nothing.

use super::sending::{BytesQuery, answer};
use super::upload_pin;
use crate::caller::Caller;
use crate::extract::{Hex, Json, Path, Query, is_over_limit};
use crate::openapi::{BodyProblems, Problems};
use crate::problem::Problem;
use crate::routes::tasks::visible;
use crate::state::AppState;
use crate::view::Hash;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use job_model::{BlobHash, TaskId, TaskStatus};
use node::api::{UploadError, UploadTerms};
use node::control::protocol::{ControlError, ErrorCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What an upload promises.
#[derive(Clone, Default, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// The hash the bytes must have; others are not stored.
    #[param(value_type = Option<Hash>)]
    hash: Option<Hex<BlobHash>>,
}

/// A stored upload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// BLAKE3 hash of the bytes.
    #[schema(value_type = Hash)]
    pub hash: BlobHash,
    /// Size in bytes.
    pub size: u64,
}

/// Upload a blob
///
/// The body is the blob. It is kept under the name `uploaded`, followed by `:` and the token's name where there is a token.
#[utoipa::path(
    post,
    path = "/blobs", operation_id = "upload_blob",
    tag = "blobs",
    params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes"),
    responses(
        (status = 201, description = "Stored", body = Uploaded, headers(("Location" = String))),
        BodyProblems,
    )
)]
pub async fn upload(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let terms = UploadTerms {
        limit: state.api.config().http.max_upload_bytes,
        size: content_length(&headers),
        hash: query.hash.map(|Hex(hash)| hash),
        pin: upload_pin(&caller),
    };
    let limit = terms.limit;
    let mut upload = state.api.upload_under(terms).map_err(refused)?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let bytes = piece.map_err(|error| match is_over_limit(&error) {
            true => Problem::too_large(limit),
            false => refused(UploadError::Unfinished),
        })?;
        upload.write(bytes).await.map_err(refused)?;
    }
    let (hash, size) = upload.finish(&state.api).await.map_err(refused)?;
    let place = [(header::LOCATION, format!("/api/v1/blobs/{hash}"))];
    Ok((StatusCode::CREATED, place, Json(Uploaded { hash, size })).into_response())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn refused(error: UploadError) -> Problem {
    let detail = error.to_string();
    match error {
        UploadError::Unfinished => Problem::new(StatusCode::BAD_REQUEST, "upload_unfinished", detail, "send all of it"),
        UploadError::TooLarge(_) => {
            let remedy = "raise http.max_upload_bytes of the node, or cut the data";
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail, remedy)
        }
        UploadError::WrongHash { .. } => {
            let remedy = "send the blob again: its bytes changed on the way, or the hash is of other bytes";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong_hash", detail, remedy)
        }
        UploadError::NoRoom(_) => Problem::new(StatusCode::INSUFFICIENT_STORAGE, "no_room", detail, "unpin blobs"),
        _ => Problem::from(ControlError {
            code: ErrorCode::Internal,
            message: detail,
            remedy: "see the node's log".to_owned(),
        }),
    }
}

/// The bytes of a blob
///
/// All, or a part of them by `Range`. What is not on this node is brought here first from whoever has it.
#[utoipa::path(
    get,
    path = "/blobs/{hash}", operation_id = "get_blob",
    tag = "blobs",
    params(
        ("hash" = inline(Hash), Path, description = "The blob"),
        BytesQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The entity tag for which the range is meant"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags the client has"),
    ),
    responses(
        (status = 200, description = "All bytes; octets unless `as` says otherwise", content(
            (Vec<u8> = "application/octet-stream"),
            (serde_json::Value = "application/json"),
            (String = "text/plain"),
            (Vec<u8> = "image/png"),
        )),
        (status = 206, description = "A part", content(
            (Vec<u8> = "application/octet-stream"),
            (serde_json::Value = "application/json"),
            (String = "text/plain"),
            (Vec<u8> = "image/png"),
        )),
        (status = 304, description = "The client has it"),
        (status = 416, description = "The range begins beyond the end", body = Problem, content_type = "application/problem+json"),
        Problems,
    )
)]
pub async fn download(
    State(state): State<AppState>,
    Path(Hex(hash)): Path<Hex<BlobHash>>,
    Query(query): Query<BytesQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&state, hash, &query, (&Method::GET, &headers)).await
}

/// Whether a blob can be had, and its size
#[utoipa::path(
    head,
    path = "/blobs/{hash}", operation_id = "head_blob",
    tag = "blobs",
    params(("hash" = inline(Hash), Path, description = "The blob"), BytesQuery),
    responses(
        (status = 200, description = "It is here; `Content-Length` is its size"),
        (status = 206, description = "A part of it"),
        (status = 304, description = "The client has it"),
        (status = 416, description = "The range begins beyond the end"),
        Problems,
    )
)]
pub async fn head(
    State(state): State<AppState>,
    Path(Hex(hash)): Path<Hex<BlobHash>>,
    Query(query): Query<BytesQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&state, hash, &query, (&Method::HEAD, &headers)).await
}

/// The bytes of a task's result
#[utoipa::path(
    get,
    path = "/tasks/{id}/result", operation_id = "get_task_result",
    tag = "tasks",
    params(
        ("id" = inline(Hash), Path, description = "The task"),
        BytesQuery,
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The entity tag for which the range is meant"),
        ("If-None-Match" = Option<String>, Header, description = "Entity tags the client has"),
    ),
    responses(
        (status = 200, description = "All bytes; octets unless `as` says otherwise", content(
            (Vec<u8> = "application/octet-stream"),
            (serde_json::Value = "application/json"),
            (String = "text/plain"),
            (Vec<u8> = "image/png"),
        )),
        (status = 206, description = "A part", content(
            (Vec<u8> = "application/octet-stream"),
            (serde_json::Value = "application/json"),
            (String = "text/plain"),
            (Vec<u8> = "image/png"),
        )),
        (status = 304, description = "The client has it"),
        (status = 409, description = "`not_finished` while it runs, `no_result` where it failed", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range begins beyond the end", body = Problem, content_type = "application/problem+json"),
        Problems,
    )
)]
pub async fn result(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(task)): Path<Hex<TaskId>>,
    Query(query): Query<BytesQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let hash = result_of(&state, &caller, task).await?;
    answer(&state, hash, &query, (&Method::GET, &headers)).await
}

/// Whether a task's result is there, and its size
#[utoipa::path(
    head,
    path = "/tasks/{id}/result", operation_id = "head_task_result",
    tag = "tasks",
    params(("id" = inline(Hash), Path, description = "The task"), BytesQuery),
    responses(
        (status = 200, description = "It is there; `Content-Length` is its size"),
        (status = 206, description = "A part of it"),
        (status = 304, description = "The client has it"),
        (status = 409, description = "There is no result, or not yet"),
        (status = 416, description = "The range begins beyond the end"),
        Problems,
    )
)]
pub async fn result_head(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(task)): Path<Hex<TaskId>>,
    Query(query): Query<BytesQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let hash = result_of(&state, &caller, task).await?;
    answer(&state, hash, &query, (&Method::HEAD, &headers)).await
}

async fn result_of(state: &AppState, caller: &Caller, task: TaskId) -> Result<BlobHash, Problem> {
    visible(state, caller, task).await?;
    let report = state.api.task(task).await?;
    let conflict = |code, detail: String, remedy| Err(Problem::new(StatusCode::CONFLICT, code, detail, remedy));
    match (report.status, report.result_hash) {
        (TaskStatus::Completed, Some(hash)) => Ok(hash),
        (TaskStatus::Failed | TaskStatus::Cancelled, _) => {
            conflict("no_result", format!("task {task} has no result: {}", report.detail), "")
        }
        _ => {
            let remedy = "watch GET /api/v1/tasks/{id}/events for task_completed";
            conflict("not_finished", format!("task {task} is still running"), remedy)
        }
    }
}
