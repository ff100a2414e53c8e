//! The values of one piece of the data, as `run` reads them.

use crate::{array, csv_column};
use expression::{Value, json_number, parse_json};
use p2pjob::prelude::*;

/// What a chunk must know to read its values.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Values in the chunk itself.
    Inline {
        /// The number of the first one in the data, from 0.
        first: u64,
        /// The values as JSON.
        items: Vec<String>,
    },
    /// Elements of a JSON array, with the commas between them.
    Array {
        /// Where the chunk's slice begins in the input, for messages; so in all that follow.
        offset: u64,
    },
    /// JSON values, one a line.
    JsonLines {
        /// As above.
        offset: u64,
    },
    /// Texts, one a line.
    Lines {
        /// As above.
        offset: u64,
        /// Whether texts stay texts where they look like numbers.
        as_text: bool,
    },
    /// CSV records.
    CsvColumn {
        /// As above.
        offset: u64,
        /// Which field, from 0.
        column: u64,
        /// What separates fields.
        delimiter: u8,
        /// As above.
        as_text: bool,
    },
}

impl Piece {
    /// Calls `each` with every value, in order. An error is told with the place of its value in the data.
    pub fn for_each(&self, slices: &Slices, mut each: impl FnMut(Value) -> Result<()>) -> Result<()> {
        let mut at_byte = |byte: u64, value: Result<Value>| {
            value
                .and_then(&mut each)
                .map_err(|error| error.context(format_args!("data at byte {byte}")))
        };
        match self {
            Self::Inline { first, items } => {
                for (number, item) in (*first..).zip(items) {
                    let done = json(item.as_bytes()).and_then(&mut each);
                    done.map_err(|error| error.context(format_args!("value {number}")))?;
                }
                Ok(())
            }
            Self::Array { offset } => array::for_each_element(&slices.get(0).read_all(), |at, element| {
                at_byte(offset + at as u64, json(element))
            }),
            Self::JsonLines { offset } => slices.get(0).for_each_line_at(|at, line| {
                if line.trim_ascii().is_empty() {
                    Ok(())
                } else {
                    at_byte(offset + at, json(line))
                }
            }),
            Self::Lines { offset, as_text } => slices
                .get(0)
                .for_each_line_at(|at, line| at_byte(offset + at, Ok(field(line, *as_text)))),
            Self::CsvColumn {
                offset,
                column,
                delimiter,
                as_text,
            } => csv_column::for_each_field(slices.get(0), *column, *delimiter, |at, text| {
                at_byte(offset + at, Ok(field(text, *as_text)))
            }),
        }
    }
}

fn json(text: &[u8]) -> Result<Value> {
    parse_json(text).map_err(|error| Error::new(format_args!("not JSON: {error}")))
}

/// A line or CSV field: a number where it has the form of a JSON number, else a text; invalid UTF-8 becomes U+FFFD.
fn field(bytes: &[u8], as_text: bool) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let number = if as_text { None } else { json_number(text.trim()) };
    number.unwrap_or_else(|| text.as_ref().into())
}
