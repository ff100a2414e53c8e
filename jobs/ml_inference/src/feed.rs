//! What feeds one input of the model: an array of samples, or a chunk's part of it.

use crate::params::Params;
use arrays::{Bytes, ElementType, Header, Nested};
use p2pjob::prelude::*;
use std::ops::Range;

/// Where elements lie.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a slice of the chunk (in `plan`: an input), behind some bytes.
    Slice {
        /// Index of the slice.
        index: u32,
        /// First byte of the elements.
        offset: u64,
    },
    /// In the chunk itself, little-endian.
    Inline(Bytes),
}

/// Samples for one input of the model, one after the other.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feed {
    /// The model's input; the next one in its order, if none is named.
    pub name: Option<String>,
    /// Type of the elements.
    pub element: ElementType,
    /// Whether they are big-endian.
    pub big_endian: bool,
    /// Whether the first index runs fastest; then all samples are there.
    pub fortran: bool,
    /// How many samples there are in all.
    pub samples: u64,
    /// Shape of one sample.
    pub shape: Vec<u64>,
    /// The samples of the chunk.
    pub range: (u64, u64),
    /// Where they lie.
    pub place: Place,
}

impl Feed {
    /// Bytes of one sample.
    pub fn sample_bytes(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.element.size()
    }

    /// Bytes of one sample that travel in a chunk's body.
    pub fn inline_bytes(&self) -> u64 {
        match self.place {
            Place::Inline(_) => self.sample_bytes(),
            Place::Slice { .. } => 0,
        }
    }

    /// Type and shape, for messages.
    pub fn describe(&self) -> String {
        let shape: Vec<String> = [self.samples].iter().chain(&self.shape).map(u64::to_string).collect();
        format!("{} of shape ({})", self.element, shape.join(", "))
    }

    /// This feed with only these samples, and the slice that holds them.
    pub fn slice<C>(&self, range: Range<u64>, inputs: &[Source], cut: Cut<C>) -> (Self, Cut<C>) {
        let bytes = self.sample_bytes();
        let place = match &self.place {
            Place::Inline(all) => {
                let part = (range.start * bytes) as usize..(range.end * bytes) as usize;
                Place::Inline(Bytes(all.0.get(part).unwrap_or_default().to_vec()))
            }
            Place::Slice { .. } => Place::Slice {
                index: cut.slices.len() as u32,
                offset: 0,
            },
        };
        let cut = match (&self.place, self.fortran) {
            (Place::Inline(_), _) => cut,
            (Place::Slice { index, offset }, whole) => {
                let range = if whole { 0..self.samples } else { range.clone() };
                let source = inputs.iter().find(|source| source.index() == *index);
                let (from, length) = (offset + range.start * bytes, (range.end - range.start) * bytes);
                source.iter().fold(cut, |cut, source| cut.slice(**source, from, length))
            }
        };
        let feed = Self {
            range: (range.start, range.end),
            place,
            ..self.clone()
        };
        (feed, cut)
    }

    /// From JSON.
    pub fn of_json(name: Option<String>, nested: &Nested) -> Result<Self> {
        let Some((samples, shape)) = nested.shape.split_first() else {
            bail!("input_data is a single number; give a list of samples");
        };
        let (element, bytes) = nested.pack(0, nested.numbers.len());
        Ok(Self {
            name,
            element,
            big_endian: false,
            fortran: false,
            samples: *samples,
            shape: shape.to_vec(),
            range: (0, *samples),
            place: Place::Inline(Bytes(bytes)),
        })
    }

    /// From a file.
    pub fn of_source(name: Option<String>, source: Source, params: &Params) -> Result<Self> {
        let header = if Header::is_npy(source) {
            Header::read(source)?
        } else {
            raw_header(source, params)?
        };
        let Some((samples, shape)) = header.shape.split_first() else {
            bail!("the array is a single number; its first dimension must count the samples");
        };
        // With no samples, the rest of the shape may still be larger than any file.
        let bytes = shape
            .iter()
            .try_fold(header.element.size(), |all, length| all.checked_mul(*length));
        if bytes.is_none_or(|bytes| bytes > i64::MAX as u64) {
            bail!("the shape {:?} is larger than any file", header.shape);
        }
        Ok(Self {
            name,
            element: header.element,
            big_endian: header.big_endian,
            fortran: header.fortran,
            samples: *samples,
            shape: shape.to_vec(),
            range: (0, *samples),
            place: Place::Slice {
                index: source.index(),
                offset: header.offset,
            },
        })
    }
}

/// The header that a raw file would have.
fn raw_header(source: Source, params: &Params) -> Result<Header> {
    let (Some(element), Some(shape)) = (params.dtype, &params.shape) else {
        bail!("no .npy file, and dtype or shape is missing; add --param dtype=float32 --param 'shape=[3, 224, 224]'");
    };
    let bytes = shape
        .iter()
        .try_fold(element.size(), |all, length| all.checked_mul(*length));
    let whole = bytes.filter(|bytes| *bytes > 0 && source.size().is_multiple_of(*bytes));
    let Some(bytes) = whole else {
        bail!(
            "{} bytes are no whole number of samples of {element} with shape {shape:?}",
            source.size()
        );
    };
    Ok(Header {
        element,
        big_endian: false,
        fortran: false,
        shape: [source.size() / bytes].iter().chain(shape).copied().collect(),
        offset: 0,
    })
}
