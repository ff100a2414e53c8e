//! Checks of eigenvalues and singular values. Computed ones are exact for a matrix nearby, so their sum and the sum of
//! their squares are those of the matrix, almost; and for some that are drawn, `a - lambda` is almost singular, which one
//! solution of a linear system shows.

use crate::Chunk;
use crate::check::{DOUBT, Distance, block_of, cannot_tell, random_below, roundoff, signs};
use crate::form::floats;
use crate::host::{Block, Refusal};
use crate::params::NormKind;
use arrays::ElementType;
use p2pjob::prelude::*;

/// How many times the expected rounding error is allowed.
const SLACK: f64 = 32.0;
/// How many values are drawn and tried.
const DRAWN: u64 = 2;
/// Of the solution for a random right side, this much at least belongs to the smallest singular value; less happens to
/// all the columns at once with a probability of 1e-11.
const LEAST_SHARE: f64 = 0.05;
/// Largest linear system that is solved for a drawn value, in rows: half a gigabyte.
const MOST_ROWS: u64 = 6000;

/// Whether these are the eigenvalues: pairs of real and imaginary part.
pub fn check_eigenvalues(chunk: &Chunk, slices: &Slices, data: &[u8]) -> Result<bool> {
    let rows = chunk.a.rows;
    let values = floats(chunk.element, data);
    let pairs: Vec<(f64, f64)> = values.as_chunks().0.iter().map(|[re, im]| (*re, *im)).collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(cannot_tell("there are numbers that are not finite"));
    }
    if !pairs.is_sorted() {
        return Ok(false);
    }
    let matrix = Square::new(chunk, slices)?;
    let sum = pairs.iter().fold((0.0, 0.0), |sum, (re, im)| (sum.0 + re, sum.1 + im));
    let squares = pairs.iter().fold((0.0, 0.0), |sum, (re, im)| {
        (sum.0 + re * re - im * im, sum.1 + 2.0 * re * im)
    });
    let trace: f64 = (0..rows).map(|row| matrix.at(row, row)).sum();
    let trace_of_square: f64 = (0..rows)
        .map(|row| {
            (0..rows)
                .map(|col| matrix.at(row, col) * matrix.at(col, row))
                .sum::<f64>()
        })
        .sum();
    let far = |one: f64, other: f64, bound: f64| Distance::of((one - other).abs(), bound, bound * DOUBT);
    let (bound, size) = (matrix.bound, matrix.size);
    let mut farthest = far(sum.0, trace, bound)
        .max(far(sum.1, 0.0, bound))
        .max(far(squares.0, trace_of_square, 2.0 * size * bound))
        .max(far(squares.1, 0.0, 2.0 * size * bound));
    for _ in 0..DRAWN.min(rows) {
        let Some((re, im)) = pairs.get(random_below(rows) as usize) else {
            return Ok(false);
        };
        if farthest == Distance::Wrong {
            break;
        }
        let singular = if *im == 0.0 {
            let shifted = |row: u64, col: u64| matrix.at(row, col) - if row == col { *re } else { 0.0 };
            nearly_singular(rows, shifted, bound)?
        } else {
            // The complex system as a real one of twice the size.
            let shifted = |row: u64, col: u64| {
                let (own, other) = (row < rows, col < rows);
                let (row, col) = (row % rows, col % rows);
                match (own == other, row == col) {
                    (true, same) => matrix.at(row, col) - if same { *re } else { 0.0 },
                    (false, true) => {
                        if own {
                            *im
                        } else {
                            -*im
                        }
                    }
                    (false, false) => 0.0,
                }
            };
            nearly_singular(2 * rows, shifted, bound)?
        };
        farthest = farthest.max(singular);
    }
    farthest.verdict()
}

/// Whether these are the singular values.
pub fn check_singular_values(chunk: &Chunk, slices: &Slices, data: &[u8]) -> Result<bool> {
    let values = floats(chunk.element, data);
    if values.iter().any(|value| !value.is_finite()) {
        return Err(cannot_tell("there are numbers that are not finite"));
    }
    if values.iter().any(|value| *value < 0.0) || !values.is_sorted_by(|one, next| one >= next) {
        return Ok(false);
    }
    let matrix = Square::new(chunk, slices)?;
    let (rows, cols) = (chunk.a.rows, chunk.a.cols);
    let squares: f64 = values.iter().map(|value| value * value).sum();
    let bound = 2.0 * matrix.size * matrix.bound;
    let mut farthest = Distance::of((squares - matrix.size * matrix.size).abs(), bound, bound * DOUBT);
    let count = values.len() as u64;
    for _ in 0..DRAWN.min(count) {
        let Some(value) = values.get(random_below(count) as usize) else {
            return Ok(false);
        };
        // (0 a; a^T 0) has the singular values and their negatives as eigenvalues.
        let shifted = |row: u64, col: u64| match (row < rows, col < rows) {
            _ if row == col => -*value,
            (true, false) => matrix.at(row, col - rows),
            (false, true) => matrix.at(col, row - rows),
            _ => 0.0,
        };
        if farthest == Distance::Wrong {
            break;
        }
        farthest = farthest.max(nearly_singular(rows + cols, shifted, matrix.bound)?);
    }
    farthest.verdict()
}

/// A matrix in the sandbox, with its Frobenius norm and how far its computed spectrum may be from its own.
struct Square {
    values: Vec<f64>,
    cols: u64,
    size: f64,
    bound: f64,
}

impl Square {
    fn new(chunk: &Chunk, slices: &Slices) -> Result<Self> {
        let block = chunk.a.whole(slices, chunk.element)?;
        let size = block.norm(NormKind::Frobenius)?;
        let longest = chunk.a.rows.max(chunk.a.cols) as f64;
        let bound = SLACK * roundoff(chunk.element) * longest * size;
        if !bound.is_finite() || (size * size).is_infinite() {
            return Err(cannot_tell(
                "there are numbers that are not finite, or as large as the type allows",
            ));
        }
        Ok(Self {
            values: block.numbers()?,
            cols: chunk.a.cols,
            size,
            bound,
        })
    }

    fn at(&self, row: u64, col: u64) -> f64 {
        self.values
            .get((row * self.cols + col) as usize)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

/// How far the smallest singular value of a matrix is above `bound`: at most that, its inverse makes random vectors long.
fn nearly_singular(rows: u64, at: impl Fn(u64, u64) -> f64, bound: f64) -> Result<Distance> {
    if rows > MOST_ROWS {
        return Err(cannot_tell(
            "the matrix is so large that the check costs as much as the run",
        ));
    }
    let numbers: Vec<f64> = (0..rows)
        .flat_map(|row| (0..rows).map(move |col| (row, col)))
        .map(|(r, c)| at(r, c))
        .collect();
    let shifted = block_of(ElementType::F64, (rows, rows), &numbers)?;
    drop(numbers);
    let (random, _) = signs(rows, ElementType::F64)?;
    let long: Block = match shifted.solve(&random) {
        Ok(long) => long,
        Err(Refusal::Singular(_)) => return Ok(Distance::Right),
        Err(Refusal::Other(error)) => return Err(error),
    };
    let lengths = long.transposed()?.row_norms()?;
    if bound == 0.0 || lengths.iter().any(|length| !length.is_finite()) {
        return Ok(Distance::Right);
    }
    let longest = lengths.into_iter().fold(0.0, f64::max);
    Ok(Distance::of(LEAST_SHARE / longest, bound, bound * DOUBT))
}
