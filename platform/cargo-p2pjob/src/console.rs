//! What a person sees: results on stdout, everything else on stderr; one JSON object on stdout with `--json`.

use crate::environment::Environment;
use crate::error::CliError;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    json: bool,
    color: bool,
}

/// The few colours that carry a meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paint {
    /// Good.
    Green,
    /// Look here.
    Yellow,
    /// Bad.
    Red,
    /// More important.
    Bold,
}

impl Console {
    /// Colours only on a terminal, and not when the user asks for none (<https://no-color.org>).
    pub fn new(json: bool, environment: &Environment) -> Self {
        let wanted = environment.get("NO_COLOR").is_none_or(str::is_empty) && environment.get("TERM") != Some("dumb");
        Self {
            json,
            color: wanted && std::io::stdout().is_terminal(),
        }
    }

    /// Whether stdout is for a program.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether colours may be used.
    pub fn has_color(&self) -> bool {
        self.color
    }

    /// The command's result: the object with `--json`, else the text.
    pub fn result<T: Serialize>(&self, value: &T, text: impl FnOnce(&Self) -> String) -> Result<(), CliError> {
        if self.json {
            let object = serde_json::to_string(value).map_err(|error| {
                CliError::new(
                    crate::Exit::Internal,
                    format!("the result is no JSON: {error}"),
                    "please report this",
                )
            })?;
            line(&mut std::io::stdout(), &object);
        } else {
            line(&mut std::io::stdout(), text(self).trim_end());
        }
        Ok(())
    }

    /// Bytes as they are, for results that are asked for on stdout.
    pub fn raw(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// A remark on the way; not with `--json`.
    pub fn note(&self, text: &str) {
        if !self.json {
            line(&mut std::io::stderr(), text);
        }
    }

    /// Something the user should know; on stderr, with `--json` too.
    pub fn warn(&self, text: &str) {
        line(&mut std::io::stderr(), &format!("warning: {text}"));
    }

    /// The text in a colour, if there are colours.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Green => "32",
            Paint::Yellow => "33",
            Paint::Red => "31",
            Paint::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A closed pipe (`p2pjob jobs | head -1`) is no error of ours.
fn line(out: &mut impl Write, text: &str) {
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
