//! The data directory: one owner at a time, one format, secrets readable by their owner only.
//!
//! The lock is an advisory lock on `LOCK`, held by an open file: it falls with the process, however that ends.
//! `VERSION` names the format; a directory of another format is refused, never converted in silence.

use job_model::UnixMillis;
use job_model::ids::NodeId;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Format of everything in the directory. Grows when an old program could not read a new directory, or the reverse.
pub const DATA_VERSION: &str = "p2pjob-data 1";

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another process has it.
    #[error("data directory {0} is in use by another p2pjob process; stop that one, or choose another with --data-dir")]
    InUse(PathBuf),
    /// Another format.
    #[error(
        "data directory {dir} has format {found:?}, this program reads {DATA_VERSION:?}; use the p2pjob version that \
         made it, or choose another with --data-dir"
    )]
    Version {
        /// The directory.
        dir: PathBuf,
        /// What `VERSION` says.
        found: String,
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
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { action, path, source }
}

/// An owned data directory. Dropping it gives it back.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// What `node.json` says while the node runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadyInfo {
    /// The process.
    pub pid: u32,
    /// Its identity.
    pub node_id: NodeId,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Its control socket.
    pub socket: PathBuf,
    /// Version of the program.
    pub version: String,
    /// When it became ready.
    pub started_at: UnixMillis,
    /// Its HTTP address, if it serves HTTP.
    #[serde(default)]
    pub http: Option<String>,
    /// SHA-256 of its certificate, if it serves HTTP with TLS.
    #[serde(default)]
    pub tls_fingerprint: Option<String>,
}

impl DataDir {
    /// Creates (mode 0700) or opens the directory, takes its lock and checks its format.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io_error("create", path))?;
        let path = path.canonicalize().map_err(io_error("resolve", path))?;
        let lock_path = path.join("LOCK");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io_error("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(DataDirError::InUse(path)),
            Err(fs::TryLockError::Error(source)) => {
                return Err(DataDirError::Io {
                    action: "lock",
                    path: lock_path,
                    source,
                });
            }
        }
        let version_path = path.join("VERSION");
        match fs::read_to_string(&version_path) {
            Ok(found) if found.trim() == DATA_VERSION => {}
            Ok(found) => {
                return Err(DataDirError::Version {
                    dir: path,
                    found: found.trim().to_owned(),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::write(&version_path, format!("{DATA_VERSION}\n")).map_err(io_error("write", &version_path))?;
            }
            Err(source) => {
                return Err(DataDirError::Io {
                    action: "read",
                    path: version_path,
                    source,
                });
            }
        }
        Ok(Self { path, _lock: lock })
    }

    /// The directory, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Says that the node is ready. Written whole or not at all.
    pub fn write_ready(&self, info: &ReadyInfo) -> Result<(), DataDirError> {
        let target = self.file("node.json");
        let part = self.file("node.json.part");
        let text = serde_json::to_vec_pretty(info).unwrap_or_default();
        let mut file = File::create(&part).map_err(io_error("create", &part))?;
        file.write_all(&text).map_err(io_error("write", &part))?;
        fs::rename(&part, &target).map_err(io_error("rename", &part))
    }

    /// Takes back what [`DataDir::write_ready`] said.
    pub fn remove_ready(&self) {
        // Nothing depends on it: a reader checks the process id too.
        let _ = fs::remove_file(self.file("node.json"));
    }
}

#[cfg(test)]
mod tests;
