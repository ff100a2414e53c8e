//! Singular values: bidiagonal form, then the implicit QR iteration of Golub and Kahan with zero shifts where a shift would
//! cost digits (Demmel and Kahan, SIAM Journal on Scientific and Statistical Computing 11, 1990).

use super::bidiagonal;
use crate::error::{ComputeError, Result};
use crate::linalg::work::Work;
use crate::session::Session;

/// Sweeps for each singular value (of ten at least) before the iteration counts as failed; two are usual.
const SWEEPS_PER_VALUE: usize = 30;

/// The singular values of a matrix of `rows` by `columns`, largest first.
pub(in crate::linalg) fn singular_values(session: &Session, a: Work, (rows, columns): (usize, usize)) -> Result<Work> {
    let short = rows.min(columns);
    let mut a = if rows < columns {
        transposed(session, a, rows, columns)?
    } else {
        a
    };
    let mut d = Work::zeros(session, short)?;
    let mut e = Work::zeros(session, short)?;
    bidiagonal::reduce(session, &mut a.values, short, &mut d.values, &mut e.values)?;
    drop(a);
    iterate(session, &mut d.values, &mut e.values)?;
    d.values.iter_mut().for_each(|value| *value = value.abs());
    d.values.sort_unstable_by(|x, y| y.total_cmp(x));
    Ok(d)
}

fn transposed(session: &Session, a: Work, rows: usize, columns: usize) -> Result<Work> {
    let mut out = Work::zeros(session, a.values.len())?;
    for (j, row) in out.values.chunks_exact_mut(rows.max(1)).enumerate().take(columns) {
        row.iter_mut()
            .zip(a.values[j..].iter().step_by(columns))
            .for_each(|(out, value)| *out = *value);
    }
    Ok(out)
}

/// Makes the superdiagonal `e` vanish; `d` becomes the singular values up to sign.
fn iterate(session: &Session, d: &mut [f64], e: &mut [f64]) -> Result<()> {
    let n = d.len();
    let size = d.iter().chain(e.iter()).fold(0.0_f64, |size, x| size.max(x.abs()));
    let most = SWEEPS_PER_VALUE * n.max(10);
    let mut sweeps = 0;
    let mut last_block = (n, n);
    let mut end = n;
    // Elements `end..` of d are done.
    while end > 1 {
        session.go_on()?;
        let high = end - 1;
        let Some(low) = block_start(d, e, high, size) else {
            end -= 1;
            continue;
        };
        if sweeps == most {
            let iterations = u32::try_from(most).unwrap_or(u32::MAX);
            return Err(ComputeError::NoConvergence {
                op: "singular_values",
                iterations,
            });
        }
        sweeps += 1;
        let (d, e) = (&mut d[low..=high], &mut e[low..high]);
        // The iteration works from large to small; a block the other way round is turned over.
        if last_block != (low, high) && d[0].abs() < d[d.len() - 1].abs() {
            d.reverse();
            e.reverse();
        }
        last_block = (low, high);
        sweep(d, e);
    }
    Ok(())
}

/// The first row of the block that ends at `high`, or none if `high` stands alone. Negligible elements become zero.
fn block_start(d: &[f64], e: &mut [f64], high: usize, size: f64) -> Option<usize> {
    let mut low = high;
    while low > 0 {
        let near = (d[low - 1].abs() + d[low].abs()).max(f64::EPSILON * size);
        if e[low - 1].abs() <= f64::EPSILON * near {
            e[low - 1] = 0.0;
            break;
        }
        low -= 1;
    }
    (low < high).then_some(low)
}

/// One step on a block without zeros in `e`.
fn sweep(d: &mut [f64], e: &mut [f64]) {
    let last = d.len() - 1;
    let shift = smaller_of_two(d[last - 1], e[last - 1], d[last]);
    let relative = shift / d[0].abs();
    // A shift that would vanish beside the first element, or a zero on the diagonal: without shift.
    let shifted = relative * relative >= f64::EPSILON && !d.contains(&0.0);
    if !shifted {
        return sweep_without_shift(d, e);
    }
    let mut f = (d[0].abs() - shift) * (1.0_f64.copysign(d[0]) + shift / d[0]);
    let mut g = e[0];
    for i in 0..last {
        let (c, s, r) = rotation(f, g);
        if i > 0 {
            e[i - 1] = r;
        }
        f = c * d[i] + s * e[i];
        e[i] = c * e[i] - s * d[i];
        g = s * d[i + 1];
        d[i + 1] *= c;
        let (c, s, r) = rotation(f, g);
        d[i] = r;
        f = c * e[i] + s * d[i + 1];
        d[i + 1] = c * d[i + 1] - s * e[i];
        if i + 1 < last {
            g = s * e[i + 1];
            e[i + 1] *= c;
        }
    }
    e[last - 1] = f;
}

fn sweep_without_shift(d: &mut [f64], e: &mut [f64]) {
    let last = d.len() - 1;
    let (mut c, mut old_c, mut old_s) = (1.0, 1.0, 0.0);
    for i in 0..last {
        let (next_c, s, r) = rotation(d[i] * c, e[i]);
        c = next_c;
        if i > 0 {
            e[i - 1] = old_s * r;
        }
        (old_c, old_s, d[i]) = rotation(old_c * r, d[i + 1] * s);
    }
    let h = d[last] * c;
    d[last] = h * old_c;
    e[last - 1] = h * old_s;
}

/// `(c, s, r)` with `c f + s g = r` and `c g - s f = 0`.
fn rotation(f: f64, g: f64) -> (f64, f64, f64) {
    if g == 0.0 {
        return (1.0, 0.0, f);
    }
    if f == 0.0 {
        return (0.0, 1.0, g);
    }
    let squares = f * f + g * g;
    let size = if (1e-290..=1e290).contains(&squares) {
        squares.sqrt()
    } else {
        libm::hypot(f, g)
    };
    let r = size.copysign(f);
    (f / r, g / r, r)
}

/// The smaller singular value of the triangle `(f g; 0 h)`, to nearly full precision.
fn smaller_of_two(f: f64, g: f64, h: f64) -> f64 {
    let (small, large, g) = (f.abs().min(h.abs()), f.abs().max(h.abs()), g.abs());
    if small == 0.0 {
        return 0.0;
    }
    let (sum, difference) = (1.0 + small / large, (large - small) / large);
    if g < large {
        let square = (g / large) * (g / large);
        return small * (2.0 / ((sum * sum + square).sqrt() + (difference * difference + square).sqrt()));
    }
    let part = large / g;
    if part == 0.0 {
        return small * large / g;
    }
    let (x, y) = (sum * part, difference * part);
    2.0 * (small * (1.0 / ((1.0 + x * x).sqrt() + (1.0 + y * y).sqrt()))) * part
}
