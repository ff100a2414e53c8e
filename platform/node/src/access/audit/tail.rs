//! The end of the log at a start: where the chain goes on, and what a crash tore.

use super::AuditHead;
use super::record::AuditRecord;
use crate::access::{AccessError, io_error, write_private};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Longest line: every text of a record at its limit, escaped, with room to spare.
pub const MAX_LINE_BYTES: u64 = 64 << 10;

/// The checked end.
pub struct Tail {
    pub head: AuditHead,
    /// Bytes of whole records.
    pub bytes: u64,
    /// Bytes after them that were set aside.
    pub torn_bytes: u64,
}

/// Checks the last record and cuts off what is no whole line.
pub fn check(file: &File, path: &Path) -> Result<Tail, AccessError> {
    let length = file.metadata().map_err(io_error("read", path))?.len();
    let start = length.saturating_sub(2 * MAX_LINE_BYTES);
    let mut bytes = vec![0; usize::try_from(length - start).unwrap_or(0)];
    file.read_exact_at(&mut bytes, start).map_err(io_error("read", path))?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (whole, torn) = bytes.split_at_checked(end).unwrap_or((&bytes, &[]));
    if whole.is_empty() && start > 0 {
        return Err(damaged(path, "its end is no record".to_owned()));
    }
    if !torn.is_empty() {
        write_private(&path.with_extension("torn"), torn)?;
        let cut = file.set_len(start + end as u64).and_then(|()| file.sync_all());
        cut.map_err(io_error("repair", path))?;
    }
    Ok(Tail {
        head: last_record(whole, start > 0).map_err(|why| damaged(path, why))?,
        bytes: start + end as u64,
        torn_bytes: torn.len() as u64,
    })
}

fn damaged(path: &Path, why: String) -> AccessError {
    AccessError::Damaged {
        path: path.to_owned(),
        why,
        remedy: "look with `p2pjob audit verify FILE`, keep the file as evidence elsewhere, and start with a new log",
    }
}

/// The head of the last whole line; also that it follows the one before, if that is in sight.
fn last_record(whole: &[u8], cut: bool) -> Result<AuditHead, String> {
    let mut lines = whole.split(|byte| *byte == b'\n').rev().skip(1);
    let Some(last) = lines.next() else {
        return Ok(AuditHead::default());
    };
    let last = parse(last).map_err(|error| format!("its last record is damaged ({error})"))?;
    // With a cut piece, the first line in sight may be the end of one.
    let before = lines.next().filter(|_| !cut || lines.next().is_some());
    if let Some(before) = before {
        let before = parse(before).map_err(|error| format!("its last record but one is damaged ({error})"))?;
        if last.prev != before.hash || last.seq != before.seq + 1 {
            return Err(format!("record {} does not follow the one before it", last.seq));
        }
    }
    Ok(AuditHead {
        seq: last.seq,
        hash: last.hash,
    })
}

/// A record whose content is what its hash says.
pub fn parse(line: &[u8]) -> Result<AuditRecord, String> {
    let record: AuditRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if record.digest() != record.hash {
        return Err("its content is not what its hash says".to_owned());
    }
    if record.json().as_bytes() != line {
        return Err("it is not written as records are written".to_owned());
    }
    Ok(record)
}

/// Reads lines of bounded length from a reader; none at the end. The line feed is kept, so that a torn line shows.
pub fn next_line(reader: &mut impl io::BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    use io::{BufRead, Read};
    line.clear();
    let mut bounded = reader.take(MAX_LINE_BYTES);
    bounded.read_until(b'\n', line)?;
    Ok(!line.is_empty())
}
