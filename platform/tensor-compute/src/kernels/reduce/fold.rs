//! The loops of folds.

use super::BLOCK;
use crate::dtype::Element;
use crate::error::Result;
use crate::isa::Isa;
use crate::kernels::parts::{Loop, PART, fill_parts, make, run_on};
use crate::session::Session;
use crate::tensor::Tensor;

/// Interleaved partial results of a block.
const LANES: usize = 32;
/// Columns folded at a time: their partial results stay in the first cache.
const COLUMNS: usize = 512;

/// An operand seen as `(outer, count, inner)`, whose middle is folded.
pub(super) struct Layout<'a> {
    pub op: &'static str,
    /// Of the result.
    pub shape: &'a [usize],
    pub count: usize,
    pub inner: usize,
}

/// A fold: elements into lanes, lanes into each other, blocks into totals.
pub(in crate::kernels) trait Fold<T>: Copy + Sync {
    /// Within a block.
    type Lane: Copy + Send + Sync;
    /// Over blocks.
    type Total: Element + Copy;
    /// The neutral element.
    fn start(self) -> Self::Lane;
    /// Takes in an element; `#[inline(always)]`.
    fn step(self, lane: Self::Lane, x: T) -> Self::Lane;
    /// Takes in another lane; `#[inline(always)]`.
    fn join(self, a: Self::Lane, b: Self::Lane) -> Self::Lane;
    /// A block as a total.
    fn total(self, lane: Self::Lane) -> Self::Total;
    /// Takes in the next block.
    fn add(self, a: Self::Total, b: Self::Total) -> Self::Total;
    /// The result over `count` elements.
    fn finish(self, total: Self::Total, count: usize) -> T;
}

struct RowBlock<'a, T, F> {
    fold: F,
    x: &'a [T],
}

impl<T: Copy, F: Fold<T>> Loop for RowBlock<'_, T, F> {
    type Out = F::Lane;
    #[inline(always)]
    fn run(self) -> F::Lane {
        let mut lanes = [self.fold.start(); LANES];
        let (chunks, rest) = self.x.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, x) in lanes.iter_mut().zip(chunk) {
                *lane = self.fold.step(*lane, *x);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane = self.fold.step(*lane, *x);
        }
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = self.fold.join(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// Folds neighbours, in the order of the module.
pub(in crate::kernels) fn fold_row<T: Copy, F: Fold<T>>(isa: Isa, fold: F, x: &[T]) -> F::Total {
    let (head, rest) = x.split_at(x.len().min(BLOCK));
    let mut total = fold.total(run_on(isa, RowBlock { fold, x: head }));
    for block in rest.chunks(BLOCK) {
        total = fold.add(total, fold.total(run_on(isa, RowBlock { fold, x: block })));
    }
    total
}

struct Columns<'a, T, F: Fold<T>> {
    fold: F,
    x: &'a [T],
    stride: usize,
    lanes: &'a mut [F::Lane],
}

impl<T: Copy, F: Fold<T>> Loop for Columns<'_, T, F> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for row in self.x.chunks(self.stride) {
            for (lane, x) in self.lanes.iter_mut().zip(row) {
                *lane = self.fold.step(*lane, *x);
            }
        }
    }
}

/// Folds `out.len()` columns that begin at `x[0]`, `count` rows of `stride` elements.
fn fold_columns<T: Copy, F: Fold<T>>(isa: Isa, fold: F, (x, stride, count): (&[T], usize, usize), out: &mut [T]) {
    let mut lanes = [fold.start(); COLUMNS];
    let mut totals = [fold.total(fold.start()); COLUMNS];
    let width = out.len();
    for first in (0..count).step_by(BLOCK) {
        lanes[..width].fill(fold.start());
        let rows = BLOCK.min(count - first);
        // The last row of all may be shorter than a stride.
        let from = first * stride;
        let x = &x[from..x.len().min(from + rows * stride)];
        run_on(
            isa,
            Columns {
                fold,
                x,
                stride,
                lanes: &mut lanes[..width],
            },
        );
        for (total, lane) in totals.iter_mut().zip(&lanes[..width]) {
            *total = if first == 0 {
                fold.total(*lane)
            } else {
                fold.add(*total, fold.total(*lane))
            };
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        *out = fold.finish(total, count);
    }
}

/// The result over the whole operand.
pub(super) fn run<T: Element + Copy, F: Fold<T>>(
    session: &Session,
    fold: F,
    x: &[T],
    layout: &Layout<'_>,
) -> Result<Tensor> {
    let Layout {
        op,
        shape,
        count,
        inner,
    } = *layout;
    let isa = session.settings().isa;
    let charge = (count as u64).saturating_add(1);
    make(session, (op, charge), shape, 0, |out: &mut [T]| {
        session.charge(0, size_of_val(x) as u64)?;
        if inner > 1 {
            return columns(session, fold, (x, layout), out);
        }
        if let ([one], true) = (&mut *out, count > 16 * BLOCK) {
            *one = fold.finish(by_blocks(session, fold, x)?, count);
            return Ok(());
        }
        fill_parts(session, out, (PART / count.max(1)).max(1), |first, part| {
            for (i, out) in part.iter_mut().enumerate() {
                *out = fold.finish(fold_row(isa, fold, &x[(first + i) * count..][..count]), count);
            }
            Ok(())
        })
    })
}

/// One row, whose blocks are folded by several threads and combined in order.
fn by_blocks<T: Element + Copy, F: Fold<T>>(session: &Session, fold: F, x: &[T]) -> Result<F::Total> {
    let isa = session.settings().isa;
    let blocks = x.len().div_ceil(BLOCK);
    let _lease = session.lease((blocks * size_of::<F::Total>()) as u64)?;
    let mut totals = vec![F::Total::default(); blocks];
    fill_parts(session, &mut totals, PART / BLOCK, |first, part| {
        for (i, total) in part.iter_mut().enumerate() {
            let from = (first + i) * BLOCK;
            *total = fold_row(isa, fold, &x[from..x.len().min(from + BLOCK)]);
        }
        Ok(())
    })?;
    let first = totals.first().copied().unwrap_or_else(|| fold.total(fold.start()));
    Ok(totals.iter().skip(1).fold(first, |sum, total| fold.add(sum, *total)))
}

fn columns<T: Element + Copy, F: Fold<T>>(
    session: &Session,
    fold: F,
    (x, layout): (&[T], &Layout<'_>),
    out: &mut [T],
) -> Result<()> {
    let isa = session.settings().isa;
    let (count, inner) = (layout.count, layout.inner);
    // Whole lines of the cache.
    let part = (PART / count.max(1)).clamp(64, 4 * PART);
    fill_parts(session, out, part, |first, part| {
        let mut done = 0;
        while done < part.len() {
            let (outer, column) = ((first + done) / inner, (first + done) % inner);
            let width = COLUMNS.min(inner - column).min(part.len() - done);
            let x = &x[outer * count * inner..][..count * inner];
            let x = x.get(column..).unwrap_or_default();
            fold_columns(isa, fold, (x, inner, count), &mut part[done..done + width]);
            done += width;
        }
        Ok(())
    })
}
