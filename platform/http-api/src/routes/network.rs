//! The node, its peers, credits, prices, and what is wrong. Owns nothing.

use crate::extract::Json;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{Finding, Ledger, NetworkStatus, Page, Peer, Prices, StatusParts};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(peers))
        .routes(routes!(ledger))
        .routes(routes!(prices))
        .routes(routes!(doctor))
}

/// Beside the API: for whoever watches whether the node lives.
pub(super) fn root() -> OpenApiRouter<AppState> {
    let again = axum::Router::new().route("/healthz", axum::routing::get(health));
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .merge(OpenApiRouter::from(again))
}

/// That it lives.
#[derive(serde::Serialize, utoipa::ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
}

const OK: Json<Health> = Json(Health { status: "ok" });

/// Whether the node answers
#[utoipa::path(
    get, path = "/health", tag = "network", security(()),
    responses((status = 200, description = "The HTTP server answers", body = Health))
)]
async fn health() -> Json<Health> {
    OK
}

/// Whether the node does its work
#[utoipa::path(
    get, path = "/ready", tag = "network", security(()),
    responses((status = 200, description = "The node's main loop answers", body = Health), Problems)
)]
async fn ready(State(state): State<AppState>) -> Result<Json<Health>, Problem> {
    state.api.prices().await?;
    Ok(OK)
}

/// The node at a glance
#[utoipa::path(
    get, path = "/network/status", operation_id = "get_network_status", tag = "network",
    responses((status = 200, description = "The node, its load, its credits and its prices", body = NetworkStatus), Problems)
)]
async fn status(State(state): State<AppState>) -> Result<Json<NetworkStatus>, Problem> {
    Ok(Json(glance(&state).await?))
}

/// The node at a glance, for REST and GraphQL.
pub async fn glance(state: &AppState) -> Result<NetworkStatus, Problem> {
    let parts = StatusParts {
        status: state.api.status().await?,
        prices: state.api.prices().await?,
        memory_total_bytes: state.api.machine().memory_total_bytes,
        now: state.api.now().0,
    };
    Ok(parts.into())
}

/// All known peers
#[utoipa::path(
    get, path = "/peers", operation_id = "list_peers", tag = "network",
    responses((status = 200, description = "Connected peers, and those that were", body = Page<Peer>), Problems)
)]
async fn peers(State(state): State<AppState>) -> Result<Json<Page<Peer>>, Problem> {
    let peers = state.api.peers().await?;
    Ok(Json(Page::whole(peers.into_iter().map(Peer::from))))
}

/// Balances per peer
#[utoipa::path(
    get, path = "/ledger", operation_id = "get_ledger", tag = "market",
    responses((status = 200, description = "What was earned and paid, from signed receipts", body = Ledger), Problems)
)]
async fn ledger(State(state): State<AppState>) -> Result<Json<Ledger>, Problem> {
    Ok(Json(state.api.ledger().await?.into()))
}

/// Prices of this node, their past and their prediction
#[utoipa::path(
    get, path = "/prices", operation_id = "get_prices", tag = "market",
    responses((status = 200, description = "Prices now, in an hour, and the market factor so far", body = Prices), Problems)
)]
async fn prices(State(state): State<AppState>) -> Result<Json<Prices>, Problem> {
    Ok(Json(state.api.prices().await?.into()))
}

/// Checks of the node, each with a remedy
#[utoipa::path(
    get, path = "/doctor", operation_id = "doctor", tag = "network",
    responses((status = 200, description = "What was checked and found", body = Page<Finding>), Problems)
)]
async fn doctor(State(state): State<AppState>) -> Result<Json<Page<Finding>>, Problem> {
    let findings = state.api.doctor().await?;
    Ok(Json(Page::whole(findings.into_iter().map(Finding::from))))
}
