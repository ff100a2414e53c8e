//! Integers of any size as parameters, and ranges of them.

use dashu_int::IBig;
use p2pjob::prelude::*;
use p2pjob::schemars::{Schema, SchemaGenerator, json_schema};
use p2pjob::serde::de::Visitor;
use p2pjob::serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Floats are exact integers up to here; a larger JSON number that comes as a float has lost its digits.
const LARGEST_EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

/// An integer of any size: a JSON integer, or its decimal digits as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Number(pub IBig);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string())
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or its digits as text")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number.into()))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Number, E> {
        Ok(Number(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Number, E> {
        Ok(Number(number.into()))
    }

    fn visit_f64<E: p2pjob::serde::de::Error>(self, number: f64) -> Result<Number, E> {
        // The conversion would drop a fraction.
        match IBig::try_from(number) {
            Ok(_) if number.fract() != 0.0 => Err(E::custom(format_args!("{number} is not an integer"))),
            Ok(exact) if number.abs() <= LARGEST_EXACT_FLOAT => Ok(Number(exact)),
            Ok(_) => Err(E::custom(format_args!(
                "{number:e} is too large for a JSON number; write its digits as text"
            ))),
            Err(_) => Err(E::custom(format_args!("{number} is not an integer"))),
        }
    }

    fn visit_str<E: p2pjob::serde::de::Error>(self, text: &str) -> Result<Number, E> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(E::custom(format_args!("{text:?} is not an integer")));
        }
        text.strip_prefix('+')
            .unwrap_or(text)
            .parse()
            .map(Number)
            .map_err(E::custom)
    }
}

impl p2pjob::schemars::JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "pattern": "^[+-]?[0-9]+$" })
    }
}

/// The numbers `first` to `last`, both included; `first` is not the larger one.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    pub first: Number,
    pub last: Number,
}

impl Span {
    /// How many numbers it has.
    pub fn count(&self) -> IBig {
        &self.last.0 - &self.first.0 + IBig::ONE
    }

    /// Cuts it into pieces of one size, the last one perhaps smaller.
    pub fn cut(&self, hint: &PlanHint) -> Result<Vec<Self>> {
        let count = self.count();
        let pieces_of = |size: &IBig| (&count + size - IBig::ONE) / size;
        let size = match hint.chunk_size {
            Some(size) => IBig::from(size.max(1)),
            None => pieces_of(&IBig::from(hint.target_chunks.max(1))),
        };
        let pieces = pieces_of(&size);
        if pieces > IBig::from(hint.max_chunks) {
            let least = pieces_of(&IBig::from(hint.max_chunks.max(1)));
            bail!(
                "a chunk size of {size} makes {pieces} chunks, at most {} are allowed; use at least {least}",
                hint.max_chunks
            );
        }
        let mut spans = Vec::new();
        let mut first = self.first.0.clone();
        while first <= self.last.0 {
            let next = &first + &size;
            let last = (&next - IBig::ONE).min(self.last.0.clone());
            spans.push(Self {
                first: Number(first),
                last: Number(last),
            });
            first = next;
        }
        Ok(spans)
    }
}
