//! The node's key file: 32 secret bytes, readable by its owner only. Written to a temporary name and linked into
//! place, so a crash leaves either no key or a whole one, and two processes that start at once end up with one key.

use job_model::sign::NodeKey;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Permission bits of the key file: its owner reads and writes, nobody else does anything.
const KEY_FILE_MODE: u32 = 0o600;
/// Permission bits of group and others, which must all be clear.
const FOREIGN_BITS: u32 = 0o077;
/// Size of the secret, in bytes.
const KEY_BYTES: usize = 32;

/// Why there is no node key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Others may read the key.
    #[error("{} has mode {mode:04o}: others could read the node's secret key; run `chmod 600 {}`, or move it away to get a new identity", path.display(), path.display())]
    TooOpen {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is no key.
    #[error("{} holds {bytes} bytes, a node key has {KEY_BYTES}; restore it from a backup, or move it away to get a new identity", path.display())]
    Damaged {
        /// The key file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The system gives no randomness.
    #[error("the system gives no random bytes for a new node key: {0}")]
    NoRandomness(String),
    /// Reading or writing failed.
    #[error("cannot {doing} {}: {source}; check the path, its permissions and the free space", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads the node key at `path`, or creates one there (mode 0600). The folder must exist.
pub fn load_or_create_key(path: &Path) -> Result<NodeKey, KeyError> {
    match File::open(path) {
        Ok(file) => read_key(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_key(path),
        Err(source) => Err(KeyError::Io {
            doing: "open",
            path: path.to_owned(),
            source,
        }),
    }
}

fn read_key(path: &Path, mut file: File) -> Result<NodeKey, KeyError> {
    let failed = |source| KeyError::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    };
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & FOREIGN_BITS != 0 {
        return Err(KeyError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    let damaged = || KeyError::Damaged {
        path: path.to_owned(),
        bytes: metadata.len(),
    };
    if metadata.len() != KEY_BYTES as u64 {
        return Err(damaged());
    }
    let mut secret = [0u8; KEY_BYTES];
    file.read_exact(&mut secret).map_err(failed)?;
    Ok(NodeKey::from_bytes(secret))
}

fn create_key(path: &Path) -> Result<NodeKey, KeyError> {
    let mut secret = [0u8; KEY_BYTES];
    let mut suffix = [0u8; 8];
    for bytes in [&mut secret[..], &mut suffix[..]] {
        getrandom::fill(bytes).map_err(|error| KeyError::NoRandomness(error.to_string()))?;
    }
    // A name of its own keeps two that start at once from writing the same temporary file.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{:016x}", u64::from_le_bytes(suffix)));
    let temporary = path.with_file_name(name);
    let written = write_secret(&temporary, &secret);
    // A hard link never replaces an existing file: whoever comes second reads the first one's key.
    let linked = written.and_then(|()| std::fs::hard_link(&temporary, path));
    // The temporary name is useless now, whatever happened; a leftover does no harm.
    let _ = std::fs::remove_file(&temporary);
    match linked {
        Ok(()) => {
            sync_folder(path);
            Ok(NodeKey::from_bytes(secret))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = File::open(path).map_err(|source| KeyError::Io {
                doing: "open",
                path: path.to_owned(),
                source,
            })?;
            read_key(path, file)
        }
        Err(source) => Err(KeyError::Io {
            doing: "create",
            path: path.to_owned(),
            source,
        }),
    }
}

fn write_secret(temporary: &Path, secret: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(KEY_FILE_MODE)
        .open(temporary)?;
    // The mode of `open` is cut by the umask.
    file.set_permissions(std::fs::Permissions::from_mode(KEY_FILE_MODE))?;
    file.write_all(secret)?;
    file.sync_all()
}

/// Makes the new name durable. A failure costs at most a new identity after a power cut, so it is no error.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::warn!(path = %path.display(), %error, "the folder of the node key is not synchronised");
    }
}
