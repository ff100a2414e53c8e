//! Reduction of a matrix to upper bidiagonal form by Householder reflectors from both sides (Golub and Kahan, SIAM Journal on
//! Numerical Analysis 2, 1965). Each column costs two passes over what is left of the matrix.

use super::{parallel, vector};
use crate::error::Result;
use crate::linalg::work::Work;
use crate::session::Session;

/// Overwrites `a` (at least as many rows as `columns`) and writes the diagonal and the superdiagonal.
pub(super) fn reduce(session: &Session, a: &mut [f64], columns: usize, d: &mut [f64], e: &mut [f64]) -> Result<()> {
    let isa = session.settings().isa;
    let rows = a.len() / columns.max(1);
    let mut left = Work::zeros(session, rows)?;
    let mut right = Work::zeros(session, columns.saturating_mul(2))?;
    let (w, v) = right.values.split_at_mut(columns);
    for k in 0..columns {
        session.go_on()?;
        let u = &mut left.values[..rows - k];
        for (u, row) in u.iter_mut().zip(a[k * columns..].chunks_exact(columns)) {
            *u = row[k];
        }
        let (beta, tau_left) = vector::reflector(isa, u);
        d[k] = beta;
        let behind = columns - k - 1;
        if behind == 0 {
            break;
        }
        // w = -tau A' u, so that the reflection is A + u w'.
        let (w, v) = (&mut w[..behind], &mut v[..behind]);
        w.fill(0.0);
        if tau_left != 0.0 {
            parallel::add_rows(session, w, u, (&a[k * columns + k + 1..], columns))?;
            vector::scale(isa, w, -tau_left);
        }
        let row = &mut a[k * columns + k + 1..][..behind];
        vector::add_scaled(isa, row, 1.0, w);
        v.copy_from_slice(row);
        let (beta, tau_right) = vector::reflector(isa, v);
        e[k] = beta;
        let corner = &mut a[(k + 1) * columns..];
        parallel::reflect(
            session,
            corner,
            (columns, k + 1),
            &u[1..],
            parallel::Reflection { w, v, tau: tau_right },
        )?;
    }
    Ok(())
}
