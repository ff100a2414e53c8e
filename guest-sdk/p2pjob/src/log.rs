//! Log lines. They come back with the result and are kept in the failure bundle; they never enter a vote.
//!
//! A line is cut at 8 KiB; after 1000 lines of one call the rest is counted, not kept.

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// For the job's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Odd, and handled.
    Warn,
    /// Wrong.
    Error,
}

/// Writes one line.
pub fn write(level: Level, message: &str) {
    crate::host::log_write(level, message);
}

/// Writes a line for the job's author.
pub fn debug(message: impl std::fmt::Display) {
    write(Level::Debug, &message.to_string());
}

/// Writes a line worth knowing.
pub fn info(message: impl std::fmt::Display) {
    write(Level::Info, &message.to_string());
}

/// Writes a line about something odd.
pub fn warn(message: impl std::fmt::Display) {
    write(Level::Warn, &message.to_string());
}

/// Writes a line about something wrong.
pub fn error(message: impl std::fmt::Display) {
    write(Level::Error, &message.to_string());
}
