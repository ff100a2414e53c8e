//! Kernels for one tile of a product: some rows by some vectors of columns, held in registers over a run of k.

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

/// `(k, a, b, c, c_row)`: continues the chains of a whole tile of `c` over `k` steps. `a` holds for each step one element
/// per row, `b` one per column, both without gaps; `c_row` is the distance of rows in `c`, in elements.
///
/// # Safety
/// The buffers hold what is said, and the processor has the kernel's features.
pub(crate) type Run<T> = unsafe fn(usize, *const T, *const T, *mut T, usize);

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
}

/// The kernel for `f32`.
pub(crate) fn single(path: Path) -> Tile<f32> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => Tile::new::<14, 32>(avx512::single),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => Tile::new::<6, 16>(avx2::single),
        #[cfg(target_arch = "aarch64")]
        Path::Neon => Tile::new::<8, 12>(neon::single),
        #[cfg(target_arch = "x86_64")]
        Path::Fused => Tile::new::<4, 8>(scalar::fused::<f32>),
        #[cfg(target_arch = "aarch64")]
        Path::Fused => Tile::new::<4, 8>(scalar::plain::<f32, false>),
        _ => Tile::new::<4, 8>(scalar::plain::<f32, true>),
    }
}

/// The kernel for `f64`.
pub(crate) fn double(path: Path) -> Tile<f64> {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => Tile::new::<14, 16>(avx512::double),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => Tile::new::<6, 8>(avx2::double),
        #[cfg(target_arch = "aarch64")]
        Path::Neon => Tile::new::<8, 6>(neon::double),
        #[cfg(target_arch = "x86_64")]
        Path::Fused => Tile::new::<4, 8>(scalar::fused::<f64>),
        #[cfg(target_arch = "aarch64")]
        Path::Fused => Tile::new::<4, 8>(scalar::plain::<f64, false>),
        _ => Tile::new::<4, 8>(scalar::plain::<f64, true>),
    }
}

/// Writes a kernel in terms of an instruction set's vectors: `rows` rows by `vectors` vectors of `lanes` elements.
macro_rules! tile_kernel {
    (
        $(#[$meta:meta])*
        $name:ident, $features:literal, $element:ty, $vector:ty,
        $rows:literal, $vectors:literal, $lanes:literal,
        load $load:path, store $store:path, splat $splat:path, zero $zero:expr,
        chain |$a:ident, $b:ident, $sum:ident| $chain:expr,
        prefetch |$address:ident| $prefetch:expr $(,)?
    ) => {
        $(#[$meta])*
        #[target_feature(enable = $features)]
        pub(crate) unsafe fn $name(k: usize, a: *const $element, b: *const $element, c: *mut $element, c_row: usize) {
            // SAFETY: the caller promises `k` times `rows` elements of `a`, `k` times `vectors * lanes` of `b`, and a whole
            // tile at `c`; nothing else is read or written. Prefetching takes any address.
            unsafe {
                let mut sums: [[$vector; $vectors]; $rows] = [[$zero; $vectors]; $rows];
                for row in 0..$rows {
                    for vector in 0..$vectors {
                        sums[row][vector] = $load(c.add(row * c_row + vector * $lanes));
                    }
                    // The tile below is next.
                    for vector in 0..$vectors {
                        let $address = c.wrapping_add((row + $rows) * c_row + vector * $lanes);
                        $prefetch;
                    }
                }
                for step in 0..k {
                    let mut columns: [$vector; $vectors] = [$zero; $vectors];
                    for vector in 0..$vectors {
                        columns[vector] = $load(b.add((step * $vectors + vector) * $lanes));
                    }
                    for row in 0..$rows {
                        let $a = $splat(*a.add(step * $rows + row));
                        for vector in 0..$vectors {
                            let ($b, $sum) = (columns[vector], sums[row][vector]);
                            sums[row][vector] = $chain;
                        }
                    }
                }
                for row in 0..$rows {
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
