//! Check of a determinant: by QR where the run took LU, compared within what the condition of the matrix allows.

use crate::Chunk;
use crate::check::{DOUBT, Distance, ROUNDS, cannot_tell, roundoff, signs};
use crate::form::floats;
use crate::host::Refusal;
use crate::params::NormKind;
use arrays::ElementType;
use p2pjob::prelude::*;

/// How many times the expected rounding error is allowed.
const SLACK: f64 = 16.0;
/// A relative bound above this tells nothing.
const MOST_BOUND: f64 = 0.1;
/// What differs by more than this factor's logarithm is wrong wherever the check tells anything.
const MOST_DOUBT: f64 = 0.7;

/// Whether value, sign and logarithm are those of the determinant.
pub fn check(chunk: &Chunk, slices: &Slices, data: &[u8]) -> Result<bool> {
    let claimed = floats(ElementType::F64, data);
    let [value, sign, log_abs] = claimed[..] else {
        return Ok(false);
    };
    let rows = chunk.a.rows;
    if rows == 0 {
        return Ok((value, sign, log_abs) == (1.0, 1.0, 0.0));
    }
    let noise = || cannot_tell("the matrix is singular, or so close to it that its determinant is rounding noise");
    let a = chunk.a.whole(slices, chunk.element)?;
    let (random, _) = signs(rows, chunk.element)?;
    let solved = match a.solve(&random) {
        Ok(solved) => solved,
        Err(Refusal::Singular(_)) => return Err(noise()),
        Err(Refusal::Other(error)) => return Err(error),
    };
    // The mean of |a^-1 r|^2 over random signs is the squared Frobenius norm of the inverse.
    let inverse = solved.norm(NormKind::Frobenius)? / (ROUNDS as f64).sqrt();
    let condition = a.norm(NormKind::Frobenius)? * inverse;
    let bound = SLACK * roundoff(chunk.element) * condition;
    if bound.is_nan() || bound > MOST_BOUND {
        return Err(noise());
    }
    let again = a.determinant(true)?;
    if !again.log_abs.is_finite() {
        return Err(noise());
    }
    let digits = roundoff(ElementType::F64) * SLACK * (rows as f64 + again.log_abs.abs());
    let bound = bound + digits;
    let doubt = (bound * DOUBT).clamp(bound, MOST_DOUBT.max(bound));
    let by_log = Distance::of((again.log_abs - log_abs).abs(), bound, doubt);
    let range = f64::MIN_POSITIVE.ln() + 1.0..f64::MAX.ln() - 1.0;
    // Outside the range of a float the value is 0 or infinite, or about to be.
    let by_value = if range.contains(&again.log_abs) {
        Distance::of((again.value / value - 1.0).abs(), 2.0 * bound, 2.0 * doubt)
    } else if value * sign >= 0.0 && (value == 0.0 || !range.contains(&value.abs().ln())) {
        Distance::Right
    } else {
        Distance::Wrong
    };
    if sign != again.sign {
        return Ok(false);
    }
    by_log.max(by_value).verdict()
}
