//! Elementary functions with the same bits on every processor.
//!
//! For `f32`: polynomials of ours (least maximum error, fitted for the ranges below), evaluated by Horner's rule in
//! `mul_add`, without branches and calls, so that the compiler vectorises loops over them. Errors against the exact value,
//! full range: `exp`, `log`, `tanh`, `sigmoid` at most 2 ulp, `erf` at most 4 ulp. For `f64`, and for rare functions of
//! `f32`: the software of the crate `libm` (its only use of processor instructions is for operations that are exact
//! everywhere: square root, fused multiply-add, rounding).

use crate::dtype::Element;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// 1.5 * 2^23: adding it rounds to a whole number, which stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// Horner's rule; coefficients from the highest power down.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for coefficient in &coefficients[1..] {
        sum = sum.mul_add(x, *coefficient);
    }
    sum
}

/// 2^n for -126 <= n <= 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// e^x: x = k ln 2 + r with |r| <= ln 2 / 2, e^r = 1 + r + r^2 q(r). 2^k is applied in two factors, so that only the last
/// product rounds and denormal results and overflow come out right.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let k = shifted - ROUNDER;
    // ln 2 in two parts.
    let r = k.mul_add(-std::f32::consts::LN_2, x);
    let r = k.mul_add(1.904_654_3e-9, r);
    let q = polynomial(
        r,
        [
            1.381_409_2e-3,
            8.368_96e-3,
            4.166_841e-2,
            1.666_651_8e-1,
            4.999_999_4e-1,
        ],
    );
    let p = q.mul_add(r * r, r) + 1.0;
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// Natural logarithm: x = 2^e m with sqrt(1/2) <= m < sqrt(2), f = m - 1, log(1 + f) = f - f^2 / 2 + f^3 q(f).
#[inline(always)]
pub(super) fn log(x: f32) -> f32 {
    let denormal = x < f32::MIN_POSITIVE;
    let scaled = if denormal { x * 8_388_608.0 } else { x };
    let bits = scaled.to_bits() as i32;
    let e = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let f = f32::from_bits(bits.wrapping_sub(e << 23) as u32) - 1.0;
    let e = e as f32 - if denormal { 23.0 } else { 0.0 };
    let q = polynomial(
        f,
        [
            -7.646_037_6e-2,
            1.277_908_8e-1,
            -1.316_419_8e-1,
            1.419_969_9e-1,
            -1.662_276_4e-1,
            2.000_129_2e-1,
            -2.500_083_7e-1,
            3.333_333_1e-1,
        ],
    );
    let square = f * f;
    let tail = square.mul_add(-0.5, square * f * q);
    // ln 2 = 0.693359375 - 2.1219444e-4: the first part times e is exact.
    let value = e * 0.693_359_375 + (f + e.mul_add(-2.121_944_4e-4, tail));
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    let value = if x < 0.0 { f32::NAN } else { value };
    if x == f32::INFINITY || x.is_nan() { x } else { value }
}

/// log(1 + u) for 0 <= u <= 1: the rounding error of 1 + u is put back.
#[inline(always)]
fn log_one_plus(u: f32) -> f32 {
    let w = 1.0 + u;
    log(w) + (u - (w - 1.0)) / w
}

/// tanh: odd polynomial below 0.625, else 1 - 2 / (e^(2x) + 1).
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let square = x * x;
    let q = polynomial(
        square,
        [
            -5.666_980_5e-3,
            2.060_618e-2,
            -5.373_000_7e-2,
            1.333_133_1e-1,
            -3.333_327_8e-1,
        ],
    );
    let small = (a * square).mul_add(q, a);
    let large = 1.0 - 2.0 / (exp(a + a) + 1.0);
    (if a < 0.625 { small } else { large }).copysign(x)
}

/// 1 / (1 + e^-x), from e^-|x| so that nothing overflows.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let w = 1.0 + e;
    let q = (if x < 0.0 { e } else { 1.0 }) / w;
    // What 1 + e lost, put back: w is too small by that.
    (-q).mul_add(e - (w - 1.0), q)
}

/// The error function: x + x q(x^2) below 0.92, else 1 - e^-p(x) with p = -log(erfc).
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let a = x.abs();
    let q = polynomial(
        x * x,
        [
            8.251_141e-5,
            -8.114_088e-4,
            5.198_467e-3,
            -2.685_834_7e-2,
            1.128_367_6e-1,
            -3.761_263_2e-1,
            1.283_791_7e-1,
        ],
    );
    let bounded = if a > 4.0 { 4.0 } else { a };
    let p = polynomial(
        bounded,
        [
            2.116_190_6e-5,
            -4.352_188_8e-4,
            4.174_643e-3,
            -2.512_862_5e-2,
            1.082_939_4e-1,
            6.333_346_4e-1,
            1.129_520_8,
            -1.758_745_6e-4,
        ],
    );
    let small = a.mul_add(q, a);
    (if a < 0.92 { small } else { 1.0 - exp(-p) }).copysign(x)
}

/// log(1 + e^x).
#[inline(always)]
fn softplus(x: f32) -> f32 {
    (if x > 0.0 { x } else { 0.0 }) + log_one_plus(exp(-x.abs()))
}

/// Types that transcendental functions are computed in.
pub(super) trait Real:
    Element
    + Copy
    + PartialOrd
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// Rounded from `f64`.
    fn of(value: f64) -> Self;
    /// As `f64`, exactly.
    fn wide(self) -> f64;
    /// Whether it is no number.
    fn nan(self) -> bool;
    /// Whether it is plus or minus infinity.
    fn infinite(self) -> bool;
    /// Absolute value.
    fn magnitude(self) -> Self;
    /// The sign of `sign`.
    fn signed(self, sign: Self) -> Self;
    /// Natural exponential.
    fn exponential(self) -> Self;
    /// Natural logarithm.
    fn logarithm(self) -> Self;
    /// Hyperbolic tangent.
    fn hyperbolic_tangent(self) -> Self;
    /// Error function.
    fn error_function(self) -> Self;
    /// Logistic function.
    fn logistic(self) -> Self;
    /// log(1 + e^x).
    fn soft_plus(self) -> Self;
    /// Square root.
    fn root(self) -> Self;
    /// Rounded down.
    fn down(self) -> Self;
    /// Rounded up.
    fn up(self) -> Self;
    /// Rounded to the nearest, half to even.
    fn nearest(self) -> Self;
    /// Rounded towards zero.
    fn cut(self) -> Self;
    /// `self` to the power of `exponent`.
    fn power(self, exponent: Self) -> Self;
    /// Remainder with the sign of the dividend.
    fn remainder(self, divisor: Self) -> Self;
    /// The angle of the point (`x`, `self`).
    fn angle(self, x: Self) -> Self;
    /// One of the functions that `libm` gives.
    fn rare(self, function: Rare) -> Self;
}

/// Functions left to `libm`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "mathematics")]
pub(super) enum Rare {
    Expm1,
    Log1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Asinh,
    Acosh,
    Atanh,
}

macro_rules! common {
    ($float:ty) => {
        #[inline(always)]
        fn nan(self) -> bool {
            self.is_nan()
        }
        #[inline(always)]
        fn infinite(self) -> bool {
            self.is_infinite()
        }
        #[inline(always)]
        fn magnitude(self) -> Self {
            self.abs()
        }
        #[inline(always)]
        fn signed(self, sign: Self) -> Self {
            self.copysign(sign)
        }
        #[inline(always)]
        fn root(self) -> Self {
            self.sqrt()
        }
        #[inline(always)]
        fn down(self) -> Self {
            self.floor()
        }
        #[inline(always)]
        fn up(self) -> Self {
            self.ceil()
        }
        #[inline(always)]
        fn nearest(self) -> Self {
            self.round_ties_even()
        }
        #[inline(always)]
        fn cut(self) -> Self {
            self.trunc()
        }
    };
}

macro_rules! rare {
    ($self:ident, $function:ident, $($name:ident $call:ident),*) => {
        match $function {
            $(Rare::$name => libm::$call($self),)*
        }
    };
}

impl Real for f32 {
    common!(f32);
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn exponential(self) -> Self {
        exp(self)
    }
    #[inline(always)]
    fn logarithm(self) -> Self {
        log(self)
    }
    #[inline(always)]
    fn hyperbolic_tangent(self) -> Self {
        tanh(self)
    }
    #[inline(always)]
    fn error_function(self) -> Self {
        erf(self)
    }
    #[inline(always)]
    fn logistic(self) -> Self {
        sigmoid(self)
    }
    #[inline(always)]
    fn soft_plus(self) -> Self {
        softplus(self)
    }
    fn power(self, exponent: Self) -> Self {
        libm::powf(self, exponent)
    }
    fn remainder(self, divisor: Self) -> Self {
        libm::fmodf(self, divisor)
    }
    fn angle(self, x: Self) -> Self {
        libm::atan2f(self, x)
    }
    fn rare(self, function: Rare) -> Self {
        rare!(
            self, function, Expm1 expm1f, Log1p log1pf, Sin sinf, Cos cosf, Tan tanf, Asin asinf, Acos acosf, Atan atanf,
            Sinh sinhf, Cosh coshf, Asinh asinhf, Acosh acoshf, Atanh atanhf
        )
    }
}

impl Real for f64 {
    common!(f64);
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }
    fn exponential(self) -> Self {
        libm::exp(self)
    }
    fn logarithm(self) -> Self {
        libm::log(self)
    }
    fn hyperbolic_tangent(self) -> Self {
        libm::tanh(self)
    }
    fn error_function(self) -> Self {
        libm::erf(self)
    }
    fn logistic(self) -> Self {
        let e = libm::exp(-self.abs());
        (if self < 0.0 { e } else { 1.0 }) / (1.0 + e)
    }
    fn soft_plus(self) -> Self {
        (if self > 0.0 { self } else { 0.0 }) + libm::log1p(libm::exp(-self.abs()))
    }
    fn power(self, exponent: Self) -> Self {
        libm::pow(self, exponent)
    }
    fn remainder(self, divisor: Self) -> Self {
        libm::fmod(self, divisor)
    }
    fn angle(self, x: Self) -> Self {
        libm::atan2(self, x)
    }
    fn rare(self, function: Rare) -> Self {
        rare!(
            self, function, Expm1 expm1, Log1p log1p, Sin sin, Cos cos, Tan tan, Asin asin, Acos acos, Atan atan, Sinh sinh,
            Cosh cosh, Asinh asinh, Acosh acosh, Atanh atanh
        )
    }
}
