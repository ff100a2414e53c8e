//! What is folded: sums, products and extremes of floats, whole numbers and booleans.

use super::fold::{Fold, Layout, fold_row, run};
use super::takes;
use crate::dtype::Element;
use crate::error::Result;
use crate::isa::Isa;
use crate::kernels::elementwise::bad_type;
use crate::kernels::functions::Real;
use crate::op::Reduce;
use crate::session::Session;
use crate::tensor::Tensor;

/// What is summed, and what the sum becomes.
#[derive(Clone, Copy)]
pub(in crate::kernels) enum Sum {
    /// The elements.
    Plain,
    /// Absolute values.
    Absolute,
    /// Squares.
    Square,
}

/// Sums of floats; the flags are constants, so that loops have no branches.
#[derive(Clone, Copy)]
struct FloatSum<const WHAT: u8>(Reduce);
impl<T: Real, const WHAT: u8> Fold<T> for FloatSum<WHAT> {
    type Lane = T;
    type Total = f64;
    fn start(self) -> T {
        T::of(0.0)
    }
    #[inline(always)]
    fn step(self, lane: T, x: T) -> T {
        match WHAT {
            0 => lane + x,
            1 => lane + x.magnitude(),
            _ => lane + x * x,
        }
    }
    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        a + b
    }
    fn total(self, lane: T) -> f64 {
        lane.wide()
    }
    fn add(self, a: f64, b: f64) -> f64 {
        a + b
    }
    fn finish(self, total: f64, count: usize) -> T {
        match self.0 {
            Reduce::Mean => T::of(total / count as f64),
            Reduce::L2 => T::of(total.sqrt()),
            Reduce::LogSum => T::of(libm::log(total)),
            _ => T::of(total),
        }
    }
}

/// The sum of a row in the order of folds.
pub(in crate::kernels) fn sum_row<T: Real>(isa: Isa, what: Sum, x: &[T]) -> f64 {
    match what {
        Sum::Plain => fold_row(isa, FloatSum::<0>(Reduce::Sum), x),
        Sum::Absolute => fold_row(isa, FloatSum::<1>(Reduce::Sum), x),
        Sum::Square => fold_row(isa, FloatSum::<2>(Reduce::Sum), x),
    }
}

#[derive(Clone, Copy)]
struct FloatProduct;
impl<T: Real> Fold<T> for FloatProduct {
    type Lane = T;
    type Total = f64;
    fn start(self) -> T {
        T::of(1.0)
    }
    #[inline(always)]
    fn step(self, lane: T, x: T) -> T {
        lane * x
    }
    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        a * b
    }
    fn total(self, lane: T) -> f64 {
        lane.wide()
    }
    fn add(self, a: f64, b: f64) -> f64 {
        a * b
    }
    fn finish(self, total: f64, _count: usize) -> T {
        T::of(total)
    }
}

/// Largest or smallest; NaN wins.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct FloatExtreme<const LARGEST: bool>;
impl<T: Real, const LARGEST: bool> Fold<T> for FloatExtreme<LARGEST> {
    type Lane = T;
    type Total = T;
    fn start(self) -> T {
        T::of(if LARGEST { f64::NEG_INFINITY } else { f64::INFINITY })
    }
    #[inline(always)]
    fn step(self, lane: T, x: T) -> T {
        let better = if LARGEST { x > lane } else { x < lane };
        if better || x.nan() { x } else { lane }
    }
    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        Fold::<T>::step(self, a, b)
    }
    fn total(self, lane: T) -> T {
        lane
    }
    fn add(self, a: T, b: T) -> T {
        Fold::<T>::step(self, a, b)
    }
    fn finish(self, total: T, _count: usize) -> T {
        total
    }
}

pub(super) fn floats<T: Real>(session: &Session, kind: Reduce, x: &[T], layout: &Layout<'_>) -> Result<Tensor> {
    match kind {
        Reduce::Sum | Reduce::Mean | Reduce::LogSum => run(session, FloatSum::<0>(kind), x, layout),
        Reduce::L1 => run(session, FloatSum::<1>(kind), x, layout),
        Reduce::L2 | Reduce::SumSquare => run(session, FloatSum::<2>(kind), x, layout),
        Reduce::Prod => run(session, FloatProduct, x, layout),
        Reduce::Max => run(session, FloatExtreme::<true>, x, layout),
        Reduce::Min => run(session, FloatExtreme::<false>, x, layout),
        Reduce::LogSumExp | Reduce::Any | Reduce::All => Err(bad_type(layout.op, takes(kind), T::DTYPE)),
    }
}

/// Folds whose lanes and totals are the elements themselves, in any order alike.
#[derive(Clone, Copy)]
struct Exact<T, S, J> {
    start: T,
    step: S,
    join: J,
    mean: Option<fn(T, usize) -> T>,
}
impl<T: Element + Copy, S: Fn(T, T) -> T + Copy + Sync, J: Fn(T, T) -> T + Copy + Sync> Fold<T> for Exact<T, S, J> {
    type Lane = T;
    type Total = T;
    fn start(self) -> T {
        self.start
    }
    #[inline(always)]
    fn step(self, lane: T, x: T) -> T {
        (self.step)(lane, x)
    }
    #[inline(always)]
    fn join(self, a: T, b: T) -> T {
        (self.join)(a, b)
    }
    fn total(self, lane: T) -> T {
        lane
    }
    fn add(self, a: T, b: T) -> T {
        (self.join)(a, b)
    }
    fn finish(self, total: T, count: usize) -> T {
        self.mean.map_or(total, |mean| mean(total, count))
    }
}

/// What folds need of whole numbers.
pub(super) trait Counted: Element + Copy + Ord {
    const LIMITS: [Self; 4];
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn size(self) -> Self;
    fn share(self, count: usize) -> Self;
}
macro_rules! counted {
    ($($int:ty)*) => {$(
        impl Counted for $int {
            /// 0, 1, least, greatest.
            const LIMITS: [Self; 4] = [0, 1, Self::MIN, Self::MAX];
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn size(self) -> Self {
                if self < 0 as Self { (0 as Self).wrapping_sub(self) } else { self }
            }
            fn share(self, count: usize) -> Self {
                (self as i128).checked_div(count as i128).unwrap_or(0) as Self
            }
        }
    )*};
}
counted!(i8 i16 i32 i64 u8 u16 u32 u64);

pub(super) fn wholes<T: Counted>(session: &Session, kind: Reduce, x: &[T], layout: &Layout<'_>) -> Result<Tensor> {
    let [zero, one, least, greatest] = T::LIMITS;
    macro_rules! exact {
        ($start:expr, $step:expr, $join:expr, $mean:expr) => {
            run(
                session,
                Exact {
                    start: $start,
                    step: $step,
                    join: $join,
                    mean: $mean,
                },
                x,
                layout,
            )
        };
    }
    match kind {
        Reduce::Sum => exact!(zero, T::plus, T::plus, None),
        Reduce::Mean => exact!(zero, T::plus, T::plus, Some(T::share)),
        Reduce::L1 => exact!(zero, |sum: T, x: T| sum.plus(x.size()), T::plus, None),
        Reduce::SumSquare => exact!(zero, |sum: T, x: T| sum.plus(x.times(x)), T::plus, None),
        Reduce::Prod => exact!(one, T::times, T::times, None),
        Reduce::Max => exact!(least, Ord::max, Ord::max, None),
        Reduce::Min => exact!(greatest, Ord::min, Ord::min, None),
        _ => Err(bad_type(layout.op, takes(kind), T::DTYPE)),
    }
}

pub(super) fn truths(session: &Session, kind: Reduce, x: &[bool], layout: &Layout<'_>) -> Result<Tensor> {
    let any = |a: bool, b: bool| a | b;
    let all = |a: bool, b: bool| a & b;
    match kind {
        Reduce::Any | Reduce::Max => run(
            session,
            Exact {
                start: false,
                step: any,
                join: any,
                mean: None,
            },
            x,
            layout,
        ),
        Reduce::All | Reduce::Min => run(
            session,
            Exact {
                start: true,
                step: all,
                join: all,
                mean: None,
            },
            x,
            layout,
        ),
        _ => Err(bad_type(layout.op, takes(kind), crate::DType::Bool)),
    }
}
