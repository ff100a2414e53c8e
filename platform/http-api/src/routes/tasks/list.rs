//! `GET /tasks`: in pages, newest first, filtered by the node. Owns nothing.

use crate::caller::Caller;
use crate::cursor::Binding;
use crate::extract::{Json, Query, shown};
use crate::openapi::Problems;
use crate::problem::{FieldError, Problem};
use crate::state::AppState;
use crate::view::{Page, Task};
use axum::extract::State;
use job_model::{TaskId, TaskStatus, UnixMillis};
use node::api::{TaskFilter, TaskPage, TaskPlace};
use serde::Deserialize;

/// Items of a page, unless told otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most items of a page.
pub const MAX_LIMIT: u32 = 500;
/// Longest text of a filter, in bytes.
const MAX_TEXT_BYTES: usize = 256;

/// Which tasks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TaskQuery {
    /// Statuses with commas between: `pending`, `running`, `completed`, `failed`, `cancelled`.
    #[param(
        pattern = "^(pending|running|completed|failed|cancelled)(,(pending|running|completed|failed|cancelled))*$"
    )]
    pub status: Option<String>,
    /// Name or hash of the job.
    #[param(max_length = 256)]
    pub job: Option<String>,
    /// Whose tasks; empty: the node's own user's.
    #[param(max_length = 256)]
    pub owner: Option<String>,
    /// Submitted at this moment or later, in Unix milliseconds.
    pub since: Option<u64>,
    /// Submitted before this moment, in Unix milliseconds.
    pub until: Option<u64>,
    /// Start of the id, or a part of the job's name.
    #[param(max_length = 256)]
    pub q: Option<String>,
    /// `next_cursor` of the page before, with the same filters.
    #[param(max_length = 600)]
    pub cursor: Option<String>,
    /// Most tasks in the answer.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: Option<u32>,
}

/// How many items are wanted.
pub fn page_limit(limit: Option<u32>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit as usize);
    }
    Err(Problem::bad_field(
        "limit",
        format!("expected 1 to {MAX_LIMIT}, got {limit}"),
    ))
}

fn statuses(text: &str, errors: &mut Vec<FieldError>) -> Vec<TaskStatus> {
    let mut found = Vec::new();
    for name in text.split(',') {
        match serde_json::from_value(serde_json::Value::String(name.to_owned())) {
            Ok(status) => found.push(status),
            Err(_) => {
                let known = "pending, running, completed, failed or cancelled";
                errors.push(FieldError::new(
                    "status",
                    format!("expected {known}, got {:?}", shown(name)),
                ));
            }
        }
    }
    found
}

/// What the node is asked for.
fn filter(query: &TaskQuery, caller: &Caller) -> Result<TaskFilter, Problem> {
    let mut errors = Vec::new();
    for (field, text) in [("job", &query.job), ("owner", &query.owner), ("q", &query.q)] {
        if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
            errors.push(FieldError::new(
                field,
                format!("at most {MAX_TEXT_BYTES} bytes are allowed"),
            ));
        }
    }
    let filter = TaskFilter {
        statuses: query
            .status
            .as_deref()
            .map(|text| statuses(text, &mut errors))
            .unwrap_or_default(),
        job: query.job.clone(),
        owner: if caller.own_only {
            Some(caller.name.clone())
        } else {
            query.owner.clone()
        },
        since: query.since.map(UnixMillis),
        until: query.until.map(UnixMillis),
        text: query.q.clone().filter(|text| !text.is_empty()),
    };
    if errors.is_empty() {
        Ok(filter)
    } else {
        Err(Problem::bad_fields(errors, ""))
    }
}

fn bytes_of((at, task): TaskPlace) -> Vec<u8> {
    let mut bytes = at.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(task.as_bytes());
    bytes
}

fn place_of(bytes: &[u8]) -> Option<TaskPlace> {
    let (at, task) = bytes.split_first_chunk::<8>()?;
    let task = <[u8; 32]>::try_from(task).ok()?;
    Some((UnixMillis(u64::from_be_bytes(*at)), TaskId(task)))
}

/// Tasks, the newest first
///
/// `result` is null here: ask for one task to see it.
#[utoipa::path(
    get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(TaskQuery),
    responses((status = 200, description = "Tasks, and where to go on", body = Page<Task>), Problems)
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<TaskQuery>,
) -> Result<Json<Page<Task>>, Problem> {
    let listed = listed(&state, &caller, &query).await?;
    let now = state.api.now().0;
    let next_cursor = listed.page.next.map(|place| listed.cursor(place));
    Ok(Json(Page {
        items: listed
            .page
            .tasks
            .into_iter()
            .map(|report| Task::at(report, now))
            .collect(),
        next_cursor,
    }))
}

/// A page of tasks, and what its cursors are bound to.
pub struct Listed {
    /// The tasks.
    pub page: TaskPage,
    bound: String,
}

impl Listed {
    /// The cursor to what comes after a place.
    pub fn cursor(&self, place: TaskPlace) -> String {
        binding(&self.bound).cursor(&bytes_of(place))
    }
}

fn binding(bound: &str) -> Binding<'_> {
    Binding {
        list: "tasks",
        query: bound,
    }
}

/// A page of the tasks that the caller may see; for REST and GraphQL.
pub async fn listed(state: &AppState, caller: &Caller, query: &TaskQuery) -> Result<Listed, Problem> {
    let limit = page_limit(query.limit)?;
    let mut filter = filter(query, caller)?;
    // Somebody else's tasks are not there for them.
    if caller.own_only && query.owner.as_ref().is_some_and(|owner| *owner != caller.name) {
        filter.until = Some(UnixMillis(0));
    }
    let bound = format!("{filter:?}");
    let from = match &query.cursor {
        Some(cursor) => place_of(&binding(&bound).position(cursor)?),
        None => None,
    };
    let page = state.api.task_page(filter, from, limit).await?;
    Ok(Listed { page, bound })
}
