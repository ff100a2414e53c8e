//! The arithmetic that products are made of, and the ways a processor may do it.

use super::tiles::Tile;
use crate::Element;
use crate::isa::Isa;

/// How this process multiplies: an instruction set that the processor was seen to have. All give the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "each processor has some of them")]
pub(crate) enum Path {
    /// AVX-512F.
    Avx512,
    /// AVX2 and FMA.
    Avx2,
    /// NEON.
    Neon,
    /// No vectors asked for, fused multiply-add in hardware.
    Fused,
    /// Fused multiply-add in software.
    Software,
}

impl Path {
    /// The path of an instruction set; the next best one where the processor lacks it.
    pub(crate) fn of(isa: Isa) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("fma");
            let avx2 = fma && is_x86_feature_detected!("avx2");
            match isa {
                Isa::Avx512 if avx2 && is_x86_feature_detected!("avx512f") => Self::Avx512,
                Isa::Avx512 | Isa::Avx2 if avx2 => Self::Avx2,
                _ if fma => Self::Fused,
                _ => Self::Software,
            }
        }
        #[cfg(target_arch = "aarch64")]
        {
            if isa == Isa::Neon { Self::Neon } else { Self::Fused }
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let _ = isa;
            Self::Software
        }
    }
}

/// A number that products are made of.
pub(crate) trait Number: Element + Copy {
    /// `sum + a b`, rounded once; whole numbers wrap. `SOFT`: without the processor's fused multiply-add.
    fn chain<const SOFT: bool>(a: Self, b: Self, sum: Self) -> Self;
    /// `a + b`; whole numbers wrap.
    fn plus(self, other: Self) -> Self;
    /// The number itself, or the one NaN that results have: processors differ in sign and payload of theirs.
    fn settled(self) -> Self;
    /// `a b`, rounded by itself; whole numbers wrap.
    fn times(self, other: Self) -> Self;
    /// 0 for negative numbers. NaN stays.
    fn rectified(self) -> Self;
    /// The kernel for big products whose left operand has so many rows; none for whole numbers.
    fn tile(path: Path, rows: usize) -> Option<Tile<Self>>;
    /// The kernel for products of few columns; none for whole numbers.
    fn narrow(path: Path, rows: usize) -> Option<Tile<Self>>;
}

macro_rules! floats {
    ($($float:ty, $soft:path, $tile:path, $narrow:path);* $(;)?) => {$(
        impl Number for $float {
            #[inline(always)]
            fn chain<const SOFT: bool>(a: Self, b: Self, sum: Self) -> Self {
                if SOFT { $soft(a, b, sum) } else { a.mul_add(b, sum) }
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn settled(self) -> Self {
                if self.is_nan() { Self::NAN } else { self }
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn rectified(self) -> Self {
                if self < 0.0 { 0.0 } else { self }
            }
            fn tile(path: Path, rows: usize) -> Option<Tile<Self>> {
                Some($tile(path, rows))
            }
            fn narrow(path: Path, rows: usize) -> Option<Tile<Self>> {
                Some($narrow(path, rows))
            }
        }
    )*};
}

floats! {
    f32, libm::fmaf, super::tiles::single, super::tiles::narrow_single;
    f64, libm::fma, super::tiles::double, super::tiles::narrow_double;
}

macro_rules! whole {
    ($($int:ty),*) => {$(
        impl Number for $int {
            #[inline(always)]
            fn chain<const SOFT: bool>(a: Self, b: Self, sum: Self) -> Self {
                sum.wrapping_add(a.wrapping_mul(b))
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn settled(self) -> Self {
                self
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn rectified(self) -> Self {
                self.max(0)
            }
            fn tile(_: Path, _: usize) -> Option<Tile<Self>> {
                None
            }
            fn narrow(_: Path, _: usize) -> Option<Tile<Self>> {
                None
            }
        }
    )*};
}

whole!(i8, i16, i32, i64, u8, u16, u32, u64);

/// Plain loops that the compiler vectorises; [`vectorised`] runs them once per instruction set. They must not depend on how
/// wide vectors are: no sums across lanes. Implementations are `#[inline(always)]`.
pub(crate) trait Loops {
    /// Runs them. `SOFT`: see [`Number::chain`].
    fn run<const SOFT: bool>(&mut self);
}

/// Runs loops compiled for a path.
pub(crate) fn vectorised(path: Path, loops: &mut impl Loops) {
    match path {
        // SAFETY: `Path::of` gives this path only where the processor has the features.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => unsafe { on_avx512(loops) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { on_avx2(loops) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Fused => unsafe { on_fma(loops) },
        #[cfg(target_arch = "aarch64")]
        Path::Neon | Path::Fused => loops.run::<false>(),
        _ => loops.run::<true>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn on_avx512(loops: &mut impl Loops) {
    loops.run::<false>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn on_avx2(loops: &mut impl Loops) {
    loops.run::<false>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
fn on_fma(loops: &mut impl Loops) {
    loops.run::<false>();
}
