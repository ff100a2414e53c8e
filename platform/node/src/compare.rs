//! Whether two outputs of a chunk are the same within a tolerance (D3). Pure: bytes in, a finding out; it owns nothing.
//!
//! Outputs come from strangers. An output is read by its form: `.npy` ([`npy`]), `.npz` ([`npz`]), safetensors
//! ([`safetensors`]), JSON text ([`json`]), or bare numbers where the task says of which kind. Two outputs are close when they
//! have the same form, names, shapes and element types, everything that is no float is equal, and for every tensor
//! `|x - y| <= atol + rtol * max |reference|`. NaN equals NaN, an infinity its own sign. No form recurses into what it reads,
//! and none allocates more than its input's size.

mod json;
mod npy;
mod npz;
mod safetensors;
mod tensor;
#[cfg(test)]
mod tests;

use job_model::Tolerance;
use job_model::float::RawElements;
use tensor::{Elements, Kind, Tensor};

/// What comparing showed.
#[derive(Clone, PartialEq, Debug)]
pub enum Finding {
    /// They are close. The largest difference, relative to the largest element of its tensor, where a number says it.
    Close(Option<f64>),
    /// They are not; the same number.
    Apart(Option<f64>),
    /// It cannot be said; why, and what helps.
    Unknown(String),
}

/// The findings of parts, taken together.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Tally {
    apart: bool,
    largest: Option<f64>,
}

impl Tally {
    fn add(&mut self, close: bool, difference: Option<f64>) {
        self.apart |= !close;
        self.largest = [self.largest, difference].into_iter().flatten().reduce(f64::max);
    }
    fn finding(self) -> Finding {
        // CBOR and JSON carry no infinity that anybody can use.
        let largest = self.largest.filter(|largest| largest.is_finite());
        if self.apart {
            Finding::Apart(largest)
        } else {
            Finding::Close(largest)
        }
    }
}

/// What an output looks like from its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Npy,
    Npz,
    Safetensors,
    Headless,
}

fn form(bytes: &[u8]) -> Form {
    if bytes.starts_with(npy::MAGIC) {
        Form::Npy
    } else if bytes.starts_with(npz::MAGIC) {
        Form::Npz
    } else if safetensors::looks_like(bytes) {
        Form::Safetensors
    } else {
        Form::Headless
    }
}

/// Compares an output with a reference.
pub fn compare(reference: &[u8], output: &[u8], tolerance: &Tolerance) -> Finding {
    if reference == output {
        return Finding::Close(Some(0.0));
    }
    let forms = (form(reference), form(output));
    match forms {
        (Form::Npy, Form::Npy) => both(npy::read(reference), npy::read(output), |one, other| {
            npy::compare(one, other, tolerance)
        }),
        (Form::Npz, Form::Npz) => both(npz::read(reference), npz::read(output), |one, other| {
            npz::compare(one, other, tolerance)
        }),
        (Form::Safetensors, Form::Safetensors) => {
            both(safetensors::read(reference), safetensors::read(output), |one, other| {
                safetensors::compare(one, other, tolerance)
            })
        }
        (Form::Headless, Form::Headless) => match tolerance.raw {
            Some(elements) => bare(reference, output, elements, tolerance),
            None => json::compare(reference, output, tolerance),
        },
        _ => Finding::Apart(None),
    }
}

/// Two outputs that were read, or not: one that has the form and one that only claims it are apart.
fn both<T>(one: Result<T, String>, other: Result<T, String>, compare: impl FnOnce(&T, &T) -> Finding) -> Finding {
    match (one, other) {
        (Ok(one), Ok(other)) => compare(&one, &other),
        (Err(why), Err(_)) => Finding::Unknown(why),
        _ => Finding::Apart(None),
    }
}

/// Numbers without a header.
fn bare(reference: &[u8], output: &[u8], elements: RawElements, tolerance: &Tolerance) -> Finding {
    let size = match elements {
        RawElements::F32 => 4,
        RawElements::F64 => 8,
    };
    if reference.len() != output.len() {
        return Finding::Apart(None);
    }
    if !reference.len().is_multiple_of(size) {
        return Finding::Unknown(format!(
            "the outputs have {} bytes, which is no whole number of elements of {size} bytes; leave the element type out of \
             --compare, or name the right one",
            reference.len()
        ));
    }
    let tensor = |data| Tensor {
        elements: Elements {
            kind: Kind::Float,
            size,
            big_endian: false,
        },
        shape: vec![reference.len() / size],
        fortran: false,
        data,
    };
    let mut tally = Tally::default();
    tensor::compare(&tensor(reference), &tensor(output), tolerance, &mut tally);
    tally.finding()
}
