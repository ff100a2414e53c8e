//! Journal records as GraphQL shows them. A value made for one record; owns nothing.

use crate::view::event::{EventView, type_name};
use async_graphql::SimpleObject;
use job_model::Recorded;
use serde_json::Value;

/// Something that happened at the node: one record of its journal.
#[derive(Clone, PartialEq, Debug, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Event {
    /// Position in the journal, from 1, growing; gaps are possible.
    pub seq: u64,
    /// When it was decided, in Unix milliseconds by the node's clock.
    pub at: u64,
    /// What happened, such as `task_completed`.
    #[graphql(name = "type")]
    pub kind: &'static str,
    /// The task, if it belongs to one.
    pub task: Option<String>,
    /// All of it, as `GET /api/v1/events` shows it.
    pub data: Value,
}

impl From<&Recorded> for Event {
    fn from(record: &Recorded) -> Self {
        Self {
            seq: record.seq,
            at: record.at.0,
            kind: type_name(&record.event),
            task: record.event.task().map(|task| task.to_string()),
            data: serde_json::to_value(EventView::from(record)).unwrap_or_default(),
        }
    }
}
