//! The words of webhooks: what the command line and HTTP say, and what lies in the database.

use job_model::{Event, TaskId, UnixMillis};
use serde::{Deserialize, Serialize};

/// What a hook is told of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// A result is there.
    TaskCompleted,
    /// A task will not complete.
    TaskFailed,
    /// A task was cancelled.
    TaskCancelled,
    /// A person asked whether the receiver answers. Not to be subscribed to.
    Ping,
}

impl HookEvent {
    /// What hooks may subscribe to.
    pub const ALL: [Self; 3] = [Self::TaskCompleted, Self::TaskFailed, Self::TaskCancelled];

    /// Its name in bodies and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskCompleted => "task_completed",
            Self::TaskFailed => "task_failed",
            Self::TaskCancelled => "task_cancelled",
            Self::Ping => "ping",
        }
    }

    /// The event of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// What a journal record means to hooks, if anything.
    pub fn of_record(event: &Event) -> Option<Self> {
        match event {
            Event::TaskCompleted { .. } => Some(Self::TaskCompleted),
            Event::TaskFailed { .. } => Some(Self::TaskFailed),
            Event::TaskCancelled { .. } => Some(Self::TaskCancelled),
            _ => None,
        }
    }
}

/// Why a hook gets nothing any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: UnixMillis,
    /// Why.
    pub reason: String,
}

/// A hook as it lies in the database. Never leaves the node: it holds the secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// The receiver.
    pub url: String,
    /// What it is told of.
    pub events: Vec<HookEvent>,
    /// Only tasks of this owner; none: of everybody.
    pub owner: Option<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// The first journal position it is told of: later than its making.
    pub from_seq: u64,
    /// Signs the bodies.
    pub secret: String,
    /// Why it gets nothing any more, if so.
    pub disabled: Option<Disabled>,
}

impl Hook {
    /// Whether it wants to be told of an event of a task of this owner.
    pub fn wants(&self, event: HookEvent, owner: &str, seq: u64) -> bool {
        let of_owner = self.owner.as_deref().is_none_or(|wanted| wanted == owner);
        self.disabled.is_none() && seq >= self.from_seq && of_owner && self.events.contains(&event)
    }
}

/// A hook as people see it: without its secret, unless it was just made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HookReport {
    /// Its id.
    pub id: String,
    /// The receiver.
    pub url: String,
    /// What it is told of.
    pub events: Vec<HookEvent>,
    /// Only tasks of this owner; none: of everybody.
    pub owner: Option<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Why it gets nothing any more, if so.
    pub disabled: Option<Disabled>,
    /// Deliveries that wait or are tried again.
    pub pending: u32,
    /// Signs the bodies. Shown once, when the hook is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A hook as a person asks for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HookSpec {
    /// The receiver.
    pub url: String,
    /// What it is told of; empty: everything.
    pub events: Vec<HookEvent>,
    /// Only tasks of this owner; none: of everybody.
    pub owner: Option<String>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits, or is tried again.
    Pending,
    /// It was given up; a person may send it again.
    Dead,
    /// The receiver took it.
    Delivered,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Dead, Self::Delivered];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dead => "dead",
            Self::Delivered => "delivered",
        }
    }

    /// The state of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One call of a receiver, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: UnixMillis,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why it counts as failed; none: it was taken.
    pub error: Option<String>,
    /// The first bytes of the answer, as text.
    pub answer: String,
    /// How long the receiver asks to be left alone, in milliseconds (`Retry-After`).
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

impl Attempt {
    /// Whether the receiver took the message.
    pub fn is_success(&self) -> bool {
        self.error.is_none()
    }
    /// Whether the receiver wants no more messages, ever (410).
    pub fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

/// One event for one hook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// The header `webhook-id`: the same for every attempt.
    pub id: String,
    /// Order of making, from 1.
    pub number: u64,
    /// The hook.
    pub hook: String,
    /// What happened.
    pub event: HookEvent,
    /// To which task.
    pub task: TaskId,
    /// Position of the event in the journal.
    pub seq: u64,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Where it stands.
    pub state: DeliveryState,
    /// Failures since it was made, or sent again.
    pub failures: u32,
    /// When it is tried next, while pending.
    pub next_at: Option<UnixMillis>,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// A page of deliveries, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeliveryPage {
    /// The deliveries.
    pub items: Vec<Delivery>,
    /// Ask for deliveries before this number to go on; none: there are no more.
    pub next: Option<u64>,
}

/// What came of a test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TestReport {
    /// The header `webhook-id` of the message.
    pub id: String,
    /// The call.
    pub attempt: Attempt,
}

/// What a client of the control socket may ask about webhooks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WebhookRequest {
    /// Make a hook.
    Add(HookSpec),
    /// All hooks.
    List,
    /// Forget a hook and what waits for it.
    Remove { id: String },
    /// Send a `ping` now.
    Test { id: String },
    /// Deliveries, newest first.
    Deliveries { state: Option<DeliveryState>, limit: u32 },
    /// Send a dead letter again.
    Resend { id: String },
}

/// The answers to [`WebhookRequest`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum WebhookReply {
    /// To `Add`.
    Hook(HookReport),
    /// To `List`.
    Hooks(Vec<HookReport>),
    /// To `Remove`.
    Removed,
    /// To `Test`.
    Tested(TestReport),
    /// To `Deliveries`.
    Deliveries(DeliveryPage),
    /// To `Resend`.
    Delivery(Delivery),
}
