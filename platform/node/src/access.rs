//! Who may do what over a front, and what was done: HTTP tokens ([`Tokens`]) and the audit log ([`AuditLog`]).
//!
//! Both are files of the data directory, readable by their owner only. [`Tokens`] owns `tokens.json`, which is replaced
//! whole; a crash leaves the old one or the new one. [`AuditLog`] owns `audit.jsonl` and the thread that appends to it;
//! a crash may tear the last line, of which nobody was told: the next start sets it aside and records that.

mod audit;
mod control;
mod findings;
mod private_file;
mod tokens;

pub use audit::{
    AUDIT_FILE, AuditEntry, AuditError, AuditHead, AuditLog, AuditPage, AuditProblem, AuditRecord, AuditReport,
    MAX_AUDIT_PAGE, verify_audit,
};
pub use control::{AccessReply, AccessRequest};
pub use private_file::{read_private, write_private};
pub use tokens::{Grant, MadeToken, NewToken, TokenProblem, TokenReport, Tokens};

pub(crate) use control::{audited, handle, record};
pub(crate) use findings::findings;

use crate::config::Role;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Actor of what is done on the node's own machine, through the control socket.
pub const LOCAL_ACTOR: &str = "local";
/// Name of callers without a token.
pub const ANONYMOUS: &str = "anonymous";

/// Why tokens or audit log cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The file is there and is not what it should be.
    #[error("{path}: {why}; {remedy}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The file system says no.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start the thread of the audit log: {0}")]
    Thread(io::Error),
}

pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AccessError {
    let path = path.to_owned();
    move |source| AccessError::Io { action, path, source }
}

/// Tokens and audit log of a running node.
pub struct Access {
    /// Tokens.
    pub tokens: Arc<Tokens>,
    /// What was done.
    pub audit: AuditLog,
    /// What the front says of itself, once it serves.
    pub front: OnceLock<FrontFacts>,
}

/// What a front says of itself, for `doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrontFacts {
    /// Where people find it.
    pub url: String,
    /// SHA-256 of its certificate, as `sha256:` and hexadecimal digits, with TLS.
    pub fingerprint: Option<String>,
}

impl Access {
    /// Opens both files of a data directory.
    pub fn open(data_dir: &Path) -> Result<Self, AccessError> {
        Ok(Self {
            tokens: Arc::new(Tokens::open(data_dir)?),
            audit: AuditLog::open(data_dir)?,
            front: OnceLock::new(),
        })
    }
}

/// Whether tokens of a role see only tasks of their own, unless asked otherwise.
pub fn default_own_only(role: Role) -> bool {
    role == Role::Submitter
}
