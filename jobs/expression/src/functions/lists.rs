//! Functions on lists and objects, and those that take several values.

use super::texts::{bounded, text_of};
use crate::Value;
use crate::number::{self, Number, Outcome, fail, type_name};
use rhai::Engine;
use std::cmp::Ordering;

/// Adds the functions.
pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("len", |a: Value| -> Outcome<i64> {
        if let Ok(items) = a.as_array_ref() {
            return Ok(items.len() as i64);
        }
        if let Ok(fields) = a.as_map_ref() {
            return Ok(fields.len() as i64);
        }
        Ok(text_of("len", &a)?.chars().count() as i64)
    });
    engine.register_fn("bool", |a: Value| match Number::of(&a) {
        Some(number) => !number.is_zero(),
        None => {
            let empty = a.is_unit()
                || a.as_immutable_string_ref().is_ok_and(|text| text.is_empty())
                || a.as_array_ref().is_ok_and(|items| items.is_empty())
                || a.as_map_ref().is_ok_and(|fields| fields.is_empty());
            !empty
        }
    });
    engine.register_fn("contains", |whole: Value, part: Value| -> Outcome<bool> {
        if let Ok(items) = whole.as_array_ref() {
            return Ok(items.iter().any(|item| number::equal(item, &part)));
        }
        if let Ok(fields) = whole.as_map_ref() {
            return Ok(fields.contains_key(text_of("in", &part)?.as_str()));
        }
        Ok(text_of("in", &whole)?.contains(text_of("in", &part)?.as_str()))
    });
    engine.register_fn("split", |a: Value| -> Outcome {
        Ok(Value::from_array(
            text_of("split", &a)?
                .split_whitespace()
                .map(|word| word.to_owned().into())
                .collect(),
        ))
    });
    engine.register_fn("split", |a: Value, by: Value| {
        let (text, by) = (text_of("split", &a)?, text_of("split", &by)?);
        if by.is_empty() {
            return fail("split needs a separator that is not empty");
        }
        Ok(Value::from_array(
            text.split(by.as_str()).map(|part| part.to_owned().into()).collect(),
        ))
    });
    engine.register_fn("join", |by: Value, items: Value| {
        let (by, Ok(items)) = (text_of("join", &by)?, items.as_array_ref()) else {
            return fail(format!("join needs a list, not {}", type_name(&items)));
        };
        let texts = items
            .iter()
            .map(|item| text_of("join", item))
            .collect::<Outcome<Vec<_>>>()?;
        let bytes = texts.iter().map(|text| text.len() + by.len()).sum();
        bounded(bytes, || texts.join(by.as_str()))
    });
    engine.register_fn("sum", |items: Value| match items.as_array_ref() {
        Ok(items) => items
            .iter()
            .try_fold(Value::from_int(0), |sum, item| number::add(&sum, item)),
        Err(_) => fail(format!("sum needs a list, not {}", type_name(&items))),
    });
    extremes(engine, "min", Ordering::is_lt);
    extremes(engine, "max", Ordering::is_gt);
}

/// `min` and `max`, of a list or of two to four values.
fn extremes(engine: &mut Engine, name: &'static str, better: fn(Ordering) -> bool) {
    let best = move |items: &[Value]| {
        let Some((first, others)) = items.split_first() else {
            return fail(format!("{name} of nothing"));
        };
        let mut best = first;
        for item in others {
            if number::order(name, item, best)?.is_some_and(better) {
                best = item;
            }
        }
        Ok(best.clone())
    };
    engine.register_fn(name, move |items: Value| match items.as_array_ref() {
        Ok(items) => best(&items),
        Err(_) => fail(format!(
            "{name} needs a list or several values, not {}",
            type_name(&items)
        )),
    });
    engine.register_fn(name, move |a: Value, b: Value| best(&[a, b]));
    engine.register_fn(name, move |a: Value, b: Value, c: Value| best(&[a, b, c]));
    engine.register_fn(name, move |a: Value, b: Value, c: Value, d: Value| best(&[a, b, c, d]));
}
