//! `/jobs`: publish, list, describe. Owns nothing; a component is streamed into the store.

use crate::caller::Caller;
use crate::extract::{Hex, Json, Path, content_type, decode, is_json, is_over_limit, json_body, shown};
use crate::openapi::{BodyProblems, Problems};
use crate::problem::Problem;
use crate::routes::API;
use crate::state::AppState;
use crate::view::{Hash, Job, Page};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use job_model::BlobHash;
use job_model::limits::MAX_COMPONENT_BYTES;
use node::api::{UPLOAD_PIN, UploadError, UploadTerms};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Content type of a component.
const WASM: &str = "application/wasm";
/// Longest name, name@version or hash of a job, in bytes.
const MAX_NAME_BYTES: usize = 256;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, publish))
        .routes(routes!(describe))
}

/// A component that is in the store.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PublishRequest {
    /// Its hash.
    #[schema(value_type = Hash)]
    component: Hex<BlobHash>,
}

/// All known jobs
#[utoipa::path(
    get, path = "/jobs", operation_id = "list_jobs", tag = "jobs",
    responses((status = 200, description = "Built-in jobs, own ones, and those of peers", body = Page<Job>), Problems)
)]
async fn list(State(state): State<AppState>) -> Result<Json<Page<Job>>, Problem> {
    let jobs = state.api.jobs().await?;
    Ok(Json(Page::whole(jobs.into_iter().map(Job::from))))
}

/// One job with its schema
///
/// A job of a peer is fetched for it.
#[utoipa::path(
    get, path = "/jobs/{job}", operation_id = "get_job", tag = "jobs",
    params(("job" = String, Path, description = "Name, `name@version`, hash, or a unique start of the hash", max_length = 256)),
    responses((status = 200, description = "The job, with the schema of its parameters", body = Job), Problems)
)]
async fn describe(State(state): State<AppState>, Path(job): Path<String>) -> Result<Json<Job>, Problem> {
    if job.len() > MAX_NAME_BYTES || job.contains(char::is_control) {
        return Err(Problem::bad_field(
            "job",
            format!("{:?} is no name of a job", shown(&job)),
        ));
    }
    Ok(Json(state.api.describe(&job).await?.into()))
}

/// Publish a job
///
/// The body is the component itself, or names a blob that holds it.
#[utoipa::path(
    post, path = "/jobs", operation_id = "publish_job", tag = "jobs",
    request_body(content((Vec<u8> = "application/wasm"), (PublishRequest = "application/json"))),
    responses(
        (status = 201, description = "Published: known by its name here, and told to the peers", body = Job,
         headers(("Location" = String, description = "Where the job is described"))),
        BodyProblems
    )
)]
async fn publish(State(state): State<AppState>, _caller: Caller, request: Request) -> Result<Response, Problem> {
    let hash = if is_json(request.headers()) {
        decode::<PublishRequest>(&json_body(request, &state).await?)?
            .component
            .0
    } else if content_type(request.headers()).is_some_and(is_wasm) {
        upload(&state, request).await?
    } else {
        let got = content_type(request.headers());
        return Err(Problem::wrong_type("application/wasm or application/json", got));
    };
    let job = Job::from(state.api.publish(hash).await?);
    let place = [(header::LOCATION, format!("{API}/jobs/{}", job.job))];
    Ok((StatusCode::CREATED, place, Json(job)).into_response())
}

fn is_wasm(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(WASM) || essence.eq_ignore_ascii_case("application/octet-stream")
}

/// The length a body says it has.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn upload(state: &AppState, request: Request) -> Result<BlobHash, Problem> {
    let size = length(request.headers());
    if size.is_some_and(|size| size > MAX_COMPONENT_BYTES) {
        return Err(Problem::too_large(MAX_COMPONENT_BYTES));
    }
    let terms = UploadTerms {
        limit: MAX_COMPONENT_BYTES,
        size,
        hash: None,
        pin: UPLOAD_PIN.to_owned(),
    };
    let mut upload = state.api.upload_under(terms).map_err(refused)?;
    let mut body: Body = request.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| cut(&error))?;
        if let Ok(bytes) = frame.into_data() {
            upload.write(bytes).await.map_err(refused)?;
        }
    }
    let (hash, _) = upload.finish(&state.api).await.map_err(refused)?;
    Ok(hash)
}

fn cut(error: &axum::Error) -> Problem {
    if is_over_limit(error) {
        return Problem::too_large(MAX_COMPONENT_BYTES);
    }
    Problem::bad_input(format!("the component ended early: {error}"), "send it again")
}

fn refused(error: UploadError) -> Problem {
    match error {
        UploadError::TooLarge(limit) => Problem::too_large(limit),
        UploadError::NoRoom(_) => {
            let remedy = "free disk space, or raise store.quota_bytes";
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "limit", error.to_string(), remedy)
        }
        UploadError::Unfinished | UploadError::WrongHash { .. } => {
            Problem::bad_input(error.to_string(), "send it again")
        }
        error => {
            let remedy = "see the node's log; if it repeats, please report it";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string(), remedy)
        }
    }
}
