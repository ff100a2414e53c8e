//! Samples and targets: where their rows lie in the inputs, and how bytes become numbers.

use crate::params::{Loss, Params};
use arrays::{ElementType, Header};
use p2pjob::prelude::*;

/// The rows of an input.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    /// Type of the numbers.
    pub element: ElementType,
    /// Whether they are big-endian.
    pub big_endian: bool,
    /// Where the first one lies, in bytes.
    pub start: u64,
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
        samples * self.width() * self.element.size()
    }

    /// Where a sample begins.
    pub fn offset(&self, sample: u64) -> u64 {
        self.start + self.bytes(sample)
    }

    /// The numbers of a slice that begins with sample `first`, as `f32`. An error names the sample of a number that is not
    /// finite: one would make every weight NaN.
    pub fn read(&self, name: &str, first: u64, slice: &Source) -> Result<Vec<f32>> {
        let numbers = self.element.to_f32(&slice.read_all(), self.big_endian);
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            let sample = first + at as u64 / self.width().max(1);
            bail!(
                "{name} has the number {} in sample {sample}: training needs finite numbers (in float32); remove that \
                 sample or replace the number",
                numbers[at]
            );
        }
        Ok(numbers)
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
    /// Targets, where there are any.
    pub y: Option<Rows>,
}

impl Layout {
    /// Reads the heads of both inputs and checks that they belong together.
    pub fn read(params: &Params, x: Source, y: Option<Source>) -> Result<Self> {
        let in_x = |error: Error| error.context("x");
        let (samples, x) = if Header::is_npy(x) {
            npy(x).map_err(in_x)?
        } else {
            let Some((samples, row)) = params.x_shape.as_ref().and_then(|shape| shape.split_first()) else {
                bail!(
                    "x is no .npy file; save it with numpy.save, or say the shape of raw float32 with --param 'x_shape=[samples, ...]'"
                );
            };
            raw(x, *samples, row.to_vec()).map_err(in_x)?
        };
        if samples == 0 {
            bail!("x has no samples");
        }
        let y = match y {
            Some(y) => Some(targets(params, samples, y).map_err(|error| error.context("y"))?),
            None => None,
        };
        Ok(Self { samples, x, y })
    }

    /// Checks the targets against what the loss compares.
    pub fn check_targets(&self, loss: Loss) -> Result<&Rows> {
        let Some(y) = &self.y else {
            bail!("there are no targets");
        };
        if loss == Loss::CrossEntropy && y.width() != 1 {
            bail!(
                "for cross_entropy y is one class number for each sample; here it has rows of shape {:?}",
                y.row
            );
        }
        Ok(y)
    }
}

fn targets(params: &Params, samples: u64, y: Source) -> Result<Rows> {
    let (targets, rows) = if Header::is_npy(y) {
        npy(y)?
    } else {
        raw(y, samples, vec![params.y_width.unwrap_or(1)])?
    };
    if targets != samples {
        bail!("x has {samples} samples and y has {targets}; there is one target for each sample");
    }
    if rows.width() == 0 {
        bail!("its rows are without numbers: shape {:?}", rows.row);
    }
    Ok(rows)
}

fn npy(input: Source) -> Result<(u64, Rows)> {
    let header = Header::read(input)?;
    if header.fortran {
        bail!(
            "the .npy file is in Fortran order, which scatters a sample over the file; save numpy.ascontiguousarray(...) of it"
        );
    }
    let Some((samples, row)) = header.shape.split_first() else {
        bail!("the array is a single number; its first dimension must count the samples");
    };
    // With no samples, the rest of the shape may still be larger than any file.
    let bytes = row
        .iter()
        .try_fold(header.element.size(), |all, length| all.checked_mul(*length));
    if bytes.is_none_or(|bytes| bytes > i64::MAX as u64) {
        bail!("the shape {:?} is larger than any file", header.shape);
    }
    let rows = Rows {
        element: header.element,
        big_endian: header.big_endian,
        start: header.offset,
        row: row.to_vec(),
    };
    Ok((*samples, rows))
}

fn raw(input: Source, samples: u64, row: Vec<u64>) -> Result<(u64, Rows)> {
    let wanted = row.iter().try_fold(4u64, |bytes, length| bytes.checked_mul(*length));
    let wanted = wanted.and_then(|bytes| bytes.checked_mul(samples));
    if wanted != Some(input.size()) {
        bail!(
            "{samples} samples of shape {row:?} in float32 have {} bytes, the input has {}",
            wanted.map_or("too many".to_owned(), |bytes| bytes.to_string()),
            input.size()
        );
    }
    let rows = Rows {
        element: ElementType::F32,
        big_endian: false,
        start: 0,
        row,
    };
    Ok((samples, rows))
}
