//! `.npz` files: ZIP archives of files that are stored without compression, as `numpy.savez` writes them (APPNOTE 6.3.10,
//! without its 64-bit directory: no output is that large).

use super::{Finding, Tally, npy, tensor};
use job_model::Tolerance;
use std::collections::BTreeMap;

/// How a file starts.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// How the end of the directory starts.
const END: &[u8] = b"PK\x05\x06";
/// Bytes of the end of the directory, without its comment.
const END_BYTES: usize = 22;
/// Longest comment behind it, in bytes.
const MAX_COMMENT_BYTES: usize = u16::MAX as usize;
/// How an entry of the directory starts.
const ENTRY: &[u8] = b"PK\x01\x02";
/// Bytes of an entry of the directory, without its name.
const ENTRY_BYTES: usize = 46;
/// Bytes of the header before a file, without its name.
const LOCAL_BYTES: usize = 30;

/// The files of an archive by name.
pub(super) type Files<'a> = BTreeMap<&'a [u8], &'a [u8]>;

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Reads the directory.
pub(super) fn read(bytes: &[u8]) -> Result<Files<'_>, String> {
    let broken = || "a .npz file is cut off or no ZIP archive".to_owned();
    let last = bytes.len().checked_sub(END_BYTES).ok_or_else(broken)?;
    let first = last.saturating_sub(MAX_COMMENT_BYTES);
    let starts = |at: &usize| bytes.get(*at..).is_some_and(|rest| rest.starts_with(END));
    let end = (first..=last).rev().find(starts).ok_or_else(broken)?;
    let count = half(bytes, end + 10).ok_or_else(broken)?;
    let mut at = word(bytes, end + 16).ok_or_else(broken)?;
    let mut files = Files::new();
    for _ in 0..count {
        let (name, data, next) = entry(bytes, at).ok_or_else(broken)??;
        if files.insert(name, data).is_some() {
            return Err("a .npz file has two files of one name".to_owned());
        }
        at = next;
    }
    Ok(files)
}

type Entry<'a> = (&'a [u8], &'a [u8], usize);

/// One entry of the directory: name, data, and where the next one is. None: it is broken.
fn entry(bytes: &[u8], at: usize) -> Option<Result<Entry<'_>, String>> {
    if !bytes.get(at..)?.starts_with(ENTRY) {
        return None;
    }
    let method = half(bytes, at + 10)?;
    let (stored, size) = (word(bytes, at + 20)?, word(bytes, at + 24)?);
    let (name, extra, comment) = (half(bytes, at + 28)?, half(bytes, at + 30)?, half(bytes, at + 32)?);
    let local = word(bytes, at + 42)?;
    let start = at + ENTRY_BYTES;
    let named = bytes.get(start..start + name)?;
    let next = start + name + extra + comment;
    if method != 0 {
        let why = "a .npz file is compressed; write it without compression (numpy.savez) to have it compared";
        return Some(Err(why.to_owned()));
    }
    if stored != size || !bytes.get(local..)?.starts_with(MAGIC) {
        return None;
    }
    let data = local + LOCAL_BYTES + half(bytes, local + 26)? + half(bytes, local + 28)?;
    let data = bytes.get(data..data.checked_add(size)?)?;
    Some(Ok((named, data, next)))
}

/// Compares two archives file by file.
pub(super) fn compare(reference: &Files, other: &Files, tolerance: &Tolerance) -> Finding {
    if !reference.keys().eq(other.keys()) {
        return Finding::Apart(None);
    }
    let mut tally = Tally::default();
    for (one, two) in reference.values().zip(other.values()) {
        if one == two {
            continue;
        }
        match (npy::read(one), npy::read(two)) {
            (Ok(one), Ok(two)) => tensor::compare(&one, &two, tolerance, &mut tally),
            (Err(why), Err(_)) => return Finding::Unknown(why),
            _ => tally.add(false, None),
        }
    }
    tally.finding()
}
