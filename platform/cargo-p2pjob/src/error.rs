//! What a command can end with: the documented exit codes, and one error type that names the thing and the remedy.

use node::control::client::{ClientError, ConnectError};
use node::control::protocol::{ControlError, ErrorCode};
use std::io::Write;
use std::path::Path;

/// The exit codes of `docs/cli.md`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Ok,
    /// A fault of the program: please report.
    Internal,
    /// The command line is wrong.
    Usage,
    /// Parameters, a file, a component or a configuration is wrong.
    BadInput,
    /// No such task, job, blob, file or peer.
    NotFound,
    /// The task failed (or `test` found a job that is not deterministic).
    TaskFailed,
    /// The task was cancelled.
    TaskCancelled,
    /// No node runs, or it does not answer.
    Unreachable,
    /// Not now: nobody to run it, busy, in use.
    Unavailable,
    /// A quota, the disk, a price or another limit.
    Limit,
    /// This machine lacks something: toolchain, target, permission, version.
    Environment,
    /// Ctrl-C; a task that was waited for goes on.
    Interrupted,
}

impl Exit {
    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::BadInput => 3,
            Self::NotFound => 4,
            Self::TaskFailed => 5,
            Self::TaskCancelled => 6,
            Self::Unreachable => 7,
            Self::Unavailable => 8,
            Self::Limit => 9,
            Self::Environment => 10,
            Self::Interrupted => 130,
        }
    }

    /// The stable name in `--json` errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::BadInput => "bad_input",
            Self::NotFound => "not_found",
            Self::TaskFailed => "task_failed",
            Self::TaskCancelled => "task_cancelled",
            Self::Unreachable => "unreachable",
            Self::Unavailable => "unavailable",
            Self::Limit => "limit",
            Self::Environment => "environment",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The table of `--help` and `docs/cli.md`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0 ok             4 not found       8 unavailable (nobody to run it, busy, in use)
  1 internal       5 task failed     9 limit (quota, disk, price)
  2 usage          6 task cancelled  10 environment (toolchain, permission, version)
  3 bad input      7 no node reached 130 interrupted (a task that was waited for goes on)";

/// An error for a person: what was wrong, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// Decides the exit code.
    pub exit: Exit,
    /// What was wrong, naming the thing.
    pub message: String,
    /// What to do; may be empty.
    pub remedy: String,
}

impl CliError {
    /// An error with its remedy.
    pub fn new(exit: Exit, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Something on disk could not be read or written.
    pub fn file(action: &str, path: &Path, error: &std::io::Error) -> Self {
        let (exit, remedy) = match error.kind() {
            std::io::ErrorKind::NotFound => (Exit::NotFound, "check the path"),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                (Exit::Limit, "free some space on this disk")
            }
            std::io::ErrorKind::PermissionDenied => (Exit::Environment, "check the permissions of the file and folder"),
            std::io::ErrorKind::IsADirectory => (Exit::BadInput, "name a file, not a folder"),
            _ => (Exit::Environment, "check the path and the disk"),
        };
        Self::new(exit, format!("cannot {action} {}: {error}", path.display()), remedy)
    }

    /// The node answered with something that does not belong to the request.
    pub fn surprise(request: &str) -> Self {
        let remedy = "client and node differ: restart the node with this program (`p2pjob --version`)";
        Self::new(
            Exit::Internal,
            format!("the node gave an answer that does not belong to {request}"),
            remedy,
        )
    }

    /// Prints it and says how to exit.
    pub fn report(&self, json: bool) -> Exit {
        // When nobody reads any more there is nobody to tell; the exit code still says it.
        if json {
            let error = serde_json::json!({
                "error": { "code": self.exit.name(), "message": self.message, "remedy": self.remedy }
            });
            let _ = writeln!(std::io::stdout(), "{error}");
        } else {
            let _ = writeln!(std::io::stderr(), "{}", self.text());
        }
        self.exit
    }

    /// The two lines for people.
    pub fn text(&self) -> String {
        if self.remedy.is_empty() {
            format!("error: {}", self.message)
        } else {
            format!("error: {}\n  help: {}", self.message, self.remedy)
        }
    }
}

/// The exit code of a class of errors of the node.
pub fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::BadInput => Exit::BadInput,
        ErrorCode::NotFound => Exit::NotFound,
        ErrorCode::Unavailable => Exit::Unavailable,
        ErrorCode::Limit => Exit::Limit,
        ErrorCode::Version => Exit::Environment,
        ErrorCode::Internal => Exit::Internal,
    }
}

impl From<ControlError> for CliError {
    fn from(error: ControlError) -> Self {
        Self::new(exit_of(error.code), error.message, error.remedy)
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        let ConnectError { socket, source } = error;
        let message = format!("no node answers at {}: {source}", socket.display());
        Self::new(
            Exit::Unreachable,
            message,
            "start one with `p2pjob up` or `p2pjob node`",
        )
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Control(error) => error.into(),
            other => Self::new(
                Exit::Unreachable,
                other.to_string(),
                "its tasks are in its journal and go on when it runs again: start it, then `p2pjob status`",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
