//! The reciprocal condition number of a factored matrix, without its inverse: Hager's estimate of the 1-norm of the inverse as
//! improved by Higham (ACM Transactions on Mathematical Software 14, 1988, algorithm 4.1).

use super::vector;
use crate::error::Result;
use crate::session::Session;

/// Steps of the estimate: two or three are usual.
const STEPS: usize = 5;

/// An LU factorisation: U on and above the diagonal, the unit lower triangle L below it, row by row.
#[derive(Clone, Copy)]
pub(in crate::linalg) struct Factors<'a> {
    /// The elements.
    pub(in crate::linalg) values: &'a [f64],
    /// Rows.
    pub(in crate::linalg) n: usize,
    /// For each row the one it was exchanged with, in order.
    pub(in crate::linalg) swaps: &'a [usize],
}

/// A factored matrix A of `n` rows that solves for one vector at a time.
pub(in crate::linalg) trait Solver {
    /// `x := A^-1 x`.
    fn solve(&self, session: &Session, x: &mut [f64]) -> Result<()>;
    /// `x := A'^-1 x`.
    fn solve_transposed(&self, session: &Session, x: &mut [f64]) -> Result<()>;
}

impl Factors<'_> {
    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.n..][..self.n]
    }

    /// Whether a pivot is exactly zero.
    pub(in crate::linalg) fn without_pivot(&self) -> bool {
        (0..self.n).any(|i| self.row(i)[i] == 0.0)
    }
}

impl Solver for Factors<'_> {
    fn solve(&self, session: &Session, x: &mut [f64]) -> Result<()> {
        let isa = session.settings().isa;
        self.swaps.iter().enumerate().for_each(|(i, swap)| x.swap(i, *swap));
        for i in 1..self.n {
            x[i] -= vector::dot(isa, &self.row(i)[..i], &x[..i]);
        }
        for i in (0..self.n).rev() {
            let row = self.row(i);
            x[i] = (x[i] - vector::dot(isa, &row[i + 1..], &x[i + 1..])) / row[i];
        }
        Ok(())
    }

    fn solve_transposed(&self, session: &Session, x: &mut [f64]) -> Result<()> {
        let isa = session.settings().isa;
        for i in 0..self.n {
            let row = self.row(i);
            let (at, rest) = x[i..].split_at_mut(1);
            at[0] /= row[i];
            vector::add_scaled(isa, rest, -at[0], &row[i + 1..]);
        }
        for i in (1..self.n).rev() {
            let (before, at) = x.split_at_mut(i);
            vector::add_scaled(isa, before, -at[0], &self.row(i)[..i]);
        }
        self.swaps
            .iter()
            .enumerate()
            .rev()
            .for_each(|(i, swap)| x.swap(i, *swap));
        Ok(())
    }
}

/// An estimate (never too small) of `1 / (|A| |A^-1|)` in the 1-norm; `size` is that of A, which has `n` rows. 1 for the empty
/// matrix.
pub(in crate::linalg) fn reciprocal_condition(session: &Session, lu: &impl Solver, n: usize, size: f64) -> Result<f64> {
    let isa = session.settings().isa;
    if n == 0 {
        return Ok(1.0);
    }
    let _scratch = session.lease(2 * n as u64 * size_of::<f64>() as u64)?;
    let mut x = vec![1.0 / n as f64; n];
    lu.solve(session, &mut x)?;
    let mut inverse_size = vector::sum_abs(isa, &x);
    let mut last = n;
    for _ in 0..STEPS {
        session.go_on()?;
        x.iter_mut().for_each(|x| *x = 1.0_f64.copysign(*x));
        lu.solve_transposed(session, &mut x)?;
        let largest = vector::max_abs(isa, &x);
        let at = x.iter().position(|x| x.abs() == largest).unwrap_or(0);
        if at == last {
            break;
        }
        last = at;
        x.fill(0.0);
        x[at] = 1.0;
        lu.solve(session, &mut x)?;
        let grown = vector::sum_abs(isa, &x);
        if grown > inverse_size {
            inverse_size = grown;
        } else {
            break;
        }
    }
    // A vector of alternating signs finds what cancellation hid.
    for (i, x) in x.iter_mut().enumerate() {
        let size = 1.0 + i as f64 / (n.max(2) - 1) as f64;
        *x = if i % 2 == 0 { size } else { -size };
    }
    lu.solve(session, &mut x)?;
    let alternating = 2.0 * vector::sum_abs(isa, &x) / (3 * n) as f64;
    Ok((1.0 / inverse_size.max(alternating)) / size)
}
