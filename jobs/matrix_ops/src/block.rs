//! Reading parts of a matrix as blocks at the node, whatever its type and order.

use crate::host::Block;
use crate::matrix::{Matrix, Place};
use arrays::ElementType;
use p2pjob::prelude::*;
use std::ops::Range;

/// Most bytes of whole lines that are read to take a part of each.
const PIECE_BYTES: u64 = 16 << 20;
/// Bytes of one read of a slice.
const READ_BYTES: u32 = 1 << 20;

impl Matrix {
    /// All of it, in another type.
    pub fn whole(&self, slices: &Slices, element: ElementType) -> Result<Block> {
        self.block(slices, 0..self.rows, 0..self.cols, element)
    }

    /// These rows and columns, in another type.
    pub fn block(&self, slices: &Slices, rows: Range<u64>, cols: Range<u64>, element: ElementType) -> Result<Block> {
        let (lines, within) = if self.fortran { (cols, rows) } else { (rows, cols) };
        let stored = if within == (0..self.line_length()) {
            self.lines_as(slices, lines, element)?
        } else {
            let step = (PIECE_BYTES / self.line_bytes().max(1)).max(1);
            let mut parts = Vec::new();
            let mut from = lines.start;
            while from < lines.end || parts.is_empty() {
                let to = from.saturating_add(step).min(lines.end);
                let piece = self.lines_as(slices, from..to, element)?;
                parts.push(piece.part(0..to - from, within.clone())?);
                from = to;
            }
            match parts.len() {
                1 => parts.remove(0),
                _ => Block::join(&parts, 0)?,
            }
        };
        if self.fortran { stored.transposed() } else { Ok(stored) }
    }

    /// Whole lines as rows of a block.
    fn lines_as(&self, slices: &Slices, lines: Range<u64>, element: ElementType) -> Result<Block> {
        let shape = (lines.end - lines.start, self.line_length());
        let block = match (&self.place, self.big_endian) {
            (Place::Slice { index, offset }, false) => {
                let from = offset + self.bytes_of(&lines).0;
                Block::from_source(slices.get(*index), from, self.element, shape)?
            }
            _ => Block::from_bytes(self.element, shape, &self.line_bytes_le(slices, &lines)?)?,
        };
        if self.element == ElementType::U64 && element == ElementType::I64 {
            let largest = block.extremes()?.map(|(_, largest)| largest).unwrap_or_default();
            if largest.last().is_some_and(|top| *top >= 0x80) {
                bail!("uint64 numbers of 2^63 and more do not fit in int64; convert the matrix to float64");
            }
        }
        block.cast(self.element, element)
    }

    /// The bytes of whole lines, little-endian. They must fit in the sandbox.
    pub fn line_bytes_le(&self, slices: &Slices, lines: &Range<u64>) -> Result<Vec<u8>> {
        let (from, length) = self.bytes_of(lines);
        let mut bytes = match &self.place {
            Place::Inline(bytes) => bytes.0.get(from as usize..(from + length) as usize).map(<[u8]>::to_vec),
            Place::Slice { index, offset } => {
                let source = slices.get(*index);
                let mut bytes = Vec::with_capacity(length as usize);
                while (bytes.len() as u64) < length {
                    let rest = (length - bytes.len() as u64).min(READ_BYTES.into()) as u32;
                    let read = source.read_at(offset + from + bytes.len() as u64, rest);
                    if read.is_empty() {
                        break;
                    }
                    bytes.extend(read);
                }
                Some(bytes)
            }
        }
        .unwrap_or_default();
        if bytes.len() as u64 != length {
            bail!("the matrix ends early: {} of {length} bytes", bytes.len());
        }
        if self.big_endian {
            bytes
                .chunks_exact_mut(self.element.size() as usize)
                .for_each(<[u8]>::reverse);
        }
        Ok(bytes)
    }

    /// Calls `each` with every line there is, as whole numbers, and its number. For types of whole numbers.
    pub fn for_each_whole_line(&self, slices: &Slices, mut each: impl FnMut(u64, &[i64])) -> Result<()> {
        let step = (u64::from(READ_BYTES) / self.line_bytes().max(1)).max(1);
        let width = self.line_length() as usize;
        let mut from = self.lines.0;
        while from < self.lines.1 {
            let to = from.saturating_add(step).min(self.lines.1);
            let values = whole_numbers(self.element, &self.line_bytes_le(slices, &(from..to))?);
            if width > 0 {
                (from..)
                    .zip(values.chunks_exact(width))
                    .for_each(|(line, values)| each(line, values));
            }
            from = to;
        }
        Ok(())
    }
}

/// Little-endian bytes as whole numbers.
pub fn whole_numbers(element: ElementType, bytes: &[u8]) -> Vec<i64> {
    macro_rules! read {
        ($rust:ty) => {
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| <$rust>::from_le_bytes(*bytes) as i64)
                .collect()
        };
    }
    match element {
        ElementType::I8 => read!(i8),
        ElementType::I16 => read!(i16),
        ElementType::I32 => read!(i32),
        ElementType::I64 => read!(i64),
        ElementType::U16 => read!(u16),
        ElementType::U32 => read!(u32),
        ElementType::U64 => read!(u64),
        _ => bytes.iter().map(|byte| i64::from(*byte)).collect(),
    }
}
