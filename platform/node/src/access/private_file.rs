//! Small secret files: replaced whole, synced, readable by their owner only.

use super::{AccessError, io_error};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Bits of a mode that let others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Replaces a file (mode 0600): after a crash it is the old one or the new one, and after a return it is on disk.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), AccessError> {
    let part = path.with_added_extension("part");
    // A leftover of a crash may have another mode.
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &part)(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part)
        .map_err(io_error("create", &part))?;
    file.write_all(bytes).map_err(io_error("write", &part))?;
    file.sync_all().map_err(io_error("sync", &part))?;
    fs::rename(&part, path).map_err(io_error("rename", &part))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io_error("sync", folder))
}

/// Reads a file of at most `limit` bytes; none when it is not there. One that others may write to is refused: whoever
/// can write to it could make themselves an administrator.
pub fn read_private(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, AccessError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", path)(error)),
    };
    let damaged = |why: String, remedy| AccessError::Damaged {
        path: path.to_owned(),
        why,
        remedy,
    };
    let mode = metadata.permissions().mode();
    if mode & WRITABLE_BY_OTHERS != 0 {
        let why = format!("others may write to it (mode {:o})", mode & 0o777);
        return Err(damaged(why, "check what it holds, then `chmod 600` it"));
    }
    if metadata.len() > limit {
        let why = format!("it has {} bytes, at most {limit} make sense", metadata.len());
        return Err(damaged(why, "restore it from a backup, or move it away"));
    }
    fs::read(path).map(Some).map_err(io_error("read", path))
}
