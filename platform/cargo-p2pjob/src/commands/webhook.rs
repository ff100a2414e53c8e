//! `webhook add|list|remove|test|deliveries|resend`: receivers that are told over HTTP when tasks end.

use crate::app::App;
use crate::console::{Console, Paint};
use crate::error::{CliError, Exit};
use crate::table::Table;
use node::control::protocol::{Reply, Request};
use node::webhooks::{Attempt, Delivery, DeliveryState, HookEvent, HookReport, HookSpec, WebhookReply, WebhookRequest};
use serde_json::json;

/// Arguments of `webhook`.
#[derive(clap::Args, Debug)]
pub struct WebhookArgs {
    #[command(subcommand)]
    action: WebhookAction,
}

/// What to do with webhooks.
#[derive(clap::Subcommand, Debug)]
enum WebhookAction {
    /// Make a webhook and print its secret, this once
    Add {
        /// The receiver, such as https://example.com/hook
        url: String,
        /// What it is told of: task_completed, task_failed, task_cancelled; may be repeated (else: everything)
        #[arg(long = "event", value_name = "EVENT", value_parser = parse_event)]
        events: Vec<HookEvent>,
        /// Only tasks of this owner
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// List the webhooks
    List,
    /// Forget a webhook and what waits for it
    Remove {
        /// Its id
        id: String,
    },
    /// Send a ping and say what came back
    Test {
        /// Its id
        id: String,
    },
    /// List deliveries, newest first
    Deliveries {
        /// Only those in this state: pending, dead, delivered
        #[arg(long, value_name = "STATE", value_parser = parse_state)]
        state: Option<DeliveryState>,
        /// Most that are listed
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
    },
    /// Send a dead letter again
    Resend {
        /// The delivery's id
        id: String,
    },
}

fn parse_event(text: &str) -> Result<HookEvent, String> {
    HookEvent::of_name(text).ok_or_else(|| "use task_completed, task_failed or task_cancelled".to_owned())
}

fn parse_state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::of_name(text).ok_or_else(|| "use pending, dead or delivered".to_owned())
}

/// Runs `webhook`.
pub fn run(app: &App, args: WebhookArgs) -> Result<Exit, CliError> {
    let request = match args.action {
        WebhookAction::Add { url, events, owner } => WebhookRequest::Add(HookSpec { url, events, owner }),
        WebhookAction::List => WebhookRequest::List,
        WebhookAction::Remove { id } => WebhookRequest::Remove { id },
        WebhookAction::Test { id } => WebhookRequest::Test { id },
        WebhookAction::Deliveries { state, limit } => WebhookRequest::Deliveries { state, limit },
        WebhookAction::Resend { id } => WebhookRequest::Resend { id },
    };
    let Reply::Webhook(reply) = app.connect()?.ask(Request::Webhook(request))? else {
        return Err(CliError::surprise("webhook"));
    };
    let console = &app.console;
    match *reply {
        WebhookReply::Hook(hook) => console.result(&hook, |_| made(&hook))?,
        WebhookReply::Hooks(hooks) => console.result(&json!({ "webhooks": hooks }), |_| list(&hooks))?,
        WebhookReply::Removed => console.result(&json!({ "removed": true }), |_| "removed".to_owned())?,
        WebhookReply::Tested(report) => {
            console.result(&report, |console| tested(console, &report.attempt))?;
            // The receiver is not there now: a script that sets it up must see that.
            return Ok(if report.attempt.is_success() {
                Exit::Ok
            } else {
                Exit::Unavailable
            });
        }
        WebhookReply::Deliveries(page) => {
            console.result(&json!({ "deliveries": page.items }), |_| deliveries(&page.items))?;
        }
        WebhookReply::Delivery(delivery) => {
            console.result(&delivery, |_| format!("{} is sent again", delivery.id))?;
        }
    }
    Ok(Exit::Ok)
}

fn names(events: &[HookEvent]) -> String {
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    names.join(", ")
}

fn made(hook: &HookReport) -> String {
    let secret = hook.secret.as_deref().unwrap_or("-");
    format!(
        "webhook  {}\nurl      {}\nevents   {}\nsecret   {secret}\n\nkeep the secret: it verifies the signatures and is \
         not shown again\ntry it with `p2pjob webhook test {}`",
        hook.id,
        hook.url,
        names(&hook.events),
        hook.id
    )
}

fn list(hooks: &[HookReport]) -> String {
    let mut table = Table::new(&["webhook", "events", "owner", "pending", "state", "url"]);
    for hook in hooks {
        let state = hook
            .disabled
            .as_ref()
            .map_or("on".to_owned(), |disabled| format!("off: {}", disabled.reason));
        let owner = hook.owner.clone().unwrap_or_else(|| "any".to_owned());
        table.row([
            hook.id.clone(),
            names(&hook.events),
            owner,
            hook.pending.to_string(),
            state,
            hook.url.clone(),
        ]);
    }
    if table.is_empty() {
        "no webhook yet: make one with `p2pjob webhook add URL`".to_owned()
    } else {
        table.render()
    }
}

fn outcome(attempt: &Attempt) -> String {
    let answer = attempt.error.clone().unwrap_or_else(|| "taken".to_owned());
    format!("{answer} ({} ms)", attempt.duration_ms)
}

fn tested(console: &Console, attempt: &Attempt) -> String {
    let paint = if attempt.is_success() { Paint::Green } else { Paint::Red };
    let text = console.paint(paint, &outcome(attempt));
    match attempt.answer.trim() {
        "" => text,
        answer => format!("{text}\n{answer}"),
    }
}

fn deliveries(items: &[Delivery]) -> String {
    let mut table = Table::new(&["delivery", "event", "task", "state", "attempts", "last"]);
    for delivery in items {
        table.row([
            delivery.id.clone(),
            delivery.event.name().to_owned(),
            delivery.task.short(),
            delivery.state.name().to_owned(),
            delivery.attempts.len().to_string(),
            delivery.attempts.last().map(outcome).unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        "no such deliveries".to_owned()
    } else {
        table.render()
    }
}
