//! Applies an expression to every value of a data set. The result is the JSON array of the values, in order; it is
//! the chunk outputs one after the other, so it may be larger than memory.
//! A chunk that is lost is computed again; nothing else depends on it.

use dataset::{Column, Description, Format, Piece};
use expression::{Expression, write_json};
use p2pjob::prelude::*;
use p2pjob::serde_json::Value as Json;
use std::io::Write;

/// The job.
pub struct Map;

/// What is applied to what.
#[params]
pub struct Params {
    /// An expression in `x`, such as `x * 2`, `sqrt(x)`, `str(x).upper()` or `x % 2 == 0`.
    function: String,
    /// The values, where they are few; otherwise bind the input `data`.
    #[serde(default)]
    data: Option<Vec<Json>>,
    /// How the input is written; found out from its beginning unless given.
    #[serde(default)]
    format: Format,
    /// The CSV column, by its name in the header or its number from 0.
    #[serde(default)]
    column: Option<Column>,
    /// Whether the first CSV record names the columns.
    #[serde(default = "yes")]
    header: bool,
    /// What separates CSV fields; a comma unless given.
    #[serde(default)]
    delimiter: Option<char>,
    /// Keeps lines and CSV fields as texts where they look like numbers.
    #[serde(default)]
    as_text: bool,
}

const fn yes() -> bool {
    true
}

/// One piece of the data.
#[wire]
pub struct Chunk {
    function: String,
    piece: Piece,
    /// Whether it opens the array.
    first: bool,
    /// Whether it closes the array.
    last: bool,
}

impl Job for Map {
    type Params = Params;
    type Chunk = Chunk;
    type Partial = Written;
    type Output = Written;
    const INPUTS: &'static [InputDecl] = &[InputDecl::optional(
        "data",
        "a JSON array, JSON lines, CSV or lines, of any size",
    )];
    const REDUCE: Reduce = Reduce::Concat;

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        Expression::new("function", &params.function, &["x"])?;
        let description = Description {
            data: params.data.as_deref(),
            format: params.format,
            column: params.column.as_ref(),
            header: params.header,
            delimiter: params.delimiter,
            as_text: params.as_text,
        };
        let cuts = dataset::cut(&description, inputs, hint)?;
        let last = cuts.len() - 1;
        let cut = |(number, (piece, bytes))| {
            let chunk = Chunk {
                function: params.function.clone(),
                piece,
                first: number == 0,
                last: number == last,
            };
            dataset::attach(chunk, inputs, bytes)
        };
        Ok(cuts.into_iter().enumerate().map(cut).collect())
    }

    fn run(chunk: Chunk, slices: &Slices) -> Result<Written> {
        let mut function = Expression::new("function", &chunk.function, &["x"])?;
        let mut out = OutputWriter::new();
        out.write_all(if chunk.first { b"[" } else { b"" })?;
        // The first chunk has a value unless no chunk has one, so a comma in front of all others is right.
        let mut separator: &[u8] = if chunk.first { b"" } else { b"," };
        chunk.piece.for_each(slices, |x| {
            out.write_all(separator)?;
            separator = b",";
            Ok(write_json(&function.eval([x])?, &mut out)?)
        })?;
        out.write_all(if chunk.last { b"]\n" } else { b"" })?;
        Ok(Written)
    }
}

export_job!(Map);

#[cfg(test)]
mod tests;
