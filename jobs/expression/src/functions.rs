//! The operators and functions an expression may use. Each takes values of any kind and says itself what it cannot do.

mod lists;
mod texts;

use crate::Value;
use crate::number::{self, Number, Outcome, fail, int_of_whole, type_name};
use dashu_int::IBig;
use rhai::Engine;
use std::cmp::Ordering;
use texts::bounded;

/// Stands for `//` after translation: rhai takes two slashes for a comment.
pub(crate) const FLOOR_DIVISION: &str = "~";
/// As `*`, in rhai's table.
const FLOOR_DIVISION_PRECEDENCE: u8 = 180;

/// Every function by name, for messages and for finding misspelt ones before anything runs.
pub(crate) const FUNCTIONS: &str = "abs acos asin atan atan2 bool ceil contains cos endswith ends_with exp find float floor int isqrt join len log log10 log2 lower max min pow replace round sin slice split sqrt startswith starts_with str strip sum tan trim type upper";
/// Names that stand for a fixed number.
pub(crate) const CONSTANTS: &[(&str, f64)] = &[("pi", std::f64::consts::PI), ("e", std::f64::consts::E)];

pub(crate) fn register(engine: &mut Engine) {
    operators(engine);
    arithmetic(engine);
    texts::register(engine);
    lists::register(engine);
}

fn operators(engine: &mut Engine) {
    // The name is a reserved symbol, which rhai always allows here.
    let _ = engine.register_custom_operator(FLOOR_DIVISION, FLOOR_DIVISION_PRECEDENCE);
    engine.register_fn("+", |a: Value, b: Value| {
        if let (Some(a), Some(b)) = (number::text(&a), number::text(&b)) {
            return bounded(a.len() + b.len(), || format!("{a}{b}"));
        }
        if a.is_array() && b.is_array() {
            let (mut a, b) = (a.cast::<rhai::Array>(), b.cast::<rhai::Array>());
            a.extend(b);
            return Ok(Value::from_array(a));
        }
        if a.is_string() != b.is_string() && (Number::of(&a).is_some() || Number::of(&b).is_some()) {
            return fail(format!(
                "cannot add {} and {}; str(...) makes a text of a number",
                type_name(&a),
                type_name(&b)
            ));
        }
        number::add(&a, &b)
    });
    engine.register_fn("*", |a: Value, b: Value| match (number::text(&a), b.as_int()) {
        (Some(text), Ok(times)) => {
            let times = usize::try_from(times).unwrap_or(0);
            bounded(text.len().saturating_mul(times), || text.repeat(times))
        }
        _ => number::multiply(&a, &b),
    });
    for (operator, function) in [
        ("-", number::subtract as fn(&Value, &Value) -> Outcome),
        ("/", number::divide),
        ("%", number::remainder),
        ("**", number::power),
        (FLOOR_DIVISION, number::floor_divide),
    ] {
        engine.register_fn(operator, move |a: Value, b: Value| function(&a, &b));
        on_numbers(engine, operator, function);
    }
    on_numbers(engine, "+", number::add);
    on_numbers(engine, "*", number::multiply);
    engine.register_fn("-", |a: Value| number::negate(&a));
    engine.register_fn("+", |a: Value| numeric("+", &a).map(Number::into_value));
    engine.register_fn("!", |a: Value| match a.as_bool() {
        Ok(flag) => Ok(Value::from_bool(!flag)),
        Err(_) => fail(format!("`!` needs a bool, not {}", type_name(&a))),
    });
    engine.register_fn("==", |a: Value, b: Value| number::equal(&a, &b));
    engine.register_fn("!=", |a: Value, b: Value| !number::equal(&a, &b));
    on_numbers(engine, "==", |a, b| Ok(Value::from_bool(number::equal(a, b))));
    on_numbers(engine, "!=", |a, b| Ok(Value::from_bool(!number::equal(a, b))));
    ordering(engine, "<", Ordering::is_lt);
    ordering(engine, "<=", Ordering::is_le);
    ordering(engine, ">", Ordering::is_gt);
    ordering(engine, ">=", Ordering::is_ge);
}

fn ordering(engine: &mut Engine, operator: &'static str, holds: fn(Ordering) -> bool) {
    let compare = move |a: &Value, b: &Value| Ok(Value::from_bool(number::order(operator, a, b)?.is_some_and(holds)));
    engine.register_fn(operator, move |a: Value, b: Value| compare(&a, &b));
    on_numbers(engine, operator, compare);
}

/// Registers an operator again for numbers as they mostly come. It does the same; rhai finds a function for exact
/// types at once, and one for any values only after a search, each time an expression is evaluated.
fn on_numbers(
    engine: &mut Engine,
    operator: &'static str,
    function: impl Fn(&Value, &Value) -> Outcome + Clone + 'static,
) {
    let on_floats = function.clone();
    engine.register_fn(operator, move |a: i64, b: i64| {
        function(&Value::from_int(a), &Value::from_int(b))
    });
    engine.register_fn(operator, move |a: f64, b: f64| {
        on_floats(&Value::from_float(a), &Value::from_float(b))
    });
}

fn numeric(function: &str, value: &Value) -> Outcome<Number> {
    match Number::of(value) {
        Some(number) => Ok(number),
        None => fail(format!("{function} needs a number, not {}", type_name(value))),
    }
}

/// Registers a function from floats to floats. Outside its domain it is an error, as in Python.
fn float_function(engine: &mut Engine, name: &'static str, function: fn(f64) -> f64) {
    engine.register_fn(name, move |a: Value| {
        let argument = numeric(name, &a)?.to_float()?;
        let result = function(argument);
        if result.is_nan() && !argument.is_nan() || (result.is_infinite() && argument.is_finite()) {
            return fail(format!("{name}({argument}) is not defined or too large"));
        }
        Ok(Value::from_float(result))
    });
}

fn arithmetic(engine: &mut Engine) {
    for (name, function) in [
        ("sqrt", f64::sqrt as fn(f64) -> f64),
        ("exp", f64::exp),
        ("log", f64::ln),
        ("log2", f64::log2),
        ("log10", f64::log10),
        ("sin", f64::sin),
        ("cos", f64::cos),
        ("tan", f64::tan),
        ("asin", f64::asin),
        ("acos", f64::acos),
        ("atan", f64::atan),
    ] {
        float_function(engine, name, function);
    }
    engine.register_fn("atan2", |a: Value, b: Value| -> Outcome {
        Ok(Value::from_float(
            numeric("atan2", &a)?
                .to_float()?
                .atan2(numeric("atan2", &b)?.to_float()?),
        ))
    });
    engine.register_fn("pow", |a: Value, b: Value| number::power(&a, &b));
    engine.register_fn("abs", |a: Value| match numeric("abs", &a)? {
        Number::Float(float) => Ok(Value::from_float(float.abs())),
        _ if number::order("<", &a, &Value::from_int(0))?.is_some_and(Ordering::is_lt) => number::negate(&a),
        number => Ok(number.into_value()),
    });
    engine.register_fn("isqrt", |a: Value| {
        match numeric("isqrt", &a)?.to_int().map(dashu_int::UBig::try_from) {
            Some(Ok(int)) => Ok(number::value_from_int(IBig::from(dashu_int::ops::SquareRoot::sqrt(
                &int,
            )))),
            _ => fail("isqrt needs an integer that is not negative"),
        }
    });
    engine.register_fn("floor", |a: Value| whole("floor", &a, f64::floor));
    engine.register_fn("ceil", |a: Value| whole("ceil", &a, f64::ceil));
    engine.register_fn("round", |a: Value| whole("round", &a, f64::round_ties_even));
    engine.register_fn("round", |a: Value, digits: Value| round_to(&a, &digits));
    engine.register_fn("int", |a: Value| to_int(&a));
    engine.register_fn("float", |a: Value| -> Outcome {
        let number = match number::text(&a) {
            Some(text) => return read_float(&text),
            None => numeric("float", &a)?,
        };
        Ok(Value::from_float(number.to_float()?))
    });
}

/// A function from floats to integers; integers stay as they are.
fn whole(name: &str, value: &Value, function: fn(f64) -> f64) -> Outcome {
    match numeric(name, value)? {
        Number::Float(float) => int_of_whole(function(float)),
        int => Ok(int.into_value()),
    }
}

fn round_to(value: &Value, digits: &Value) -> Outcome {
    let (number, Ok(digits @ -300..=300)) = (numeric("round", value)?, digits.as_int()) else {
        return fail("round needs a number of digits between -300 and 300");
    };
    match number {
        // The decimal text is rounded exactly, half to even on the float's own value, as Python does.
        Number::Float(float) if digits >= 0 => {
            let text = format!("{float:.places$}", places = digits as usize);
            Ok(Value::from_float(text.parse().unwrap_or(float)))
        }
        Number::Float(float) => {
            let unit = 10f64.powi(-digits as i32);
            Ok(Value::from_float((float / unit).round_ties_even() * unit))
        }
        int if digits >= 0 => Ok(int.into_value()),
        int => {
            let unit = IBig::from(10).pow(digits.unsigned_abs() as usize);
            let int = int.to_int().unwrap_or_default();
            let twice = number::value_from_int(IBig::from(2) * &unit);
            // Python rounds integers half to even too: of the two neighbours the one with an even quotient.
            let rest = number::remainder(&number::value_from_int(int.clone()), &twice)?;
            let rest = Number::of(&rest).and_then(|rest| rest.to_int()).unwrap_or_default();
            let base = &int - &rest;
            let doubled = &rest * IBig::from(2);
            let steps = if doubled <= unit {
                0
            } else if doubled < &unit * IBig::from(3) {
                1
            } else {
                2
            };
            Ok(number::value_from_int(base + unit * IBig::from(steps)))
        }
    }
}

fn to_int(value: &Value) -> Outcome {
    if let Some(text) = number::text(value) {
        let digits = text.trim().replace('_', "");
        return match digits.strip_prefix('+').unwrap_or(&digits).parse::<IBig>() {
            Ok(int) => Ok(number::value_from_int(int)),
            Err(_) => fail(format!("int cannot read {:?}", text.as_str())),
        };
    }
    whole("int", value, f64::trunc)
}

fn read_float(text: &str) -> Outcome {
    match text.trim().parse::<f64>() {
        Ok(float) => Ok(Value::from_float(float)),
        Err(_) => fail(format!("float cannot read {text:?}")),
    }
}
