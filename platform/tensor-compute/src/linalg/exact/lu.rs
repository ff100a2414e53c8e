//! LU with partial pivoting, by blocks (Golub and Van Loan, Matrix Computations, 3.2 and 3.4), and what it gives.

use super::condition::{Factors, Solver, reciprocal_condition};
use super::triangular::{Columns, Negated, invert_lower, solve_lower, solve_upper};
use super::vector;
use crate::error::Result;
use crate::kernels::{Product, matmul_into};
use crate::linalg::pivots::PivotProduct;
use crate::linalg::work::Work;
use crate::session::Session;

/// Columns that are factored together before the rest of the matrix is updated by one product.
const PANEL: usize = 48;
/// Columns within a panel that are eliminated one by one.
const STRIP: usize = 8;

/// A panel: columns of the matrix from row `top` of it down, one after another, so that loops over a column are contiguous.
struct Panel {
    /// Column `j` is at `j * rows`.
    values: Work,
    rows: usize,
    width: usize,
}

impl Panel {
    fn column(&self, j: usize) -> &[f64] {
        &self.values.values[j * self.rows..][..self.rows]
    }

    /// Copies rows and columns from `at` on.
    fn load(&mut self, a: &[f64], n: usize, at: usize) {
        (self.rows, self.width) = (n - at, PANEL.min(n - at));
        for (i, row) in a[at * n..].chunks_exact(n).enumerate() {
            for (j, value) in row[at..at + self.width].iter().enumerate() {
                self.values.values[j * self.rows + i] = *value;
            }
        }
    }

    fn store(&self, a: &mut [f64], n: usize, at: usize) {
        for (i, row) in a[at * n..].chunks_exact_mut(n).enumerate() {
            for (j, value) in row[at..at + self.width].iter_mut().enumerate() {
                *value = self.values.values[j * self.rows + i];
            }
        }
    }

    /// Factors the panel; `swaps[j]` is the row that row `j` was exchanged with.
    fn factor(&mut self, session: &Session, swaps: &mut [usize]) -> Result<()> {
        let rows = self.rows;
        for strip in (0..self.width).step_by(STRIP) {
            session.go_on()?;
            let end = (strip + STRIP).min(self.width);
            for (j, swap) in swaps.iter_mut().enumerate().take(end).skip(strip) {
                *swap = self.eliminate(session, j, end);
            }
            // The columns to the right of the strip: first the strip's own rows, one by one, then all below in one pass.
            let (left, right) = self.values.values.split_at_mut(end * rows);
            for column in right.chunks_exact_mut(rows).take(self.width - end) {
                let (top, below) = column.split_at_mut(end);
                let mut by = [0.0; STRIP];
                for t in strip..end {
                    for s in strip..t {
                        top[t] += left[s * rows + t] * by[s - strip];
                    }
                    by[t - strip] = -top[t];
                }
                vector::add_rows(
                    session.settings().isa,
                    below,
                    &by[..end - strip],
                    &left[strip * rows + end..],
                    rows,
                );
            }
        }
        Ok(())
    }

    /// Eliminates column `j` from the columns before `end`; returns the row of the pivot.
    fn eliminate(&mut self, session: &Session, j: usize, end: usize) -> usize {
        let (isa, rows) = (session.settings().isa, self.rows);
        let below = &self.column(j)[j..];
        let largest = vector::max_abs(isa, below);
        // A NaN (after an overflow) is found nowhere: the row stays, and the result is NaN.
        let pivot = j + below.iter().position(|value| value.abs() == largest).unwrap_or(0);
        let columns = &mut self.values.values[..self.width * rows];
        columns.chunks_exact_mut(rows).for_each(|column| column.swap(j, pivot));
        let (left, right) = columns.split_at_mut((j + 1) * rows);
        let (top, below) = left[j * rows..].split_at_mut(j + 1);
        if top[j] == 0.0 {
            return pivot;
        }
        vector::divide(isa, below, top[j]);
        for column in right.chunks_exact_mut(rows).take(end - j - 1) {
            let by = -column[j];
            vector::add_scaled(isa, &mut column[j + 1..], by, below);
        }
        pivot
    }
}

/// Factors `a` in place: U on and above the diagonal, the unit lower triangle L below it. Returns for each row the one that it
/// was exchanged with, in order. A column without a pivot leaves a zero on the diagonal.
pub(super) fn factor(session: &Session, a: &mut [f64], n: usize) -> Result<Vec<usize>> {
    let width = PANEL.min(n);
    let mut panel = Panel {
        values: Work::zeros(session, n.saturating_mul(width))?,
        rows: n,
        width,
    };
    let mut negated = Work::zeros(session, n.saturating_mul(width))?;
    let _swaps = session.lease(n as u64 * size_of::<usize>() as u64)?;
    let mut swaps = vec![0; n];
    for at in (0..n).step_by(PANEL) {
        session.go_on()?;
        panel.load(a, n, at);
        let width = panel.width;
        let end = at + width;
        panel.factor(session, &mut swaps[at..end])?;
        for (i, swap) in swaps[at..end].iter_mut().enumerate() {
            *swap += at;
            swap_rows(a, n, at + i, *swap);
        }
        panel.store(a, n, at);
        if end == n {
            break;
        }
        negate_rows(&mut negated.values, a, n, (at, width));
        let (top, bottom) = a.split_at_mut(end * n);
        let (triangle, below) = negated.values.split_at(width * width);
        let right = Columns {
            values: &mut top[at * n + end..],
            row: n,
            columns: n - end,
        };
        solve_lower(
            session,
            Negated {
                values: triangle,
                row: width,
                n: width,
            },
            right,
        )?;
        let product = Product {
            m: n - end,
            k: width,
            n: n - end,
            a: (below, width, 1),
            b: (&top[at * n + end..], n, 1),
        };
        matmul_into(session, &product, &mut bottom[end..], n)?;
    }
    Ok(swaps)
}

/// Writes the negated panel at row and column `at`, `width` columns, row by row without gaps.
fn negate_rows(negated: &mut [f64], a: &[f64], n: usize, (at, width): (usize, usize)) {
    for (out, row) in negated.chunks_exact_mut(width).zip(a[at * n..].chunks_exact(n)) {
        for (out, value) in out.iter_mut().zip(&row[at..]) {
            *out = -value;
        }
    }
}

fn swap_rows(a: &mut [f64], row: usize, i: usize, j: usize) {
    if i < j {
        let (above, below) = a.split_at_mut(j * row);
        above[i * row..][..row].swap_with_slice(&mut below[..row]);
    }
}

/// The determinant, by LU. Overwrites `a`.
pub(in crate::linalg) fn determinant(session: &Session, a: &mut [f64], n: usize) -> Result<PivotProduct> {
    let swaps = factor(session, a, n)?;
    let mut product = PivotProduct::new();
    for (i, swap) in swaps.iter().enumerate() {
        product.multiply(a[i * n + i]);
        if *swap != i {
            product.negate();
        }
    }
    Ok(product)
}

/// The inverse: `U^-1 L^-1 P`. Of a singular matrix: elements that are not finite.
pub(in crate::linalg) fn inverse(session: &Session, mut a: Work, n: usize) -> Result<Work> {
    let swaps = factor(session, &mut a.values, n)?;
    vector::scale(session.settings().isa, &mut a.values, -1.0);
    let mut inverse = Work::zeros(session, n.saturating_mul(n))?;
    let factors = Negated {
        values: &a.values,
        row: n,
        n,
    };
    invert_lower(
        session,
        factors,
        Columns {
            values: &mut inverse.values,
            row: n,
            columns: n,
        },
    )?;
    solve_upper(
        session,
        factors,
        Columns {
            values: &mut inverse.values,
            row: n,
            columns: n,
        },
    )?;
    // Where each row went is where each column comes from.
    let mut order: Vec<usize> = (0..n).collect();
    swaps.iter().enumerate().for_each(|(i, swap)| order.swap(i, *swap));
    let mut moved = vec![0.0; n];
    for row in inverse.values.chunks_exact_mut(n.max(1)) {
        for (value, to) in row.iter().zip(&order) {
            moved[*to] = *value;
        }
        row.copy_from_slice(&moved);
    }
    Ok(inverse)
}

/// `x` with `a x = b` for `b` of `n` rows and some columns, and the reciprocal condition number. If that is 0 (a pivot is
/// exactly zero), `b` comes back as it was.
pub(in crate::linalg) fn solve(
    session: &Session,
    mut a: Work,
    mut b: Work,
    (n, columns): (usize, usize),
) -> Result<(Work, f64)> {
    let size = super::norms::one(session, &a.values, n);
    let swaps = factor(session, &mut a.values, n)?;
    let lu = Factors {
        values: &a.values,
        n,
        swaps: &swaps,
    };
    let reciprocal = if lu.without_pivot() {
        0.0
    } else {
        reciprocal_condition(session, &lu, n, size)?
    };
    if reciprocal.is_nan() || reciprocal == 0.0 || columns == 0 {
        return Ok((b, reciprocal));
    }
    if columns == 1 {
        lu.solve(session, &mut b.values)?;
        return Ok((b, reciprocal));
    }
    for (i, swap) in swaps.iter().enumerate() {
        swap_rows(&mut b.values, columns, i, *swap);
    }
    vector::scale(session.settings().isa, &mut a.values, -1.0);
    let factors = Negated {
        values: &a.values,
        row: n,
        n,
    };
    solve_lower(
        session,
        factors,
        Columns {
            values: &mut b.values,
            row: columns,
            columns,
        },
    )?;
    solve_upper(
        session,
        factors,
        Columns {
            values: &mut b.values,
            row: columns,
            columns,
        },
    )?;
    Ok((b, reciprocal))
}
