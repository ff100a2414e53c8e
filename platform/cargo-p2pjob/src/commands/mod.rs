//! The commands, one file each. A command answers with its exit code, or with an error that `main` reports.

mod audit;
mod build;
mod cancel;
mod child_node;
mod completions;
pub mod compute_process;
mod config;
mod doctor;
mod explain;
mod fetch;
mod history;
mod import;
mod jobs;
mod ledger;
mod logs;
mod models;
mod new;
mod node;
mod peers;
mod prices;
mod publish;
mod replay;
mod status;
mod submit;
mod task_args;
mod test;
mod token;
mod up;
mod watch;
mod webhook;

use crate::app::{App, Cli};
use crate::error::{CliError, Exit};

/// What to do.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Make a new job from a template
    New(new::NewArgs),
    /// Build a job into a component; finds or installs the guest target
    Build(build::BuildArgs),
    /// Run a job here, twice, and fail when output or fuel differ
    Test(test::TestArgs),
    /// Make a job known on the network
    Publish(publish::PublishArgs),
    /// Import a file and print its hash
    Import(import::ImportArgs),
    /// Run a job on the network
    Submit(submit::SubmitArgs),
    /// Show the node and its tasks, or one task
    Status(status::StatusArgs),
    /// Watch a task until it ends
    Watch(watch::WatchArgs),
    /// Say why a task's chunks wait, node by node, and what would make them run
    Explain(explain::ExplainArgs),
    /// Stop a task
    Cancel(cancel::CancelArgs),
    /// Bring a blob to a file, verified and resumable
    Fetch(fetch::FetchArgs),
    /// Show a task's errors, logs and backtraces
    Logs(logs::LogsArgs),
    /// Run one replica again here and compare with what was recorded
    Replay(replay::ReplayArgs),
    /// List the known jobs, or show one
    Jobs(jobs::JobsArgs),
    /// Run a node in the foreground
    Node(node::NodeArgs),
    /// Run a local network of real node processes in the foreground
    Up(up::UpArgs),
    /// List the peers
    Peers,
    /// Show balances, or verify a ledger file offline
    Ledger(ledger::LedgerArgs),
    /// Show prices
    Prices,
    /// Manage webhooks: receivers that are told over HTTP when tasks end
    Webhook(webhook::WebhookArgs),
    /// Make, list and revoke tokens of the HTTP API
    Token(token::TokenArgs),
    /// Show what was done at the node, or verify an audit log offline
    Audit(audit::AuditArgs),
    /// List or export what a node remembers, from its history database
    History(history::HistoryArgs),
    /// Look at ONNX models before paying for them
    Models(models::ModelsArgs),
    /// Check this machine and the node, each finding with a remedy
    Doctor,
    /// Check or show the configuration
    Config(config::ConfigArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// A node of a local network; started by `up` only.
    #[command(name = "__node", hide = true)]
    ChildNode,
    /// Float class fast for one owner of jobs; started by nodes only.
    #[command(name = "compute-process", hide = true)]
    ComputeProcess(compute_process::ComputeProcessArgs),
}

/// Runs the command.
pub fn run(cli: Cli) -> Result<Exit, CliError> {
    let app = App::new(cli.shared);
    let default = match cli.command {
        Command::Node(_) | Command::ChildNode => "info",
        _ => "error",
    };
    crate::logging::start(&app, default)?;
    match cli.command {
        Command::New(args) => new::run(&app, &args),
        Command::Build(args) => build::run(&app, &args),
        Command::Test(args) => test::run(&app, &args),
        Command::Publish(args) => publish::run(&app, &args),
        Command::Import(args) => import::run(&app, &args),
        Command::Submit(args) => submit::run(&app, &args),
        Command::Status(args) => status::run(&app, &args),
        Command::Watch(args) => watch::run(&app, &args),
        Command::Explain(args) => explain::run(&app, &args),
        Command::Cancel(args) => cancel::run(&app, args),
        Command::Fetch(args) => fetch::run(&app, &args),
        Command::Logs(args) => logs::run(&app, &args),
        Command::Replay(args) => replay::run(&app, &args),
        Command::Jobs(args) => jobs::run(&app, &args),
        Command::Node(args) => node::run(&app, &args),
        Command::Up(args) => up::run(&app, &args),
        Command::Peers => peers::run(&app),
        Command::Ledger(args) => ledger::run(&app, &args),
        Command::Prices => prices::run(&app),
        Command::Webhook(args) => webhook::run(&app, args),
        Command::Token(args) => token::run(&app, args),
        Command::Audit(args) => audit::run(&app, &args),
        Command::History(args) => history::run(&app, &args),
        Command::Models(args) => models::run(&app, &args),
        Command::Doctor => doctor::run(&app),
        Command::Config(args) => config::run(&app, &args),
        Command::Completions(args) => Ok(completions::run(&args)),
        Command::ComputeProcess(args) => compute_process::run(&args),
        Command::ChildNode => child_node::run(&app),
    }
}
