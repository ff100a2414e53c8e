//! `/metrics` for Prometheus, and the counting of HTTP requests. Owns the recorder of the process: installed before the
//! node starts, so that the node's handles reach it; never removed. Without HTTP there is no recorder, and counting
//! costs nothing. A crash sets counters to zero, as Prometheus expects.

use crate::problem::Problem;
use crate::state::AppState;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use node::{Api, METRIC_BUCKETS};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How often observed values are moved into their histograms when nobody asks for them: bounds what they hold meanwhile.
const UPKEEP: Duration = Duration::from_secs(5);
/// What Prometheus calls this text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Label of requests that no route took: paths of strangers make no series.
const NO_ROUTE: &str = "none";

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the recorder of this process, once. To be called before a node starts.
pub fn install() {
    RECORDER.get_or_init(|| {
        let handle = build().and_then(|builder| builder.install_recorder().map_err(|error| error.to_string()));
        handle
            .inspect_err(|error| tracing::error!(%error, "there will be no metrics"))
            .ok()
    });
    metrics::describe_counter!(
        "p2pjob_http_requests_total",
        "HTTP requests answered, by method, route and status."
    );
    metrics::describe_histogram!(
        "p2pjob_http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time until an HTTP answer began, by method and route."
    );
    metrics::describe_gauge!("p2pjob_sse_listeners", "Clients that listen to event streams.");
}

fn build() -> Result<PrometheusBuilder, String> {
    METRIC_BUCKETS
        .iter()
        .try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
            let matcher = Matcher::Full((*name).to_owned());
            builder
                .set_buckets_for_metric(matcher, bounds)
                .map_err(|error| error.to_string())
        })
}

fn recorder() -> Option<&'static PrometheusHandle> {
    RECORDER.get().and_then(Option::as_ref)
}

/// Keeps what the recorder holds small until the node stops.
pub fn keep_up(api: &Api) {
    api.spawn(async {
        let mut due = tokio::time::interval(UPKEEP);
        loop {
            due.tick().await;
            if let Some(recorder) = recorder() {
                recorder.run_upkeep();
            }
        }
    });
}

/// Beside the API.
pub fn root() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(text))
}

/// Metrics for Prometheus
#[utoipa::path(
    get, path = "/metrics", operation_id = "get_metrics", tag = "network",
    responses((status = 200, description = "Prometheus text format", body = String, content_type = "text/plain"))
)]
async fn text(State(state): State<AppState>) -> Result<Response, Problem> {
    let Some(recorder) = recorder() else {
        let detail = "the metrics recorder could not be installed; the node's log says why";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail, ""));
    };
    metrics::gauge!("p2pjob_sse_listeners").set(state.events.listeners() as f64);
    let of_jobs = state.api.scrape().await?;
    let mut text = recorder.render();
    text.push_str(&of_jobs);
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

/// Counts each request when its answer begins. Its labels are of fixed lists: known methods, routes as they are written
/// down, and status codes.
pub async fn count(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let (started, method) = (Instant::now(), method_name(request.method()));
    let response = next.run(request).await;
    let route = matched.map_or_else(|| NO_ROUTE.to_owned(), |matched| matched.as_str().to_owned());
    let labels = [("method", method.to_owned()), ("route", route)];
    metrics::histogram!("p2pjob_http_request_duration_seconds", &labels).record(started.elapsed());
    let [method, route] = labels;
    let status = ("status", response.status().as_str().to_owned());
    metrics::counter!("p2pjob_http_requests_total", &[method, route, status]).increment(1);
    response
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
