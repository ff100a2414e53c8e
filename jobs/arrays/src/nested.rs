//! Nested JSON lists of numbers, as parameters: read without a tree, with the shape they must have found on the way.

use crate::element::ElementType;
use p2pjob::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use p2pjob::serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Most levels of lists: more than any model takes.
const MAX_DEPTH: usize = 16;

/// Numbers: whole as long as all are.
#[derive(Clone, PartialEq, Debug)]
pub enum Numbers {
    /// All are whole.
    Whole(Vec<i64>),
    /// Some are not.
    Float(Vec<f64>),
}

impl Numbers {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(values) => values.len(),
            Self::Float(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push_whole(&mut self, value: i64) {
        match self {
            Self::Whole(values) => values.push(value),
            Self::Float(values) => values.push(value as f64),
        }
    }

    fn push_float(&mut self, value: f64) {
        if let Self::Whole(values) = self {
            *self = Self::Float(values.iter().map(|whole| *whole as f64).collect());
        }
        if let Self::Float(values) = self {
            values.push(value);
        }
    }
}

/// Lists of lists of numbers with one shape. Booleans count as 0 and 1; `"NaN"`, `"Infinity"` and `"-Infinity"` are
/// numbers too.
#[derive(Clone, PartialEq, Debug)]
pub struct Nested {
    /// Length of each dimension; none for a single number.
    pub shape: Vec<u64>,
    /// The numbers, the last index running fastest.
    pub numbers: Numbers,
}

impl Nested {
    /// The smallest type that holds every number without loss, and the elements `from .. to` in it, little-endian.
    pub fn pack(&self, from: usize, to: usize) -> (ElementType, Vec<u8>) {
        let element = self.smallest();
        let bytes = match &self.numbers {
            Numbers::Whole(values) => {
                let size = element.size() as usize;
                let each = values[from..to].iter();
                // Two's complement: the low bytes of a number that fits.
                each.flat_map(|value| value.to_le_bytes().into_iter().take(size))
                    .collect()
            }
            Numbers::Float(values) if element == ElementType::F32 => {
                let each = values[from..to].iter();
                each.flat_map(|value| (*value as f32).to_le_bytes()).collect()
            }
            Numbers::Float(values) => values[from..to].iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        (element, bytes)
    }

    /// The smallest type that holds every number without loss.
    pub fn smallest(&self) -> ElementType {
        match &self.numbers {
            Numbers::Whole(values) => {
                let fits = |least: i64, most: i64| values.iter().all(|value| (least..=most).contains(value));
                if fits(i8::MIN.into(), i8::MAX.into()) {
                    ElementType::I8
                } else if fits(i16::MIN.into(), i16::MAX.into()) {
                    ElementType::I16
                } else if fits(i32::MIN.into(), i32::MAX.into()) {
                    ElementType::I32
                } else {
                    ElementType::I64
                }
            }
            Numbers::Float(values) => {
                let narrow = |value: &f64| value.is_nan() || f64::from(*value as f32).to_bits() == value.to_bits();
                if values.iter().all(narrow) {
                    ElementType::F32
                } else {
                    ElementType::F64
                }
            }
        }
    }
}

impl JsonSchema for Nested {
    fn schema_name() -> Cow<'static, str> {
        "Array".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "description": "A list of numbers, or lists of such lists, all of one shape.",
            "items": { "type": ["array", "number", "boolean", "string"] },
        })
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = Reading {
            shape: Vec::new(),
            numbers: Numbers::Whole(Vec::new()),
            leaf_depth: None,
        };
        Level {
            read: &mut read,
            depth: 0,
        }
        .deserialize(deserializer)?;
        Ok(Self {
            shape: read.shape.into_iter().map(|length| length.unwrap_or(0)).collect(),
            numbers: read.numbers,
        })
    }
}

struct Reading {
    /// Lengths seen so far; none for a level that is still open for the first time.
    shape: Vec<Option<u64>>,
    numbers: Numbers,
    /// How deep the numbers lie.
    leaf_depth: Option<usize>,
}

struct Level<'a> {
    read: &'a mut Reading,
    depth: usize,
}

impl Level<'_> {
    fn leaf<E: Error>(&mut self) -> Result<(), E> {
        let depth = *self.read.leaf_depth.get_or_insert(self.depth);
        if depth != self.depth || self.read.shape.len() != depth {
            return Err(E::custom(
                "numbers and lists stand side by side; every row must be a list of numbers",
            ));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a list of numbers")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.visit_i64(i64::from(value))
    }

    fn visit_i64<E: Error>(mut self, value: i64) -> Result<(), E> {
        self.leaf()?;
        self.read.numbers.push_whole(value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: Error>(mut self, value: f64) -> Result<(), E> {
        self.leaf()?;
        self.read.numbers.push_float(value);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let value = match text {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => {
                return Err(E::custom(format_args!(
                    "{text:?} is no number; as texts only \"NaN\", \"Infinity\" and \"-Infinity\" are"
                )));
            }
        };
        self.visit_f64(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { read, depth } = self;
        if depth >= MAX_DEPTH {
            return Err(A::Error::custom(format_args!("lists lie more than {MAX_DEPTH} deep")));
        }
        if read.leaf_depth.is_some_and(|leaf| depth >= leaf) {
            return Err(A::Error::custom(
                "numbers and lists stand side by side; every row must be a list of numbers",
            ));
        }
        if read.shape.len() == depth {
            read.shape.push(None);
        }
        let mut length = 0;
        while list.next_element_seed(Level { read, depth: depth + 1 })?.is_some() {
            length += 1;
        }
        match read.shape[depth] {
            Some(first) if first != length => Err(A::Error::custom(format_args!(
                "a list at depth {} has {length} elements where the first has {first}; all rows must be equally long",
                depth + 1
            ))),
            _ => {
                read.shape[depth] = Some(length);
                Ok(())
            }
        }
    }
}
