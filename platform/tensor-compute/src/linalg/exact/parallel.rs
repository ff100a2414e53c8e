//! Products of a matrix and a vector on several threads: each element of the result is computed by one of them.

use super::vector;
use crate::error::Result;
use crate::kernels::in_chunks;
use crate::session::Session;

/// Elements of a matrix below which waking other threads costs more than they bring.
const WORTH_THREADS: usize = 1 << 16;

/// `y[i] = a[i] . x` for each row `a[i]`, which starts at `a[i * a_row]`.
pub(super) fn rows_times(session: &Session, y: &mut [f64], (a, a_row): (&[f64], usize), x: &[f64]) -> Result<()> {
    let isa = session.settings().isa;
    let rows = part_length(session, y.len(), x.len());
    in_chunks(session, y, rows, |part, y| {
        vector::rows_times(isa, y, &a[part * rows * a_row..], a_row, x);
        Ok(())
    })
}

/// `y[j] += x[0] a[0][j] + x[1] a[1][j] + ...`, row `i` of `a` starting at `a[i * a_row]`.
pub(super) fn add_rows(session: &Session, y: &mut [f64], x: &[f64], (a, a_row): (&[f64], usize)) -> Result<()> {
    let isa = session.settings().isa;
    let columns = part_length(session, y.len(), x.len());
    in_chunks(session, y, columns, |part, y| {
        vector::add_rows(isa, y, x, &a[part * columns..], a_row);
        Ok(())
    })
}

/// How many of `length` results one thread makes, each from `depth` elements.
fn part_length(session: &Session, length: usize, depth: usize) -> usize {
    let threads = if length.saturating_mul(depth) < WORTH_THREADS {
        1
    } else {
        session.settings().threads.max(1)
    };
    length.div_ceil(threads).max(1)
}

/// What [`reflect`] does to rows.
#[derive(Clone, Copy)]
pub(super) struct Reflection<'a> {
    /// Added to row `i` after multiplication by the element `i` of a column.
    pub(super) w: &'a [f64],
    /// The reflector applied from the right.
    pub(super) v: &'a [f64],
    /// Its factor.
    pub(super) tau: f64,
}

/// Row by row `a := (a + u w') (I - tau v v')`, on the columns from `first` on of rows of `columns` elements.
pub(super) fn reflect(
    session: &Session,
    a: &mut [f64],
    (columns, first): (usize, usize),
    u: &[f64],
    by: Reflection<'_>,
) -> Result<()> {
    let isa = session.settings().isa;
    let rows = part_length(session, u.len(), by.w.len());
    in_chunks(session, a, rows * columns, |part, a| {
        vector::reflect_each(isa, a, (columns, first), &u[part * rows..], (by.w, by.v, by.tau));
        Ok(())
    })
}
