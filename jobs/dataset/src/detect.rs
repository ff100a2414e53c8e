//! Finding out how an input is written, from its beginning.

use crate::Format;
use p2pjob::prelude::*;

/// The UTF-8 byte order mark some programs put in front of a text.
const MARK: &[u8] = b"\xEF\xBB\xBF";
/// Bytes looked at: the platform's largest read. A first line that is longer is no line of JSON lines.
const LOOK_BYTES: u32 = 1 << 20;

/// Where the text begins: behind a byte order mark, if there is one.
pub fn behind_mark(source: Source) -> u64 {
    if source.read_at(0, MARK.len() as u32) == MARK {
        MARK.len() as u64
    } else {
        0
    }
}

/// The offset of the first byte from `start` on that is not ASCII white space.
pub fn behind_space(source: Source, start: u64) -> u64 {
    let mut reader = source.reader_from(start);
    let mut offset = start;
    while let Some(block) = reader.next_block() {
        if let Some(at) = block.iter().position(|byte| !byte.is_ascii_whitespace()) {
            return offset + at as u64;
        }
        offset += block.len() as u64;
    }
    offset
}

/// The format of a text without a named column.
pub fn format(source: Source, start: u64) -> Result<Format> {
    let start = behind_space(source, start);
    let look = source.read_at(start, LOOK_BYTES);
    let line_end = look.iter().position(|byte| *byte == b'\n');
    let first_line = &look[..line_end.unwrap_or(look.len())];
    let more = line_end.is_some_and(|end| look[end..].iter().any(|byte| !byte.is_ascii_whitespace()));
    let is_json = || expression::parse_json(first_line).is_ok();
    Ok(match look.first() {
        // Arrays one a line, unless the first is all there is.
        Some(b'[') if more && is_json() => Format::Jsonl,
        Some(b'[') => Format::Json,
        Some(b'{') if !is_json() => {
            bail!(
                "the data begins with a JSON object that is not on one line; put it into an array, or name the format"
            )
        }
        Some(b'{' | b'"') if is_json() => Format::Jsonl,
        _ => Format::Lines,
    })
}
