//! Samples and targets: where their rows lie in the inputs, and how bytes become numbers.

use crate::params::{Loss, Params};
use p2pjob::prelude::*;

/// The longest header of an .npy file that is read.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// The type of stored numbers.
#[wire]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// `float32`
    F32,
    /// `float64`
    F64,
    /// `int8`
    I8,
    /// `int16`
    I16,
    /// `int32`
    I32,
    /// `int64`
    I64,
    /// `uint8`, and booleans
    U8,
    /// `uint16`
    U16,
    /// `uint32`
    U32,
}

impl Stored {
    const fn size(self) -> u64 {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    fn from_descr(descr: &str) -> Result<Self> {
        Ok(match descr {
            "<f4" => Self::F32,
            "<f8" => Self::F64,
            "|i1" => Self::I8,
            "<i2" => Self::I16,
            "<i4" => Self::I32,
            "<i8" => Self::I64,
            "|u1" | "|b1" => Self::U8,
            "<u2" => Self::U16,
            "<u4" => Self::U32,
            other => bail!(
                "the .npy file has elements of type {other}; float32, float64, bool and integers of up to 64 bits in \
                 little-endian order are read: convert with .astype(\"float32\")"
            ),
        })
    }
}

/// The rows of an input.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    stored: Stored,
    start: u64,
    /// The shape of one sample.
    pub row: Vec<u64>,
}

impl Rows {
    /// Numbers of one sample.
    pub fn width(&self) -> u64 {
        self.row.iter().product()
    }

    /// Bytes of so many samples.
    pub fn bytes(&self, samples: u64) -> u64 {
        samples * self.width() * self.stored.size()
    }

    /// Where a sample begins.
    pub fn offset(&self, sample: u64) -> u64 {
        self.start + self.bytes(sample)
    }

    /// The numbers of a slice, as `f32`.
    pub fn read(&self, slice: &Source) -> Vec<f32> {
        let bytes = slice.read_all();
        macro_rules! numbers {
            ($rust:ty) => {
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|chunk| <$rust>::from_le_bytes(*chunk) as f32)
                    .collect()
            };
        }
        match self.stored {
            Stored::F32 => numbers!(f32),
            Stored::F64 => numbers!(f64),
            Stored::I8 => numbers!(i8),
            Stored::I16 => numbers!(i16),
            Stored::I32 => numbers!(i32),
            Stored::I64 => numbers!(i64),
            Stored::U8 => numbers!(u8),
            Stored::U16 => numbers!(u16),
            Stored::U32 => numbers!(u32),
        }
    }
}

/// Both inputs.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// How many samples there are.
    pub samples: u64,
    /// Samples.
    pub x: Rows,
    /// Targets.
    pub y: Rows,
}

/// Reads the heads of both inputs and checks that they belong together.
pub fn read_layout(params: &Params, x: &Source, y: &Source) -> Result<Layout> {
    let (samples, x) = match npy(x).map_err(|error| error.context("x"))? {
        Some(found) => found,
        None => raw_x(params, x)?,
    };
    let (targets, y) = match npy(y).map_err(|error| error.context("y"))? {
        Some(found) => found,
        None => raw(y, samples, vec![params.y_width.unwrap_or(1)]).map_err(|error| error.context("y"))?,
    };
    if targets != samples {
        bail!("x has {samples} samples and y has {targets}; there is one target for each sample");
    }
    if params.loss() == Loss::CrossEntropy && y.width() != 1 {
        bail!(
            "for cross_entropy y is one class number for each sample; here it has rows of shape {:?}",
            y.row
        );
    }
    if y.width() == 0 {
        bail!("y has rows without numbers");
    }
    Ok(Layout { samples, x, y })
}

fn raw_x(params: &Params, x: &Source) -> Result<(u64, Rows)> {
    let Some((samples, row)) = params.x_shape.as_ref().and_then(|shape| shape.split_first()) else {
        bail!("x is no .npy file; say its shape with --param 'x_shape=[samples, ...]'");
    };
    raw(x, *samples, row.to_vec()).map_err(|error| error.context("x"))
}

fn raw(input: &Source, samples: u64, row: Vec<u64>) -> Result<(u64, Rows)> {
    let wanted = row.iter().try_fold(4u64, |bytes, length| bytes.checked_mul(*length));
    match wanted.and_then(|bytes| bytes.checked_mul(samples)) {
        Some(wanted) if wanted == input.size() => Ok((
            samples,
            Rows {
                stored: Stored::F32,
                start: 0,
                row,
            },
        )),
        wanted => bail!(
            "{samples} samples of shape {row:?} in float32 have {} bytes, the input has {}",
            wanted.map_or("too many".to_owned(), |bytes| bytes.to_string()),
            input.size()
        ),
    }
}

/// The head of an .npy file (format versions 1 to 3); none if the input is not one.
fn npy(input: &Source) -> Result<Option<(u64, Rows)>> {
    let head = input.read_at(0, MAX_HEADER_BYTES);
    let Some(rest) = head.strip_prefix(b"\x93NUMPY") else {
        return Ok(None);
    };
    let (length, start) = match rest {
        [1, _, a, b, ..] => (u64::from(u16::from_le_bytes([*a, *b])), 10),
        [2 | 3, _, a, b, c, d, ..] => (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), 12),
        _ => bail!("the .npy file has a version that is not known, or is cut off"),
    };
    let end = usize::try_from(start + length).unwrap_or(usize::MAX);
    let Some(text) = head
        .get(start as usize..end)
        .and_then(|text| std::str::from_utf8(text).ok())
    else {
        bail!("the .npy file's header is cut off or no text");
    };
    let field = |name: &str| {
        text.split_once(name)
            .map(|(_, rest)| rest.trim_start_matches(['\'', '"', ':', ' ']))
    };
    let (Some(descr), Some(order), Some(shape)) = (field("descr"), field("fortran_order"), field("shape")) else {
        bail!("the .npy file's header lacks descr, fortran_order or shape");
    };
    if !order.starts_with("False") {
        bail!("the .npy file is in Fortran order; save numpy.ascontiguousarray(...) of it");
    }
    let stored = Stored::from_descr(descr.split(['\'', '"']).next().unwrap_or_default())?;
    let inside = shape
        .strip_prefix('(')
        .and_then(|shape| shape.split_once(')'))
        .map(|(inside, _)| inside);
    let lengths = inside
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let lengths: Vec<u64> = lengths.map(str::parse).collect::<std::result::Result<_, _>>()?;
    let Some((samples, row)) = lengths.split_first() else {
        bail!("the array has no dimensions; the first one counts the samples");
    };
    let rows = Rows {
        stored,
        start: start + length,
        row: row.to_vec(),
    };
    let bytes = lengths
        .iter()
        .try_fold(stored.size(), |bytes, length| bytes.checked_mul(*length));
    if bytes.and_then(|bytes| bytes.checked_add(rows.start)) != Some(input.size()) {
        bail!(
            "the .npy file of shape {lengths:?} has {} bytes, which does not fit",
            input.size()
        );
    }
    Ok(Some((*samples, rows)))
}
