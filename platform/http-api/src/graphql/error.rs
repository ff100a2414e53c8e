//! Problems as GraphQL errors: the message is the detail; `extensions` hold what REST has besides. Pure.

use crate::problem::Problem;
use async_graphql::{Error, ErrorExtensionValues, Response, Value};

/// Code of queries that are wrong by themselves: syntax, unknown fields, limits.
const BAD_QUERY: &str = "bad_input";
const CODE: &str = "code";

/// The error of a problem.
pub fn refused(problem: impl Into<Problem>) -> Error {
    let problem: Problem = problem.into();
    let mut extensions = ErrorExtensionValues::default();
    extensions.set(CODE, problem.code);
    extensions.set("status", problem.status);
    extensions.set("remedy", problem.remedy);
    if !problem.errors.is_empty() {
        let fields = serde_json::to_value(&problem.errors).unwrap_or_default();
        extensions.set("errors", Value::from_json(fields).unwrap_or_default());
    }
    Error {
        message: problem.detail,
        source: None,
        extensions: Some(extensions),
    }
}

/// Gives every error of an answer a code.
pub fn with_codes(mut response: Response) -> Response {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get(CODE).is_none() {
            extensions.set(CODE, BAD_QUERY);
        }
    }
    response
}
