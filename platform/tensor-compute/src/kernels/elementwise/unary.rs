//! One operand.

use super::{By, Map, bad_type, in_f32, is_small_float, map};
use crate::Data;
use crate::dtype::Element;
use crate::error::Result;
use crate::kernels::device::offered;
use crate::kernels::functions::{Rare, Real};
use crate::op::{Op, Unary};
use crate::session::Session;
use crate::tensor::Tensor;
use std::marker::PhantomData;

/// See [`crate::Unary`].
pub fn unary(session: &Session, op: Unary, x: &Tensor) -> Result<Tensor> {
    if is_small_float(x.dtype()) {
        return in_f32(session, x, |x| unary(session, op, x));
    }
    let shape = x.shape();
    if let Some(device) = offered(session, &[x], || Op::Unary(op)) {
        return device.make((name(op), cost(op)), &[x], (shape, x.dtype()));
    }
    match x.data() {
        Data::F32(v) => float(session, op, (v, shape)),
        Data::F64(v) => float(session, op, (v, shape)),
        Data::I8(v) => whole(session, op, (v, shape)),
        Data::I16(v) => whole(session, op, (v, shape)),
        Data::I32(v) => whole(session, op, (v, shape)),
        Data::I64(v) => whole(session, op, (v, shape)),
        Data::U8(v) => whole(session, op, (v, shape)),
        Data::U16(v) => whole(session, op, (v, shape)),
        Data::U32(v) => whole(session, op, (v, shape)),
        Data::U64(v) => whole(session, op, (v, shape)),
        Data::Bool(v) if op == Unary::Not => map(session, "not", (v.as_slice(), shape), By(|x: bool| !x)),
        _ => Err(bad_type(name(op), takes(op), x.dtype())),
    }
}

fn takes(op: Unary) -> &'static str {
    match op {
        Unary::Not => "booleans",
        Unary::BitNot => "whole numbers",
        Unary::Neg | Unary::Abs | Unary::Sign | Unary::Relu | Unary::Square => "numbers",
        _ => "floats",
    }
}

/// A function of floats with two parameters (most use none).
trait Function: Sync {
    const COST: u64;
    const WIDE: bool = true;
    fn at<T: Real>(x: T, p: [T; 2]) -> T;
}

struct Float<F, T>([T; 2], PhantomData<fn() -> F>);
impl<F, T: Copy> Clone for Float<F, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<F, T: Copy> Copy for Float<F, T> {}
impl<F: Function, T: Real> Map<T, T> for Float<F, T> {
    const COST: u64 = F::COST;
    const WIDE: bool = F::WIDE;
    #[inline(always)]
    fn at(self, x: T) -> T {
        F::at(x, self.0)
    }
}

macro_rules! functions {
    ($($name:ident $cost:literal |$x:ident, $p:pat_param| $body:expr;)*) => {$(
        struct $name;
        impl Function for $name {
            const COST: u64 = $cost;
            #[inline(always)]
            fn at<T: Real>($x: T, $p: [T; 2]) -> T {
                $body
            }
        }
    )*};
}

/// 1 and 0 as `T`.
macro_rules! num {
    ($value:expr) => {
        T::of($value)
    };
}

functions! {
    Neg 1 |x, _| -x;
    Abs 1 |x, _| x.magnitude();
    Sign 1 |x, _| {
        let sign = if x > num!(0.0) { num!(1.0) } else if x < num!(0.0) { num!(-1.0) } else { num!(0.0) };
        if x.nan() { x } else { sign }
    };
    Relu 1 |x, _| if x < num!(0.0) { num!(0.0) } else { x };
    Sqrt 4 |x, _| x.root();
    Exp 16 |x, _| x.exponential();
    Log 16 |x, _| x.logarithm();
    Reciprocal 4 |x, _| num!(1.0) / x;
    Square 1 |x, _| x * x;
    Floor 1 |x, _| x.down();
    Ceil 1 |x, _| x.up();
    Round 1 |x, _| x.nearest();
    Trunc 1 |x, _| x.cut();
    Tanh 24 |x, _| x.hyperbolic_tangent();
    Erf 32 |x, _| x.error_function();
    Sigmoid 24 |x, _| x.logistic();
    Silu 24 |x, _| x * x.logistic();
    Gelu 36 |x, _| num!(0.5) * x * (num!(1.0) + (x * num!(std::f64::consts::FRAC_1_SQRT_2)).error_function());
    // sqrt(2 / pi) (x + 0.044715 x^3)
    GeluTanh 32 |x, _| {
        let inner = num!(0.797_884_560_802_865_4) * (x + num!(0.044_715) * x * x * x);
        num!(0.5) * x * (num!(1.0) + inner.hyperbolic_tangent())
    };
    Softplus 40 |x, _| x.soft_plus();
    Softsign 4 |x, _| x / (num!(1.0) + x.magnitude());
    Mish 64 |x, _| x * x.soft_plus().hyperbolic_tangent();
    HardSigmoid 4 |x, [alpha, beta]| unit(alpha * x + beta);
    HardSwish 4 |x, _| x * unit(x * num!(1.0 / 6.0) + num!(0.5));
    LeakyRelu 1 |x, [alpha, _]| if x < num!(0.0) { alpha * x } else { x };
    ThresholdedRelu 1 |x, [alpha, _]| if x > alpha || x.nan() { x } else { num!(0.0) };
}

/// Limited to 0 ..= 1; NaN stays.
#[inline(always)]
fn unit<T: Real>(x: T) -> T {
    let x = if x < num!(0.0) { num!(0.0) } else { x };
    if x > num!(1.0) { num!(1.0) } else { x }
}

/// Operations per element of a float, as [`float`] charges them.
fn cost(op: Unary) -> u64 {
    macro_rules! costs {
        ($($plain:ident)*; $($with:ident)*) => {
            match op {
                $(Unary::$plain => $plain::COST,)*
                $(Unary::$with { .. } => $with::COST,)*
                Unary::IsNan | Unary::IsInf { .. } | Unary::Not | Unary::BitNot => 1,
                _ => <Called<f32> as Map<f32, f32>>::COST,
            }
        };
    }
    costs! {
        Neg Abs Sign Relu Sqrt Exp Log Reciprocal Square Floor Ceil Round Trunc Tanh Erf Sigmoid Silu Gelu GeluTanh
        Softplus Softsign Mish HardSwish;
        LeakyRelu ThresholdedRelu HardSigmoid
    }
}

/// Functions of `libm`, which are calls.
#[derive(Clone, Copy)]
enum Called<T> {
    Rare(Rare),
    /// `x >= 0 ? gamma x : gamma alpha (e^(x / scale) - 1)`.
    Elu {
        alpha: T,
        scale: T,
        gamma: T,
    },
}
impl<T: Real> Map<T, T> for Called<T> {
    const COST: u64 = 32;
    const WIDE: bool = false;
    #[inline(always)]
    fn at(self, x: T) -> T {
        match self {
            Self::Rare(function) => x.rare(function),
            Self::Elu { gamma, .. } if x >= num!(0.0) => gamma * x,
            Self::Elu { alpha, scale, gamma } => gamma * (alpha * (x / scale).rare(Rare::Expm1)),
        }
    }
}

/// Questions about floats.
#[derive(Clone, Copy)]
struct IsNan;
impl<T: Real> Map<T, bool> for IsNan {
    const COST: u64 = 1;
    const WIDE: bool = false;
    #[inline(always)]
    fn at(self, x: T) -> bool {
        x.nan()
    }
}
#[derive(Clone, Copy)]
struct IsInf(bool, bool);
impl<T: Real> Map<T, bool> for IsInf {
    const COST: u64 = 1;
    const WIDE: bool = false;
    #[inline(always)]
    fn at(self, x: T) -> bool {
        x.infinite() && if x < num!(0.0) { self.0 } else { self.1 }
    }
}

fn float<T: Real>(session: &Session, op: Unary, x: (&[T], &[usize])) -> Result<Tensor> {
    let title = name(op);
    let called = |called: Called<T>| map(session, title, x, called);
    let elu = |alpha: f64, scale: f64, gamma: f64| {
        called(Called::Elu {
            alpha: num!(alpha),
            scale: num!(scale),
            gamma: num!(gamma),
        })
    };
    macro_rules! run {
        ($($plain:ident)*; $($with:ident($a:ident, $b:expr))*; $($rare:ident)*) => {
            match op {
                $(Unary::$plain => map(session, title, x, Float::<$plain, T>([num!(0.0); 2], PhantomData)),)*
                $(Unary::$with { $a, .. } =>
                    map(session, title, x, Float::<$with, T>([num!($a), num!($b)], PhantomData)),)*
                $(Unary::$rare => called(Called::Rare(Rare::$rare)),)*
                Unary::HardSigmoid { alpha, beta } =>
                    map(session, title, x, Float::<HardSigmoid, T>([num!(alpha), num!(beta)], PhantomData)),
                Unary::Elu { alpha } => elu(alpha, 1.0, 1.0),
                Unary::Celu { alpha } => elu(alpha, alpha, 1.0),
                Unary::Selu { alpha, gamma } => elu(alpha, 1.0, gamma),
                Unary::IsNan => map::<T, bool, _>(session, title, x, IsNan),
                Unary::IsInf { negative, positive } => map::<T, bool, _>(session, title, x, IsInf(negative, positive)),
                Unary::Not | Unary::BitNot => Err(bad_type(title, takes(op), T::DTYPE)),
            }
        };
    }
    run! {
        Neg Abs Sign Relu Sqrt Exp Log Reciprocal Square Floor Ceil Round Trunc Tanh Erf Sigmoid Silu Gelu GeluTanh
        Softplus Softsign Mish HardSwish;
        LeakyRelu(alpha, 0.0) ThresholdedRelu(alpha, 0.0);
        Expm1 Log1p Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh
    }
}

/// Whole numbers, which wrap.
pub(in crate::kernels) trait Whole: Element + Copy + Ord {
    /// `-x`.
    fn negated(self) -> Self;
    /// All bits the other way.
    fn inverted(self) -> Self;
    /// `x x`.
    fn square(self) -> Self;
    /// From a small number; what does not fit becomes 0 (only asked for signed types).
    fn small(value: i8) -> Self;
}
macro_rules! wholes {
    ($($int:ty)*) => {$(
        impl Whole for $int {
            #[inline(always)]
            fn negated(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn inverted(self) -> Self {
                !self
            }
            #[inline(always)]
            fn square(self) -> Self {
                self.wrapping_mul(self)
            }
            #[inline(always)]
            fn small(value: i8) -> Self {
                Self::try_from(value).unwrap_or(0)
            }
        }
    )*};
}
wholes!(i8 i16 i32 i64 u8 u16 u32 u64);

fn whole<T: Whole>(session: &Session, op: Unary, x: (&[T], &[usize])) -> Result<Tensor> {
    let zero = T::small(0);
    match op {
        Unary::Neg => map(session, "neg", x, By(T::negated)),
        Unary::Abs => map(
            session,
            "abs",
            x,
            By(move |x: T| if x < zero { x.negated() } else { x }),
        ),
        Unary::Sign => map(session, "sign", x, By(move |x: T| T::small(x.cmp(&zero) as i8))),
        Unary::Relu => map(session, "relu", x, By(move |x: T| x.max(zero))),
        Unary::Square => map(session, "square", x, By(T::square)),
        Unary::BitNot => map(session, "bit_not", x, By(T::inverted)),
        _ => Err(bad_type(name(op), takes(op), T::DTYPE)),
    }
}

#[derive(Clone, Copy)]
struct Limits<T>(Option<T>, Option<T>);
impl<T: PartialOrd + Copy + Sync + Send> Map<T, T> for Limits<T> {
    const COST: u64 = 1;
    const WIDE: bool = false;
    #[inline(always)]
    fn at(self, x: T) -> T {
        let x = self.0.map_or(x, |min| if x < min { min } else { x });
        self.1.map_or(x, |max| if x > max { max } else { x })
    }
}

/// See [`crate::Op::Clamp`]. Where the bounds cross, the upper one holds.
pub fn clamp(session: &Session, x: &Tensor, min: Option<f64>, max: Option<f64>) -> Result<Tensor> {
    if is_small_float(x.dtype()) {
        return in_f32(session, x, |x| clamp(session, x, min, max));
    }
    // A bound that is no number does not limit.
    let (min, max) = (min.filter(|min| !min.is_nan()), max.filter(|max| !max.is_nan()));
    if let Some(device) = offered(session, &[x], || Op::Clamp { min, max }) {
        return device.make(("clamp", 1), &[x], (x.shape(), x.dtype()));
    }
    macro_rules! limit {
        ($($variant:ident: $rust:ty),*) => {
            match x.data() {
                $(Data::$variant(v) => {
                    let limits = Limits(min.map(|min| min as $rust), max.map(|max| max as $rust));
                    map(session, "clamp", (v, x.shape()), limits)
                })*
                _ => Err(bad_type("clamp", "numbers", x.dtype())),
            }
        };
    }
    limit!(F32: f32, F64: f64, I8: i8, I16: i16, I32: i32, I64: i64, U8: u8, U16: u16, U32: u32, U64: u64)
}

fn name(op: Unary) -> &'static str {
    macro_rules! names {
        ($($plain:ident $text:literal)*; $($with:ident $title:literal)*) => {
            match op {
                $(Unary::$plain => $text,)*
                $(Unary::$with { .. } => $title,)*
            }
        };
    }
    names! {
        Neg "neg" Abs "abs" Sign "sign" Relu "relu" Not "not" BitNot "bit_not" Sqrt "sqrt" Exp "exp" Expm1 "expm1"
        Log "log" Log1p "log1p" Reciprocal "reciprocal" Square "square" Floor "floor" Ceil "ceil" Round "round"
        Trunc "trunc" Sin "sin" Cos "cos" Tan "tan" Asin "asin" Acos "acos" Atan "atan" Sinh "sinh" Cosh "cosh"
        Tanh "tanh" Asinh "asinh" Acosh "acosh" Atanh "atanh" Erf "erf" Sigmoid "sigmoid" Silu "silu" Gelu "gelu"
        GeluTanh "gelu_tanh" Softplus "softplus" Softsign "softsign" Mish "mish" HardSwish "hard_swish" IsNan "is_nan";
        HardSigmoid "hard_sigmoid" LeakyRelu "leaky_relu" Elu "elu" Celu "celu" Selu "selu"
        ThresholdedRelu "thresholded_relu" IsInf "is_inf"
    }
}
