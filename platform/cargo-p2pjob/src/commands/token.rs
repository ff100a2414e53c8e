//! `token`: makes, lists and revokes the tokens of the HTTP API. Through the control socket, so whoever owns the node's
//! data directory needs no token for it.

use crate::app::App;
use crate::console::Paint;
use crate::error::{CliError, Exit};
use crate::quantities::{duration, show_millis};
use crate::table::Table;
use node::access::{AccessReply, AccessRequest, NewToken, TokenReport};
use node::config::Role;
use node::control::protocol::{Reply, Request};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Arguments of `token`.
#[derive(clap::Args, Debug)]
pub struct TokenArgs {
    #[command(subcommand)]
    pub action: TokenAction,
}

/// What to do with tokens.
#[derive(clap::Subcommand, Debug)]
pub enum TokenAction {
    /// Make a token and print it, once
    New {
        /// What it may do: viewer, submitter, operator or admin
        #[arg(long, value_name = "ROLE", value_parser = role)]
        role: Role,
        /// Whose it is; the owner of the tasks submitted with it
        #[arg(long)]
        name: String,
        /// How long it is valid, such as 12h or 30d (else: until it is revoked)
        #[arg(long, value_name = "TIME", value_parser = duration)]
        expires: Option<Duration>,
        /// It sees the tasks of everybody (the default, but for submitters)
        #[arg(long, conflicts_with = "own_tasks")]
        all_tasks: bool,
        /// It sees and touches only tasks of its own (the default for submitters)
        #[arg(long)]
        own_tasks: bool,
    },
    /// List the tokens
    List,
    /// End a token and every session opened with it
    Revoke {
        /// Its id
        id: String,
    },
}

fn role(text: &str) -> Result<Role, String> {
    let found = Role::ALL.into_iter().find(|role| role.name() == text);
    found.ok_or_else(|| {
        format!(
            "{text:?} is no role; use one of {}",
            Role::ALL.map(Role::name).join(", ")
        )
    })
}

/// Runs `token`.
pub fn run(app: &App, args: TokenArgs) -> Result<Exit, CliError> {
    match args.action {
        TokenAction::New {
            role,
            name,
            expires,
            all_tasks,
            own_tasks,
        } => {
            let own_only = if own_tasks {
                Some(true)
            } else {
                all_tasks.then_some(false)
            };
            let expires_in_ms = expires.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            let new = NewToken {
                name,
                role,
                expires_in_ms,
                own_only,
            };
            make(app, new)
        }
        TokenAction::List => list(app),
        TokenAction::Revoke { id } => revoke(app, id),
    }
}

/// Asks the node about access.
pub fn ask(app: &App, request: AccessRequest) -> Result<AccessReply, CliError> {
    match app.connect()?.ask(Request::Access(request))? {
        Reply::Access(reply) => Ok(*reply),
        _ => Err(CliError::surprise("access")),
    }
}

fn make(app: &App, new: NewToken) -> Result<Exit, CliError> {
    let AccessReply::Made(made) = ask(app, AccessRequest::TokenNew(new))? else {
        return Err(CliError::surprise("token new"));
    };
    let object = json!({ "token": made.token, "id": made.report.id, "about": made.report });
    app.console.result(&object, |console| {
        let (name, role) = (&made.report.name, made.report.role.name());
        let tasks = if made.report.own_only {
            "its own tasks only"
        } else {
            "everybody's tasks"
        };
        format!(
            "{}\ntoken {} for {name}: {role}, sees {tasks}, {}\nkeep it: it cannot be shown again",
            console.paint(Paint::Bold, &made.token),
            made.report.id,
            life(&made.report)
        )
    })?;
    Ok(Exit::Ok)
}

fn list(app: &App) -> Result<Exit, CliError> {
    let AccessReply::Tokens(tokens) = ask(app, AccessRequest::Tokens)? else {
        return Err(CliError::surprise("token list"));
    };
    app.console.result(&json!({ "tokens": tokens }), |_| {
        let mut table = Table::new(&["id", "name", "role", "tasks", "made", "state", "last used"]);
        for token in &tokens {
            let tasks = if token.own_only { "own" } else { "all" };
            table.row([
                token.id.clone(),
                token.name.clone(),
                token.role.name().to_owned(),
                tasks.to_owned(),
                ago(token.created_at.0),
                life(token),
                token.last_used.map_or_else(|| "-".to_owned(), |at| ago(at.0)),
            ]);
        }
        if table.is_empty() {
            "no tokens: make one with `p2pjob token new --role viewer --name NAME`".to_owned()
        } else {
            table.render()
        }
    })?;
    Ok(Exit::Ok)
}

fn revoke(app: &App, id: String) -> Result<Exit, CliError> {
    let AccessReply::Revoked(report) = ask(app, AccessRequest::TokenRevoke { id })? else {
        return Err(CliError::surprise("token revoke"));
    };
    app.console.result(&json!({ "revoked": report }), |_| {
        format!("revoked token {} of {}; its sessions are over", report.id, report.name)
    })?;
    Ok(Exit::Ok)
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How long something is past.
pub fn ago(at: u64) -> String {
    format!("{} ago", show_millis(now().saturating_sub(at)))
}

/// Whether a token is valid, and until when.
fn life(token: &TokenReport) -> String {
    let now = now();
    match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked {}", ago(at.0)),
        (None, None) => "valid until revoked".to_owned(),
        (None, Some(end)) if end.0 <= now => format!("expired {}", ago(end.0)),
        (None, Some(end)) => format!("valid for {}", show_millis(end.0 - now)),
    }
}
