//! Mutations: what changes something, each checked for its role and recorded in the audit log. Owns nothing.

use super::error::refused;
use super::input::TaskInput;
use super::visible::{asked, needs, task_id};
use crate::access::audit;
use crate::caller::Caller;
use crate::extract::read_id;
use crate::idempotency::Claim;
use crate::problem::Problem;
use crate::request::read_task_value;
use crate::routes::tasks;
use crate::state::AppState;
use crate::view::{Job, Task};
use async_graphql::{Context, Object, Result};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use job_model::{BlobHash, TaskId};
use node::config::Role;

/// The root of mutations.
pub struct Mutation;

/// Runs one mutation: not at all when it cannot be recorded, and recorded whatever comes of it. The answer of `work` is
/// what was changed, and the value for the client.
async fn recorded<T>(
    (state, caller): (&AppState, &Caller),
    action: &str,
    role: Role,
    work: impl Future<Output = Result<(String, T), Problem>>,
) -> Result<T> {
    let action = format!("GraphQL {action}");
    if let Err(error) = needs(caller, role) {
        // It is refused anyway; the writer logs why it cannot.
        let _ = audit(&state.api, caller, &action, "", StatusCode::FORBIDDEN).await;
        return Err(error);
    }
    if !state.api.audit().is_writable() {
        return Err(refused(crate::access::unwritable("nothing was done")));
    }
    let done = work.await;
    let (target, status) = match &done {
        Ok((target, _)) => (target.as_str(), StatusCode::OK),
        Err(problem) => (
            "",
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST),
        ),
    };
    audit(&state.api, caller, &action, target, status)
        .await
        .map_err(refused)?;
    done.map(|(_, value)| value).map_err(refused)
}

async fn submit(state: &AppState, caller: &Caller, input: TaskInput, key: Option<String>) -> Result<TaskId, Problem> {
    let json = input.into_json();
    let body = json.to_string();
    let read = read_task_value(json, caller)?.fitted(state.api.config().worker.memory_bytes);
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let value = HeaderValue::try_from(key)
            .map_err(|_| Problem::bad_field("idempotency_key", "expected visible ASCII characters"))?;
        headers.insert(crate::idempotency::HEADER, value);
    }
    match Claim::of(&headers, &caller.name, body.as_bytes())? {
        None => Ok(state.api.submit(read.submit).await?),
        Some(claim) => Ok(tasks::submit_once(state, read.submit, claim).await?.0),
    }
}

/// What can be done.
#[Object(rename_fields = "snake_case", rename_args = "snake_case")]
impl Mutation {
    /// Submits a task; answers once it is on disk. The same input with the same `idempotency_key` within a day is the same
    /// task. Needs the role submitter.
    #[graphql(complexity = "500 + child_complexity")]
    async fn submit_task(&self, ctx: &Context<'_>, input: TaskInput, idempotency_key: Option<String>) -> Result<Task> {
        let (state, caller) = asked(ctx)?;
        let work = async {
            let task = submit(state, caller, input, idempotency_key).await?;
            let report = state.api.task(task).await?;
            Ok((task.to_string(), tasks::shown(state, report).await))
        };
        Box::pin(recorded((state, caller), "submit_task", Role::Submitter, work)).await
    }

    /// Stops a task; answers once that is on disk. Needs the role submitter, for tasks of others operator.
    #[graphql(complexity = "500 + child_complexity")]
    async fn cancel_task(&self, ctx: &Context<'_>, task_id: String, reason: Option<String>) -> Result<Task> {
        let (state, caller) = asked(ctx)?;
        let id = self::task_id(&task_id)?;
        let work = async {
            let report = tasks::stop(state, caller, id, reason.unwrap_or_default()).await?;
            Ok((id.to_string(), tasks::shown(state, report).await))
        };
        recorded((state, caller), "cancel_task", Role::Submitter, work).await
    }

    /// Publishes a component that was uploaded (`POST /api/v1/blobs`). Needs the role submitter.
    #[graphql(complexity = "500 + child_complexity")]
    async fn publish_job(&self, ctx: &Context<'_>, component_hash: String) -> Result<Job> {
        let (state, caller) = asked(ctx)?;
        let hash: BlobHash =
            read_id(&component_hash).map_err(|message| refused(Problem::bad_field("component_hash", message)))?;
        let work = async { Ok((hash.to_string(), Job::from(state.api.publish(hash).await?))) };
        recorded((state, caller), "publish_job", Role::Submitter, work).await
    }
}
