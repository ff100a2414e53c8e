//! A matrix as a chunk knows it: type, order, size, and where its elements lie.

use arrays::{Bytes, ElementType};
use p2pjob::prelude::*;
use std::ops::Range;

/// Where elements lie.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a slice of the chunk (in `plan`: an input), behind some bytes.
    Slice {
        /// Index of the slice.
        index: u32,
        /// First byte of the elements.
        offset: u64,
    },
    /// In the chunk itself, little-endian.
    Inline(Bytes),
}

/// A matrix, or what of it a chunk has. Its lines are its rows where the order is C, its columns where it is Fortran:
/// what lies together.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matrix {
    /// Type of the elements as stored.
    pub element: ElementType,
    /// Whether they are stored big-endian.
    pub big_endian: bool,
    /// Whether columns lie together.
    pub fortran: bool,
    /// Number of rows of the whole matrix.
    pub rows: u64,
    /// Number of columns of the whole matrix.
    pub cols: u64,
    /// Whether it was given as a vector: one column, written without its brackets.
    pub vector: bool,
    /// Which lines are there.
    pub lines: (u64, u64),
    /// Where they lie.
    pub place: Place,
}

impl Matrix {
    /// Number of lines of the whole matrix.
    pub const fn line_count(&self) -> u64 {
        if self.fortran { self.cols } else { self.rows }
    }

    /// Elements of a line.
    pub const fn line_length(&self) -> u64 {
        if self.fortran { self.rows } else { self.cols }
    }

    /// Bytes of a line as stored.
    pub const fn line_bytes(&self) -> u64 {
        self.line_length() * self.element.size()
    }

    /// Whether it is an input.
    pub const fn is_blob(&self) -> bool {
        matches!(self.place, Place::Slice { .. })
    }

    /// Rows and columns as in NumPy, for messages.
    pub fn shape(&self) -> String {
        if self.vector {
            format!("({},)", self.rows)
        } else {
            format!("({}, {})", self.rows, self.cols)
        }
    }

    /// The transpose: the same elements in the same places, seen in the other order.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            fortran: !self.fortran,
            rows: self.cols,
            cols: self.rows,
            vector: false,
            ..self
        }
    }

    /// The bytes of these lines among those that are there: offset behind the place's first byte, and length.
    pub fn bytes_of(&self, lines: &Range<u64>) -> (u64, u64) {
        let from = lines.start.saturating_sub(self.lines.0);
        (from * self.line_bytes(), (lines.end - lines.start) * self.line_bytes())
    }

    /// For a chunk that has slices: this matrix with only these lines, and the slice that holds them.
    pub fn slice<C>(&self, lines: Range<u64>, inputs: &[Source], cut: Cut<C>) -> (Self, Cut<C>) {
        let (from, length) = self.bytes_of(&lines);
        let kept = |place| Self {
            lines: (lines.start, lines.end),
            place,
            ..self.clone()
        };
        match &self.place {
            Place::Inline(bytes) => {
                let range = from as usize..(from + length) as usize;
                let part = bytes.0.get(range).unwrap_or_default().to_vec();
                (kept(Place::Inline(Bytes(part))), cut)
            }
            Place::Slice { index, offset } => {
                let place = Place::Slice {
                    index: cut.slices.len() as u32,
                    offset: 0,
                };
                let source = inputs.iter().find(|source| source.index() == *index);
                let cut = source
                    .iter()
                    .fold(cut, |cut, source| cut.slice(**source, offset + from, length));
                (kept(place), cut)
            }
        }
    }
}
