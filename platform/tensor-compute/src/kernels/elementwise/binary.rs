//! Two operands.

use super::unary::Whole;
use super::{By, Pair, Zip, bad_type, broadcast, cast, is_small_float, one_type, zip};
use crate::error::Result;
use crate::kernels::device::offered;
use crate::kernels::functions::Real;
use crate::op::{Binary, Op};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::{DType, Data};
use std::marker::PhantomData;

/// See [`crate::Binary`].
pub fn binary(session: &Session, op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let title = name(op);
    if a.dtype() != b.dtype() && op == Binary::Pow {
        return mixed_power(session, a, b);
    }
    one_type(title, a, b)?;
    if is_small_float(a.dtype()) {
        let (x, y) = (cast(session, a, DType::F32)?, cast(session, b, DType::F32)?);
        return cast(session, &binary(session, op, &x, &y)?, a.dtype());
    }
    if let Some(device) = offered(session, &[a, b], || Op::Binary(op)) {
        let (shape, _) = broadcast(title, [a.shape(), b.shape()], a.dtype())?;
        return device.make((title, cost(op)), &[a, b], (&shape, a.dtype()));
    }
    macro_rules! by_type {
        ($($float:ident)*; $($whole:ident)*) => {
            match (a.data(), b.data()) {
                $((Data::$float(x), Data::$float(y)) =>
                    float(session, op, &Pair { a: (x, a.shape()), b: (y, b.shape()) }),)*
                $((Data::$whole(x), Data::$whole(y)) =>
                    whole(session, op, &Pair { a: (x, a.shape()), b: (y, b.shape()) }),)*
                (Data::Bool(x), Data::Bool(y)) => boolean(session, op, &Pair { a: (x, a.shape()), b: (y, b.shape()) }),
                _ => Err(bad_type(title, takes(op), a.dtype())),
            }
        };
    }
    by_type!(F32 F64; I8 I16 I32 I64 U8 U16 U32 U64)
}

/// A power whose exponent has a type of its own: computed in the wider float of both, given in the type of the base.
fn mixed_power(session: &Session, base: &Tensor, exponent: &Tensor) -> Result<Tensor> {
    for operand in [base, exponent] {
        if !operand.dtype().is_float() && !operand.dtype().is_int() {
            return Err(bad_type("pow", "numbers", operand.dtype()));
        }
    }
    if base.dtype().is_int() && exponent.dtype().is_int() {
        // A whole exponent that does not fit the type of the base saturates: the power over- or underflows just so.
        return binary(
            session,
            Binary::Pow,
            &cast(session, base, DType::I64)?,
            &cast(session, exponent, DType::I64)?,
        )
        .and_then(|power| cast(session, &power, base.dtype()));
    }
    let narrow = |dtype: DType| matches!(dtype, DType::F16 | DType::BF16 | DType::F32);
    let wide = if narrow(base.dtype()) { DType::F32 } else { DType::F64 };
    let power = binary(
        session,
        Binary::Pow,
        &cast(session, base, wide)?,
        &cast(session, exponent, wide)?,
    )?;
    cast(session, &power, base.dtype())
}

fn boolean(session: &Session, op: Binary, pair: &Pair<'_, bool, bool>) -> Result<Tensor> {
    match op {
        Binary::And | Binary::Min | Binary::Mul => zip(session, name(op), pair, By(|a: bool, b: bool| a & b)),
        Binary::Or | Binary::Max | Binary::Add => zip(session, name(op), pair, By(|a: bool, b: bool| a | b)),
        Binary::Xor => zip(session, name(op), pair, By(|a: bool, b: bool| a ^ b)),
        _ => Err(bad_type(name(op), takes(op), DType::Bool)),
    }
}

fn takes(op: Binary) -> &'static str {
    match op {
        Binary::And | Binary::Or | Binary::Xor => "booleans",
        Binary::BitAnd | Binary::BitOr | Binary::BitXor | Binary::ShiftLeft | Binary::ShiftRight => "whole numbers",
        Binary::Atan2 => "floats",
        _ => "numbers",
    }
}

/// A function of two floats.
trait Function: Sync {
    const COST: u64;
    const WIDE: bool;
    fn at<T: Real>(a: T, b: T) -> T;
}

struct Float<F>(PhantomData<fn() -> F>);
impl<F> Clone for Float<F> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<F> Copy for Float<F> {}
impl<F: Function, T: Real> Zip<T, T, T> for Float<F> {
    const COST: u64 = F::COST;
    const WIDE: bool = F::WIDE;
    #[inline(always)]
    fn at(self, a: T, b: T) -> T {
        F::at(a, b)
    }
}

macro_rules! functions {
    ($($name:ident $cost:literal $wide:literal |$a:ident, $b:ident| $body:expr;)*) => {$(
        struct $name;
        impl Function for $name {
            const COST: u64 = $cost;
            const WIDE: bool = $wide;
            #[inline(always)]
            fn at<T: Real>($a: T, $b: T) -> T {
                $body
            }
        }
    )*};
}

functions! {
    Add 1 true |a, b| a + b;
    Sub 1 true |a, b| a - b;
    Mul 1 true |a, b| a * b;
    Div 4 true |a, b| a / b;
    Min 1 true |a, b| if b < a || b.nan() { b } else { a };
    Max 1 true |a, b| if b > a || b.nan() { b } else { a };
    PRelu 1 true |x, slope| if x < T::of(0.0) { x * slope } else { x };
    Pow 64 false |a, b| power(a, b);
    Mod 32 false |a, b| {
        let rest = a.remainder(b);
        let zero = T::of(0.0);
        if rest == zero { rest.signed(b) } else if (rest < zero) != (b < zero) { rest + b } else { rest }
    };
    Fmod 32 false |a, b| a.remainder(b);
    Atan2 64 false |a, b| a.angle(b);
}

/// Operations per element of floats, as [`float`] charges them.
fn cost(op: Binary) -> u64 {
    match op {
        Binary::Div => Div::COST,
        Binary::Pow => Pow::COST,
        Binary::Mod => Mod::COST,
        Binary::Fmod => Fmod::COST,
        Binary::Atan2 => Atan2::COST,
        _ => Add::COST,
    }
}

/// Squares and cubes, which models ask for all the time, are products.
fn power<T: Real>(base: T, exponent: T) -> T {
    if exponent == T::of(2.0) {
        base * base
    } else if exponent == T::of(3.0) {
        base * base * base
    } else {
        base.power(exponent)
    }
}

fn float<T: Real>(session: &Session, op: Binary, pair: &Pair<'_, T, T>) -> Result<Tensor> {
    macro_rules! run {
        ($($name:ident)*) => {
            match op {
                $(Binary::$name => zip(session, name(op), pair, Float::<$name>(PhantomData)),)*
                _ => Err(bad_type(name(op), takes(op), T::DTYPE)),
            }
        };
    }
    run!(Add Sub Mul Div Min Max PRelu Pow Mod Fmod Atan2)
}

/// Whole numbers: all wrap.
trait Arithmetic: Whole {
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Cut towards zero; 0 by zero.
    fn div(self, other: Self) -> Self;
    /// With the sign of the divisor; 0 by zero.
    fn modulo(self, other: Self) -> Self;
    /// With the sign of the dividend; 0 by zero.
    fn remainder(self, other: Self) -> Self;
    /// Wraps; a negative exponent gives the power cut to a whole number (0, 1 or -1; 0 for a base of 0).
    fn power(self, exponent: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// Zero where all bits leave.
    fn left(self, by: Self) -> Self;
    /// With the sign; 0 or -1 where all bits leave.
    fn right(self, by: Self) -> Self;
}

macro_rules! arithmetic {
    ($($int:ty)*) => {$(
        impl Arithmetic for $int {
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn div(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_div(other) }
            }
            fn modulo(self, other: Self) -> Self {
                let rest = self.remainder(other);
                let zero = Self::small(0);
                if rest != zero && (rest < zero) != (other < zero) { rest.wrapping_add(other) } else { rest }
            }
            fn remainder(self, other: Self) -> Self {
                if other == 0 { 0 } else { self.wrapping_rem(other) }
            }
            fn power(self, exponent: Self) -> Self {
                let zero = Self::small(0);
                let minus_one = zero.wrapping_sub(1);
                if exponent < zero {
                    return match self {
                        1 => 1,
                        _ if minus_one < zero && self == minus_one => if exponent & 1 == 0 { 1 } else { minus_one },
                        _ => 0,
                    };
                }
                let (mut base, mut left, mut result) = (self, exponent, 1 as Self);
                while left > zero {
                    if left & 1 == 1 {
                        result = result.wrapping_mul(base);
                    }
                    base = base.wrapping_mul(base);
                    left >>= 1;
                }
                result
            }
            fn and(self, other: Self) -> Self {
                self & other
            }
            fn or(self, other: Self) -> Self {
                self | other
            }
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            fn left(self, by: Self) -> Self {
                u32::try_from(by).ok().and_then(|by| self.checked_shl(by)).unwrap_or(0)
            }
            fn right(self, by: Self) -> Self {
                let by = u32::try_from(by).unwrap_or(Self::BITS);
                self.checked_shr(by).unwrap_or(if self < Self::small(0) { Self::small(0).wrapping_sub(1) } else { 0 })
            }
        }
    )*};
}
arithmetic!(i8 i16 i32 i64 u8 u16 u32 u64);

fn whole<T: Arithmetic>(session: &Session, op: Binary, pair: &Pair<'_, T, T>) -> Result<Tensor> {
    let title = name(op);
    let zero = T::small(0);
    match op {
        Binary::Add => zip(session, title, pair, By(T::add)),
        Binary::Sub => zip(session, title, pair, By(T::sub)),
        Binary::Mul => zip(session, title, pair, By(T::mul)),
        Binary::Div => zip(session, title, pair, By(T::div)),
        Binary::Mod => zip(session, title, pair, By(T::modulo)),
        Binary::Fmod => zip(session, title, pair, By(T::remainder)),
        Binary::Pow => zip(session, title, pair, By(T::power)),
        Binary::Min => zip(session, title, pair, By(Ord::min)),
        Binary::Max => zip(session, title, pair, By(Ord::max)),
        Binary::PRelu => zip(
            session,
            title,
            pair,
            By(move |x: T, slope: T| if x < zero { x.mul(slope) } else { x }),
        ),
        Binary::BitAnd => zip(session, title, pair, By(T::and)),
        Binary::BitOr => zip(session, title, pair, By(T::or)),
        Binary::BitXor => zip(session, title, pair, By(T::xor)),
        Binary::ShiftLeft => zip(session, title, pair, By(T::left)),
        Binary::ShiftRight => zip(session, title, pair, By(T::right)),
        Binary::Atan2 | Binary::And | Binary::Or | Binary::Xor => Err(bad_type(title, takes(op), T::DTYPE)),
    }
}

fn name(op: Binary) -> &'static str {
    match op {
        Binary::Add => "add",
        Binary::Sub => "sub",
        Binary::Mul => "mul",
        Binary::Div => "div",
        Binary::Pow => "pow",
        Binary::Min => "min",
        Binary::Max => "max",
        Binary::Mod => "mod",
        Binary::Fmod => "fmod",
        Binary::Atan2 => "atan2",
        Binary::PRelu => "prelu",
        Binary::And => "and",
        Binary::Or => "or",
        Binary::Xor => "xor",
        Binary::BitAnd => "bit_and",
        Binary::BitOr => "bit_or",
        Binary::BitXor => "bit_xor",
        Binary::ShiftLeft => "shift_left",
        Binary::ShiftRight => "shift_right",
    }
}
