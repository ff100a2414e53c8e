//! Cuts: the pieces `plan` returns, and where to cut a large text.

use crate::source::Source;

/// Smallest chunk of bytes the SDK chooses by itself: below it, placing a chunk costs more than computing it.
pub(crate) const MIN_DEFAULT_CHUNK_BYTES: u64 = 256 << 10;
/// Largest chunk of bytes the SDK chooses by itself: one lost chunk is done again in well under a second, and a
/// worker holds a few of them.
pub(crate) const MAX_DEFAULT_CHUNK_BYTES: u64 = 16 << 20;

/// A byte range of one input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SliceRef {
    /// Index of the input.
    pub input: u32,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

/// One piece of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut<C> {
    /// Handed to `run`.
    pub chunk: C,
    /// What `run` may read. Nodes fetch these bytes and no others.
    pub slices: Vec<SliceRef>,
    /// Expected work relative to the task's other chunks, at least 1.
    pub weight: u64,
}

impl<C> Cut<C> {
    /// A piece that reads nothing, of weight 1.
    pub const fn new(chunk: C) -> Self {
        Self {
            chunk,
            slices: Vec::new(),
            weight: 1,
        }
    }

    /// Adds a byte range that `run` may read.
    #[must_use]
    pub fn slice(mut self, input: Source, offset: u64, length: u64) -> Self {
        self.slices.push(SliceRef {
            input: input.index(),
            offset,
            length,
        });
        self
    }

    /// Says how much work the piece is, relative to its siblings.
    #[must_use]
    pub const fn weight(mut self, weight: u64) -> Self {
        self.weight = weight;
        self
    }
}

/// Bytes of the first look for a line's end: most lines are shorter.
const FIRST_LOOK_BYTES: u32 = 4 << 10;

impl Source {
    /// Cuts after line ends (`\n`) into pieces of about `target_bytes`, at least one, without reading more than the
    /// neighbourhood of each cut. A line longer than the target makes a larger piece. The weight is the length.
    pub fn cut_at_lines<C: Default>(&self, target_bytes: u64) -> Vec<Cut<C>> {
        self.cut_at_lines_from(0, target_bytes)
            .into_iter()
            .map(|(offset, length)| {
                Cut::new(C::default())
                    .slice(*self, offset, length)
                    .weight(length.max(1))
            })
            .collect()
    }

    /// Like `cut_at_lines`, for the bytes from `start` on: the pieces as `(offset, length)`.
    pub fn cut_at_lines_from(&self, start: u64, target_bytes: u64) -> Vec<(u64, u64)> {
        let mut pieces = Vec::new();
        let mut from = start.min(self.size());
        while from < self.size() {
            let to = match from.checked_add(target_bytes.max(1)) {
                Some(wanted) if wanted < self.size() => self.after_line_end(wanted - 1),
                _ => self.size(),
            };
            pieces.push((from, to - from));
            from = to;
        }
        if pieces.is_empty() {
            pieces.push((from, 0));
        }
        pieces
    }

    /// The offset after the first `\n` at or behind `from`, else the size.
    pub fn after_line_end(&self, mut from: u64) -> u64 {
        let mut look = FIRST_LOOK_BYTES;
        while from < self.size() {
            let bytes = self.read_at(from, look);
            if let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
                return from + at as u64 + 1;
            }
            from += bytes.len() as u64;
            look = look.saturating_mul(4).min(crate::source::MAX_READ_BYTES);
        }
        self.size()
    }
}
