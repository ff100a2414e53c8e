//! What is wrong with an expression, where, and in which parameter.

use rhai::EvalAltResult;
use std::fmt;

/// An expression that does not compile or does not evaluate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpressionError {
    /// The parameter that holds the expression.
    name: &'static str,
    message: String,
    /// Which character of the expression, from 1.
    character: Option<usize>,
}

impl ExpressionError {
    pub(crate) const fn new(name: &'static str, message: String, character: Option<usize>) -> Self {
        Self {
            name,
            message,
            character,
        }
    }

    pub(crate) const fn of(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    pub(crate) fn from_rhai(name: &'static str, mut error: EvalAltResult) -> Self {
        let character = error.take_position().position();
        let message = match error {
            EvalAltResult::ErrorRuntime(message, _) => message.to_string(),
            EvalAltResult::ErrorFunctionNotFound(signature, _) => format!("cannot apply {signature}"),
            EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
                format!("needs {}, not {}", plain_type(&wanted), plain_type(&found))
            }
            other => other.to_string(),
        };
        Self {
            name,
            message,
            character,
        }
    }
}

/// Rhai's names of types in the words of this crate.
fn plain_type(name: &str) -> &str {
    match name {
        "i64" => "int",
        "f64" => "float",
        other => other,
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "{}: ", self.name)?;
        }
        f.write_str(&self.message)?;
        match self.character {
            Some(character) => write!(f, " (at character {character})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ExpressionError {}
