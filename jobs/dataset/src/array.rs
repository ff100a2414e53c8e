//! The structure of a JSON array: where its elements begin and end, found without parsing them.

use p2pjob::prelude::*;

/// What a byte ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    /// A comma between two elements.
    Comma,
    /// The bracket that closes the array.
    Close,
}

/// Follows strings and brackets. Begins inside the array, in front of the first element.
#[derive(Default)]
struct Scanner {
    /// Open brackets and braces inside the current element.
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl Scanner {
    fn next(&mut self, byte: u8) -> Option<Mark> {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return None;
        }
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' if self.depth > 0 => self.depth -= 1,
            b']' => return Some(Mark::Close),
            b',' if self.depth == 0 => return Some(Mark::Comma),
            _ => {}
        }
        None
    }
}

/// Cuts the array at commas between elements, into pieces of about `target` bytes: `(offset, length)`, brackets and
/// the commas between pieces left out. An empty array is one piece without elements.
pub fn cut(source: Source, start: u64, target: u64) -> Result<Vec<(u64, u64)>> {
    let open = crate::detect::behind_space(source, start);
    if source.read_at(open, 1) != b"[" {
        bail!("the data is no JSON array: it does not begin with `[` (at byte {open})");
    }
    let mut reader = source.reader_from(open + 1);
    let mut scanner = Scanner::default();
    let mut pieces = Vec::new();
    let mut from = open + 1;
    let mut offset = open + 1;
    let mut closed = false;
    let mut elements = 0u64;
    let mut blank = true;
    while let Some(block) = reader.next_block() {
        for (at, byte) in block.iter().enumerate() {
            let here = offset + at as u64;
            if closed {
                if !byte.is_ascii_whitespace() {
                    bail!("there is something behind the JSON array (at byte {here})");
                }
                continue;
            }
            let mark = scanner.next(*byte);
            match mark {
                None => blank &= byte.is_ascii_whitespace(),
                Some(_) if blank && (elements > 0 || mark == Some(Mark::Comma)) => {
                    bail!("the JSON array lacks a value (in front of byte {here})");
                }
                Some(_) => {
                    elements += 1;
                    blank = true;
                    closed = mark == Some(Mark::Close);
                    if closed || here - from >= target {
                        pieces.push((from, here - from));
                        from = here + 1;
                    }
                }
            }
        }
        offset += block.len() as u64;
    }
    if !closed {
        bail!("the JSON array is not closed: the data ends at byte {offset} without `]`");
    }
    Ok(pieces)
}

/// Calls `each` with every element of a piece and its offset in the piece. A piece of white space has none.
pub fn for_each_element(piece: &[u8], mut each: impl FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
    if piece.trim_ascii().is_empty() {
        return Ok(());
    }
    let mut scanner = Scanner::default();
    let mut from = 0;
    for (at, byte) in piece.iter().enumerate() {
        if scanner.next(*byte) == Some(Mark::Comma) {
            each(from, &piece[from..at])?;
            from = at + 1;
        }
    }
    each(from, &piece[from..])
}
