//! The error of a job: a message for people. It is a result like any other: replicas can agree on it.

use std::fmt;

/// Why a job's function failed. Any `std::error::Error` turns into it by `?`.
pub struct Error(String);

/// What the functions of a job return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says this. Name the wrong thing and the remedy.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// Puts "`context`: " in front of the message.
    #[must_use]
    pub fn context(self, context: impl fmt::Display) -> Self {
        Self(format!("{context}: {}", self.0))
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_message(self) -> String {
        self.0
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns from the function with an error made of a format string.
#[macro_export]
macro_rules! bail {
    ($($message:tt)+) => {
        return ::core::result::Result::Err($crate::Error::new(::core::format_args!($($message)+)))
    };
}
