//! Putting the layers over the defaults, one value at a time.

use super::keys;
use crate::error::{CliError, Exit};
use node::config::NodeConfig;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// A variable, by name.
    Environment(String),
    /// A flag of the command.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// One value for one key.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Dotted path of the key.
    pub path: String,
    /// The value.
    pub value: toml::Value,
    /// Where it came from.
    pub origin: Origin,
}

/// Something wrong with a layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Whether it is a key that does not exist (else: a wrong value).
    pub unknown: bool,
    /// For people: path, origin, what is wrong.
    pub text: String,
}

impl Problem {
    /// A key that does not exist.
    pub fn unknown(path: &str, origin: &Origin) -> Self {
        let hint = keys::nearest(path).map_or(String::new(), |near| format!("; did you mean {near}?"));
        Self {
            unknown: true,
            text: format!("{path} ({origin}): there is no such key{hint}"),
        }
    }

    fn wrong(path: &str, origin: &Origin, why: &str) -> Self {
        Self {
            unknown: false,
            text: format!("{path} ({origin}): {}", why.trim().replace('\n', " ")),
        }
    }
}

/// The merged configuration, and the origin of each value that is no default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a node starts with.
    pub config: NodeConfig,
    origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Puts the assignments over the defaults, in order. Wrong values are listed and left out.
    pub fn merge(assignments: Vec<Assignment>) -> Result<(Self, Vec<Problem>), CliError> {
        let defaults = toml::Table::try_from(NodeConfig::default()).map_err(|error| internal(&error.to_string()))?;
        let mut merged = defaults;
        let mut origins = BTreeMap::new();
        let mut problems = Vec::new();
        for Assignment { path, value, origin } in assignments {
            // Each value is tried alone over what is right so far: the error then belongs to this path.
            let mut tried = merged.clone();
            put(&mut tried, &path, value);
            match read(tried.clone()) {
                Ok(_) => {
                    merged = tried;
                    origins.insert(path, origin);
                }
                Err(why) => problems.push(Problem::wrong(&path, &origin, &why)),
            }
        }
        let config = read(merged).map_err(|why| internal(&why))?;
        Ok((Self { config, origins }, problems))
    }

    /// Where the value of a key came from.
    pub fn origin(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Default)
    }

    /// Every key with its value (none: not set) in TOML's notation.
    pub fn values(&self) -> Result<Vec<(&'static keys::Key, Option<toml::Value>)>, CliError> {
        let table = toml::Table::try_from(&self.config).map_err(|error| internal(&error.to_string()))?;
        Ok(keys::KEYS.iter().map(|key| (key, get(&table, key.path))).collect())
    }
}

fn read(table: toml::Table) -> Result<NodeConfig, String> {
    toml::Value::Table(table)
        .try_into()
        .map_err(|error: toml::de::Error| error.message().to_owned())
}

fn internal(why: &str) -> CliError {
    CliError::new(
        Exit::Internal,
        format!("the configuration cannot be put together: {why}"),
        "please report this",
    )
}

fn put(table: &mut toml::Table, path: &str, value: toml::Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let below = table
                .entry(section)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(below) = below {
                put(below, rest, value);
            }
        }
    }
}

fn get(table: &toml::Table, path: &str) -> Option<toml::Value> {
    match path.split_once('.') {
        None => table.get(path).cloned(),
        Some((section, rest)) => get(table.get(section)?.as_table()?, rest),
    }
}
