//! Webhooks and their deliveries. Values made for one answer; own nothing.

use super::Hash;
use node::webhooks::{Attempt, Delivery, HookReport, TestReport};
use serde::Serialize;
use utoipa::ToSchema;

/// A receiver that is told when tasks end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    #[schema(example = "wh_5a1e9c0d3b7f2468")]
    pub id: String,
    /// The receiver.
    #[schema(example = "https://example.com/hook")]
    pub url: String,
    /// What it is told of: `task_completed`, `task_failed`, `task_cancelled`.
    pub events: Vec<String>,
    /// Only tasks of this owner; null: of everybody.
    pub owner: Option<String>,
    /// When it was made.
    pub created_at: u64,
    /// Why it gets nothing any more; null: it does.
    pub disabled: Option<DisabledWebhook>,
    /// Deliveries that wait or are tried again.
    pub pending: u32,
    /// Verifies the signatures. Shown once, when the webhook is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
}

/// Why a webhook gets nothing any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct DisabledWebhook {
    /// Since when.
    pub at: u64,
    /// Why.
    pub reason: String,
}

/// One event for one webhook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct WebhookDelivery {
    /// The header `webhook-id`: the same for every attempt.
    pub id: String,
    /// The webhook.
    pub webhook: String,
    /// What happened.
    pub event: String,
    /// To which task.
    #[schema(value_type = Hash)]
    pub task_id: String,
    /// Position of the event in the journal.
    pub seq: u64,
    /// When it was made.
    pub created_at: u64,
    /// `pending`, `dead` or `delivered`.
    pub state: String,
    /// When it is tried next, while pending.
    pub next_at: Option<u64>,
    /// The newest attempts, the oldest first.
    pub attempts: Vec<WebhookAttempt>,
}

/// One call of a receiver, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct WebhookAttempt {
    /// When it began.
    pub at: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// The HTTP status of the answer; null: there was none.
    pub status: Option<u16>,
    /// Why it counts as failed; null: it was taken.
    pub error: Option<String>,
    /// The first bytes of the answer, as text.
    pub answer: String,
}

/// What came of a test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct WebhookTest {
    /// The header `webhook-id` of the message.
    pub id: String,
    /// Whether the receiver took it.
    pub ok: bool,
    /// The call.
    pub attempt: WebhookAttempt,
}

impl From<HookReport> for Webhook {
    fn from(report: HookReport) -> Self {
        Self {
            id: report.id,
            url: report.url,
            events: report.events.iter().map(|event| event.name().to_owned()).collect(),
            owner: report.owner,
            created_at: report.created_at.0,
            disabled: report.disabled.map(|disabled| DisabledWebhook {
                at: disabled.at.0,
                reason: disabled.reason,
            }),
            pending: report.pending,
            secret: report.secret,
        }
    }
}

impl From<Attempt> for WebhookAttempt {
    fn from(attempt: Attempt) -> Self {
        Self {
            at: attempt.at.0,
            duration_ms: attempt.duration_ms,
            status: attempt.status,
            error: attempt.error,
            answer: attempt.answer,
        }
    }
}

impl From<Delivery> for WebhookDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook: delivery.hook,
            event: delivery.event.name().to_owned(),
            task_id: delivery.task.to_string(),
            seq: delivery.seq,
            created_at: delivery.created_at.0,
            state: delivery.state.name().to_owned(),
            next_at: delivery.next_at.map(|at| at.0),
            attempts: delivery.attempts.into_iter().map(WebhookAttempt::from).collect(),
        }
    }
}

impl From<TestReport> for WebhookTest {
    fn from(report: TestReport) -> Self {
        Self {
            id: report.id,
            ok: report.attempt.is_success(),
            attempt: report.attempt.into(),
        }
    }
}
