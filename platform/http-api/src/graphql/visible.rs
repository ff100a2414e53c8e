//! What a caller may see and do, for all of GraphQL: the same as in REST. Values of one request; own nothing.

use super::error::refused;
use crate::caller::Caller;
use crate::extract::read_id;
use crate::problem::Problem;
use crate::state::AppState;
use async_graphql::{Context, Result};
use axum::http::StatusCode;
use job_model::{Recorded, TaskId};
use node::config::Role;
use std::collections::HashMap;

/// Tasks of which one answer or stream remembers whether the caller may see them.
const REMEMBERED_TASKS: usize = 4_096;

/// The node and who asks.
pub fn asked<'a>(ctx: &Context<'a>) -> Result<(&'a AppState, &'a Caller)> {
    let state = ctx.data::<AppState>()?;
    let caller = ctx
        .data_opt::<Caller>()
        .ok_or_else(|| refused(Problem::unauthenticated()))?;
    Ok((state, caller))
}

/// That a caller has a role, or a stronger one.
pub fn needs(caller: &Caller, role: Role) -> Result<()> {
    if caller.role >= role {
        return Ok(());
    }
    let detail = format!(
        "this needs the role {}; the caller has the role {}",
        role.name(),
        caller.role.name()
    );
    let remedy = format!("use a token with the role {} or a stronger one", role.name());
    Err(refused(Problem::new(
        StatusCode::FORBIDDEN,
        "wrong_role",
        detail,
        &remedy,
    )))
}

/// A task id of an argument.
pub fn task_id(text: &str) -> Result<TaskId> {
    read_id(text).map_err(|message| refused(Problem::bad_field("task_id", message)))
}

/// A number of items of an argument, with its bounds.
pub fn bounded(name: &str, value: Option<u32>, usual: u32, most: u32) -> Result<u32> {
    let value = value.unwrap_or(usual);
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    Err(refused(Problem::bad_field(
        name,
        format!("expected 1 to {most}, got {value}"),
    )))
}

/// Which records a caller may see.
pub struct Eyes {
    state: AppState,
    caller: Caller,
    known: HashMap<TaskId, bool>,
}

impl Eyes {
    /// Of a caller.
    pub fn new(state: &AppState, caller: &Caller) -> Self {
        Self {
            state: state.clone(),
            caller: caller.clone(),
            known: HashMap::new(),
        }
    }

    /// Whether it may see a record. What belongs to no task is the node's, not that of a caller with own tasks only.
    pub async fn see(&mut self, record: &Recorded) -> bool {
        if !self.caller.own_only {
            return true;
        }
        let Some(task) = record.event.task() else { return false };
        if let Some(known) = self.known.get(&task) {
            return *known;
        }
        if self.known.len() >= REMEMBERED_TASKS {
            self.known.clear();
        }
        let owner = self.state.api.find_task_owner(task).await.ok().flatten();
        let visible = owner.is_some_and(|owner| self.caller.may_see(&owner));
        self.known.insert(task, visible);
        visible
    }
}
