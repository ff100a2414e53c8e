//! The kernel for any machine: 4 rows by 8 columns.

use crate::kernels::matmul::number::Number;

const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// The kernel. `SOFT`: fused multiply-add in software.
///
/// # Safety
/// As of [`super::Run`].
#[inline(always)]
pub(crate) unsafe fn plain<T: Number, const SOFT: bool>(
    k: usize,
    (a, _): (*const T, usize),
    b: *const T,
    c: *mut T,
    c_row: usize,
) {
    // SAFETY: the caller promises `k * ROWS` elements of `a`, `k * COLUMNS` of `b`, and a whole tile at `c`.
    unsafe {
        let mut sums = [[T::default(); COLUMNS]; ROWS];
        for (row, sums) in sums.iter_mut().enumerate() {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = *c.add(row * c_row + column);
            }
        }
        for step in 0..k {
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = *a.add(step * ROWS + row);
                for (column, sum) in sums.iter_mut().enumerate() {
                    *sum = T::chain::<SOFT>(left, *b.add(step * COLUMNS + column), *sum);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (column, sum) in sums.iter().enumerate() {
                *c.add(row * c_row + column) = *sum;
            }
        }
    }
}

/// The kernel with the processor's fused multiply-add.
///
/// # Safety
/// As of [`super::Run`]; the processor has FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
pub(crate) unsafe fn fused<T: Number>(k: usize, a: (*const T, usize), b: *const T, c: *mut T, c_row: usize) {
    // SAFETY: the caller promises what `plain` asks for.
    unsafe { plain::<T, false>(k, a, b, c, c_row) }
}

/// The narrow kernel: `HEIGHT` rows that are not packed.
///
/// # Safety
/// As of [`super::Run`].
#[inline(always)]
unsafe fn narrow<T: Number, const SOFT: bool, const HEIGHT: usize>(
    k: usize,
    (a, a_row): (*const T, usize),
    b: *const T,
    c: *mut T,
    c_row: usize,
) {
    // SAFETY: the caller promises `k` elements of each of `HEIGHT` rows of `a`, `k * COLUMNS` of `b`, and a whole tile at `c`.
    unsafe {
        let mut sums = [[T::default(); COLUMNS]; HEIGHT];
        for (row, sums) in sums.iter_mut().enumerate() {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = *c.add(row * c_row + column);
            }
        }
        for step in 0..k {
            for (row, sums) in sums.iter_mut().enumerate() {
                let left = *a.add(row * a_row + step);
                for (column, sum) in sums.iter_mut().enumerate() {
                    *sum = T::chain::<SOFT>(left, *b.add(step * COLUMNS + column), *sum);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (column, sum) in sums.iter().enumerate() {
                *c.add(row * c_row + column) = *sum;
            }
        }
    }
}

macro_rules! narrow_kernels {
    ($($(#[$feature:meta])* $name:ident $element:ty, $soft:literal;)*) => {$(
        /// The narrow kernel of one type.
        ///
        /// # Safety
        /// As of [`super::Run`]; the processor has the features.
        $(#[$feature])*
        pub(crate) unsafe fn $name<const HEIGHT: usize>(
            k: usize,
            a: (*const $element, usize),
            b: *const $element,
            c: *mut $element,
            c_row: usize,
        ) {
            // SAFETY: the caller promises what `narrow` asks for.
            unsafe { narrow::<$element, $soft, HEIGHT>(k, a, b, c, c_row) }
        }
    )*};
}

narrow_kernels! {
    #[cfg(target_arch = "x86_64")] #[target_feature(enable = "fma")] narrow_fused_single f32, false;
    #[cfg(target_arch = "x86_64")] #[target_feature(enable = "fma")] narrow_fused_double f64, false;
    #[cfg(target_arch = "aarch64")] narrow_plain_single f32, false;
    #[cfg(target_arch = "aarch64")] narrow_plain_double f64, false;
    narrow_soft_single f32, true;
    narrow_soft_double f64, true;
}
