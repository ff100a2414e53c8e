//! What people may ask about webhooks: one function per question, for the control socket and for HTTP.

use super::call::{Message, REMEDY_PRIVATE, TargetError, check_target};
use super::store::{MAX_HOOKS, StoreError};
use super::types::{
    Delivery, DeliveryPage, DeliveryState, Hook, HookEvent, HookReport, HookSpec, TestReport, WebhookReply,
    WebhookRequest,
};
use super::{HOOK_PREFIX, body, signature};
use crate::context::{Context, now};
use crate::control::protocol::{ControlError, ErrorCode};
use crate::control::requests::{bad_input, internal, not_found};
use bytes::Bytes;
use job_model::UnixMillis;
use std::fmt::Write;
use std::sync::Arc;

/// Random bytes of a hook's id.
const ID_BYTES: usize = 8;
/// Longest owner filter, in bytes.
const MAX_OWNER_BYTES: usize = 256;
/// Most deliveries in one page.
pub const MAX_PAGE: u32 = 500;

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        Self {
            code: ErrorCode::Limit,
            message: error.to_string(),
            remedy: "see the node's log".to_owned(),
        }
    }
}

fn of_target(error: &TargetError) -> ControlError {
    let remedy = match error {
        TargetError::Private(..) => REMEDY_PRIVATE,
        TargetError::Scheme { scheme, .. } if scheme == "http" => REMEDY_PRIVATE,
        _ => "name the receiver as in https://example.com/hook",
    };
    bad_input(error.to_string(), remedy)
}

fn no_hook(id: &str) -> ControlError {
    not_found(format!("there is no webhook {id:?}"), "see `p2pjob webhook list`")
}

async fn blocking<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ControlError> {
    Ok(context.runtime.spawn_blocking(work).await.map_err(internal)??)
}

fn report(hook: Hook, pending: u32) -> HookReport {
    HookReport {
        id: hook.id,
        url: hook.url,
        events: hook.events,
        owner: hook.owner,
        created_at: hook.created_at,
        disabled: hook.disabled,
        pending,
        secret: None,
    }
}

/// Answers a request of the control socket.
pub async fn handle(context: &Arc<Context>, request: WebhookRequest) -> Result<WebhookReply, ControlError> {
    Ok(match request {
        WebhookRequest::Add(spec) => WebhookReply::Hook(add(context, spec).await?),
        WebhookRequest::List => WebhookReply::Hooks(list(context).await?),
        WebhookRequest::Remove { id } => {
            remove(context, id).await?;
            WebhookReply::Removed
        }
        WebhookRequest::Test { id } => WebhookReply::Tested(test(context, id).await?),
        WebhookRequest::Deliveries { state, limit } => {
            WebhookReply::Deliveries(deliveries(context, state, None, limit).await?)
        }
        WebhookRequest::Resend { id } => WebhookReply::Delivery(resend(context, &id).await?),
    })
}

/// Makes a hook; the answer holds its secret, this once. It is told of what is journalled from now on.
pub async fn add(context: &Arc<Context>, spec: HookSpec) -> Result<HookReport, ControlError> {
    if let Some(owner) = spec.owner.as_ref().filter(|owner| owner.len() > MAX_OWNER_BYTES) {
        let message = format!(
            "the owner has {} bytes, at most {MAX_OWNER_BYTES} are allowed",
            owner.len()
        );
        return Err(bad_input(message, ""));
    }
    let url = check_target(&spec.url, context.config.webhooks.allow_private).await;
    let url = url.map_err(|error| of_target(&error))?;
    let mut events = if spec.events.is_empty() {
        HookEvent::ALL.to_vec()
    } else {
        spec.events
    };
    events.sort_unstable();
    events.dedup();
    if events.contains(&HookEvent::Ping) {
        return Err(bad_input(
            "a webhook cannot subscribe to ping",
            "use `p2pjob webhook test` to send one",
        ));
    }
    let mut random = [0u8; ID_BYTES];
    getrandom::fill(&mut random).map_err(internal)?;
    let mut id = HOOK_PREFIX.to_owned();
    for byte in random {
        // Writing to a string does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    let seq = context.ask(|core| core.seq()).await?;
    let secret = signature::new_secret().map_err(internal)?;
    let hook = Hook {
        id,
        url: url.to_string(),
        events,
        owner: spec.owner,
        created_at: now(),
        from_seq: seq.saturating_add(1),
        secret: secret.clone(),
        disabled: None,
    };
    let (store, stored) = (Arc::clone(&context.webhooks.store), hook.clone());
    if !blocking(context, move || store.add_hook(&stored)).await? {
        return Err(ControlError {
            code: ErrorCode::Limit,
            message: format!("there are {MAX_HOOKS} webhooks, and no more are allowed"),
            remedy: "remove one with `p2pjob webhook remove`".to_owned(),
        });
    }
    context.webhooks.tell();
    let mut made = report(hook, 0);
    made.secret = Some(secret);
    Ok(made)
}

/// All hooks, the oldest first.
pub async fn list(context: &Arc<Context>) -> Result<Vec<HookReport>, ControlError> {
    let store = Arc::clone(&context.webhooks.store);
    let (mut hooks, pending) = blocking(context, move || Ok((store.hooks()?, store.pending()?))).await?;
    hooks.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    let count = |id: &str| pending.iter().filter(|(hook, ..)| hook == id).count();
    let reports = hooks.into_iter().map(|hook| {
        let waiting = u32::try_from(count(&hook.id)).unwrap_or(u32::MAX);
        report(hook, waiting)
    });
    Ok(reports.collect())
}

/// One hook.
pub async fn one(context: &Arc<Context>, id: &str) -> Result<HookReport, ControlError> {
    let found = list(context).await?.into_iter().find(|hook| hook.id == id);
    found.ok_or_else(|| no_hook(id))
}

/// Forgets a hook and its deliveries.
pub async fn remove(context: &Arc<Context>, id: String) -> Result<(), ControlError> {
    let (store, wanted) = (Arc::clone(&context.webhooks.store), id.clone());
    if !blocking(context, move || store.remove_hook(&wanted)).await? {
        return Err(no_hook(&id));
    }
    context.webhooks.tell();
    Ok(())
}

/// Sends a `ping` now and says what came back. One that is taken enables a disabled hook again.
pub async fn test(context: &Arc<Context>, id: String) -> Result<TestReport, ControlError> {
    let (store, wanted) = (Arc::clone(&context.webhooks.store), id.clone());
    let hook = blocking(context, move || store.hook(&wanted))
        .await?
        .ok_or_else(|| no_hook(&id))?;
    let UnixMillis(at) = now();
    let message_id = format!("msg_{}_ping_{at}", id.trim_start_matches(HOOK_PREFIX));
    let message = Message {
        url: &hook.url,
        id: &message_id,
        secret: &hook.secret,
        body: Bytes::from(body::ping(&id, at)),
    };
    let attempt = context.webhooks.caller().map_err(internal)?.call(message).await;
    if attempt.is_success() && hook.disabled.is_some() {
        let store = Arc::clone(&context.webhooks.store);
        blocking(context, move || store.set_disabled(&id, None)).await?;
        context.webhooks.tell();
    }
    Ok(TestReport {
        id: message_id,
        attempt,
    })
}

/// Deliveries, newest first, with numbers below `before`.
pub async fn deliveries(
    context: &Arc<Context>,
    state: Option<DeliveryState>,
    before: Option<u64>,
    limit: u32,
) -> Result<DeliveryPage, ControlError> {
    let store = Arc::clone(&context.webhooks.store);
    let limit = limit.clamp(1, MAX_PAGE) as usize;
    blocking(context, move || store.page(state, before, limit)).await
}

/// Sends a dead letter again, or a waiting one now.
pub async fn resend(context: &Arc<Context>, id: &str) -> Result<Delivery, ControlError> {
    let none = || {
        not_found(
            format!("no delivery {id:?} waits or is a dead letter"),
            "see `p2pjob webhook deliveries`; what was taken is not sent again",
        )
    };
    let number: u64 = id
        .rsplit('_')
        .next()
        .and_then(|text| text.parse().ok())
        .ok_or_else(none)?;
    let store = Arc::clone(&context.webhooks.store);
    let found = blocking(context, move || store.page(None, number.checked_add(1), 1)).await?;
    let known = found
        .items
        .into_iter()
        .find(|delivery| delivery.id == id)
        .ok_or_else(none)?;
    let hook = one(context, &known.hook).await?;
    if let Some(disabled) = hook.disabled {
        let remedy = "`p2pjob webhook test` enables it again once the receiver answers with 2xx";
        return Err(bad_input(
            format!("webhook {} is disabled: {}", hook.id, disabled.reason),
            remedy,
        ));
    }
    let store = Arc::clone(&context.webhooks.store);
    let changed = blocking(context, move || store.resend(number, now())).await?;
    context.webhooks.tell();
    changed.ok_or_else(none)
}
