//! Which daemons of this user run: one JSON file per process in a folder, so that commands find the network without
//! being told. An entry whose process is gone (or whose number now belongs to another process) is ignored and removed;
//! a crash therefore leaves nothing that misleads.

use crate::environment::Environment;
use crate::error::CliError;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// One running process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its process.
    pub pid: u32,
    /// When the kernel started it, in clock ticks since boot: tells a reused pid.
    pub process_start: u64,
    /// When it became ready, in milliseconds since 1970.
    pub started_at: u64,
    /// What it is.
    pub kind: Kind,
}

/// What runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `p2pjob node`.
    Node {
        /// Its data directory.
        data_dir: PathBuf,
    },
    /// `p2pjob up`.
    Network {
        /// The data directories of its nodes, by number.
        nodes: Vec<PathBuf>,
    },
}

/// The folder of entries.
#[derive(Clone, Debug)]
pub struct Registry {
    folder: PathBuf,
}

/// Removes its entry when dropped.
#[derive(Debug)]
pub struct Registration {
    file: PathBuf,
}

impl Drop for Registration {
    fn drop(&mut self) {
        // A file that stays is recognised as stale by its pid.
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Registry {
    /// `$XDG_RUNTIME_DIR/p2pjob`, else `~/.local/state/p2pjob`.
    pub fn of_user(environment: &Environment) -> Self {
        let folder = match environment.path("XDG_RUNTIME_DIR") {
            Some(runtime) if runtime.is_dir() => runtime.join("p2pjob"),
            _ => environment.user_folder("XDG_STATE_HOME", ".local/state").join("p2pjob"),
        };
        Self { folder }
    }

    /// In a given folder.
    #[cfg(test)]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Enters this process, until the answer is dropped.
    pub fn register(&self, kind: Kind) -> Result<Registration, CliError> {
        let pid = std::process::id();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started_at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let entry = Entry {
            pid,
            process_start: process_start(pid).unwrap_or(0),
            started_at,
            kind,
        };
        let file = self.folder.join(format!("{pid}.json"));
        let partial = self.folder.join(format!("{pid}.partial"));
        std::fs::create_dir_all(&self.folder).map_err(|e| CliError::file("create", &self.folder, &e))?;
        let text = serde_json::to_string(&entry).unwrap_or_default();
        std::fs::write(&partial, text).map_err(|e| CliError::file("write", &partial, &e))?;
        std::fs::rename(&partial, &file).map_err(|e| CliError::file("write", &file, &e))?;
        Ok(Registration { file })
    }

    /// The running ones, newest first. Removes stale entries.
    pub fn running(&self) -> Vec<Entry> {
        let Ok(files) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut entries: Vec<Entry> = files.flatten().filter_map(|file| live(&file.path())).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.started_at));
        entries
    }
}

fn live(file: &Path) -> Option<Entry> {
    if file.extension().is_none_or(|extension| extension != "json") {
        return None;
    }
    let entry: Option<Entry> = std::fs::read(file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let alive = entry.filter(|entry| process_start(entry.pid).is_some_and(|start| start == entry.process_start));
    if alive.is_none() {
        let _ = std::fs::remove_file(file);
    }
    alive
}

/// Field 22 of `/proc/PID/stat` (proc(5)): the start time in clock ticks; none when there is no such process.
fn process_start(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses and may hold anything; the third follows the last parenthesis.
    let rest = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let state = fields.first()?;
    // A zombie has ended; only its parent has not noticed.
    if *state == "Z" {
        None
    } else {
        fields.get(19)?.parse().ok()
    }
}

#[cfg(test)]
mod tests;
