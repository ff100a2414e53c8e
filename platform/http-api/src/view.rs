//! What the API shows: one set of plain types for REST and GraphQL, made from the node's reports. Translates, never
//! decides; owns nothing.
//!
//! Ids and hashes are 64 lower-case hexadecimal digits, moments are Unix milliseconds, amounts are whole micro-credits
//! unless the name ends with `_credits`.

mod chunk;
pub mod event;
mod evidence;
mod history;
mod job;
mod market;
mod metric;
mod network;
mod quote;
mod receipt;
mod task;
mod webhook;

pub use chunk::Chunk;
pub use evidence::{Explanation, Logs, Replay, Usage};
pub use history::{LoadPoint, PastChunk, PastPrices, PastTask};
pub use job::Job;
pub use market::{Ledger, Prices};
pub use metric::TaskMetric;
pub use network::{Finding, NetworkStatus, Peer, StatusParts};
pub use quote::Quote;
pub use receipt::{Receipt, receipt};
pub use task::{ErrorGroup, Task};
pub use webhook::{Webhook, WebhookDelivery, WebhookTest};

use job_model::{MicroCredits, Priority, VerifyPolicy};

/// 64 lower-case hexadecimal digits. Only for the description of the API.
#[derive(utoipa::ToSchema)]
#[schema(
    value_type = String,
    pattern = "^[0-9a-f]{64}$",
    min_length = 64,
    max_length = 64,
    example = "27c1b8b0a7a2e3f7f5a9a4f1c0e6d2b3948576a1b2c3d4e5f60718293a4b5c6d"
)]
pub struct Hash(#[expect(dead_code, reason = "describes a text")] String);

/// Where a task stands. Only for the description of the API.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a text")]
pub enum TaskStatusName {
    /// Submitted, no chunk is placed.
    Pending,
    /// At least one chunk was placed.
    Running,
    /// The result can be fetched.
    Completed,
    /// It will not complete; `detail` says why.
    Failed,
    /// It was cancelled; `detail` says why.
    Cancelled,
}

/// Queue order and price class. Only for the description of the API.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a text")]
pub enum PriorityName {
    /// 0.8 times the price.
    Low,
    /// The base price.
    Normal,
    /// 1.5 times the price.
    High,
    /// Twice the price.
    Critical,
}

/// A name of an enum of the node's model, as its JSON form has it.
pub fn name_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// The name of a priority.
pub fn priority_name(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Critical => "critical",
    }
}

/// A verification policy as people write it: `none`, `spot:0.1`, `quorum:2`, `check`.
pub fn verify_text(verify: VerifyPolicy) -> String {
    match verify {
        VerifyPolicy::None => "none".to_owned(),
        VerifyPolicy::Spot(share) => format!("spot:{share}"),
        VerifyPolicy::Quorum(count) => format!("quorum:{count}"),
        VerifyPolicy::Check => "check".to_owned(),
    }
}

/// A number that JSON can hold.
pub fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// An amount as people write it.
pub fn credits_text(amount: MicroCredits) -> String {
    amount.to_string()
}

/// A part of a list.
#[derive(Clone, PartialEq, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next part; null: there is no more.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A list that fits into one part.
    pub fn whole(items: impl Iterator<Item = T>) -> Self {
        Self {
            items: items.collect(),
            next_cursor: None,
        }
    }
}
