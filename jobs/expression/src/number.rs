//! Numbers and their operators, with Python's rules: integers never overflow, `/` gives a float, `//` and `%` round
//! down, an operation that has no answer is an error.

use crate::Value;
use crate::ratio::float_of_ratio;
use dashu_int::IBig;
use dashu_int::ops::{BitTest, DivRem};
use rhai::{EvalAltResult, ImmutableString};
use std::cmp::Ordering;

/// Most bits of a power: 20 million digits. What is larger fills the sandbox's memory, and a trap says less.
const MAX_POWER_BITS: usize = 1 << 26;

/// An integer that does not fit in 64 bits. Smaller ones are rhai's own, which are faster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Big(pub IBig);

/// What an operator gives: its error is a sentence.
pub(crate) type Outcome<T = Value> = Result<T, Box<EvalAltResult>>;

pub(crate) fn fail<T>(message: impl Into<String>) -> Outcome<T> {
    Err(message.into().into())
}

/// A number in one of its three forms.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Int(i64),
    Big(IBig),
    Float(f64),
}

/// An integer as a value, in its shortest form.
pub fn value_from_int(int: IBig) -> Value {
    match i64::try_from(&int) {
        Ok(small) => Value::from_int(small),
        Err(_) => Value::from(Big(int)),
    }
}

impl Number {
    /// The number that a value is; `true` and `false` are 1 and 0, as in Python.
    pub fn of(value: &Value) -> Option<Self> {
        if let Ok(int) = value.as_int() {
            return Some(Self::Int(int));
        }
        if let Ok(float) = value.as_float() {
            return Some(Self::Float(float));
        }
        if let Ok(flag) = value.as_bool() {
            return Some(Self::Int(i64::from(flag)));
        }
        value.read_lock::<Big>().map(|big| Self::Big(big.0.clone()))
    }

    pub fn is_zero(&self) -> bool {
        match self {
            Self::Int(int) => *int == 0,
            Self::Big(_) => false,
            Self::Float(float) => *float == 0.0,
        }
    }

    /// As a float; an integer beyond the floats is an error.
    pub fn to_float(&self) -> Outcome<f64> {
        match self {
            Self::Int(int) => Ok(*int as f64),
            Self::Float(float) => Ok(*float),
            Self::Big(big) => match big.to_f64().value() {
                float if float.is_finite() => Ok(float),
                _ => fail("the integer is too large for a float"),
            },
        }
    }

    /// As an integer; none for a float.
    pub fn to_int(&self) -> Option<IBig> {
        match self {
            Self::Int(int) => Some(IBig::from(*int)),
            Self::Big(big) => Some(big.clone()),
            Self::Float(_) => None,
        }
    }

    pub fn into_value(self) -> Value {
        match self {
            Self::Int(int) => Value::from_int(int),
            Self::Big(big) => value_from_int(big),
            Self::Float(float) => Value::from_float(float),
        }
    }
}

/// The name of a value's type, in the words of this crate.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value.type_name() {
        "i64" => "int",
        "f64" => "float",
        "bool" => "bool",
        "()" => "null",
        "array" => "list",
        "map" => "object",
        "string" | "char" => "str",
        _ if value.is::<Big>() => "int",
        other => other,
    }
}

fn two_numbers(operator: &str, a: &Value, b: &Value) -> Outcome<(Number, Number)> {
    match (Number::of(a), Number::of(b)) {
        (Some(a), Some(b)) => Ok((a, b)),
        _ => fail(format!(
            "cannot apply `{operator}` to {} and {}",
            type_name(a),
            type_name(b)
        )),
    }
}

/// Applies an operator that integers have exactly: first in 64 bits, then at any size.
fn exactly(
    a: &Number,
    b: &Number,
    small: fn(i64, i64) -> Option<i64>,
    big: fn(IBig, IBig) -> IBig,
    float: fn(f64, f64) -> f64,
) -> Outcome {
    if let (Number::Int(a), Number::Int(b)) = (a, b)
        && let Some(result) = small(*a, *b)
    {
        return Ok(Value::from_int(result));
    }
    match (a.to_int(), b.to_int()) {
        (Some(a), Some(b)) => Ok(value_from_int(big(a, b))),
        _ => Ok(Value::from_float(float(a.to_float()?, b.to_float()?))),
    }
}

pub(crate) fn add(a: &Value, b: &Value) -> Outcome {
    let (a, b) = two_numbers("+", a, b)?;
    exactly(&a, &b, i64::checked_add, |a, b| a + b, |a, b| a + b)
}

pub(crate) fn subtract(a: &Value, b: &Value) -> Outcome {
    let (a, b) = two_numbers("-", a, b)?;
    exactly(&a, &b, i64::checked_sub, |a, b| a - b, |a, b| a - b)
}

pub(crate) fn multiply(a: &Value, b: &Value) -> Outcome {
    let (a, b) = two_numbers("*", a, b)?;
    exactly(&a, &b, i64::checked_mul, |a, b| a * b, |a, b| a * b)
}

/// `/`: a float, the nearest one even where the operands are larger than floats.
pub(crate) fn divide(a: &Value, b: &Value) -> Outcome {
    let (a, b) = two_numbers("/", a, b)?;
    if b.is_zero() {
        return fail("division by zero");
    }
    match (a.to_int(), b.to_int()) {
        (Some(a), Some(b)) => match float_of_ratio(&a, &b) {
            float if float.is_finite() => Ok(Value::from_float(float)),
            _ => fail("the quotient is too large for a float; `//` is exact"),
        },
        _ => Ok(Value::from_float(a.to_float()? / b.to_float()?)),
    }
}

/// Quotient and remainder, the quotient rounded down.
fn floor_div_rem(a: IBig, b: &IBig) -> (IBig, IBig) {
    let (quotient, remainder) = (&a).div_rem(b);
    if remainder != IBig::ZERO && (remainder < IBig::ZERO) != (*b < IBig::ZERO) {
        (quotient - IBig::ONE, remainder + b)
    } else {
        (quotient, remainder)
    }
}

pub(crate) fn floor_divide(a: &Value, b: &Value) -> Outcome {
    let (a, b) = two_numbers("//", a, b)?;
    if b.is_zero() {
        return fail("division by zero");
    }
    let small = |a: i64, b: i64| {
        let quotient = a.checked_div(b)?;
        Some(if a % b != 0 && (a < 0) != (b < 0) {
            quotient - 1
        } else {
            quotient
        })
    };
    exactly(&a, &b, small, |a, b| floor_div_rem(a, &b).0, |a, b| (a / b).floor())
}

pub(crate) fn remainder(a: &Value, b: &Value) -> Outcome {
    let (a, b) = two_numbers("%", a, b)?;
    if b.is_zero() {
        return fail("remainder of a division by zero");
    }
    let small = |a: i64, b: i64| {
        let remainder = a.checked_rem(b)?;
        Some(if remainder != 0 && (remainder < 0) != (b < 0) {
            remainder + b
        } else {
            remainder
        })
    };
    let float = |a: f64, b: f64| {
        let remainder = a % b;
        if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
            remainder + b
        } else {
            remainder
        }
    };
    exactly(&a, &b, small, |a, b| floor_div_rem(a, &b).1, float)
}

pub(crate) fn power(a: &Value, b: &Value) -> Outcome {
    let (a, b) = two_numbers("**", a, b)?;
    let (Some(base), Some(exponent)) = (a.to_int(), b.to_int()) else {
        return float_power(a.to_float()?, b.to_float()?);
    };
    if exponent < IBig::ZERO {
        return float_power(a.to_float()?, b.to_float()?);
    }
    if base == IBig::ZERO || base == IBig::ONE {
        return Ok(value_from_int(if exponent == IBig::ZERO { IBig::ONE } else { base }));
    }
    if base == IBig::NEG_ONE {
        return Ok(value_from_int(if exponent.bit(0) { base } else { IBig::ONE }));
    }
    let bits = base.bit_len();
    match usize::try_from(&exponent) {
        Ok(exponent) if bits.saturating_mul(exponent) <= MAX_POWER_BITS => Ok(value_from_int(base.pow(exponent))),
        _ => fail("the power would have more than 20 million digits"),
    }
}

fn float_power(base: f64, exponent: f64) -> Outcome {
    if base == 0.0 && exponent < 0.0 {
        return fail("zero to a negative power");
    }
    if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return fail("a negative number to a broken power is no real number");
    }
    Ok(Value::from_float(base.powf(exponent)))
}

pub(crate) fn negate(a: &Value) -> Outcome {
    match Number::of(a) {
        Some(Number::Float(float)) => Ok(Value::from_float(-float)),
        Some(number) => Ok(value_from_int(-number.to_int().unwrap_or_default())),
        None => fail(format!("cannot negate {}", type_name(a))),
    }
}

/// Compares numbers exactly, also integers with floats. None where one is not a number.
pub(crate) fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(b),
        (Number::Float(a), b) => compare_with_float(&b.to_int()?, *a).map(Ordering::reverse),
        (a, Number::Float(b)) => compare_with_float(&a.to_int()?, *b),
        (a, b) => Some(a.to_int()?.cmp(&b.to_int()?)),
    }
}

fn compare_with_float(int: &IBig, float: f64) -> Option<Ordering> {
    match IBig::try_from(float.trunc()) {
        Ok(whole) => Some(int.cmp(&whole).then(0.0.partial_cmp(&float.fract())?)),
        Err(_) if float.is_nan() => None,
        Err(_) => Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater }),
    }
}

/// The text that a value is; a letter of a text is a text.
pub(crate) fn text(value: &Value) -> Option<ImmutableString> {
    match value.as_immutable_string_ref() {
        Ok(text) => Some(text.clone()),
        Err(_) => value.as_char().ok().map(|letter| letter.to_string().into()),
    }
}

/// Order of two values: numbers by size, strings by code points. Anything else has none.
pub(crate) fn order(operator: &str, a: &Value, b: &Value) -> Outcome<Option<Ordering>> {
    if let (Some(a), Some(b)) = (text(a), text(b)) {
        return Ok(Some(a.as_str().cmp(b.as_str())));
    }
    // `1 < x < 5` compares a bool with a number, and does not mean what it looks like.
    if a.is_bool() != b.is_bool() {
        let message = "cannot compare {} and {} by `{}`; for a chain write `a < x && x < b`";
        let message = message.replacen("{}", type_name(a), 1).replacen("{}", type_name(b), 1);
        return fail(message.replacen("{}", operator, 1));
    }
    match two_numbers(operator, a, b) {
        Ok((a, b)) => Ok(compare(&a, &b)),
        Err(_) => fail(format!(
            "cannot compare {} and {} by `{operator}`",
            type_name(a),
            type_name(b)
        )),
    }
}

/// Whether two values are equal; values of different kinds are not.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    if let (Some(a), Some(b)) = (Number::of(a), Number::of(b)) {
        return compare(&a, &b) == Some(Ordering::Equal);
    }
    if let (Some(a), Some(b)) = (text(a), text(b)) {
        return a == b;
    }
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b));
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && equal(a, b));
    }
    a.is_unit() && b.is_unit()
}

/// A float that has no fraction, as an integer.
pub(crate) fn int_of_whole(float: f64) -> Outcome {
    match IBig::try_from(float) {
        Ok(int) => Ok(value_from_int(int)),
        Err(_) => fail(format!("{float} is no integer")),
    }
}
