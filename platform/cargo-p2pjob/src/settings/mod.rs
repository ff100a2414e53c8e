//! The node's configuration from its layers: defaults, a TOML file, the environment, flags. Later layers win.
//!
//! Each layer is a list of [`Assignment`]s `(path, value, origin)`. [`Settings::merge`] puts them over the defaults one
//! at a time, so that every wrong value is told by its path and origin, all at once, and `config show` knows where each
//! value came from. Keys that do not exist are told with their path and the nearest key that does.

mod environment;
mod file;
mod keys;
mod merge;

pub use environment::variable_of;
pub use keys::{KEYS, Key};
pub use merge::{Assignment, Origin, Problem, Settings};

use crate::app::App;
use crate::error::{CliError, Exit};
use std::path::PathBuf;

/// What the flags of `node` and `up` set, as `(path, value)`.
pub type FlagValues = Vec<(String, toml::Value)>;

/// Reads all layers. Wrong values are an error; unknown keys are a warning on stderr.
pub fn load(app: &App, flags: FlagValues) -> Result<Settings, CliError> {
    let (settings, problems) = examine(app, flags)?;
    let (unknown, wrong): (Vec<&Problem>, Vec<&Problem>) = problems.iter().partition(|problem| problem.unknown);
    for problem in unknown {
        app.console.warn(&problem.text);
    }
    if wrong.is_empty() {
        Ok(settings)
    } else {
        Err(refuse(&wrong))
    }
}

/// Reads all layers and lists what is wrong with them.
pub fn examine(app: &App, flags: FlagValues) -> Result<(Settings, Vec<Problem>), CliError> {
    let mut assignments = vec![Assignment {
        path: "data_dir".to_owned(),
        value: toml::Value::String(default_data_dir(app).to_string_lossy().into_owned()),
        origin: Origin::Default,
    }];
    let mut problems = Vec::new();
    if let Some(path) = file_path(app) {
        let layer = file::read(&path)?;
        assignments.extend(layer.assignments);
        problems.extend(layer.problems);
    }
    let layer = environment::read(&app.environment);
    assignments.extend(layer.assignments);
    problems.extend(layer.problems);
    if let Some(data_dir) = &app.shared.data_dir {
        let value = toml::Value::String(data_dir.to_string_lossy().into_owned());
        assignments.push(Assignment {
            path: "data_dir".to_owned(),
            value,
            origin: Origin::Flag,
        });
    }
    assignments.extend(flags.into_iter().map(|(path, value)| Assignment {
        path,
        value,
        origin: Origin::Flag,
    }));
    let (settings, wrong) = Settings::merge(assignments)?;
    problems.extend(wrong);
    Ok((settings, problems))
}

/// Reads `--set key=value`.
pub fn read_pair(pair: &str) -> Result<(String, toml::Value), CliError> {
    let (path, text) = pair.split_once('=').ok_or_else(|| {
        CliError::new(
            Exit::Usage,
            format!("{pair:?} has no key and value"),
            "write --set key=value, such as --set worker.slots=2",
        )
    })?;
    let key = keys::find(path).ok_or_else(|| {
        let message = Problem::unknown(path, &Origin::Flag).text;
        CliError::new(Exit::Usage, message, "`p2pjob config keys` lists every key")
    })?;
    Ok((path.to_owned(), keys::read_value(key.kind, text)))
}

/// One error that names everything that is wrong.
pub fn refuse(problems: &[&Problem]) -> CliError {
    let list: Vec<&str> = problems.iter().map(|problem| problem.text.as_str()).collect();
    let message = format!("the configuration is wrong: {}", list.join("; "));
    CliError::new(
        Exit::BadInput,
        message,
        "correct it where it was set; `p2pjob config show` lists every key",
    )
}

/// What a layer brought.
#[derive(Debug, Default)]
pub struct Layer {
    /// Values for known keys.
    pub assignments: Vec<Assignment>,
    /// Keys that do not exist.
    pub problems: Vec<Problem>,
}

/// The file that is read: the flag, P2PJOB_CONFIG, or the user's file if there is one.
fn file_path(app: &App) -> Option<PathBuf> {
    if let Some(named) = app
        .shared
        .config
        .clone()
        .or_else(|| app.environment.path("P2PJOB_CONFIG"))
    {
        return Some(named);
    }
    let user = app
        .environment
        .user_folder("XDG_CONFIG_HOME", ".config")
        .join("p2pjob/config.toml");
    user.is_file().then_some(user)
}

fn default_data_dir(app: &App) -> PathBuf {
    app.environment
        .user_folder("XDG_DATA_HOME", ".local/share")
        .join("p2pjob")
}

#[cfg(test)]
mod tests;
