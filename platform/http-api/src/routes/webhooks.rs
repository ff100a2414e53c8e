//! `/webhooks`: receivers that are told when tasks end, and what was sent to them. Owns nothing.

use crate::cursor::Binding;
use crate::extract::{Json, Path, Query, shown};
use crate::openapi::{BodyProblems, Problems};
use crate::problem::{FieldError, Problem};
use crate::routes::API;
use crate::state::AppState;
use crate::view::{Page, Webhook, WebhookDelivery, WebhookTest};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use node::webhooks::{DeliveryState, HookEvent, HookSpec, MAX_PAGE};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Deliveries of a page, unless told otherwise.
const DEFAULT_LIMIT: u32 = 50;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(one, remove))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(resend))
}

/// All webhooks
#[utoipa::path(
    get, path = "/webhooks", operation_id = "list_webhooks", tag = "webhooks",
    responses((status = 200, description = "The oldest first; without their secrets", body = Page<Webhook>), Problems)
)]
async fn list(State(state): State<AppState>) -> Result<Json<Page<Webhook>>, Problem> {
    let hooks = state.api.webhooks().await?;
    Ok(Json(Page::whole(hooks.into_iter().map(Webhook::from))))
}

/// A webhook as it is wanted.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookRequest {
    /// The receiver: `https`, at a public address, unless `webhooks.allow_private` is set.
    #[schema(max_length = 2048, example = "https://example.com/hook")]
    url: String,
    /// What it is told of: `task_completed`, `task_failed`, `task_cancelled`; absent: everything.
    #[serde(default)]
    #[schema(example = json!(["task_completed"]))]
    events: Vec<String>,
    /// Only tasks of this owner.
    #[serde(default)]
    #[schema(max_length = 256)]
    owner: Option<String>,
}

fn read_events(names: &[String]) -> Result<Vec<HookEvent>, Problem> {
    let mut errors = Vec::new();
    let mut events = Vec::new();
    for (place, name) in names.iter().enumerate() {
        match HookEvent::of_name(name) {
            Some(event) => events.push(event),
            None => {
                let message = format!(
                    "expected task_completed, task_failed or task_cancelled, got {:?}",
                    shown(name)
                );
                errors.push(FieldError::new(format!("events[{place}]"), message));
            }
        }
    }
    if errors.is_empty() {
        Ok(events)
    } else {
        Err(Problem::bad_fields(errors, ""))
    }
}

/// Make a webhook
///
/// The answer holds its secret, this once.
#[utoipa::path(
    post, path = "/webhooks", operation_id = "make_webhook", tag = "webhooks", request_body = WebhookRequest,
    responses(
        (status = 201, description = "Made", body = Webhook, headers(("Location" = String, description = "Where it is"))),
        BodyProblems
    )
)]
async fn add(State(state): State<AppState>, Json(asked): Json<WebhookRequest>) -> Result<Response, Problem> {
    let spec = HookSpec {
        events: read_events(&asked.events)?,
        url: asked.url,
        owner: asked.owner,
    };
    let hook = Webhook::from(state.api.add_webhook(spec).await?);
    let place = [(header::LOCATION, format!("{API}/webhooks/{}", hook.id))];
    // A secret is for the one who asked.
    let kept = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, place, kept, Json(hook)).into_response())
}

/// One webhook
#[utoipa::path(
    get, path = "/webhooks/{id}", operation_id = "get_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "Its id", max_length = 64)),
    responses((status = 200, description = "The webhook, without its secret", body = Webhook), Problems)
)]
async fn one(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<Webhook>, Problem> {
    Ok(Json(state.api.webhook(&read_id(id)?).await?.into()))
}

/// Forget a webhook, and what waits for it
#[utoipa::path(
    delete, path = "/webhooks/{id}", operation_id = "remove_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "Its id", max_length = 64)),
    responses((status = 204, description = "Forgotten"), Problems)
)]
async fn remove(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    state.api.remove_webhook(read_id(id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a `ping` now, and say what came back
///
/// One that is taken enables a disabled webhook again.
#[utoipa::path(
    post, path = "/webhooks/{id}/test", operation_id = "test_webhook", tag = "webhooks",
    params(("id" = String, Path, description = "Its id", max_length = 64)),
    responses((status = 200, description = "What came back, good or bad", body = WebhookTest), Problems)
)]
async fn test(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<WebhookTest>, Problem> {
    Ok(Json(state.api.test_webhook(read_id(id)?).await?.into()))
}

/// Which deliveries.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryQuery {
    /// `pending`, `dead` or `delivered`; absent: all.
    #[param(pattern = "^(pending|dead|delivered)$")]
    state: Option<String>,
    /// `next_cursor` of the page before, with the same state.
    #[param(max_length = 600)]
    cursor: Option<String>,
    /// Most deliveries in the answer.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

fn read_state(text: &str) -> Result<DeliveryState, Problem> {
    let message = || format!("expected pending, dead or delivered, got {:?}", shown(text));
    DeliveryState::of_name(text).ok_or_else(|| Problem::bad_field("state", message()))
}

/// What was sent, the newest first
///
/// Dead letters are those whose attempts are used up.
#[utoipa::path(
    get, path = "/webhooks/deliveries", operation_id = "list_deliveries", tag = "webhooks", params(DeliveryQuery),
    responses((status = 200, description = "Deliveries with the evidence of their attempts", body = Page<WebhookDelivery>), Problems)
)]
async fn deliveries(
    State(state): State<AppState>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<Page<WebhookDelivery>>, Problem> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_field(
            "limit",
            format!("expected 1 to {MAX_PAGE}, got {limit}"),
        ));
    }
    let wanted = query.state.as_deref().map(read_state).transpose()?;
    let binding = Binding {
        list: "deliveries",
        query: query.state.as_deref().unwrap_or_default(),
    };
    let before = match &query.cursor {
        Some(cursor) => binding
            .position(cursor)?
            .first_chunk::<8>()
            .map(|bytes| u64::from_be_bytes(*bytes)),
        None => None,
    };
    let page = state.api.deliveries(wanted, before, limit).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(WebhookDelivery::from).collect(),
        next_cursor: page.next.map(|number| binding.cursor(&number.to_be_bytes())),
    }))
}

/// Send a dead letter again, or a waiting one now
#[utoipa::path(
    post, path = "/webhooks/deliveries/{id}/resend", operation_id = "resend_delivery", tag = "webhooks",
    params(("id" = String, Path, description = "The delivery's id", max_length = 128)),
    responses((status = 200, description = "It waits again, and is sent at once", body = WebhookDelivery), Problems)
)]
async fn resend(State(state): State<AppState>, Path(id): Path<String>) -> Result<Json<WebhookDelivery>, Problem> {
    Ok(Json(state.api.resend_delivery(&read_id(id)?).await?.into()))
}

/// An id of ours: short, and nothing that messages should not repeat.
fn read_id(id: String) -> Result<String, Problem> {
    const MAX_ID_BYTES: usize = 128;
    let plain = id.len() <= MAX_ID_BYTES && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain {
        Ok(id)
    } else {
        Err(Problem::not_found(format!("there is nothing called {:?}", shown(&id))))
    }
}
