//! Whether a claimed output is right, for far less work than making it. docs/matrix_ops.md derives every bound.
//!
//! An error means that the check cannot tell (numbers that are not finite, a matrix too close to singular); the platform
//! then asks a second node. What is random is drawn after the output was committed.

mod determinant;
mod floats;
mod solved;
mod spectrum;
mod whole;

use crate::Chunk;
use crate::form::{Form, Kind, floats};
use crate::host::Block;
use crate::params::Operation;
use crate::run;
use arrays::ElementType;
use p2pjob::prelude::*;

/// Random vectors of signs that products are tried with: a wrong row passes one with probability 1/2 at most.
pub const ROUNDS: u64 = 8;
/// Most bytes that `entropy` gives at once.
const ENTROPY_BYTES: usize = 64 << 10;

/// Whether the claimed output of a chunk is right.
pub fn check(chunk: &Chunk, slices: &Slices, claimed: &OpenPartial) -> Result<bool> {
    if chunk.operation == Operation::Multiply && chunk.element.is_float() && chunk.frame.form != Form::Json {
        // Its elements stay with the node.
        return match chunk.frame.elements_at(claimed) {
            Some(offset) => floats::check(chunk, slices, &Rows::Open(claimed, offset)),
            None => Ok(false),
        };
    }
    let Some(data) = chunk.frame.read(&claimed.bytes()) else {
        return Ok(false);
    };
    match chunk.operation {
        Operation::Multiply if chunk.element == ElementType::I64 => whole::check(chunk, slices, &data),
        Operation::Multiply => floats::check(chunk, slices, &Rows::Bytes(&data)),
        Operation::Add | Operation::Subtract | Operation::Transpose => {
            let again = run::compute(chunk, slices)?.bytes()?;
            Ok(same(chunk.element, &again, &data))
        }
        Operation::Inverse => solved::check_inverse(chunk, slices, &data),
        Operation::Solve => solved::check_solution(chunk, slices, &data),
        Operation::Determinant => determinant::check(chunk, slices, &data),
        Operation::Eigenvalues => spectrum::check_eigenvalues(chunk, slices, &data),
        Operation::SingularValues => spectrum::check_singular_values(chunk, slices, &data),
        Operation::Norm => check_norm(chunk, slices, &data),
    }
}

/// The rows of a claimed product.
pub enum Rows<'a> {
    /// Their elements.
    Bytes(&'a [u8]),
    /// In the claimed output, behind some bytes.
    Open(&'a OpenPartial, u64),
}

impl Rows<'_> {
    /// Some of them, of so many columns.
    pub fn block(&self, element: ElementType, rows: std::ops::Range<u64>, cols: u64) -> Result<Block> {
        let row_bytes = cols * element.size();
        let shape = (rows.end - rows.start, cols);
        match self {
            Self::Bytes(data) => {
                let range = (rows.start * row_bytes) as usize..(rows.end * row_bytes) as usize;
                Block::from_bytes(element, shape, data.get(range).unwrap_or_default())
            }
            Self::Open(claimed, offset) => Block::from_claim(claimed, offset + rows.start * row_bytes, element, shape),
        }
    }
}

/// Unit roundoff: half the distance from 1 to the next number.
pub fn roundoff(element: ElementType) -> f64 {
    if element == ElementType::F32 {
        f64::from(f32::EPSILON) / 2.0
    } else {
        f64::EPSILON / 2.0
    }
}

/// What is off by more than the bound is in doubt, and by this much more, wrong: bounds are derived for rounding errors
/// as they are, not as they could be at worst.
pub const DOUBT: f64 = 1000.0;

/// How far a claim is from what it should be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Distance {
    /// Within the rounding errors.
    Right,
    /// Too far for the rounding errors of most matrices, and not for those of every one.
    Doubtful,
    /// Too far for any.
    Wrong,
}

impl Distance {
    /// Of a difference, from the bound of what is right and that of what is doubtful.
    pub fn of(difference: f64, bound: f64, doubt: f64) -> Self {
        if difference <= bound {
            Self::Right
        } else if difference <= doubt || difference.is_nan() {
            Self::Doubtful
        } else {
            Self::Wrong
        }
    }

    /// The verdict.
    pub fn verdict(self) -> Result<bool> {
        match self {
            Self::Right => Ok(true),
            Self::Doubtful => Err(cannot_tell("the rounding errors would be unusually large")),
            Self::Wrong => Ok(false),
        }
    }
}

/// The answer of a check that cannot tell.
pub fn cannot_tell(why: &str) -> Error {
    Error::new(format_args!(
        "the check cannot tell: {why}; the output is compared with a second node's"
    ))
}

/// A block of random signs, -1 or 1, `ROUNDS` columns, and the same as numbers.
pub fn signs(rows: u64, element: ElementType) -> Result<(Block, Vec<f64>)> {
    let mut signs = Vec::with_capacity((rows * ROUNDS) as usize);
    let mut left = rows as usize;
    while left > 0 {
        let count = left.min(ENTROPY_BYTES);
        for byte in p2pjob::entropy(count as u32) {
            signs.extend((0..ROUNDS).map(|bit| if byte >> bit & 1 == 1 { 1.0 } else { -1.0 }));
        }
        left -= count;
    }
    Ok((block_of(element, (rows, ROUNDS), &signs)?, signs))
}

/// A random number below a bound that is not 0.
pub fn random_below(bound: u64) -> u64 {
    let bytes = p2pjob::entropy(16);
    let wide = bytes.iter().fold(0u128, |wide, byte| wide << 8 | u128::from(*byte));
    (wide % u128::from(bound.max(1))) as u64
}

/// Numbers as a block.
pub fn block_of(element: ElementType, shape: (u64, u64), numbers: &[f64]) -> Result<Block> {
    let bytes: Vec<u8> = if element == ElementType::F32 {
        numbers
            .iter()
            .flat_map(|number| (*number as f32).to_le_bytes())
            .collect()
    } else {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    };
    Block::from_bytes(element, shape, &bytes)
}

/// Whether two results of one elementwise operation are equal: the same numbers, NaN for NaN. Devices may round numbers
/// below the smallest normal one to zero.
fn same(element: ElementType, ours: &[u8], theirs: &[u8]) -> bool {
    let tiny = match element {
        ElementType::F32 => f64::from(f32::MIN_POSITIVE),
        ElementType::F64 => f64::MIN_POSITIVE,
        _ => return ours == theirs,
    };
    let close =
        |(one, other): (f64, f64)| one == other || (one.is_nan() && other.is_nan()) || (one - other).abs() < tiny;
    let pairs = || floats(element, ours).into_iter().zip(floats(element, theirs));
    ours.len() == theirs.len() && (ours == theirs || pairs().all(close))
}

/// A norm is computed again.
fn check_norm(chunk: &Chunk, slices: &Slices, data: &[u8]) -> Result<bool> {
    let again = chunk.a.whole(slices, chunk.element)?.norm(chunk.norm)?;
    let claimed = floats(ElementType::F64, data).first().copied().unwrap_or(f64::NAN);
    if !again.is_finite() || !claimed.is_finite() {
        return Ok(again == claimed || (again.is_nan() && claimed.is_nan()));
    }
    let longest = chunk.a.rows.max(chunk.a.cols) as f64;
    Ok((again - claimed).abs() <= 32.0 * roundoff(chunk.element) * longest * again)
}

/// The rows that a chunk of a product makes: from, to, columns.
pub fn rows_of(chunk: &Chunk) -> Result<(u64, u64, u64)> {
    match chunk.frame.kind {
        Kind::Rows { from, to, cols, .. } => Ok((from, to, cols)),
        _ => bail!("the chunk has no rows"),
    }
}
