//! Values from JSON and to JSON, integers exact at any size.

use crate::Value;
use crate::number::{Big, Number, Outcome, fail, type_name, value_from_int};
use dashu_int::IBig;
use std::io::{self, Write};

/// Reads one JSON value. The error says what is wrong and at which byte.
pub fn parse_json(text: &[u8]) -> Result<Value, String> {
    let trimmed = text.trim_ascii();
    if let Some(number) = std::str::from_utf8(trimmed).ok().and_then(json_number) {
        return Ok(number);
    }
    let json: serde_json::Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    value_from_json(&json)
}

/// The number that a text is, if it has the form of a JSON number.
pub fn json_number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let whole = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if whole == 0 || (whole > 1 && digits[0] == b'0') {
        return None;
    }
    if whole == digits.len() {
        if let Ok(small) = text.parse::<i64>() {
            return Some(Value::from_int(small));
        }
        return text.parse::<IBig>().ok().map(value_from_int);
    }
    let (fraction, rest) = match digits[whole..].strip_prefix(b".") {
        Some(behind) => behind.split_at(behind.iter().take_while(|byte| byte.is_ascii_digit()).count()),
        None => (&b"0"[..], &digits[whole..]),
    };
    let exponent = match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', power @ ..] | [b'e' | b'E', power @ ..] => {
            !power.is_empty() && power.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    if fraction.is_empty() || !exponent {
        return None;
    }
    // Beyond the floats there is no number to give; the text then counts as text or as an error.
    text.parse::<f64>()
        .ok()
        .filter(|float| float.is_finite())
        .map(Value::from_float)
}

/// A parsed JSON value as a value of expressions.
pub fn value_from_json(json: &serde_json::Value) -> Result<Value, String> {
    Ok(match json {
        serde_json::Value::Null => Value::UNIT,
        serde_json::Value::Bool(flag) => Value::from_bool(*flag),
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            json_number(&text).ok_or_else(|| format!("{text} is too large for a float"))?
        }
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => Value::from_array(
            items
                .iter()
                .map(value_from_json)
                .collect::<Result<rhai::Array, String>>()?,
        ),
        serde_json::Value::Object(fields) => {
            let field =
                |(name, json): (&String, &serde_json::Value)| Ok((name.as_str().into(), value_from_json(json)?));
            Value::from_map(fields.iter().map(field).collect::<Result<rhai::Map, String>>()?)
        }
    })
}

/// Writes a value as JSON. What JSON has no form for (infinities, "not a number") is an error of kind `InvalidData`.
pub fn write_json(value: &Value, out: &mut impl Write) -> io::Result<()> {
    if let Ok(int) = value.as_int() {
        return write!(out, "{int}");
    }
    if let Ok(float) = value.as_float() {
        if float.is_finite() {
            return Ok(serde_json::to_writer(out, &float)?);
        }
        let message = if float.is_nan() {
            "the result is not a number"
        } else {
            "the result is infinite"
        };
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    if let Ok(flag) = value.as_bool() {
        return write!(out, "{flag}");
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(serde_json::to_writer(out, text.as_str())?);
    }
    if let Ok(letter) = value.as_char() {
        return Ok(serde_json::to_writer(out, &letter)?);
    }
    if let Some(big) = value.read_lock::<Big>() {
        return write!(out, "{}", big.0);
    }
    if let Ok(items) = value.as_array_ref() {
        out.write_all(b"[")?;
        for (at, item) in items.iter().enumerate() {
            out.write_all(if at == 0 { b"" } else { b"," })?;
            write_json(item, out)?;
        }
        return out.write_all(b"]");
    }
    if let Ok(fields) = value.as_map_ref() {
        out.write_all(b"{")?;
        for (at, (name, field)) in fields.iter().enumerate() {
            out.write_all(if at == 0 { b"" } else { b"," })?;
            serde_json::to_writer(&mut *out, name.as_str())?;
            out.write_all(b":")?;
            write_json(field, out)?;
        }
        return out.write_all(b"}");
    }
    if value.is_unit() {
        return out.write_all(b"null");
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} has no form in JSON", type_name(value)),
    ))
}

/// A value as Python's `str` shows it.
pub(crate) fn python_str(value: &Value) -> Outcome<String> {
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.as_str().to_owned());
    }
    if let Ok(letter) = value.as_char() {
        return Ok(letter.to_string());
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(if flag { "True" } else { "False" }.to_owned());
    }
    if value.is_unit() {
        return Ok("None".to_owned());
    }
    match Number::of(value) {
        Some(Number::Int(int)) => Ok(int.to_string()),
        Some(Number::Big(big)) => Ok(big.to_string()),
        Some(Number::Float(float)) => Ok(python_float(float)),
        None => {
            let mut json = Vec::new();
            match write_json(value, &mut json) {
                Ok(()) => Ok(String::from_utf8_lossy(&json).into_owned()),
                Err(error) => fail(error.to_string()),
            }
        }
    }
}

/// A float as Python's `repr` writes it: the shortest digits that read back the same.
fn python_float(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        return if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}
