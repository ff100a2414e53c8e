//! Matrix products: each element one chain of fused multiply-adds over k.
//!
//! Sums between blocks of k stand in the result, in its own type. So neither the blocks, nor threads, nor the width of
//! vectors change a bit: every path gives what three plain loops with `mul_add` give. A NaN in a result is always the same
//! one, because processors differ in the NaNs they make.

mod batch;
mod blocked;
mod narrow;
pub(crate) mod number;
pub(crate) mod pack;
mod stream;
pub(crate) mod tiles;

#[cfg(test)]
pub(crate) mod tests;

pub use batch::matmul;
pub(crate) use batch::{half_to_single, single_to_half};

use crate::error::{ComputeError, Result};
use crate::kernels::threads::Place;
use crate::session::Session;
use number::{Number, Path};
use std::any::TypeId;

/// A product of matrices as slices, for other kernels (convolutions, factorisations).
#[derive(Clone, Copy)]
pub struct Product<'a, T> {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the left, rows of the right.
    pub k: usize,
    /// Columns of the result.
    pub n: usize,
    /// Left operand, its distance from row to row and from column to column, in elements.
    pub a: (&'a [T], usize, usize),
    /// Right operand, its distance from row to row and from column to column, in elements.
    pub b: (&'a [T], usize, usize),
}

/// Where a result goes: its first element, and the distance of its rows. Columns are side by side.
pub(crate) struct Target<T> {
    /// The first element.
    pub(crate) place: Place<T>,
    /// From row to row, in elements.
    pub(crate) row: usize,
}

impl<T> Clone for Target<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Target<T> {}

impl<T> Target<T> {
    /// From a row and a column on.
    pub(crate) fn from(self, row: usize, column: usize) -> Self {
        Self {
            place: Place(self.place.at(row * self.row + column)),
            row: self.row,
        }
    }

    /// The first `n` elements of a row.
    ///
    /// # Safety
    /// They exist, and nobody else uses them while the result lives.
    #[inline(always)]
    pub(crate) unsafe fn row<'a>(self, row: usize, n: usize) -> &'a mut [T] {
        // SAFETY: the caller promises it.
        unsafe { std::slice::from_raw_parts_mut(self.place.at(row * self.row), n) }
    }
}

/// `c += a b` for `f32` or `f64` (`c` row-major with `c_row` elements from row to row): every element continues its chain
/// of fused multiply-adds from what is in `c`, over k from 0 upwards. Whole numbers wrap. Charges nothing: its caller has.
///
/// # Errors
/// Another element type, or a slice that is shorter than its matrix.
pub fn matmul_into<T: crate::Element>(
    session: &Session,
    product: &Product<'_, T>,
    c: &mut [T],
    c_row: usize,
) -> Result<()> {
    macro_rules! as_one_of {
        ($($number:ty),*) => {$(
            if TypeId::of::<T>() == TypeId::of::<$number>() {
                // SAFETY: `T` is this type.
                let product = unsafe { &*std::ptr::from_ref(product).cast::<Product<'_, $number>>() };
                // SAFETY: as above; the borrow is passed on.
                let c = unsafe { std::slice::from_raw_parts_mut(c.as_mut_ptr().cast::<$number>(), c.len()) };
                return multiply(session, product, c, c_row);
            }
        )*};
    }
    as_one_of!(f32, f64, i8, i16, i32, i64, u8, u16, u32, u64);
    Err(ComputeError::DType {
        op: "matmul",
        why: format!("multiplies numbers of 32 or 64 bits, not {}", T::DTYPE),
    })
}

/// See [`matmul_into`].
pub(crate) fn multiply<T: Number>(
    session: &Session,
    product: &Product<'_, T>,
    c: &mut [T],
    c_row: usize,
) -> Result<()> {
    let fits = |length: usize, (rows, row): (usize, usize), (columns, column): (usize, usize)| {
        if rows == 0 || columns == 0 {
            return true;
        }
        let last = (rows - 1)
            .checked_mul(row)
            .zip((columns - 1).checked_mul(column))
            .and_then(|(r, c)| r.checked_add(c));
        last.is_some_and(|last| last < length)
    };
    let Product { m, k, n, a, b } = *product;
    let rows_apart = m <= 1 || c_row >= n;
    let operands_fit = fits(a.0.len(), (m, a.1), (k, a.2)) && fits(b.0.len(), (k, b.1), (n, b.2));
    if !(rows_apart && fits(c.len(), (m, c_row), (n, 1)) && operands_fit) {
        let why = format!(
            "{m} x {k} by {k} x {n} with steps {:?}, {:?} and rows {c_row} apart does not fit slices of {}, {} and {}",
            (a.1, a.2),
            (b.1, b.2),
            a.0.len(),
            b.0.len(),
            c.len()
        );
        return Err(ComputeError::Shape { op: "matmul", why });
    }
    // SAFETY: all elements of the result lie in `c`, which is ours alone.
    unsafe {
        multiply_at(
            session,
            product,
            Target {
                place: Place(c.as_mut_ptr()),
                row: c_row,
            },
        )
    }
}

/// See [`matmul_into`]; for results that lie between those of other threads.
///
/// # Safety
/// The result's `m` rows of `n` elements exist, do not overlap, and nobody else uses them meanwhile. (The operands are
/// checked where they are read.)
pub(crate) unsafe fn multiply_at<T: Number>(session: &Session, product: &Product<'_, T>, c: Target<T>) -> Result<()> {
    /// Below this many rows or columns a tile would be mostly empty.
    const FEW: usize = 8;
    /// Up to this many multiplications packing does not pay.
    const SMALL: usize = 32 * 32 * 32;
    let Product { m, k, n, .. } = *product;
    if m == 0 || k == 0 || n == 0 {
        return Ok(());
    }
    let path = Path::of(session.settings().isa);
    if n <= tiles::NARROW
        && m >= FEW
        && product.a.2 == 1
        && let Some(tile) = T::narrow(path, m)
    {
        return narrow::narrow(session, product, tile, c);
    }
    let small = m.saturating_mul(n).saturating_mul(k) <= SMALL || m < FEW || n < FEW;
    match T::tile(path, m) {
        Some(tile) if !small => blocked::blocked(session, product, tile, c),
        _ => stream::stream(session, product, c),
    }
}
