//! Every route of the API, and what is said where there is none. Owns nothing.

mod audit;
mod blobs;
pub mod console;
mod events;
mod history;
mod jobs;
pub mod metrics;
pub mod network;
mod quote;
mod session;
pub mod tasks;
mod tokens;
mod webhooks;

use crate::openapi::openapi_json;
use crate::problem::Problem;
use crate::state::AppState;
use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Where the versioned API lives.
pub const API: &str = "/api/v1";

/// Everything under [`API`]. Each module names its paths without it.
fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(tasks::router())
        .merge(jobs::router())
        .merge(quote::router())
        .merge(network::router())
        .merge(history::router())
        .merge(blobs::router())
        .merge(events::router())
        .merge(webhooks::router())
        .merge(session::router())
        .merge(tokens::router())
        .merge(audit::router())
}

/// Everything beside it.
fn root() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .route("/openapi.json", get(description))
        .merge(network::root())
        .merge(metrics::root())
        .merge(console::router())
        .merge(OpenApiRouter::from(crate::graphql::router()))
}

fn all() -> OpenApiRouter<AppState> {
    root().nest(API, api())
}

/// What the routes say of themselves.
pub fn openapi() -> OpenApi {
    all().into_openapi()
}

/// All routes.
pub fn router(state: AppState) -> Router {
    metrics::keep_up(&state.api);
    let (router, _) = all().split_for_parts();
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::from_fn(metrics::count))
        .with_state(state)
}

async fn description() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, openapi_json()).into_response()
}

async fn nothing_here(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(asset) = console::file(&method, &uri, &headers) {
        return asset;
    }
    let path = crate::extract::shown(uri.path());
    let mut problem = Problem::not_found(format!("there is nothing at {path}"));
    problem.remedy = "see /docs, or /openapi.json".to_owned();
    problem.into_response()
}

/// The router adds `Allow`.
async fn wrong_method(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let path = crate::extract::shown(uri.path());
    let detail = format!("{path} does not take {method}");
    let remedy = "use a method of the `Allow` header";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail, remedy).into_response()
}
