//! Checking a log offline: every record, every link, and a head that was noted elsewhere.

use super::AuditHead;
use super::record::{AuditRecord, GENESIS};
use super::tail::{next_line, parse};
use crate::access::{AccessError, io_error};
use job_model::UnixMillis;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A log that is sound.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AuditReport {
    /// How many records.
    pub records: u64,
    /// Time of the first one.
    pub first_at: Option<UnixMillis>,
    /// Time of the last one.
    pub last_at: Option<UnixMillis>,
    /// Hash of the last one; note it elsewhere and give it to `audit verify --expect`.
    pub head: String,
    /// Number of the record whose hash was expected.
    pub expected_at: Option<u64>,
    /// Bytes of a torn last line, of which nobody was told.
    pub torn_bytes: u64,
}

/// A log that is not what was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("record {record}: {why}")]
pub struct AuditProblem {
    /// Number of the first record that is wrong.
    pub record: u64,
    /// What is wrong with it.
    pub why: String,
}

/// Checks a log file; needs no node. With `expect`, some record must have this hash.
pub fn verify_audit(path: &Path, expect: Option<&str>) -> Result<Result<AuditReport, AuditProblem>, AccessError> {
    verify_up_to(path, None, expect)
}

/// The same for the first bytes of a file that grows.
pub fn verify_up_to(
    path: &Path,
    limit: Option<u64>,
    expect: Option<&str>,
) -> Result<Result<AuditReport, AuditProblem>, AccessError> {
    let file = File::open(path).map_err(io_error("read", path))?;
    let mut reader = BufReader::new(file.take(limit.unwrap_or(u64::MAX)));
    let mut report = AuditReport::default();
    let mut head = AuditHead::default();
    let mut line = Vec::new();
    while next_line(&mut reader, &mut line).map_err(io_error("read", path))? {
        let Some(content) = line.strip_suffix(b"\n") else {
            let mut rest = Vec::new();
            let more = reader.read_to_end(&mut rest).map_err(io_error("read", path))?;
            report.torn_bytes = (line.len() + more) as u64;
            break;
        };
        let record = match link(&head, content) {
            Ok(record) => record,
            Err(problem) => return Ok(Err(problem)),
        };
        report.first_at = report.first_at.or(Some(record.at));
        report.last_at = Some(record.at);
        report.records += 1;
        if expect.is_some_and(|expected| expected == record.hash) {
            report.expected_at = Some(record.seq);
        }
        head = AuditHead {
            seq: record.seq,
            hash: record.hash,
        };
    }
    if let Some(expected) = expect.filter(|_| report.expected_at.is_none()) {
        let why = format!(
            "the chain ends before it, and no record has the hash {expected}: the end was cut off, or the whole log was \
             written anew"
        );
        let record = head.seq + 1;
        return Ok(Err(AuditProblem { record, why }));
    }
    report.head = head.hash;
    Ok(Ok(report))
}

/// The record of a line, if it is sound and follows the one before.
fn link(before: &AuditHead, line: &[u8]) -> Result<AuditRecord, AuditProblem> {
    let wanted = before.seq + 1;
    let problem = |why: String| AuditProblem { record: wanted, why };
    let record = parse(line).map_err(|error| problem(format!("it was edited or damaged: {error}")))?;
    if record.seq > wanted {
        let why = format!(
            "record {} stands in its place: it was removed, or the order changed",
            record.seq
        );
        return Err(problem(why));
    }
    if record.seq < wanted {
        let why = format!(
            "record {} stands in its place: the order changed, or one was copied",
            record.seq
        );
        return Err(problem(why));
    }
    let prev = if before.hash.is_empty() { GENESIS } else { &before.hash };
    if record.prev != prev {
        return Err(problem(
            "it follows another record than the one before it, which was replaced".to_owned(),
        ));
    }
    Ok(record)
}
