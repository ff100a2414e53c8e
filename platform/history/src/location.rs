//! Which database is meant: `history.url` read into options, and errors of the database turned into ours. The password
//! is known here only, and taken out of every text.

use crate::error::HistoryError;
use sqlx::postgres::PgConnectOptions;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Name of the SQLite file in the data directory.
const DEFAULT_FILE: &str = "history.db";
/// What PostgreSQL URLs may say after `?`. Others are refused: a misspelt `password` must not end in a log.
const KNOWN_PARAMETERS: [&str; 12] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "statement-cache-capacity",
];
/// What stands for a password in texts.
const HIDDEN: &str = "***";
/// The name under which PostgreSQL lists our connections.
const APPLICATION: &str = "p2pjob";

/// The URL of a node's history: as configured (a relative SQLite path lies in the data directory), else its own file.
pub fn url_of(configured: Option<&str>, data_dir: &Path) -> String {
    let in_data_dir = |file: &str| format!("sqlite:{}", data_dir.join(file).display());
    match configured.map(str::trim) {
        None => in_data_dir(DEFAULT_FILE),
        Some(url) => match sqlite_path(url) {
            Some(path) if !path.is_empty() && !path.starts_with(':') => in_data_dir(path),
            _ => url.to_owned(),
        },
    }
}

fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path))
}

/// Where a history is.
pub enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Box<PgConnectOptions>),
}

/// A database, and what must not be told of it.
pub struct Target {
    /// Where it is.
    pub place: Place,
    secrets: Vec<String>,
}

impl Target {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, HistoryError> {
        let url = url.trim();
        if let Some(path) = sqlite_path(url) {
            return Self::sqlite(path);
        }
        let known = ["postgres://", "postgresql://"];
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            // The scheme only: what follows may hold a password.
            let scheme = url.split_once("://").map(|(scheme, _)| scheme);
            let why = match scheme.filter(|scheme| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
                Some(scheme) => format!("has the scheme {scheme:?}, which is not known"),
                None => "names no kind of database".to_owned(),
            };
            return Err(HistoryError::Url { why });
        }
        Self::postgres(url)
    }

    fn sqlite(path: &str) -> Result<Self, HistoryError> {
        if path.is_empty() || path.starts_with(':') {
            let why = "names no file after sqlite:".to_owned();
            return Err(HistoryError::Url { why });
        }
        Ok(Self {
            place: Place::Sqlite(PathBuf::from(path)),
            secrets: Vec::new(),
        })
    }

    fn postgres(url: &str) -> Result<Self, HistoryError> {
        let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let name = parameter.split('=').next().unwrap_or_default();
            if !KNOWN_PARAMETERS.contains(&name) {
                let known = KNOWN_PARAMETERS.join(", ");
                let why = format!("has an unknown parameter after \"?\"; known are {known}");
                return Err(HistoryError::Url { why });
            }
        }
        let secrets = secrets_of(url, parameters);
        let options = PgConnectOptions::from_str(url).map_err(|error| HistoryError::Url {
            why: hide(&secrets, format!("is not a valid address of PostgreSQL ({error})")),
        })?;
        Ok(Self {
            place: Place::Postgres(Box::new(options.application_name(APPLICATION))),
            secrets,
        })
    }

    /// As it may be shown: without its password.
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Sqlite(path) => format!("sqlite:{}", path.display()),
            Place::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                let host = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => format!("{}:{}", options.get_host(), options.get_port()),
                };
                let shown = format!("postgres://{}@{host}/{database}", options.get_username());
                hide(&self.secrets, shown)
            }
        }
    }

    /// An error if it is a file that is not there.
    pub fn must_exist(&self) -> Result<(), HistoryError> {
        match &self.place {
            Place::Sqlite(path) if !path.exists() => Err(HistoryError::Missing { target: self.shown() }),
            _ => Ok(()),
        }
    }

    /// What an error of the database means for a person.
    pub fn explain(&self, error: sqlx::Error) -> HistoryError {
        let target = self.shown();
        let error = match error {
            sqlx::Error::Migrate(migration) => match *migration {
                sqlx::migrate::MigrateError::Execute(inner)
                | sqlx::migrate::MigrateError::ExecuteMigration(inner, _) => inner,
                other => {
                    let why = format!("has tables that do not fit ({other})");
                    return HistoryError::Schema { target, why };
                }
            },
            other => other,
        };
        let why = |text: String| hide(&self.secrets, text);
        match error {
            sqlx::Error::Database(told) => {
                let code = told.code().map(|code| code.into_owned()).unwrap_or_default();
                self.of_code(&code, why(told.message().to_owned()))
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => HistoryError::Unreachable {
                target,
                why: why(error.to_string()),
            },
            other => HistoryError::Broken {
                target,
                why: why(other.to_string()),
            },
        }
    }

    /// By SQLSTATE of PostgreSQL, or result code of SQLite.
    fn of_code(&self, code: &str, why: String) -> HistoryError {
        let target = self.shown();
        match &self.place {
            Place::Postgres(_) => match code {
                "28P01" | "28000" | "3D000" => HistoryError::Refused { target, why },
                "42501" | "25006" => HistoryError::Denied { target, why },
                "53100" => HistoryError::Full { target, why },
                // Out of connections or memory, shutting down, starting, serialization failures.
                code if code.starts_with("53")
                    || code.starts_with("57P")
                    || code.starts_with("08")
                    || code.starts_with("40") =>
                {
                    HistoryError::Unreachable { target, why }
                }
                _ => HistoryError::Broken { target, why },
            },
            // The low byte is the primary code.
            Place::Sqlite(_) => match code.parse::<u32>().map(|code| code & 0xff) {
                Ok(5 | 6 | 10) => HistoryError::Unreachable { target, why },
                Ok(13) => HistoryError::Full { target, why },
                Ok(3 | 8 | 14 | 23) => HistoryError::Denied { target, why },
                Ok(26) => HistoryError::Schema {
                    target,
                    why: format!("is no SQLite database ({why})"),
                },
                _ => HistoryError::Broken { target, why },
            },
        }
    }
}

/// Every form in which the URL's password may show up.
fn secrets_of(url: &str, parameters: &str) -> Vec<String> {
    let after_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
    // An unescaped `/` in a password makes the URL wrong; its parts must not be told all the same.
    let before_host = after_scheme.rsplit_once('@').map_or("", |(user, _)| user);
    let in_authority = before_host.split_once(':').map(|(_, password)| password);
    let in_parameters = parameters.split('&').find_map(|pair| pair.strip_prefix("password="));
    let raw = in_authority
        .into_iter()
        .chain(in_parameters)
        .filter(|secret| !secret.is_empty());
    let mut secrets: Vec<String> = raw
        .flat_map(|secret| [secret.to_owned(), percent_decoded(secret)])
        .collect();
    // The longest first: one may hold another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hide(secrets: &[String], text: String) -> String {
    secrets.iter().fold(text, |text, secret| text.replace(secret, HIDDEN))
}

#[cfg(test)]
mod tests;
