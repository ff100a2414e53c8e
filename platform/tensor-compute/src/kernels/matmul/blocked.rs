//! Big products: packed blocks that stay in the caches, tiles that stay in registers (K. Goto and R. van de Geijn, "Anatomy
//! of High-Performance Matrix Multiplication", 2008). Between blocks of k the sums stand in the result, in its own type:
//! where blocks begin changes no bit.

use super::number::{Number, Path, vectorised};
use super::pack::{Buffers, Lanes, Scratch};
use super::stream::Settle;
use super::tiles::Tile;
use super::{Product, Target};
use crate::error::Result;
use crate::kernels::threads::{in_chunks, in_parallel};
use crate::session::Session;

/// Most steps of k in a block.
const STEPS: usize = 384;
/// Most bytes of a packed block of the right operand: it stays in the second cache.
const RIGHT_BYTES: usize = 1 << 20;
/// Panels of rows that a part packs at a time.
const ROW_PANELS: usize = 10;
/// Multiplications below which one thread does all.
const ALONE: usize = 1 << 19;

/// How a product is cut.
struct Plan {
    /// Steps of k in a block.
    steps: usize,
    /// Columns of a block; a multiple of the tile's.
    columns: usize,
    /// Threads to feed.
    threads: usize,
}

impl Plan {
    fn new<T>(session: &Session, product: &Product<'_, T>, tile: &Tile<T>) -> Self {
        let Product { m, k, n, .. } = *product;
        let even = |total: usize, most: usize| total.div_ceil(total.div_ceil(most));
        let steps = even(k, STEPS);
        let most = (RIGHT_BYTES / (steps * size_of::<T>())).max(tile.columns);
        let columns = even(n, most).next_multiple_of(tile.columns);
        let alone = m.saturating_mul(n).saturating_mul(k) < ALONE;
        Self {
            steps,
            columns,
            threads: if alone { 1 } else { session.settings().threads },
        }
    }
}

/// A block of k and columns whose right operand is packed.
struct Block<'a, T> {
    tile: Tile<T>,
    path: Path,
    /// The left operand from the block's first step on.
    left: Lanes<'a, T>,
    /// Panels of the right operand.
    right: &'a [T],
    /// The result from the block's first column on.
    c: Target<T>,
    rows: usize,
    columns: usize,
    steps: usize,
    /// Whether these are the last steps of k.
    last: bool,
}

/// The whole product; `k`, `m` and `n` are not 0.
pub(crate) fn blocked<T: Number>(
    session: &Session,
    product: &Product<'_, T>,
    tile: Tile<T>,
    c: Target<T>,
) -> Result<()> {
    let Product { m, k, n, a, b } = *product;
    let plan = Plan::new(session, product, &tile);
    let left = Lanes {
        values: a.0,
        lane: a.1,
        step: a.2,
    };
    let right = Lanes {
        values: b.0,
        lane: b.2,
        step: b.1,
    };
    let most_columns = plan.columns.min(n.next_multiple_of(tile.columns));
    let mut packed = Scratch::new(session, most_columns * plan.steps)?;
    let buffers = Buffers::new(session, ROW_PANELS * tile.rows * plan.steps);
    for column in (0..n).step_by(plan.columns) {
        let columns = plan.columns.min(n - column);
        for step in (0..k).step_by(plan.steps) {
            let steps = plan.steps.min(k - step);
            let panels = columns.div_ceil(tile.columns);
            let out = &mut packed.get()[..panels * tile.columns * steps];
            pack_right(session, &plan, (right.from(column, step), columns, steps), &tile, out)?;
            let block = Block {
                tile,
                path: Path::of(session.settings().isa),
                left: left.from(0, step),
                right: packed.read(),
                c: c.from(0, column),
                rows: m,
                columns,
                steps,
                last: step + steps == k,
            };
            block.multiply(session, &buffers, plan.threads)?;
        }
    }
    Ok(())
}

fn pack_right<T: Number>(
    session: &Session,
    plan: &Plan,
    (right, columns, steps): (Lanes<'_, T>, usize, usize),
    tile: &Tile<T>,
    out: &mut [T],
) -> Result<()> {
    let size = tile.columns * steps;
    let panels = columns.div_ceil(tile.columns);
    let at_a_time = if plan.threads == 1 {
        panels
    } else {
        panels.div_ceil(2 * plan.threads)
    };
    in_chunks(session, out, at_a_time * size, |part, chunk| {
        for (at, panel) in chunk.chunks_mut(size).enumerate() {
            let column = (part * at_a_time + at) * tile.columns;
            (tile.pack_columns)(right.from(column, 0), tile.columns.min(columns - column), panel);
        }
        Ok(())
    })
}

impl<T: Number> Block<'_, T> {
    /// Parts are rectangles: as many rows as are packed at a time; if these are few, the columns are shared out too.
    fn multiply(&self, session: &Session, buffers: &Buffers<'_, T>, threads: usize) -> Result<()> {
        let (row_panels, column_panels) = (
            self.rows.div_ceil(self.tile.rows),
            self.columns.div_ceil(self.tile.columns),
        );
        let bands = row_panels.div_ceil(ROW_PANELS);
        let strips = if threads == 1 {
            1
        } else {
            (3 * threads).div_ceil(bands).min(column_panels.div_ceil(2))
        };
        let share = |total: usize, at: usize, of: usize| at * total / of..(at + 1) * total / of;
        let each = |parts: usize, work: &(dyn Fn(usize) -> Result<()> + Sync)| {
            if threads == 1 {
                (0..parts).try_for_each(|part| session.go_on().and_then(|()| work(part)))
            } else {
                in_parallel(session, parts, work)
            }
        };
        if bands == 1 {
            // All strips read the same rows.
            return buffers.with(|left| {
                self.pack_left(left, 0..row_panels);
                let left = &*left;
                each(strips, &|strip| {
                    self.rectangle(left, 0..row_panels, share(column_panels, strip, strips));
                    Ok(())
                })
            });
        }
        each(bands * strips, &|part| {
            let (band, strip) = (part / strips, part % strips);
            let rows = share(row_panels, band, bands);
            buffers.with(|left| {
                self.pack_left(left, rows.clone());
                self.rectangle(left, rows, share(column_panels, strip, strips));
                Ok(())
            })
        })
    }

    fn pack_left(&self, left: &mut [T], rows: std::ops::Range<usize>) {
        let tile = &self.tile;
        for (panel, at) in left.chunks_mut(tile.rows * self.steps).zip(rows) {
            let row = at * tile.rows;
            (tile.pack_rows)(self.left.from(row, 0), tile.rows.min(self.rows - row), panel);
        }
    }

    /// One part, in panels.
    fn rectangle(&self, left: &[T], rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) {
        let tile = &self.tile;
        for column_panel in columns.clone() {
            let right = &self.right[column_panel * tile.columns * self.steps..][..tile.columns * self.steps];
            for (left, row_panel) in left.chunks(tile.rows * self.steps).zip(rows.clone()) {
                let (row, column) = (row_panel * tile.rows, column_panel * tile.columns);
                let size = (tile.rows.min(self.rows - row), tile.columns.min(self.columns - column));
                // SAFETY: the tile lies in the result and no other part has it; `Path::of` found the features.
                unsafe { tile.place(self.steps, (left, right), self.c.from(row, column), size) };
            }
        }
        if self.last {
            let (row, column) = (rows.start * tile.rows, columns.start * tile.columns);
            let size = (
                (rows.end * tile.rows).min(self.rows) - row,
                (columns.end * tile.columns).min(self.columns) - column,
            );
            vectorised(
                self.path,
                &mut Settle {
                    c: self.c.from(row, column),
                    size,
                },
            );
        }
    }
}
