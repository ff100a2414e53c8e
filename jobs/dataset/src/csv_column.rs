//! One column of a CSV input. Records are found by the same reader in `plan` and in `run`, so that the two agree on
//! every quote.

use crate::piece::Piece;
use crate::{DataCut, Description};
use p2pjob::prelude::*;

/// Most column names an error lists.
const MAX_LISTED_COLUMNS: usize = 30;

/// A CSV column: its number, from 0, or its name in the header.
#[params]
#[derive(Clone, PartialEq, Eq, Debug)]
#[serde(untagged)]
pub enum Column {
    /// Its number, from 0.
    Number(u64),
    /// Its name in the header.
    Name(String),
}

fn reader_of(reader: Reader, delimiter: u8) -> csv::Reader<Reader> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(reader)
}

/// Cuts at record ends into pieces of about `target` bytes. Every piece has a record, unless there is none at all.
pub fn cut(description: &Description<'_>, source: Source, start: u64, target: u64) -> Result<Vec<DataCut>> {
    let delimiter = match description.delimiter.map(u8::try_from) {
        None => b',',
        Some(Ok(byte)) if byte.is_ascii() && byte != b'"' && byte != b'\n' && byte != b'\r' => byte,
        Some(_) => bail!("delimiter must be one ASCII character, and no quote or line end"),
    };
    let mut reader = reader_of(source.reader_from(start), delimiter);
    let mut record = csv::ByteRecord::new();
    let mut names = None;
    if description.header {
        reader.read_byte_record(&mut record)?;
        names = Some(
            record
                .iter()
                .map(|name| String::from_utf8_lossy(name).trim().to_owned())
                .collect::<Vec<_>>(),
        );
    }
    let mut from = start + reader.position().byte();
    let mut pieces = Vec::new();
    let mut width = names.as_ref().map(Vec::len);
    let mut records = 0u64;
    let mut end = from;
    while reader.read_byte_record(&mut record)? {
        records += 1;
        width.get_or_insert(record.len());
        end = start + reader.position().byte();
        if end - from >= target {
            pieces.push((from, end - from));
            from = end;
            records = 0;
        }
    }
    if records > 0 || pieces.is_empty() {
        pieces.push((from, end - from));
    }
    let column = find(description.column, names.as_deref(), width.unwrap_or(1))?;
    let as_text = description.as_text;
    let piece = |offset| Piece::CsvColumn {
        offset,
        column,
        delimiter,
        as_text,
    };
    Ok(pieces
        .into_iter()
        .map(|(offset, length)| (piece(offset), Some((offset, length))))
        .collect())
}

/// The number of the wanted column.
fn find(wanted: Option<&Column>, names: Option<&[String]>, width: usize) -> Result<u64> {
    let columns = || match names {
        Some(names) => {
            let more = if names.len() > MAX_LISTED_COLUMNS { ", ..." } else { "" };
            format!(
                "the columns are {}{more}",
                names[..names.len().min(MAX_LISTED_COLUMNS)].join(", ")
            )
        }
        None => format!("there are {width} columns, numbered from 0"),
    };
    let number = match wanted {
        None if width == 1 => 0,
        None => bail!("column is missing; {}", columns()),
        Some(Column::Number(number)) => *number,
        Some(Column::Name(name)) => {
            let by_name = names.and_then(|names| names.iter().position(|other| other == name));
            match by_name.map(|at| at as u64).or_else(|| name.parse().ok()) {
                Some(number) => number,
                None => bail!("there is no column {name:?}; {}", columns()),
            }
        }
    };
    if number >= width as u64 {
        bail!("there is no column {number}; {}", columns());
    }
    Ok(number)
}

/// Calls `each` with the column's field in every record and the record's offset in the source.
pub fn for_each_field(
    source: Source,
    column: u64,
    delimiter: u8,
    mut each: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut reader = reader_of(source.reader(), delimiter);
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let offset = record.position().map_or(0, csv::Position::byte);
        match usize::try_from(column).ok().and_then(|column| record.get(column)) {
            Some(field) => each(offset, field)?,
            None => each_missing(offset, column, record.len())?,
        }
    }
    Ok(())
}

fn each_missing(offset: u64, column: u64, fields: usize) -> Result<()> {
    bail!("the record at byte {offset} of the chunk has {fields} fields and no column {column}")
}
