//! Triangular systems with many right sides, by halves: most of the work is matrix products.
//!
//! The factors come negated (`-L` below the diagonal, `-U` on and above it), so that each product is an addition, as the
//! kernels have it.

use super::vector;
use crate::error::Result;
use crate::kernels::{Product, matmul_into};
use crate::session::Session;

/// Rows of a triangle that are eliminated one by one.
const SMALL: usize = 16;

/// A negated triangle of `n` rows: element (i, j) is at `i * row + j`.
#[derive(Clone, Copy)]
pub(super) struct Negated<'a> {
    /// Its elements, from the first of the triangle on.
    pub(super) values: &'a [f64],
    /// Elements from row to row.
    pub(super) row: usize,
    /// Rows.
    pub(super) n: usize,
}

impl<'a> Negated<'a> {
    /// The triangle of `n` rows that begins at row and column `at`.
    fn part(&self, at: usize, n: usize) -> Self {
        Self {
            values: &self.values[at * self.row + at..],
            row: self.row,
            n,
        }
    }

    /// From the element at row `i` and column `j` on.
    fn from(&self, i: usize, j: usize) -> &'a [f64] {
        &self.values[i * self.row + j..]
    }
}

/// Right sides: `columns` values in each row, rows `row` elements apart.
pub(super) struct Columns<'a> {
    /// The elements.
    pub(super) values: &'a mut [f64],
    /// Elements from row to row.
    pub(super) row: usize,
    /// Columns.
    pub(super) columns: usize,
}

impl Columns<'_> {
    fn split(&mut self, rows: usize) -> (Columns<'_>, Columns<'_>) {
        // The last row may be shorter than the distance.
        let (top, bottom) = self.values.split_at_mut((rows * self.row).min(self.values.len()));
        (
            Columns {
                values: top,
                row: self.row,
                columns: self.columns,
            },
            Columns {
                values: bottom,
                row: self.row,
                columns: self.columns,
            },
        )
    }
}

/// `b := L^-1 b` for the unit lower triangle L.
pub(super) fn solve_lower(session: &Session, l: Negated<'_>, mut b: Columns<'_>) -> Result<()> {
    session.go_on()?;
    if l.n <= SMALL {
        for i in 1..l.n {
            let (above, rest) = b.values.split_at_mut(i * b.row);
            vector::add_rows(
                session.settings().isa,
                &mut rest[..b.columns],
                &l.from(i, 0)[..i],
                above,
                b.row,
            );
        }
        return Ok(());
    }
    let half = half_of(l.n);
    let (mut top, mut bottom) = b.split(half);
    solve_lower(session, l.part(0, half), top.split(half).0)?;
    add_product(session, (l.from(half, 0), l.row, l.n - half, half), &top, &mut bottom)?;
    solve_lower(session, l.part(half, l.n - half), bottom)
}

/// `b := U^-1 b` for the upper triangle U.
pub(super) fn solve_upper(session: &Session, u: Negated<'_>, mut b: Columns<'_>) -> Result<()> {
    session.go_on()?;
    if u.n <= SMALL {
        let isa = session.settings().isa;
        for i in (0..u.n).rev() {
            let (rest, below) = b.values.split_at_mut(((i + 1) * b.row).min(b.values.len()));
            let y = &mut rest[i * b.row..][..b.columns];
            vector::add_rows(isa, y, &u.from(i, i + 1)[..u.n - i - 1], below, b.row);
            vector::divide(isa, y, -u.from(i, i)[0]);
        }
        return Ok(());
    }
    let half = half_of(u.n);
    let (mut top, mut bottom) = b.split(half);
    let rows = u.n - half;
    solve_upper(session, u.part(half, rows), bottom.split(rows).0)?;
    add_product(session, (u.from(0, half), u.row, half, rows), &bottom, &mut top)?;
    solve_upper(session, u.part(0, half), top)
}

/// Writes `L^-1` into `b`, which holds zeros: a unit lower triangle.
pub(super) fn invert_lower(session: &Session, l: Negated<'_>, mut b: Columns<'_>) -> Result<()> {
    session.go_on()?;
    let isa = session.settings().isa;
    if l.n <= SMALL {
        for i in 0..l.n {
            let (above, rest) = b.values.split_at_mut(i * b.row);
            vector::add_rows(isa, &mut rest[..i], &l.from(i, 0)[..i], above, b.row);
            rest[i] = 1.0;
        }
        return Ok(());
    }
    // (A 0; C B)^-1 = (A^-1 0; -B^-1 C A^-1, B^-1).
    let half = half_of(l.n);
    let (top, bottom) = b.values.split_at_mut(half * b.row);
    invert_lower(
        session,
        l.part(0, half),
        Columns {
            values: top,
            row: b.row,
            columns: half,
        },
    )?;
    let top = Columns {
        values: top,
        row: b.row,
        columns: half,
    };
    let mut left = Columns {
        values: bottom,
        row: b.row,
        columns: half,
    };
    let rows = l.n - half;
    add_product(session, (l.from(half, 0), l.row, rows, half), &top, &mut left)?;
    solve_lower(session, l.part(half, rows), left)?;
    b.columns = rows;
    let right = &mut b.values[half * b.row + half..];
    invert_lower(
        session,
        l.part(half, rows),
        Columns {
            values: right,
            row: b.row,
            columns: rows,
        },
    )
}

/// `c += a b` with `a` as its elements, row distance, rows and columns.
fn add_product(
    session: &Session,
    (a, a_row, m, k): (&[f64], usize, usize, usize),
    b: &Columns<'_>,
    c: &mut Columns<'_>,
) -> Result<()> {
    let product = Product {
        m,
        k,
        n: c.columns,
        a: (a, a_row, 1),
        b: (b.values, b.row, 1),
    };
    matmul_into(session, &product, c.values, c.row)
}

/// Half of `n`, rounded up to whole small blocks.
fn half_of(n: usize) -> usize {
    (n / 2).next_multiple_of(SMALL)
}
