//! `--param k=v` and `--params FILE`: one JSON object as text, in which no digit of a whole number is lost
//! ([`job_model::digits`]).

use crate::error::{CliError, Exit};
use job_model::digits::keep_digits;
use serde_json::{Map, Value};
use std::path::Path;

/// The parameters as one JSON object: the file's first, then each `key=value` over it.
pub fn collect(file: Option<&Path>, pairs: &[String]) -> Result<Map<String, Value>, CliError> {
    let mut object = match file {
        Some(path) => read_object(path)?,
        None => Map::new(),
    };
    for pair in pairs {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            let remedy = "write --param name=value, such as --param start=1";
            CliError::new(Exit::Usage, format!("parameter {pair:?} has no name and value"), remedy)
        })?;
        object.insert(key.to_owned(), read_value(value));
    }
    Ok(object)
}

/// The value as JSON if it is JSON, else as a string.
pub fn read_value(text: &str) -> Value {
    serde_json::from_str(&keep_digits(text)).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn read_object(path: &Path) -> Result<Map<String, Value>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::file("read", path, &error))?;
    let remedy = "the file must hold one JSON object such as {\"start\": 1, \"end\": 1000}";
    match serde_json::from_str(&keep_digits(&text)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(CliError::new(
            Exit::BadInput,
            format!("{} holds no JSON object", path.display()),
            remedy,
        )),
        Err(error) => Err(CliError::new(
            Exit::BadInput,
            format!("{} is no JSON: {error}", path.display()),
            remedy,
        )),
    }
}

#[cfg(test)]
mod tests;
