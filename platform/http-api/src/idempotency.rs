//! `Idempotency-Key`: the same request sent twice submits one task, also when the node was killed in between.
//!
//! Two things make it so. The task's id follows from caller and key (they are its nonce), so the same request cannot
//! become two tasks. And a file in the data directory remembers which body a key came with and which task it became, so
//! that the key cannot be used for another body. A claim is on disk before the task is submitted. A line that a crash
//! left half written is of a request nobody was answered; it is dropped at the next start.

use crate::problem::Problem;
use axum::http::{HeaderMap, StatusCode};
use job_model::TaskId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file in the data directory.
const FILE_NAME: &str = "http-idempotency.jsonl";
/// Keys that are remembered; the oldest go first.
const MAX_KEYS: usize = 10_000;
/// Lines after which the file is written anew.
const MAX_LINES: usize = 4 * MAX_KEYS;
/// How long a key is remembered, in milliseconds: a day.
const KEEP_MS: u64 = 24 * 3_600_000;
/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;
/// The header.
pub const HEADER: &str = "idempotency-key";

/// A key of a caller, and the body it came with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    key: String,
    body: String,
    nonce: [u8; 16],
}

impl Claim {
    /// From a request's headers; none where it has no key.
    pub fn of(headers: &HeaderMap, caller: &str, body: &[u8]) -> Result<Option<Self>, Problem> {
        let Some(value) = headers.get(HEADER) else {
            return Ok(None);
        };
        let key = value.to_str().unwrap_or_default();
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            let message = format!("expected 1 to {MAX_KEY_BYTES} visible ASCII characters");
            return Err(Problem::bad_field("Idempotency-Key", message));
        }
        let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 idempotency key v1");
        hasher.update(&(caller.len() as u64).to_le_bytes());
        hasher.update(caller.as_bytes());
        hasher.update(key.as_bytes());
        let mut nonce = [0; 16];
        hasher.finalize_xof().fill(&mut nonce);
        Ok(Some(Self {
            key: hasher.finalize().to_hex().to_string(),
            body: blake3::hash(body).to_hex().to_string(),
            nonce,
        }))
    }

    /// What makes the task's id follow from the key.
    pub fn nonce(&self) -> [u8; 16] {
        self.nonce
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    key: String,
    body: String,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TaskId>,
    /// The request was refused: the key is free again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    released: bool,
}

struct Book {
    path: PathBuf,
    file: Option<File>,
    lines: usize,
    keys: HashMap<String, Line>,
}

/// Keys of the last day.
pub struct Keys(Mutex<Book>);

impl Keys {
    /// Reads the keys of a data directory. Touches the disk.
    pub fn open(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE_NAME);
        let mut keys = HashMap::new();
        // No file: no key was ever used. What cannot be read was never answered.
        for line in std::fs::read_to_string(&path).unwrap_or_default().lines() {
            if let Ok(line) = serde_json::from_str::<Line>(line) {
                take(&mut keys, line);
            }
        }
        let book = Book {
            path,
            file: None,
            lines: 0,
            keys,
        };
        Self(Mutex::new(book))
    }

    /// Claims a key for a body; the task it became, if it did. Waits for the disk.
    pub fn claim(&self, claim: &Claim, now: u64) -> Result<Option<TaskId>, Problem> {
        // A panic elsewhere cannot leave the book half changed, so poison is ignored.
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = book.keys.get(&claim.key).filter(|line| !is_old(line, now)) {
            if known.body == claim.body {
                return Ok(known.task);
            }
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key came with another body before",
                "use a new key for every new task, and the same only to send the same body again",
            ));
        }
        book.write(line_of(claim, now)).map_err(|error| not_kept(&error))?;
        Ok(None)
    }

    /// The claimed request became this task. Waits for the disk.
    pub fn settle(&self, claim: &Claim, task: TaskId, now: u64) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Line {
            task: Some(task),
            ..line_of(claim, now)
        };
        if let Err(error) = book.write(line) {
            // The task's id follows from the key: the same request still finds it.
            tracing::warn!(%error, "the task of an idempotency key was not written down");
        }
    }

    /// The claimed request was refused: the key may be used again.
    pub fn release(&self, claim: &Claim, now: u64) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Line {
            released: true,
            ..line_of(claim, now)
        };
        if let Err(error) = book.write(line) {
            tracing::warn!(%error, "an idempotency key was not released; it is free again in a day");
        }
    }
}

fn line_of(claim: &Claim, now: u64) -> Line {
    Line {
        key: claim.key.clone(),
        body: claim.body.clone(),
        at: now,
        task: None,
        released: false,
    }
}

fn not_kept(error: &std::io::Error) -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "limit",
        format!("the Idempotency-Key cannot be kept: {error}"),
        "free some disk, or send the request without it",
    )
}

fn is_old(line: &Line, now: u64) -> bool {
    now.saturating_sub(line.at) > KEEP_MS
}

fn take(keys: &mut HashMap<String, Line>, line: Line) {
    if line.released {
        keys.remove(&line.key);
    } else {
        keys.insert(line.key.clone(), line);
    }
}

impl Book {
    fn write(&mut self, line: Line) -> std::io::Result<()> {
        let now = line.at;
        let text = serde_json::to_string(&line)?;
        if self.file.is_none() || self.lines >= MAX_LINES || self.keys.len() >= MAX_KEYS {
            self.compact(now)?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        if let Err(error) = writeln!(file, "{text}").and_then(|()| file.sync_data()) {
            // Half a line may be there: the next write starts a new file.
            self.file = None;
            return Err(error);
        }
        self.lines += 1;
        take(&mut self.keys, line);
        Ok(())
    }

    /// Drops what is old, or too much, and writes the file anew.
    fn compact(&mut self, now: u64) -> std::io::Result<()> {
        self.keys.retain(|_, line| !is_old(line, now));
        let mut lines: Vec<Line> = self.keys.values().cloned().collect();
        lines.sort_by_key(|line| line.at);
        let surplus = lines.len().saturating_sub(MAX_KEYS - MAX_KEYS / 10);
        for line in lines.drain(..surplus) {
            self.keys.remove(&line.key);
        }
        let fresh = self.path.with_extension("new");
        let mut file = File::create(&fresh)?;
        for line in &lines {
            writeln!(file, "{}", serde_json::to_string(line)?)?;
        }
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        self.lines = lines.len();
        self.file = Some(File::options().append(true).open(&self.path)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
