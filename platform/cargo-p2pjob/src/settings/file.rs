//! The layer of the TOML file.

use super::merge::{Assignment, Origin, Problem};
use super::{Layer, keys};
use crate::error::{CliError, Exit};
use node::config::NodeConfig;
use serde::Deserialize;
use std::path::Path;

/// Reads a file: its values, and its unknown keys with their paths.
pub fn read(path: &Path) -> Result<Layer, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::file("read", path, &error))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let message = format!("{} is no TOML: {}", path.display(), error.to_string().trim());
        CliError::new(Exit::BadInput, message, "see docs/configuration.md for an example")
    })?;
    let origin = Origin::File(path.to_owned());
    let mut layer = Layer::default();
    collect("", &table, &origin, &mut layer);
    layer.problems.extend(unknown_inside(&table, &origin));
    Ok(layer)
}

/// Walks down to the keys; what is neither key nor section is unknown.
fn collect(prefix: &str, table: &toml::Table, origin: &Origin, layer: &mut Layer) {
    for (name, value) in table {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            toml::Value::Table(below) if keys::is_section(&path) => collect(&path, below, origin, layer),
            _ if keys::find(&path).is_some() || keys::is_section(&path) => {
                layer.assignments.push(Assignment {
                    path,
                    value: value.clone(),
                    origin: origin.clone(),
                });
            }
            _ => layer.problems.push(Problem::unknown(&path, origin)),
        }
    }
}

/// Unknown fields inside lists (`network.bootstrap.0.adress`), which the walk over keys does not see.
fn unknown_inside(table: &toml::Table, origin: &Origin) -> Vec<Problem> {
    let mut paths = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| paths.push(path.to_string());
    let watched = serde_ignored::Deserializer::new(toml::Value::Table(table.clone()), &mut note);
    // A wrong type stops this pass early; the merge tells it, and the unknown fields come with the next check.
    let _ = NodeConfig::deserialize(watched);
    let inside_list = |path: &&String| path.split('.').any(|part| part.parse::<usize>().is_ok());
    paths
        .iter()
        .filter(inside_list)
        .map(|path| Problem::unknown(&path.replace(".?", ""), origin))
        .collect()
}
