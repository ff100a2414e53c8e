//! Kernels for one tile of a product: some rows by some vectors of columns, held in registers over a run of k. There is one
//! for every number of rows that the registers have room for, so that the last tile of a matrix of few rows is not mostly
//! empty.

use super::Target;
use super::number::{Number, Path};
use super::pack::{Pack, pack};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

/// Most elements of a tile of any kernel.
pub(crate) const MAX_TILE: usize = 14 * 32;

/// Columns of narrow tiles.
pub(crate) const NARROW: usize = 8;

/// `(k, (a, a_row), b, c, c_row)`: continues the chains of a whole tile of `c` over `k` steps. `a` holds for each step one
/// element per row without gaps, or, in kernels of narrow tiles, each row's steps side by side and rows `a_row` elements
/// apart; `b` holds one element per column without gaps; `c_row` is the distance of rows in `c`, in elements.
///
/// # Safety
/// The buffers hold what is said, and the processor has the kernel's features.
pub(crate) type Run<T> = unsafe fn(usize, (*const T, usize), *const T, *mut T, usize);

/// A kernel: the size of its tile, and how operands are packed for it.
#[derive(Clone, Copy)]
pub(crate) struct Tile<T> {
    /// Rows.
    pub(crate) rows: usize,
    /// Columns.
    pub(crate) columns: usize,
    /// Computes it.
    pub(crate) run: Run<T>,
    /// Packs one panel of the left operand.
    pub(crate) pack_rows: Pack<T>,
    /// Packs one panel of the right operand.
    pub(crate) pack_columns: Pack<T>,
}

impl<T: Number> Tile<T> {
    fn new<const ROWS: usize, const COLUMNS: usize>(run: Run<T>) -> Self {
        const { assert!(ROWS * COLUMNS <= MAX_TILE) }
        Self {
            rows: ROWS,
            columns: COLUMNS,
            run,
            pack_rows: pack::<T, ROWS>,
            pack_columns: pack::<T, COLUMNS>,
        }
    }

    /// Continues the chains of one tile of `c` over `steps` of k from two packed panels; `height` and `width` of it are
    /// there.
    ///
    /// # Safety
    /// Those rows and columns of `c` exist and nobody else uses them; the processor has the kernel's features.
    pub(crate) unsafe fn place(
        &self,
        steps: usize,
        (left, right): (&[T], &[T]),
        c: Target<T>,
        (height, width): (usize, usize),
    ) {
        assert!(left.len() >= steps * self.rows && right.len() >= steps * self.columns);
        if height == self.rows && width == self.columns {
            // SAFETY: the panels were measured; the caller promises the whole tile and the features.
            unsafe { (self.run)(steps, (left.as_ptr(), 1), right.as_ptr(), c.place.0, c.row) };
            return;
        }
        // At the edges a whole tile is computed beside the result, what is there of it goes in and out.
        let mut edge = [T::default(); MAX_TILE];
        for at in 0..height {
            // SAFETY: the caller promises these rows and columns.
            edge[at * self.columns..][..width].copy_from_slice(unsafe { c.row(at, width) });
        }
        // SAFETY: as above; `edge` holds a tile of any kernel.
        unsafe {
            (self.run)(
                steps,
                (left.as_ptr(), 1),
                right.as_ptr(),
                edge.as_mut_ptr(),
                self.columns,
            )
        };
        for at in 0..height {
            // SAFETY: as above.
            unsafe { c.row(at, width) }.copy_from_slice(&edge[at * self.columns..][..width]);
        }
    }
}

/// Rows of a tile for a matrix of `rows`: as many as there can be, but all tiles alike.
fn height(rows: usize, most: usize) -> usize {
    rows.div_ceil(rows.div_ceil(most).max(1)).max(1)
}

/// The kernel of as many rows as is said; the largest one for any other number.
macro_rules! of_height {
    ($rows:expr, $columns:literal, $isa:ident::$kernel:ident, $($height:literal)* or $most:literal) => {
        match height($rows, $most) {
            $($height => Tile::new::<$height, $columns>($isa::$kernel::<$height>),)*
            _ => Tile::new::<$most, $columns>($isa::$kernel::<$most>),
        }
    };
}

/// The kernel for `f32` and a left operand of `rows`.
pub(crate) fn single(path: Path, rows: usize) -> Tile<f32> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => of_height!(rows, 32, avx512::single, 1 2 3 4 5 6 7 8 9 10 11 12 13 or 14),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => of_height!(rows, 16, avx2::single, 1 2 3 4 5 or 6),
        #[cfg(target_arch = "aarch64")]
        Path::Neon => of_height!(rows, 12, neon::single, 1 2 3 4 5 6 7 or 8),
        #[cfg(target_arch = "x86_64")]
        Path::Fused => Tile::new::<4, 8>(scalar::fused::<f32>),
        #[cfg(target_arch = "aarch64")]
        Path::Fused => Tile::new::<4, 8>(scalar::plain::<f32, false>),
        _ => Tile::new::<4, 8>(scalar::plain::<f32, true>),
    }
}

/// The kernel for `f64` and a left operand of `rows`.
pub(crate) fn double(path: Path, rows: usize) -> Tile<f64> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => of_height!(rows, 16, avx512::double, 1 2 3 4 5 6 7 8 9 10 11 12 13 or 14),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => of_height!(rows, 8, avx2::double, 1 2 3 4 5 or 6),
        #[cfg(target_arch = "aarch64")]
        Path::Neon => of_height!(rows, 6, neon::double, 1 2 3 4 5 6 7 or 8),
        #[cfg(target_arch = "x86_64")]
        Path::Fused => Tile::new::<4, 8>(scalar::fused::<f64>),
        #[cfg(target_arch = "aarch64")]
        Path::Fused => Tile::new::<4, 8>(scalar::plain::<f64, false>),
        _ => Tile::new::<4, 8>(scalar::plain::<f64, true>),
    }
}

/// The kernel for `f32` and at most [`NARROW`] columns, whose left operand is not packed.
pub(crate) fn narrow_single(path: Path, rows: usize) -> Tile<f32> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 | Path::Avx2 => of_height!(rows, 8, avx2::narrow_single, 1 2 3 4 5 6 7 or 8),
        #[cfg(target_arch = "aarch64")]
        Path::Neon => of_height!(rows, 8, neon::narrow_single, 1 2 3 4 5 6 7 or 8),
        #[cfg(target_arch = "x86_64")]
        Path::Fused => of_height!(rows, 8, scalar::narrow_fused_single, 1 2 3 or 4),
        #[cfg(target_arch = "aarch64")]
        Path::Fused => of_height!(rows, 8, scalar::narrow_plain_single, 1 2 3 or 4),
        _ => of_height!(rows, 8, scalar::narrow_soft_single, 1 2 3 or 4),
    }
}

/// The kernel for `f64` and at most [`NARROW`] columns, whose left operand is not packed.
pub(crate) fn narrow_double(path: Path, rows: usize) -> Tile<f64> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 | Path::Avx2 => of_height!(rows, 8, avx2::narrow_double, 1 2 3 4 5 or 6),
        #[cfg(target_arch = "aarch64")]
        Path::Neon => of_height!(rows, 8, neon::narrow_double, 1 2 3 or 4),
        #[cfg(target_arch = "x86_64")]
        Path::Fused => of_height!(rows, 8, scalar::narrow_fused_double, 1 2 3 or 4),
        #[cfg(target_arch = "aarch64")]
        Path::Fused => of_height!(rows, 8, scalar::narrow_plain_double, 1 2 3 or 4),
        _ => of_height!(rows, 8, scalar::narrow_soft_double, 1 2 3 or 4),
    }
}

/// Writes kernels in terms of an instruction set's vectors: `ROWS` rows by `vectors` vectors of `lanes` elements.
macro_rules! tile_kernel {
    (
        $(#[$meta:meta])*
        $name:ident, $features:literal, $element:ty, $vector:ty,
        $vectors:literal, $lanes:literal,
        load $load:path, store $store:path, splat $splat:path, zero $zero:expr,
        chain |$a:ident, $b:ident, $sum:ident| $chain:expr,
        prefetch |$address:ident| $prefetch:expr,
        left |$left:ident, $a_row:ident, $step:ident, $row:ident, $height:ident| $at:expr $(,)?
    ) => {
        $(#[$meta])*
        #[target_feature(enable = $features)]
        pub(crate) unsafe fn $name<const ROWS: usize>(
            k: usize,
            ($left, $a_row): (*const $element, usize),
            b: *const $element,
            c: *mut $element,
            c_row: usize,
        ) {
            let _ = $a_row;
            // SAFETY: the caller promises `k` times `ROWS` elements of the left operand, `k` times `vectors * lanes` of `b`, and a whole
            // tile at `c`; nothing else is read or written. Prefetching takes any address.
            unsafe {
                let mut sums: [[$vector; $vectors]; ROWS] = [[$zero; $vectors]; ROWS];
                for row in 0..ROWS {
                    for vector in 0..$vectors {
                        sums[row][vector] = $load(c.add(row * c_row + vector * $lanes));
                    }
                    // The tile below is next.
                    for vector in 0..$vectors {
                        let $address = c.wrapping_add((row + ROWS) * c_row + vector * $lanes);
                        $prefetch;
                    }
                }
                for step in 0..k {
                    let mut columns: [$vector; $vectors] = [$zero; $vectors];
                    for vector in 0..$vectors {
                        columns[vector] = $load(b.add((step * $vectors + vector) * $lanes));
                    }
                    for row in 0..ROWS {
                        let $a = {
                            let ($step, $row, $height) = (step, row, ROWS);
                            let _ = $height;
                            $splat(*$left.add($at))
                        };
                        for vector in 0..$vectors {
                            let ($b, $sum) = (columns[vector], sums[row][vector]);
                            sums[row][vector] = $chain;
                        }
                    }
                }
                for row in 0..ROWS {
                    for vector in 0..$vectors {
                        $store(c.add(row * c_row + vector * $lanes), sums[row][vector]);
                    }
                }
            }
        }
    };
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use tile_kernel;
