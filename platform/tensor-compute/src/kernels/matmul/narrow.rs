//! Products of a matrix with a few vectors: the matrix is read once, as it lies, and the vectors stay in the first cache.

use super::number::{Number, Path, vectorised};
use super::pack::{Lanes, Scratch};
use super::stream::Settle;
use super::tiles::{MAX_TILE, NARROW, Tile};
use super::{Product, Target};
use crate::error::Result;
use crate::kernels::threads::in_parallel;
use crate::session::Session;
use std::ops::Range;

/// Steps of k between two visits of the result: so much of the vectors stays in the first cache.
const STEPS: usize = 512;
/// Multiplications below which one thread does all.
const ALONE: usize = 1 << 19;

/// The product's operands, ready for the kernel.
struct Ready<'a, T> {
    product: &'a Product<'a, T>,
    tile: Tile<T>,
    path: Path,
    /// The vectors, one element of each per step.
    right: &'a [T],
    c: Target<T>,
}

/// The whole product; `k`, `m` and `n` are not 0, `n` is at most [`NARROW`], the steps of `a` are side by side.
pub(crate) fn narrow<T: Number>(
    session: &Session,
    product: &Product<'_, T>,
    tile: Tile<T>,
    c: Target<T>,
) -> Result<()> {
    let Product { m, k, n, b, .. } = *product;
    let mut packed = Scratch::new(session, k * NARROW)?;
    let lanes = Lanes {
        values: b.0,
        lane: b.2,
        step: b.1,
    };
    (tile.pack_columns)(lanes, n, packed.get());
    let ready = Ready {
        product,
        tile,
        path: Path::of(session.settings().isa),
        right: packed.read(),
        c,
    };
    let threads = session.settings().threads;
    if threads == 1 || m.saturating_mul(n).saturating_mul(k) < ALONE {
        session.go_on()?;
        ready.rows(0..m);
        return Ok(());
    }
    let share = m.div_ceil(2 * threads).next_multiple_of(tile.rows);
    in_parallel(session, m.div_ceil(share), |part| {
        ready.rows(part * share..m.min((part + 1) * share));
        Ok(())
    })
}

impl<T: Number> Ready<'_, T> {
    /// These rows of the result.
    fn rows(&self, rows: Range<usize>) {
        let (k, n) = (self.product.k, self.product.n);
        for (block, right) in self.right.chunks(STEPS * NARROW).enumerate() {
            let (step, steps) = (block * STEPS, STEPS.min(k - block * STEPS));
            for row in rows.clone().step_by(self.tile.rows) {
                let left = rows.end - row;
                if left >= self.tile.rows {
                    self.one_tile(&self.tile, (row, step), (steps, right));
                } else if let Some(tile) = T::narrow(self.path, left).filter(|tile| tile.rows == left) {
                    self.one_tile(&tile, (row, step), (steps, right));
                }
            }
        }
        let c = self.c.from(rows.start, 0);
        let size = (rows.len(), n);
        vectorised(self.path, &mut Settle { c, size });
    }

    fn one_tile(&self, tile: &Tile<T>, (row, step): (usize, usize), (steps, right): (usize, &[T])) {
        let (values, a_row, n) = (self.product.a.0, self.product.a.1, self.product.n);
        let left = &values[row * a_row + step..];
        assert!(left.len() >= (tile.rows - 1) * a_row + steps && right.len() >= steps * NARROW);
        let c = self.c.from(row, 0);
        if n == NARROW {
            // SAFETY: the operands were measured; the rows lie in the result and no other part has them; `Path::of` found
            // the features.
            unsafe { (tile.run)(steps, (left.as_ptr(), a_row), right.as_ptr(), c.place.0, c.row) };
            return;
        }
        let mut edge = [T::default(); MAX_TILE];
        for at in 0..tile.rows {
            // SAFETY: the row lies in the result, and no other part has it.
            edge[at * NARROW..][..n].copy_from_slice(unsafe { c.row(at, n) });
        }
        // SAFETY: as above; `edge` holds a tile of any kernel.
        unsafe { (tile.run)(steps, (left.as_ptr(), a_row), right.as_ptr(), edge.as_mut_ptr(), NARROW) };
        for at in 0..tile.rows {
            // SAFETY: as above.
            unsafe { c.row(at, n) }.copy_from_slice(&edge[at * NARROW..][..n]);
        }
    }
}
