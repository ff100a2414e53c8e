//! Householder QR by blocks, for determinants that do not depend on pivoting (Golub and Van Loan, Matrix Computations, 5.2).

use super::vector;
use crate::error::Result;
use crate::kernels::{Product, matmul_into};
use crate::linalg::pivots::PivotProduct;
use crate::linalg::work::Work;
use crate::session::Session;

/// Columns that are factored together before the rest of the matrix is updated by products.
const PANEL: usize = 32;

/// Reflectors `H_1 H_2 ... = I - V T V'` (the compact form of Schreiber and Van Loan, SIAM Journal on Scientific and
/// Statistical Computing 10, 1989).
pub(super) struct Reflectors {
    /// V by columns of `rows`, one after another, with its zeros and ones.
    pub(super) v: Work,
    /// Length of a reflector.
    pub(super) rows: usize,
    /// Reflectors.
    pub(super) count: usize,
    /// T, upper triangular, row by row, `PANEL` elements from row to row.
    t: [[f64; PANEL]; PANEL],
    scratch: Work,
}

impl Reflectors {
    /// Most reflectors at a time.
    pub(super) const MOST: usize = PANEL;

    /// None yet, of length `rows`, to be applied to at most `columns` columns.
    pub(super) fn new(session: &Session, rows: usize, columns: usize) -> Result<Self> {
        let v = Work::zeros(session, rows.saturating_mul(PANEL))?;
        let scratch = Work::zeros(session, columns.saturating_mul(2 * PANEL))?;
        Ok(Self {
            v,
            rows,
            count: 0,
            t: [[0.0; PANEL]; PANEL],
            scratch,
        })
    }

    /// Forgets the reflectors; the next ones have length `rows`.
    pub(super) fn clear(&mut self, rows: usize) {
        (self.rows, self.count) = (rows, 0);
    }

    /// T as rows.
    pub(super) fn factor(&self) -> &[[f64; PANEL]; PANEL] {
        &self.t
    }

    /// Adds the reflector that stands in column `count` of V.
    pub(super) fn push(&mut self, session: &Session, tau: f64) {
        let j = self.count;
        let mut products = [0.0; PANEL];
        let (v, last) = self.v.values.split_at(j * self.rows);
        vector::rows_times(
            session.settings().isa,
            &mut products[..j],
            v,
            self.rows,
            &last[..self.rows],
        );
        for i in 0..j {
            let sum: f64 = (i..j).map(|k| self.t[i][k] * products[k]).sum();
            self.t[i][j] = -tau * sum;
        }
        self.t[j][j] = tau;
        self.count += 1;
    }

    /// `c := (I - V T' V') c` for a matrix of `columns` columns, rows `row` elements apart.
    pub(super) fn apply_transposed(
        &mut self,
        session: &Session,
        c: &mut [f64],
        row: usize,
        columns: usize,
    ) -> Result<()> {
        let (k, rows) = (self.count, self.rows);
        let (w, z) = self.scratch.values.split_at_mut(PANEL * columns);
        let (w, z) = (&mut w[..k * columns], &mut z[..k * columns]);
        w.fill(0.0);
        z.fill(0.0);
        let product = Product {
            m: k,
            k: rows,
            n: columns,
            a: (&self.v.values, rows, 1),
            b: (c, row, 1),
        };
        matmul_into(session, &product, w, columns)?;
        // z = -T' w.
        let isa = session.settings().isa;
        for (i, z) in z.chunks_exact_mut(columns).enumerate() {
            let by: [f64; PANEL] = std::array::from_fn(|t| if t <= i { -self.t[t][i] } else { 0.0 });
            vector::add_rows(isa, z, &by[..=i], w, columns);
        }
        let product = Product {
            m: rows,
            k,
            n: columns,
            a: (&self.v.values, 1, rows),
            b: (z, columns, 1),
        };
        matmul_into(session, &product, c, row)
    }
}

/// The determinant, by QR: the product of R's diagonal, negated by each reflector. Overwrites `a`.
pub(in crate::linalg) fn determinant(session: &Session, a: &mut [f64], n: usize) -> Result<PivotProduct> {
    let mut product = PivotProduct::new();
    let mut reflectors = Reflectors::new(session, n, n)?;
    for at in (0..n).step_by(PANEL) {
        session.go_on()?;
        let (rows, width) = (n - at, PANEL.min(n - at));
        reflectors.clear(rows);
        for (i, row) in a[at * n..].chunks_exact(n).enumerate() {
            for (j, value) in row[at..at + width].iter().enumerate() {
                reflectors.v.values[j * rows + i] = *value;
            }
        }
        factor_panel(session, &mut reflectors, width, &mut product);
        let end = at + width;
        if end < n {
            reflectors.apply_transposed(session, &mut a[at * n + end..], n, n - end)?;
        }
    }
    Ok(product)
}

/// Turns the first `width` columns of V from columns of the matrix into reflectors.
fn factor_panel(session: &Session, reflectors: &mut Reflectors, width: usize, product: &mut PivotProduct) {
    let (isa, rows) = (session.settings().isa, reflectors.rows);
    for j in 0..width {
        let (left, right) = reflectors.v.values.split_at_mut((j + 1) * rows);
        let column = &mut left[j * rows..];
        let (beta, tau) = vector::reflector(isa, &mut column[j..]);
        column[..j].fill(0.0);
        product.multiply(beta);
        if tau != 0.0 {
            product.negate();
            for other in right.chunks_exact_mut(rows).take(width - j - 1) {
                let by = -tau * vector::dot(isa, &column[j..], &other[j..]);
                vector::add_scaled(isa, &mut other[j..], by, &column[j..]);
            }
        }
        reflectors.push(session, tau);
    }
}
