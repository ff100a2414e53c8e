//! Folding values into one: the reduce functions of `map_reduce` and the `combine` of `range_reduce`.

use crate::error::ExpressionError;
use crate::json::{parse_json, python_str, write_json};
use crate::number::{self, Number, Outcome, type_name};
use crate::ratio::decimal_of_ratio;
use crate::{Expression, Value};
use dashu_int::UBig;
use rhai::ImmutableString;
use std::cmp::Ordering;

/// The names of the built-in folds.
pub const FOLDS: [&str; 7] = ["sum", "product", "min", "max", "average", "count", "concat"];

enum Fold {
    Sum,
    Product,
    Min,
    Max,
    Average,
    Count,
    Concat,
    /// An expression in `a` and `b`.
    Custom(Box<Expression>),
}

/// Folds values, and folds of values.
pub struct Folder {
    /// The parameter that named the fold, for messages.
    name: &'static str,
    fold: Fold,
}

/// What came of the values folded so far.
#[derive(Clone, Default)]
pub struct Folded {
    count: u64,
    value: Option<Value>,
}

impl Folded {
    /// For the wire: how many values there were, and their fold as JSON.
    pub fn to_wire(&self) -> Result<(u64, Option<String>), ExpressionError> {
        let text = |value: &Value| {
            let mut json = Vec::new();
            write_json(value, &mut json).map_err(|error| ExpressionError::new("", error.to_string(), None))?;
            Ok(String::from_utf8_lossy(&json).into_owned())
        };
        Ok((self.count, self.value.as_ref().map(text).transpose()?))
    }

    /// From the wire.
    pub fn from_wire((count, json): (u64, Option<String>)) -> Result<Self, ExpressionError> {
        let value = |json: String| parse_json(json.as_bytes()).map_err(|error| ExpressionError::new("", error, None));
        Ok(Self {
            count,
            value: json.map(value).transpose()?,
        })
    }

    /// How many values were folded.
    pub const fn count(&self) -> u64 {
        self.count
    }
}

impl Folder {
    /// The fold that the text of the parameter `name` names: one of `FOLDS`, or an expression in `a` and `b`, which
    /// must be associative, since chunks are folded apart.
    pub fn new(name: &'static str, text: &str) -> Result<Self, ExpressionError> {
        let fold = match text.trim() {
            "sum" => Fold::Sum,
            "product" => Fold::Product,
            "min" => Fold::Min,
            "max" => Fold::Max,
            "average" => Fold::Average,
            "count" => Fold::Count,
            "concat" => Fold::Concat,
            word if !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic()) && !matches!(word, "a" | "b") => {
                let message = format!(
                    "there is no fold `{word}`; there are {}, or an expression in a and b",
                    FOLDS.join(", ")
                );
                return Err(ExpressionError::new(name, message, None));
            }
            expression => Fold::Custom(Box::new(Expression::new(name, expression, &["a", "b"])?)),
        };
        Ok(Self { name, fold })
    }

    /// Adds one value.
    pub fn add(&mut self, folded: &mut Folded, value: Value) -> Result<(), ExpressionError> {
        self.join(folded, 1, Some(value))
    }

    /// Adds the fold of the values that come next.
    pub fn merge(&mut self, folded: &mut Folded, next: Folded) -> Result<(), ExpressionError> {
        self.join(folded, next.count, next.value)
    }

    fn join(&mut self, folded: &mut Folded, count: u64, value: Option<Value>) -> Result<(), ExpressionError> {
        folded.count = folded.count.saturating_add(count);
        let Some(value) = value.filter(|_| !matches!(self.fold, Fold::Count)) else {
            return Ok(());
        };
        let name = self.name;
        let numeric = |value: Value| match Number::of(&value) {
            Some(number) => Ok(number.into_value()),
            None => number::fail(format!("a value is {}, not a number", type_name(&value))),
        };
        let joined = match (folded.value.take(), &mut self.fold) {
            (Some(a), Fold::Custom(expression)) => {
                return expression.eval([a, value]).map(|value| folded.value = Some(value));
            }
            (None, Fold::Sum | Fold::Average | Fold::Product) => numeric(value),
            (None, Fold::Min | Fold::Max) => number::order("<", &value, &value).map(|_| value),
            (None, Fold::Concat) if !value.is_string() && !value.is_array() => Ok(Value::from_array(vec![value])),
            (None, _) => Ok(value),
            (Some(a), Fold::Sum | Fold::Average) => number::add(&a, &value),
            (Some(a), Fold::Product) => number::multiply(&a, &value),
            (Some(a), Fold::Min) => extreme(a, value, Ordering::is_lt),
            (Some(a), Fold::Max) => extreme(a, value, Ordering::is_gt),
            (Some(a), Fold::Concat | Fold::Count) => concat(a, value),
        };
        folded.value = Some(joined.map_err(|error| ExpressionError::from_rhai(name, *error))?);
        Ok(())
    }

    /// The result as JSON. Of no values at all: 0 for `sum` and `count`, 1 for `product`, `[]` for `concat`; the
    /// others are an error.
    pub fn finish(&self, folded: &Folded) -> Result<String, ExpressionError> {
        let error = |message: String| ExpressionError::new(self.name, message, None);
        let value = match (&folded.value, &self.fold) {
            (_, Fold::Count) => return Ok(folded.count.to_string()),
            (None, Fold::Sum) => return Ok("0".to_owned()),
            (None, Fold::Product) => return Ok("1".to_owned()),
            (None, Fold::Concat) => return Ok("[]".to_owned()),
            (None, _) => return Err(error("there are no values".to_owned())),
            (Some(value), _) => value,
        };
        if matches!(self.fold, Fold::Average) {
            return average(value, folded.count).map_err(|cause| ExpressionError::from_rhai(self.name, *cause));
        }
        let mut json = Vec::new();
        write_json(value, &mut json).map_err(|cause| error(cause.to_string()))?;
        Ok(String::from_utf8_lossy(&json).into_owned())
    }
}

/// Exact for integers, a float otherwise.
fn average(sum: &Value, count: u64) -> Outcome<String> {
    if let Some(sum) = Number::of(sum).and_then(|sum| sum.to_int()) {
        return Ok(decimal_of_ratio(&sum, &UBig::from(count.max(1))));
    }
    let quotient = number::divide(sum, &number::value_from_int(count.into()))?;
    let mut json = Vec::new();
    match write_json(&quotient, &mut json) {
        Ok(()) => Ok(String::from_utf8_lossy(&json).into_owned()),
        Err(error) => number::fail(error.to_string()),
    }
}

fn extreme(a: Value, b: Value, better: fn(Ordering) -> bool) -> Outcome {
    Ok(if number::order("<", &b, &a)?.is_some_and(better) {
        b
    } else {
        a
    })
}

/// Texts make a text, lists a list; any other value counts as a list of one.
fn concat(a: Value, b: Value) -> Outcome {
    match (a.is_string(), b.is_string()) {
        (true, true) => {
            let mut text = a.cast::<ImmutableString>();
            text += b.cast::<ImmutableString>();
            Ok(text.into())
        }
        (true, false) => number::fail(format!("cannot append {} to a text; str(...) makes one", type_name(&b))),
        (false, _) => {
            let mut items = if a.is_array() { a.cast::<rhai::Array>() } else { vec![a] };
            if b.is_array() {
                items.extend(b.cast::<rhai::Array>())
            } else {
                items.push(b)
            }
            Ok(Value::from_array(items))
        }
    }
}

/// The text that a value is as the key of a group: strings as they are, anything else as its JSON.
pub fn group_key(value: &Value) -> Result<String, ExpressionError> {
    if value.is_string() {
        return python_str(value).map_err(|error| ExpressionError::from_rhai("key_function", *error));
    }
    let mut json = Vec::new();
    write_json(value, &mut json).map_err(|error| ExpressionError::new("key_function", error.to_string(), None))?;
    Ok(String::from_utf8_lossy(&json).into_owned())
}
