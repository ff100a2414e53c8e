//! Freivalds' check of a product of whole numbers, exactly: modulo the prime 2^61 - 1, with random vectors of residues. A
//! wrong row passes a round with probability 2^-61.

use crate::Chunk;
use crate::block::whole_numbers;
use crate::check::rows_of;
use crate::matrix::Matrix;
use crate::run::second;
use arrays::ElementType;
use p2pjob::prelude::*;

/// A Mersenne prime.
pub const PRIME: u64 = (1 << 61) - 1;
/// How often a product is tried.
const ROUNDS: usize = 2;
/// Products of residues that fit in 128 bits together.
const TERMS: usize = 32;
/// Random numbers drawn at once: 64 KiB of entropy.
const DRAWN: usize = 8 << 10;

/// Whether the rows are those of the product.
pub fn check(chunk: &Chunk, slices: &Slices, data: &[u8]) -> Result<bool> {
    let (from, to, cols) = rows_of(chunk)?;
    let b = second(chunk)?;
    let claimed = whole_numbers(ElementType::I64, data);
    for _ in 0..ROUNDS {
        let random = residues(cols as usize);
        let right = times(b, slices, &random)?;
        let left = times(&chunk.a, slices, &right)?;
        // All rows of `a` are there where it is in Fortran order, else those of the chunk.
        let left = if chunk.a.fortran {
            left.get(from as usize..to as usize).unwrap_or_default()
        } else {
            &left[..]
        };
        let theirs = (0..(to - from) as usize).map(|row| dot(row_of(&claimed, row, cols as usize), &random));
        if !theirs.eq(left.iter().copied()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn row_of(values: &[i64], row: usize, cols: usize) -> &[i64] {
    values.get(row * cols..(row + 1) * cols).unwrap_or_default()
}

/// The product of the lines that are there with a vector, modulo the prime.
fn times(matrix: &Matrix, slices: &Slices, vector: &[u64]) -> Result<Vec<u64>> {
    if !matrix.fortran {
        let mut rows = Vec::new();
        matrix.for_each_whole_line(slices, |_, line| rows.push(dot(line, vector)))?;
        // A matrix without columns has rows that are never seen.
        rows.resize((matrix.lines.1 - matrix.lines.0) as usize, 0);
        return Ok(rows);
    }
    let mut sums = vec![0u64; matrix.rows as usize];
    matrix.for_each_whole_line(slices, |col, line| {
        let factor = vector.get(col as usize).copied().unwrap_or(0);
        for (sum, value) in sums.iter_mut().zip(line) {
            *sum = fold(u128::from(*sum) + u128::from(residue(*value)) * u128::from(factor));
        }
    })?;
    Ok(sums)
}

/// The sum of products, modulo the prime.
pub fn dot(values: &[i64], vector: &[u64]) -> u64 {
    let pairs = values.chunks(TERMS).zip(vector.chunks(TERMS));
    pairs.fold(0, |sum, (values, vector)| {
        let each = values.iter().zip(vector);
        let part: u128 = each
            .map(|(value, factor)| u128::from(residue(*value)) * u128::from(*factor))
            .sum();
        fold(part + u128::from(sum))
    })
}

/// A whole number modulo the prime.
fn residue(value: i64) -> u64 {
    let size = value.unsigned_abs();
    let size = (size & PRIME) + (size >> 61);
    let size = if size >= PRIME { size - PRIME } else { size };
    if value < 0 && size > 0 { PRIME - size } else { size }
}

/// A number modulo the prime: 2^61 is 1.
fn fold(wide: u128) -> u64 {
    let prime = u128::from(PRIME);
    let once = (wide & prime) + (wide >> 61);
    let twice = ((once & prime) + (once >> 61)) as u64;
    if twice >= PRIME { twice - PRIME } else { twice }
}

fn residues(count: usize) -> Vec<u64> {
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let bytes = p2pjob::entropy(((count - drawn.len()).min(DRAWN) * 8) as u32);
        drawn.extend(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| fold(u64::from_le_bytes(*bytes).into())),
        );
    }
    drawn
}
