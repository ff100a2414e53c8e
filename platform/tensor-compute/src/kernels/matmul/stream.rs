//! Products with few rows or few columns, small ones, and those of whole numbers: row after row, 8 steps of k at a time,
//! vectors along the columns. Nothing is packed unless the right operand's columns are apart.

use super::number::{Loops, Number, Path, vectorised};
use super::pack::{Buffers, Lanes, Scratch, pack};
use super::{Product, Target};
use crate::error::Result;
use crate::kernels::threads::{Place, in_parallel};
use crate::session::Session;

/// Steps of k between two visits of a row of the result.
const RUN: usize = 8;
/// Columns at a time: so many rows of the right operand as a run has stay in the first cache.
const COLUMNS: usize = 512;
/// Columns of a panel, where the right operand has to be packed.
const PANEL: usize = 32;
/// Steps of such a panel.
const PANEL_STEPS: usize = 256;
/// Multiplications below which one thread does all.
const ALONE: usize = 1 << 17;

/// A product whose right operand has its columns side by side.
struct Rows<'a, T> {
    m: usize,
    k: usize,
    n: usize,
    a: Lanes<'a, T>,
    b: &'a [T],
    b_row: usize,
    c: Target<T>,
}

impl<T: Number> Loops for Rows<'_, T> {
    #[inline(always)]
    fn run<const SOFT: bool>(&mut self) {
        let mut step = 0;
        while step < self.k {
            let count = RUN.min(self.k - step);
            let b = &self.b[step * self.b_row..];
            for row in 0..self.m {
                // SAFETY: `matmul_at` promises the rows of `c`; no other thread has these columns of it.
                let c = unsafe { self.c.row(row, self.n) };
                let a = &self.a.values[row * self.a.lane + step * self.a.step..];
                if count == RUN {
                    run_of_steps::<T, SOFT>(c, (a, self.a.step), (b, self.b_row));
                } else {
                    for at in 0..count {
                        one_step::<T, SOFT>(c, a[at * self.a.step], &b[at * self.b_row..]);
                    }
                }
            }
            step += count;
        }
    }
}

#[inline(always)]
fn one_step<T: Number, const SOFT: bool>(c: &mut [T], a: T, b: &[T]) {
    for (sum, right) in c.iter_mut().zip(b) {
        *sum = T::chain::<SOFT>(a, *right, *sum);
    }
}

#[inline(always)]
fn run_of_steps<T: Number, const SOFT: bool>(c: &mut [T], (a, a_step): (&[T], usize), (b, b_row): (&[T], usize)) {
    let n = c.len();
    let mut left = [T::default(); RUN];
    let mut right = [&b[..n]; RUN];
    for at in 0..RUN {
        left[at] = a[at * a_step];
        right[at] = &b[at * b_row..][..n];
    }
    for (column, value) in c.iter_mut().enumerate() {
        let mut sum = *value;
        for at in 0..RUN {
            sum = T::chain::<SOFT>(left[at], right[at][column], sum);
        }
        *value = sum;
    }
}

/// The one NaN for all in a rectangle.
pub(crate) struct Settle<T> {
    /// First element, and distance of rows.
    pub(crate) c: Target<T>,
    /// Rows and columns.
    pub(crate) size: (usize, usize),
}

impl<T: Number> Loops for Settle<T> {
    #[inline(always)]
    fn run<const SOFT: bool>(&mut self) {
        for row in 0..self.size.0 {
            // SAFETY: whoever made this has the rectangle to itself.
            for value in unsafe { self.c.row(row, self.size.1) } {
                *value = value.settled();
            }
        }
    }
}

/// The whole product; `k`, `m` and `n` are not 0.
pub(crate) fn stream<T: Number>(session: &Session, product: &Product<'_, T>, c: Target<T>) -> Result<()> {
    let Product { m, k, n, a, b } = *product;
    if n * 2 <= m && n < PANEL && (c.row != 1 || n == 1) && m > 2 * RUN {
        return turned(session, product, c);
    }
    let path = Path::of(session.settings().isa);
    let threads = if m.saturating_mul(n).saturating_mul(k) < ALONE {
        1
    } else {
        session.settings().threads
    };
    // Few enough columns for every thread to have some; many rows are shared out too.
    let width = if threads == 1 {
        COLUMNS
    } else {
        (n / (2 * threads)).next_multiple_of(PANEL).clamp(2 * PANEL, COLUMNS)
    };
    let strips = n.div_ceil(width);
    let blocks = if threads == 1 || strips >= 2 * threads || m < 2 * RUN {
        1
    } else {
        (2 * threads).min(m / RUN)
    };
    let height = m.div_ceil(blocks);
    let work = |part: usize| {
        let (row, column) = (part / strips * height, part % strips * width);
        let size = (height.min(m.saturating_sub(row)), width.min(n - column));
        let a = Lanes {
            values: a.0,
            lane: a.1,
            step: a.2,
        }
        .from(row, 0);
        let b = Lanes {
            values: b.0,
            lane: b.2,
            step: b.1,
        }
        .from(column, 0);
        let c = c.from(row, column);
        if b.lane == 1 {
            vectorised(
                path,
                &mut Rows {
                    m: size.0,
                    k,
                    n: size.1,
                    a,
                    b: b.values,
                    b_row: b.step,
                    c,
                },
            );
        } else {
            packed(session, (a, b, c), (size.0, k, size.1))?;
        }
        vectorised(path, &mut Settle { c, size });
        Ok(())
    };
    if threads == 1 {
        (0..strips).try_for_each(work)
    } else {
        in_parallel(session, strips * blocks, work)
    }
}

/// The right operand goes through panels.
fn packed<T: Number>(
    session: &Session,
    (a, b, c): (Lanes<'_, T>, Lanes<'_, T>, Target<T>),
    (m, k, n): (usize, usize, usize),
) -> Result<()> {
    let path = Path::of(session.settings().isa);
    Buffers::new(session, PANEL * PANEL_STEPS.min(k)).with(|panel| {
        for step in (0..k).step_by(PANEL_STEPS) {
            session.go_on()?;
            let steps = PANEL_STEPS.min(k - step);
            for column in (0..n).step_by(PANEL) {
                let count = PANEL.min(n - column);
                pack::<T, PANEL>(b.from(column, step), count, &mut panel[..steps * PANEL]);
                let (a, c) = (a.from(0, step), c.from(0, column));
                vectorised(
                    path,
                    &mut Rows {
                        m,
                        k: steps,
                        n: count,
                        a,
                        b: panel,
                        b_row: PANEL,
                        c,
                    },
                );
            }
        }
        Ok(())
    })
}

/// Few columns and many rows: the transposed product has them the other way round. A product of two numbers is the same
/// either way, so no bit changes.
fn turned<T: Number>(session: &Session, product: &Product<'_, T>, c: Target<T>) -> Result<()> {
    let Product { m, k, n, a, b } = *product;
    let turned = Product {
        m: n,
        k,
        n: m,
        a: (b.0, b.2, b.1),
        b: (a.0, a.2, a.1),
    };
    if n == 1 && c.row == 1 {
        return stream(session, &turned, Target { row: m, ..c });
    }
    let mut scratch = Scratch::<T>::new(session, m * n)?;
    let values = scratch.get();
    for row in 0..m {
        // SAFETY: `matmul_at` promises the rows of `c`.
        for (column, value) in unsafe { c.row(row, n) }.iter().enumerate() {
            values[column * m + row] = *value;
        }
    }
    stream(
        session,
        &turned,
        Target {
            place: Place(values.as_mut_ptr()),
            row: m,
        },
    )?;
    for row in 0..m {
        // SAFETY: as above.
        for (column, value) in unsafe { c.row(row, n) }.iter_mut().enumerate() {
            *value = values[column * m + row];
        }
    }
    Ok(())
}
