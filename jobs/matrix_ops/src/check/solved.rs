//! Checks of an inverse and of a solution: put back into the equation.

use crate::Chunk;
use crate::check::{DOUBT, Distance, ROUNDS, cannot_tell, roundoff, rows_of, signs};
use crate::host::Block;
use crate::params::NormKind;
use crate::run::second;
use p2pjob::prelude::*;

/// How many times the expected rounding error is allowed.
const SLACK: f64 = 16.0;
/// A bound above this tells nothing of an inverse: the matrix is too close to a singular one.
const MOST_BOUND: f64 = 0.01;

/// `a (x r) = r`, or `x (a r) = r`: which of the two residuals is small depends on how the inverse was made.
pub fn check_inverse(chunk: &Chunk, slices: &Slices, data: &[u8]) -> Result<bool> {
    let (_, rows, cols) = rows_of(chunk)?;
    if rows == 0 {
        return Ok(true);
    }
    let a = chunk.a.whole(slices, chunk.element)?;
    let x = Block::from_bytes(chunk.element, (rows, cols), data)?;
    let bound = bound(chunk, &a, &x)?;
    if bound.is_nan() || bound > MOST_BOUND {
        return Err(cannot_tell("the matrix is too close to a singular one"));
    }
    let (random, numbers) = signs(rows, chunk.element)?;
    let mut nearest = Distance::Wrong;
    for (first, then) in [(&x, &a), (&a, &x)] {
        let back = then.multiply(&first.multiply(&random)?)?.numbers()?;
        if back.iter().any(|number| !number.is_finite()) {
            return Err(cannot_tell("there are numbers that are not finite"));
        }
        nearest = nearest.min(farthest(&back, &numbers, bound));
        if nearest == Distance::Right {
            break;
        }
    }
    nearest.verdict()
}

/// `a (x r) = b r`.
pub fn check_solution(chunk: &Chunk, slices: &Slices, data: &[u8]) -> Result<bool> {
    let (_, rows, cols) = rows_of(chunk)?;
    if rows == 0 || cols == 0 {
        return Ok(true);
    }
    let a = chunk.a.whole(slices, chunk.element)?;
    let b = second(chunk)?.whole(slices, chunk.element)?;
    let x = Block::from_bytes(chunk.element, (rows, cols), data)?;
    let bound = bound(chunk, &a, &x)? + SLACK * roundoff(chunk.element) * b.norm(NormKind::Frobenius)?;
    // Few columns are looked at as they are.
    let (x, b) = if cols > ROUNDS {
        let (random, _) = signs(cols, chunk.element)?;
        (x.multiply(&random)?, b.multiply(&random)?)
    } else {
        (x, b)
    };
    let (ours, theirs) = (a.multiply(&x)?.numbers()?, b.numbers()?);
    if !bound.is_finite() || ours.iter().chain(&theirs).any(|number| !number.is_finite()) {
        return Err(cannot_tell("there are numbers that are not finite"));
    }
    farthest(&ours, &theirs, bound).verdict()
}

fn farthest(ours: &[f64], theirs: &[f64], bound: f64) -> Distance {
    let differences = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs());
    let each = differences.map(|difference| Distance::of(difference, bound, bound * DOUBT));
    each.max().unwrap_or(Distance::Right)
}

fn bound(chunk: &Chunk, a: &Block, x: &Block) -> Result<f64> {
    let size = a.norm(NormKind::Frobenius)? * x.norm(NormKind::Frobenius)?;
    Ok(SLACK * roundoff(chunk.element) * (chunk.a.rows as f64).sqrt() * size)
}
