//! Reduction of a square matrix to Hessenberg form by orthogonal similarity, by blocks: half of the work is products of
//! matrices, the rest products of the matrix and a vector (Quintana-Orti and van de Geijn, ACM Transactions on Mathematical
//! Software 32, 2006).

use super::qr::Reflectors;
use super::{parallel, vector};
use crate::error::Result;
use crate::kernels::{Product, matmul_into};
use crate::linalg::work::Work;
use crate::session::Session;

/// Scratch of a reduction.
struct Reduction<'a> {
    session: &'a Session,
    n: usize,
    /// The reflectors of the block, over the rows below its first.
    reflectors: Reflectors,
    /// `A V T` over the same rows, by columns like V.
    y: Work,
    /// One column; later the rows above the block times V, twice.
    column: Work,
}

/// Overwrites `a` with a Hessenberg matrix of the same eigenvalues; zeros below the first subdiagonal.
pub(super) fn reduce(session: &Session, a: &mut [f64], n: usize) -> Result<()> {
    if n < 3 {
        return Ok(());
    }
    let scratch = n.saturating_mul(Reflectors::MOST);
    let mut reduction = Reduction {
        session,
        n,
        reflectors: Reflectors::new(session, n, n)?,
        y: Work::zeros(session, scratch)?,
        column: Work::zeros(session, scratch.saturating_mul(2))?,
    };
    for first in (0..n - 2).step_by(Reflectors::MOST) {
        let width = Reflectors::MOST.min(n - 2 - first);
        reduction.reflectors.clear(n - first - 1);
        for j in 0..width {
            session.go_on()?;
            reduction.reduce_column(a, first, j)?;
        }
        reduction.update_above(a, first, width)?;
        reduction.update_behind(a, first, width)?;
    }
    Ok(())
}

impl Reduction<'_> {
    /// Column `first + j`: what the reflectors so far make of it, a reflector of its own, and a column of `A V T`.
    fn reduce_column(&mut self, a: &mut [f64], first: usize, j: usize) -> Result<()> {
        const MOST: usize = Reflectors::MOST;
        let (isa, n, rows, at) = (self.session.settings().isa, self.n, self.reflectors.rows, first + j);
        let b = &mut self.column.values[..rows];
        let below = &mut a[(first + 1) * n..];
        for (b, row) in b.iter_mut().zip(below.chunks_exact(n)) {
            *b = row[at];
        }
        let v = &self.reflectors.v.values;
        let mut by = [0.0; MOST];
        if j > 0 {
            for (t, by) in by.iter_mut().enumerate().take(j) {
                *by = -v[t * rows + j - 1];
            }
            vector::add_rows(isa, b, &by[..j], &self.y.values, rows);
            let mut products = [0.0; MOST];
            vector::rows_times(isa, &mut products[..j], v, rows, b);
            let factor = self.reflectors.factor();
            for (t, by) in by.iter_mut().enumerate().take(j) {
                *by = -(0..=t).map(|s| factor[s][t] * products[s]).sum::<f64>();
            }
            vector::add_rows(isa, b, &by[..j], v, rows);
        }
        let (beta, tau) = vector::reflector(isa, &mut b[j..]);
        for (i, row) in below.chunks_exact_mut(n).enumerate() {
            row[at] = if i < j { b[i] } else { 0.0 };
        }
        below[j * n + at] = beta;
        b[..j].fill(0.0);
        self.reflectors.v.values[j * rows..][..rows].copy_from_slice(b);
        let (done, y) = self.y.values.split_at_mut(j * rows);
        let y = &mut y[..rows];
        parallel::rows_times(self.session, y, (&below[at + 1..], n), &b[j..])?;
        if j > 0 {
            vector::rows_times(isa, &mut by[..j], &self.reflectors.v.values, rows, b);
            by[..j].iter_mut().for_each(|by| *by = -*by);
            vector::add_rows(isa, y, &by[..j], done, rows);
        }
        vector::scale(isa, y, tau);
        self.reflectors.push(self.session, tau);
        Ok(())
    }

    /// The rows down to `first`: `a := a (I - V T V')`.
    fn update_above(&mut self, a: &mut [f64], first: usize, width: usize) -> Result<()> {
        let (n, rows, above) = (self.n, self.reflectors.rows, first + 1);
        let v = &self.reflectors.v.values;
        let (av, avt) = self.column.values.split_at_mut(n * Reflectors::MOST);
        let (av, avt) = (&mut av[..above * width], &mut avt[..above * width]);
        av.fill(0.0);
        let product = Product {
            m: above,
            k: rows,
            n: width,
            a: (&a[above..], n, 1),
            b: (v, 1, rows),
        };
        matmul_into(self.session, &product, av, width)?;
        let factor = self.reflectors.factor();
        for (out, row) in avt.chunks_exact_mut(width).zip(av.chunks_exact(width)) {
            for (j, out) in out.iter_mut().enumerate() {
                *out = -(0..=j).map(|t| row[t] * factor[t][j]).sum::<f64>();
            }
        }
        let product = Product {
            m: above,
            k: width,
            n: rows,
            a: (avt, width, 1),
            b: (v, rows, 1),
        };
        matmul_into(self.session, &product, &mut a[above..], n)
    }

    /// The rows below `first` and the columns behind the block: `a := (I - V T' V') (a - A V T V')`.
    fn update_behind(&mut self, a: &mut [f64], first: usize, width: usize) -> Result<()> {
        let (n, rows, behind) = (self.n, self.reflectors.rows, first + width);
        let y = &mut self.y.values[..width * rows];
        vector::scale(self.session.settings().isa, y, -1.0);
        let v = &self.reflectors.v.values[width - 1..];
        let corner = &mut a[(first + 1) * n + behind..];
        let product = Product {
            m: rows,
            k: width,
            n: n - behind,
            a: (y, 1, rows),
            b: (v, rows, 1),
        };
        matmul_into(self.session, &product, corner, n)?;
        self.reflectors.apply_transposed(self.session, corner, n, n - behind)
    }
}
