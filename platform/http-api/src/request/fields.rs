//! An object that is read field by field, so that all its errors are told at once. Owns the object it reads.

use super::kind;
use crate::extract::shown;
use crate::problem::FieldError;
use serde_json::{Map, Value};

/// The fields of an object that were not read yet.
pub struct Fields {
    place: &'static str,
    object: Map<String, Value>,
}

impl Fields {
    /// Of the object at a place; empty for the body itself.
    pub fn new(place: &'static str, object: Map<String, Value>) -> Self {
        Self { place, object }
    }

    fn name(&self, field: &str) -> String {
        if self.place.is_empty() {
            shown(field)
        } else {
            format!("{}.{}", self.place, shown(field))
        }
    }

    /// Null and absent are the same.
    fn take(&mut self, field: &str) -> Option<Value> {
        self.object.remove(field).filter(|value| !value.is_null())
    }

    fn wrong(&self, field: &str, wanted: &str, got: &Value, errors: &mut Vec<FieldError>) {
        let got = match got {
            Value::Number(number) => format!("{number}"),
            other => kind(other).to_owned(),
        };
        errors.push(FieldError::new(
            self.name(field),
            format!("expected {wanted}, got {got}"),
        ));
    }

    /// A text of at most `limit` bytes.
    pub fn text(&mut self, field: &str, limit: usize, errors: &mut Vec<FieldError>) -> Option<String> {
        match self.take(field)? {
            Value::String(text) if text.len() <= limit && !text.contains('\0') => Some(text),
            Value::String(text) => {
                let message = format!(
                    "a text of {} bytes; at most {limit}, and no NUL, are allowed",
                    text.len()
                );
                errors.push(FieldError::new(self.name(field), message));
                None
            }
            other => {
                self.wrong(field, "a text", &other, errors);
                None
            }
        }
    }

    /// A whole number from `least` to `most`. Written as `50.0` it is one too.
    pub fn whole(&mut self, field: &str, (least, most): (u64, u64), errors: &mut Vec<FieldError>) -> Option<u64> {
        let value = self.take(field)?;
        let whole = value.as_u64().or_else(|| {
            let float = value.as_f64().filter(|float| float.fract() == 0.0)?;
            // Exact below 2^53.
            (0.0..9_007_199_254_740_992.0).contains(&float).then_some(float as u64)
        });
        let fitting = whole.filter(|number| (least..=most).contains(number));
        if fitting.is_none() {
            let wanted = if most == u64::MAX {
                format!("a whole number of at least {least}")
            } else {
                format!("a whole number from {least} to {most}")
            };
            self.wrong(field, &wanted, &value, errors);
        }
        fitting
    }

    /// A number from `least` to `most`.
    pub fn number(&mut self, field: &str, (least, most): (f64, f64), errors: &mut Vec<FieldError>) -> Option<f64> {
        let value = self.take(field)?;
        let fitting = value.as_f64().filter(|number| (least..=most).contains(number));
        if fitting.is_none() {
            self.wrong(field, &format!("a number from {least} to {most}"), &value, errors);
        }
        fitting
    }

    /// True or false.
    pub fn flag(&mut self, field: &str, errors: &mut Vec<FieldError>) -> Option<bool> {
        let value = self.take(field)?;
        if !value.is_boolean() {
            self.wrong(field, "true or false", &value, errors);
        }
        value.as_bool()
    }

    /// An object.
    pub fn object(&mut self, field: &str, errors: &mut Vec<FieldError>) -> Option<Map<String, Value>> {
        match self.take(field)? {
            Value::Object(object) => Some(object),
            other => {
                self.wrong(field, "an object", &other, errors);
                None
            }
        }
    }

    /// A text that stands for something.
    pub fn read<T>(
        &mut self,
        field: &str,
        errors: &mut Vec<FieldError>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        const MAX_BYTES: usize = 64;
        let text = self.text(field, MAX_BYTES, errors)?;
        let result = read(&text);
        result
            .map_err(|why| errors.push(FieldError::new(self.name(field), why)))
            .ok()
    }

    /// What was not read.
    pub fn rest(self) -> Map<String, Value> {
        self.object
    }

    /// Whatever is left is unknown.
    pub fn finish(self, errors: &mut Vec<FieldError>) {
        const MAX_NAMED: usize = 50;
        for field in self.object.keys().take(MAX_NAMED) {
            errors.push(FieldError::new(self.name(field), "unknown field"));
        }
    }
}
