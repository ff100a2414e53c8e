//! Freivalds' check of a floating-point product (R. Freivalds, 1977): `c r = a (b r)` for random vectors of signs, up to
//! the rounding errors of both sides.

use crate::Chunk;
use crate::check::{Distance, ROUNDS, Rows, cannot_tell, roundoff, rows_of, signs};
use crate::host::Block;
use crate::matrix::Matrix;
use crate::product::panels;
use crate::run::second;
use arrays::ElementType;
use p2pjob::prelude::*;

/// Bytes of a matrix that are looked at in one step: they stay in the processor's cache for all that is done with them.
const STEP_BYTES: u64 = 2 << 20;
/// How many times the expected rounding error is right.
const SLACK: f64 = 2.0;
/// How many standard deviations a sum of random signs may be off: more happens with a probability of 1e-15.
const DEVIATIONS: f64 = 8.5;

/// Whether the rows are those of the product.
pub fn check(chunk: &Chunk, slices: &Slices, claimed: &Rows<'_>) -> Result<bool> {
    let (from, to, cols) = rows_of(chunk)?;
    let (a, b, element) = (&chunk.a, second(chunk)?, chunk.element);
    if cols == 0 || from == to {
        return Ok(true);
    }
    let (random, _) = signs(cols, element)?;
    let (right, size_of_b) = right_side(b, slices, element, &random)?;
    let row_bytes = element.size() * a.cols.max(cols).max(1);
    let usual = SLACK * (a.cols.max(cols) as f64).sqrt();
    // Every addition of both sides rounds the same way.
    let worst = (2.0 * DEVIATIONS * (a.cols as f64 + cols as f64)).max(usual);
    let mut farthest = Distance::Right;
    let tiny = smallest_normal(element) * a.cols as f64 * (cols as f64).sqrt();
    for rows in panels(to - from, STEP_BYTES / row_bytes) {
        let own = a.block(slices, from + rows.start..from + rows.end, 0..a.cols, element)?;
        let ours = own.multiply(&right)?.numbers()?;
        let theirs = claimed.block(element, rows, cols)?.multiply(&random)?.numbers()?;
        let norms = norms(&own, element)?;
        for ((ours, theirs), norm) in ours
            .chunks(ROUNDS as usize)
            .zip(theirs.chunks(ROUNDS as usize))
            .zip(norms)
        {
            let unit = roundoff(element) * norm * size_of_b;
            let finite = ours.iter().chain(theirs).all(|number| number.is_finite());
            if !finite || !(unit * worst).is_finite() {
                return Err(cannot_tell(
                    "there are numbers that are not finite, or as large as the type allows",
                ));
            }
            for (ours, theirs) in ours.iter().zip(theirs) {
                let distance = Distance::of((ours - theirs).abs(), unit * usual + tiny, unit * worst + tiny);
                farthest = farthest.max(distance);
            }
        }
        if farthest == Distance::Wrong {
            break;
        }
    }
    farthest.verdict()
}

/// `b r`, and the Frobenius norm of `b`.
fn right_side(b: &Matrix, slices: &Slices, element: ElementType, random: &Block) -> Result<(Block, f64)> {
    let step = STEP_BYTES / (element.size() * b.line_length()).max(1);
    let mut squares = 0.0;
    let mut parts = Vec::new();
    for lines in panels(b.line_count(), step) {
        let (rows, cols) = if b.fortran {
            (0..b.rows, lines.clone())
        } else {
            (lines.clone(), 0..b.cols)
        };
        let block = b.block(slices, rows, cols, element)?;
        squares += norms(&block, element)?.into_iter().map(|norm| norm * norm).sum::<f64>();
        if !b.fortran {
            parts.push(block.multiply(random)?);
            continue;
        }
        let part = block.multiply(&random.part(lines, 0..ROUNDS)?)?;
        match parts.pop() {
            Some(sum) => parts.push(part.add(&sum)?),
            None => parts.push(part),
        }
    }
    let right = match parts.len() {
        0 => Block::zeros(element, (b.rows, ROUNDS))?,
        1 => parts.remove(0),
        _ => Block::join(&parts, 0)?,
    };
    Ok((right, squares.sqrt()))
}

/// The norms of the rows. Squares of small numbers vanish, so a norm that is almost 0 tells nothing.
fn norms(block: &Block, element: ElementType) -> Result<Vec<f64>> {
    let norms = block.row_norms()?;
    let least = if element == ElementType::F32 { 1e-12 } else { 1e-140 };
    if norms.iter().any(|norm| *norm < least) {
        let sums = block.row_sums()?;
        if norms.iter().zip(sums).any(|(norm, sum)| *norm < least && sum != 0.0) {
            return Err(cannot_tell("there are rows of numbers whose squares vanish"));
        }
    }
    Ok(norms)
}

const fn smallest_normal(element: ElementType) -> f64 {
    if matches!(element, ElementType::F32) {
        f32::MIN_POSITIVE as f64
    } else {
        f64::MIN_POSITIVE
    }
}
