//! What happens at the node: as a stream of Server-Sent Events, or as pages of the journal in JSON. Asks the node and its
//! [`crate::stream::EventHub`]; owns nothing. A stream that is cut goes on where it was with `Last-Event-ID`.

use crate::caller::Caller;
use crate::cursor::Binding;
use crate::extract::{Hex, Json, Path, Query, shown};
use crate::openapi::Problems;
use crate::problem::{FieldError, Problem};
use crate::routes::tasks::{page_limit, visible};
use crate::state::AppState;
use crate::stream::{Listener, Wanted};
use crate::view::event::{EventView, TYPE_NAMES, type_name};
use crate::view::{Hash, Page};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use job_model::{Recorded, TaskId};
use serde::Deserialize;
use std::collections::HashMap;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Journal records read at once while a page is filled.
const READ_AT_ONCE: usize = 128;
/// Journal records looked at for one page: a rare type must not mean a walk through all of it.
const MAX_LOOKED_AT: usize = 16_384;
const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: &str = "last-event-id";

/// Which events.
#[derive(Clone, Default, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// First position in the journal. In a stream `Last-Event-ID` comes before it.
    #[param(minimum = 0)]
    from: Option<u64>,
    /// `next_cursor` of the page before, in place of `from`; not for streams.
    #[param(max_length = 600)]
    cursor: Option<String>,
    /// Most records of a page; of no effect on a stream.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
    /// Only events of these types, separated by commas.
    #[param(example = "task_completed,task_failed")]
    types: Option<String>,
}

/// The routes of this module.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(task_events))
}

/// What happens at the node
///
/// A stream of Server-Sent Events: `id` is the position in the journal, `event` the type, `data` the event. It begins with
/// what happens from now on, with `Last-Event-ID` after that event, with `from` at that position. With
/// `Accept: application/json` a page of the journal, from its beginning unless `from` is given.
#[utoipa::path(
    get,
    path = "/events", operation_id = "list_events",
    tag = "events",
    params(EventQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last event the client got")),
    responses(
        (status = 200, description = "Events", content(
            (String = "text/event-stream"),
            (Page<EventView> = "application/json"),
        )),
        Problems,
    )
)]
async fn events(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !accepts(&headers, EVENT_STREAM) && accepts(&headers, "application/json") {
        return page(&state, &caller, None, &query).await;
    }
    let now = state.events.published().saturating_add(1);
    stream(&state, &caller, None, (&query, &headers, now))
}

/// What happened in a task
///
/// A page of the task's part of the journal, from its beginning unless `from` is given. With `Accept: text/event-stream`
/// a stream of Server-Sent Events, from the task's beginning unless `from` or `Last-Event-ID` is given.
#[utoipa::path(
    get,
    path = "/tasks/{id}/events", operation_id = "list_task_events",
    tag = "tasks",
    params(
        ("id" = inline(Hash), Path, description = "The task's id"),
        EventQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The last event the client got"),
    ),
    responses(
        (status = 200, description = "Events", content(
            (Page<EventView> = "application/json"),
            (String = "text/event-stream"),
        )),
        Problems,
    )
)]
async fn task_events(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(task)): Path<Hex<TaskId>>,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    visible(&state, &caller, task).await?;
    if accepts(&headers, EVENT_STREAM) {
        stream(&state, &caller, Some(task), (&query, &headers, 1))
    } else {
        page(&state, &caller, Some(task), &query).await
    }
}

/// Whether `Accept` names this type.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let named = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
        text.split(',')
            .any(|part| part.split(';').next().unwrap_or_default().trim() == kind)
    };
    headers.get_all(header::ACCEPT).iter().any(named)
}

/// The types a client asks for; all when it names none.
fn read_types(text: Option<&str>) -> Result<Vec<&'static str>, Problem> {
    let names = text.unwrap_or_default().split(',').map(str::trim);
    let find = |name: &str| {
        let found = TYPE_NAMES.into_iter().find(|known| *known == name);
        found.ok_or_else(|| {
            let known = TYPE_NAMES.join(", ");
            Problem::bad_field(
                "types",
                format!("{:?} is no type of event; known: {known}", shown(name)),
            )
        })
    };
    names.filter(|name| !name.is_empty()).map(find).collect()
}

/// Where a stream begins: after `Last-Event-ID`, which a client sends when it comes again, else at `from`.
fn first_position(query: &EventQuery, headers: &HeaderMap, otherwise: u64) -> Result<u64, Problem> {
    let Some(last) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
        return Ok(query.from.unwrap_or(otherwise).max(1));
    };
    let read = last.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    let position = read.and_then(|last| last.checked_add(1));
    position.ok_or_else(|| {
        let said = shown(&String::from_utf8_lossy(last.as_bytes()));
        let message = format!("expected the `id` of an event of this node, a number, got {said:?}");
        let errors = vec![FieldError::new("Last-Event-ID", message)];
        Problem::bad_fields(errors, "connect without it, or with `?from=1`")
    })
}

fn stream(
    state: &AppState,
    caller: &Caller,
    task: Option<TaskId>,
    (query, headers, otherwise): (&EventQuery, &HeaderMap, u64),
) -> Result<Response, Problem> {
    let types = read_types(query.types.as_deref())?;
    if query.cursor.is_some() {
        return Err(Problem::bad_field("cursor", "a stream takes `from` or Last-Event-ID"));
    }
    let from = first_position(query, headers, otherwise)?;
    let end = state.events.published();
    if from > end.saturating_add(1) {
        let detail = format!(
            "this node's journal ends at {end}; event {} is not of it",
            from.saturating_sub(1)
        );
        let remedy =
            "the node has another journal than before: load everything again, then connect without Last-Event-ID";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "unknown_event", detail, remedy));
    }
    let listener = Listener::new(&state.events, caller, Wanted { task, types, from });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Asks proxies not to collect what should go out at once.
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, Body::from_stream(listener.into_stream())).into_response())
}

async fn page(
    state: &AppState,
    caller: &Caller,
    task: Option<TaskId>,
    query: &EventQuery,
) -> Result<Response, Problem> {
    let types = read_types(query.types.as_deref())?;
    let limit = page_limit(query.limit)?;
    let bound = format!("{} {types:?}", task.map_or_else(String::new, |task| task.to_string()));
    let binding = Binding {
        list: "events",
        query: &bound,
    };
    let mut next = page_start(&binding, query)?;
    let mut filter = Filter {
        state,
        caller,
        // Asked already for a task.
        owners: task.map(|task| (task, true)).into_iter().collect(),
        types,
    };
    let mut items = Vec::new();
    let mut looked_at = 0;
    let more = 'fill: loop {
        let records = state.events.records(task, next, READ_AT_ONCE).await?;
        let full = records.len() >= READ_AT_ONCE;
        let mut left = records.len();
        for record in &records {
            left -= 1;
            next = record.seq.saturating_add(1);
            if filter.takes(record).await {
                items.push(EventView::from(record));
            }
            if items.len() >= limit {
                break 'fill full || left > 0;
            }
        }
        looked_at += records.len();
        if !full || looked_at >= MAX_LOOKED_AT {
            break full;
        }
    };
    Ok(Json(Page {
        items,
        next_cursor: more.then(|| binding.cursor(&next.to_be_bytes())),
    })
    .into_response())
}

/// Where a page begins.
fn page_start(binding: &Binding<'_>, query: &EventQuery) -> Result<u64, Problem> {
    let Some(cursor) = &query.cursor else {
        return Ok(query.from.unwrap_or(1).max(1));
    };
    if query.from.is_some() {
        return Err(Problem::bad_field("from", "give it or cursor, not both"));
    }
    let bytes = binding.position(cursor)?;
    Ok(<[u8; 8]>::try_from(bytes.as_slice()).map_or(1, u64::from_be_bytes))
}

/// What of the journal a page shows.
struct Filter<'a> {
    state: &'a AppState,
    caller: &'a Caller,
    owners: HashMap<TaskId, bool>,
    types: Vec<&'static str>,
}

impl Filter<'_> {
    async fn takes(&mut self, record: &Recorded) -> bool {
        if !self.types.is_empty() && !self.types.contains(&type_name(&record.event)) {
            return false;
        }
        if !self.caller.own_only {
            return true;
        }
        let Some(task) = record.event.task() else {
            return false;
        };
        if let Some(visible) = self.owners.get(&task) {
            return *visible;
        }
        let owner = self.state.api.find_task_owner(task).await.ok().flatten();
        let visible = owner.is_some_and(|owner| self.caller.may_see(&owner));
        self.owners.insert(task, visible);
        visible
    }
}

#[cfg(test)]
mod tests;
