//! Functions on texts. Positions and lengths count characters, not bytes.

use crate::Value;
use crate::json::python_str;
use crate::number::{self, Outcome, fail, type_name};
use rhai::{Engine, ImmutableString};

/// Longest text an expression may build, in bytes.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// The text that an argument must be.
pub(super) fn text_of(function: &str, value: &Value) -> Outcome<ImmutableString> {
    match number::text(value) {
        Some(text) => Ok(text),
        None => fail(format!(
            "{function} needs a text, not {}; str(...) makes one",
            type_name(value)
        )),
    }
}

/// A text of this many bytes, if that is within the limit.
pub(super) fn bounded(bytes: usize, make: impl FnOnce() -> String) -> Outcome {
    if bytes > MAX_TEXT_BYTES {
        return fail(format!(
            "the text would have {bytes} bytes, at most {MAX_TEXT_BYTES} are allowed"
        ));
    }
    Ok(make().into())
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("str", |a: Value| python_str(&a));
    engine.register_fn("type", |a: Value| type_name(&a));
    engine.register_fn("upper", |a: Value| -> Outcome<String> {
        Ok(text_of("upper", &a)?.to_uppercase())
    });
    engine.register_fn("lower", |a: Value| -> Outcome<String> {
        Ok(text_of("lower", &a)?.to_lowercase())
    });
    for name in ["strip", "trim"] {
        engine.register_fn(name, move |a: Value| -> Outcome<String> {
            Ok(text_of(name, &a)?.trim().to_owned())
        });
    }
    for name in ["startswith", "starts_with"] {
        engine.register_fn(name, move |a: Value, b: Value| -> Outcome<bool> {
            Ok(text_of(name, &a)?.starts_with(text_of(name, &b)?.as_str()))
        });
    }
    for name in ["endswith", "ends_with"] {
        engine.register_fn(name, move |a: Value, b: Value| -> Outcome<bool> {
            Ok(text_of(name, &a)?.ends_with(text_of(name, &b)?.as_str()))
        });
    }
    engine.register_fn("find", |a: Value, b: Value| -> Outcome {
        let (text, part) = (text_of("find", &a)?, text_of("find", &b)?);
        let letters = |bytes: usize| text[..bytes].chars().count() as i64;
        Ok(Value::from_int(text.find(part.as_str()).map_or(-1, letters)))
    });
    engine.register_fn("replace", |a: Value, b: Value, c: Value| -> Outcome {
        let (text, from, to) = (
            text_of("replace", &a)?,
            text_of("replace", &b)?,
            text_of("replace", &c)?,
        );
        let times = if from.is_empty() {
            text.len() + 1
        } else {
            text.matches(from.as_str()).count()
        };
        bounded(text.len() + times * to.len(), || text.replace(from.as_str(), &to))
    });
    engine.register_fn("slice", |a: Value, from: Value, to: Value| {
        let (Ok(from), Ok(to)) = (from.as_int(), to.as_int()) else {
            return fail("slice needs two positions");
        };
        let cut = |length: usize| {
            let at = |position: i64| {
                if position < 0 {
                    length as i64 + position
                } else {
                    position
                }
            };
            let (from, to) = (at(from).clamp(0, length as i64), at(to).clamp(0, length as i64));
            (from as usize, (to - from).max(0) as usize)
        };
        if let Ok(items) = a.as_array_ref() {
            let (from, count) = cut(items.len());
            return Ok(Value::from_array(items[from..from + count].to_vec()));
        }
        let text = text_of("slice", &a)?;
        let (from, count) = cut(text.chars().count());
        Ok(text.chars().skip(from).take(count).collect::<String>().into())
    });
}
