//! The data sets of `map` and `map_reduce`: a small list in the parameters, or an input of any size that is a JSON
//! array, JSON lines, a CSV column or plain lines. Cuts it so that a value never lies across two chunks, and reads
//! the values of one chunk, in order.
//!
//! Lines are cut by looking near the cuts only. JSON arrays and CSV are read once by `plan`, in one pass of 1 MiB
//! blocks: where a value ends depends on every quote before it.

mod array;
mod csv_column;
mod detect;
mod piece;

pub use csv_column::Column;
pub use piece::Piece;

use p2pjob::prelude::*;

/// Most bytes of inline values in one chunk: a chunk's body may have 64 KiB with all that is around them.
const MAX_INLINE_BYTES: usize = 40 << 10;

/// How the input is written.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Found out from the beginning: CSV if a column is named, else a JSON array, JSON lines or lines.
    #[default]
    Auto,
    /// One JSON array.
    Json,
    /// One JSON value a line; empty lines are skipped.
    Jsonl,
    /// A column of comma-separated values (RFC 4180).
    Csv,
    /// One value a line, empty lines included.
    Lines,
}

/// What the parameters say of the data.
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    /// Inline values.
    pub data: Option<&'a [p2pjob::serde_json::Value]>,
    /// How the input is written.
    pub format: Format,
    /// Which CSV column.
    pub column: Option<&'a Column>,
    /// Whether the first CSV record names the columns.
    pub header: bool,
    /// What separates CSV fields.
    pub delimiter: Option<char>,
    /// Whether lines and fields stay texts where they look like numbers.
    pub as_text: bool,
}

/// A piece of the data: what the chunk must know, and its bytes as `(offset, length)` of the input, if there is one.
pub type DataCut = (Piece, Option<(u64, u64)>);

/// Cuts the data. There is at least one piece, and the first one has a value unless there is none at all.
pub fn cut(description: &Description<'_>, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<DataCut>> {
    match (description.data, inputs.find("data")) {
        (Some(_), Some(_)) => bail!("the data is given twice; use the parameter data or --input data=PATH, not both"),
        (None, None) => bail!("there is no data; add --input data=PATH, or a parameter data with a list of values"),
        (Some(values), None) => cut_inline(values, hint),
        (None, Some(source)) => cut_input(description, source, hint),
    }
}

/// The slices of a data cut, as a chunk's.
pub fn attach<C>(chunk: C, inputs: &Inputs, bytes: Option<(u64, u64)>) -> Cut<C> {
    match (inputs.find("data"), bytes) {
        (Some(source), Some((offset, length))) => Cut::new(chunk).slice(source, offset, length).weight(length.max(1)),
        _ => Cut::new(chunk),
    }
}

fn cut_inline(values: &[p2pjob::serde_json::Value], hint: &PlanHint) -> Result<Vec<DataCut>> {
    let most = hint.chunk_items(values.len() as u64);
    let mut pieces = Vec::new();
    let mut first = 0;
    let mut items: Vec<String> = Vec::new();
    let mut bytes = 0;
    for (number, value) in values.iter().enumerate() {
        let text = value.to_string();
        if text.len() > MAX_INLINE_BYTES {
            bail!(
                "value {number} has {} bytes; give data of this size as an input: --input data=PATH",
                text.len()
            );
        }
        if !items.is_empty() && (items.len() as u64 >= most || bytes + text.len() > MAX_INLINE_BYTES) {
            pieces.push((
                Piece::Inline {
                    first,
                    items: std::mem::take(&mut items),
                },
                None,
            ));
            first = number as u64;
            bytes = 0;
        }
        bytes += text.len();
        items.push(text);
    }
    if !items.is_empty() || pieces.is_empty() {
        pieces.push((Piece::Inline { first, items }, None));
    }
    Ok(pieces)
}

fn cut_input(description: &Description<'_>, source: Source, hint: &PlanHint) -> Result<Vec<DataCut>> {
    let target = hint.chunk_bytes(source.size());
    let start = detect::behind_mark(source);
    let as_text = description.as_text;
    let format = match description.format {
        Format::Auto if description.column.is_some() || description.delimiter.is_some() => Format::Csv,
        Format::Auto => detect::format(source, start)?,
        named => named,
    };
    if format != Format::Csv && (description.column.is_some() || description.delimiter.is_some()) {
        bail!("column and delimiter belong to format csv");
    }
    let pieces = match format {
        Format::Json => array::cut(source, start, target)?,
        Format::Csv => return csv_column::cut(description, source, start, target),
        Format::Jsonl => source.cut_at_lines_from(detect::behind_space(source, start), target),
        Format::Auto | Format::Lines => source.cut_at_lines_from(start, target),
    };
    let piece = |offset| match format {
        Format::Json => Piece::Array { offset },
        Format::Jsonl => Piece::JsonLines { offset },
        Format::Auto | Format::Csv | Format::Lines => Piece::Lines { offset, as_text },
    };
    Ok(pieces
        .into_iter()
        .map(|(offset, length)| (piece(offset), Some((offset, length))))
        .collect())
}

#[cfg(test)]
mod tests;
