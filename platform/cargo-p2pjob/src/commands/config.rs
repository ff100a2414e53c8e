//! `config check [FILE]`: what is wrong with a configuration. `config show`: every value and where it came from.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::settings::{self, Problem, variable_of};
use crate::table::Table;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `config`.
#[derive(clap::Args, Debug)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with the configuration.
#[derive(clap::Subcommand, Debug)]
pub enum ConfigAction {
    /// Read file and environment, and list everything that is wrong
    Check {
        /// The file (else: the one that a node would read)
        file: Option<PathBuf>,
    },
    /// Print each value with its origin
    Show,
    /// Print every key with its meaning and its variable
    Keys,
}

/// Runs `config`.
pub fn run(app: &App, args: &ConfigArgs) -> Result<Exit, CliError> {
    match &args.action {
        ConfigAction::Check { file } => check(app, file.clone()),
        ConfigAction::Show => show(app),
        ConfigAction::Keys => keys(app),
    }
}

fn check(app: &App, file: Option<PathBuf>) -> Result<Exit, CliError> {
    let mut shared = app.shared.clone();
    shared.config = file.or(shared.config);
    let (_, problems) = settings::examine(&App::new(shared), Vec::new())?;
    if !problems.is_empty() {
        return Err(settings::refuse(&problems.iter().collect::<Vec<&Problem>>()));
    }
    app.console
        .result(&json!({ "ok": true }), |_| "the configuration is right".to_owned())?;
    Ok(Exit::Ok)
}

fn show(app: &App) -> Result<Exit, CliError> {
    let settings = settings::load(app, Vec::new())?;
    let values = settings.values()?;
    let rows: Vec<serde_json::Value> = values
        .iter()
        .map(|(key, value)| json!({ "key": key.path, "value": value, "origin": settings.origin(key.path).to_string() }))
        .collect();
    app.console.result(&json!({ "values": rows }), |_| {
        let mut table = Table::new(&["key", "value", "origin"]);
        for (key, value) in &values {
            let shown = value.as_ref().map_or("(not set)".to_owned(), ToString::to_string);
            table.row([key.path.to_owned(), shown, settings.origin(key.path).to_string()]);
        }
        table.render()
    })?;
    Ok(Exit::Ok)
}

fn keys(app: &App) -> Result<Exit, CliError> {
    let row =
        |key: &settings::Key| json!({ "key": key.path, "variable": variable_of(key.path), "meaning": key.meaning });
    let rows: Vec<serde_json::Value> = settings::KEYS.iter().map(row).collect();
    app.console.result(&json!({ "keys": rows }), |_| {
        let mut table = Table::new(&["key", "variable", "meaning"]);
        for key in settings::KEYS {
            table.row([key.path.to_owned(), variable_of(key.path), key.meaning.to_owned()]);
        }
        table.render()
    })?;
    Ok(Exit::Ok)
}
