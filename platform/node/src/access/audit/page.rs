//! Pieces of the log, found by number without an index: records are in order, so the place is halved until it is near.

use super::record::AuditRecord;
use super::tail::{MAX_LINE_BYTES, next_line, parse};
use crate::access::{AccessError, io_error};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Most records of one page.
pub const MAX_AUDIT_PAGE: u32 = 500;
/// Near enough to read on line by line.
const NEAR_BYTES: u64 = 2 * MAX_LINE_BYTES;

/// At most `limit` records from number `from` on, of the first `length` bytes of the file.
pub fn read(path: &Path, length: u64, from: u64, limit: u64) -> Result<Vec<AuditRecord>, AccessError> {
    let mut file = File::open(path).map_err(io_error("read", path))?;
    let start = near(&file, length, from).map_err(io_error("read", path))?;
    file.seek(SeekFrom::Start(start)).map_err(io_error("read", path))?;
    let mut reader = BufReader::new(file.take(length.saturating_sub(start)));
    let (mut records, mut line) = (Vec::new(), Vec::new());
    while (records.len() as u64) < limit && next_line(&mut reader, &mut line).map_err(io_error("read", path))? {
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        let record = parse(content).map_err(|error| AccessError::Damaged {
            path: path.to_owned(),
            why: format!("a record near number {from} is damaged ({error})"),
            remedy: "`p2pjob audit verify` names the first wrong one",
        })?;
        if record.seq >= from {
            records.push(record);
        }
    }
    Ok(records)
}

/// The start of a line at or before record `from`, at most [`NEAR_BYTES`] and a line before it.
fn near(file: &File, length: u64, from: u64) -> io::Result<u64> {
    let (mut low, mut high) = (0, length);
    while high - low > NEAR_BYTES {
        let middle = low + (high - low) / 2;
        match line_after(file, middle, high)? {
            Some((at, seq)) if seq <= from => low = at,
            // Also where no line begins in sight: the lower half has one.
            _ => high = middle,
        }
    }
    Ok(low)
}

/// The first line that begins after a position, and the number of its record.
fn line_after(file: &File, position: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
    #[derive(Deserialize)]
    struct Number {
        seq: u64,
    }
    let most = (end - position).min(NEAR_BYTES);
    let mut bytes = vec![0; usize::try_from(most).unwrap_or(0)];
    file.read_exact_at(&mut bytes, position)?;
    let Some(start) = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1) else {
        return Ok(None);
    };
    let rest = bytes.get(start..).unwrap_or_default();
    let Some(line) = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .and_then(|stop| rest.get(..stop))
    else {
        return Ok(None);
    };
    let number = serde_json::from_slice::<Number>(line).ok();
    Ok(number.map(|number| (position + start as u64, number.seq)))
}
