//! Why a history database cannot be used: what was wrong, and what to do. No text here ever holds a password.

/// The class of an error, for exit codes and retries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorClass {
    /// The configuration is wrong: trying again does not help.
    BadInput,
    /// The database is not there now; it may come back.
    Unavailable,
    /// The disk is full.
    Limit,
    /// There is no such database.
    NotFound,
    /// A fault of the program or the file.
    Internal,
}

/// Why a history database cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// `history.url` cannot be read.
    #[error("history.url {why}; write sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url {
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers.
    #[error("the history database {target} does not answer: {why}; start the server, or correct history.url")]
    Unreachable {
        /// The database, without its password.
        target: String,
        /// What the system said.
        why: String,
    },
    /// User, password or database are not known there.
    #[error("the history database {target} refuses: {why}; correct user, password and database in history.url")]
    Refused {
        /// The database, without its password.
        target: String,
        /// What the server said.
        why: String,
    },
    /// The user may not do this.
    #[error(
        "no permission for the history database {target}: {why}; for PostgreSQL, `GRANT CREATE, USAGE ON SCHEMA public TO` \
         the user, or make it the owner of the database; for SQLite, let the node write the file and its folder"
    )]
    Denied {
        /// The database, without its password.
        target: String,
        /// What it said.
        why: String,
    },
    /// No space.
    #[error("the disk of the history database {target} is full: {why}; free some space, or keep less (history.keep_*)")]
    Full {
        /// The database, without its password.
        target: String,
        /// What it said.
        why: String,
    },
    /// The tables are not ours, or of another version.
    #[error(
        "the history database {target} {why}; use the program of the newest node that wrote it, or another database"
    )]
    Schema {
        /// The database, without its password.
        target: String,
        /// What differs.
        why: String,
    },
    /// No node has written there.
    #[error(
        "there is no history in {target}; name the node's data directory with --data-dir, or its database with --url"
    )]
    Missing {
        /// The database, without its password.
        target: String,
    },
    /// The journal position in the database is not the one the batch goes on from.
    #[error("the history database {target} is at journal position {found}, not {expected}: it was changed by others")]
    Moved {
        /// The database, without its password.
        target: String,
        /// The position there.
        found: u64,
        /// The position the batch goes on from.
        expected: u64,
    },
    /// Anything else.
    #[error("the history database {target} failed: {why}; check it, or restore it from a backup")]
    Broken {
        /// The database, without its password.
        target: String,
        /// What it said.
        why: String,
    },
}

impl HistoryError {
    /// Its class.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Url { .. } | Self::Refused { .. } | Self::Denied { .. } | Self::Schema { .. } => ErrorClass::BadInput,
            Self::Unreachable { .. } | Self::Moved { .. } => ErrorClass::Unavailable,
            Self::Full { .. } => ErrorClass::Limit,
            Self::Missing { .. } => ErrorClass::NotFound,
            Self::Broken { .. } => ErrorClass::Internal,
        }
    }
}
