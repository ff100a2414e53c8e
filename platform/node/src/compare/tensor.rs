//! Tensors over borrowed bytes, and how far two of them are apart.

use super::Tally;
use job_model::Tolerance;

/// What an element is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// IEEE 754 of 2, 4 or 8 bytes.
    Float,
    /// bfloat16.
    Brain,
    /// Two floats of half the size.
    Complex,
    /// Whole numbers and booleans: no rounding reaches them, so their bytes are compared.
    Whole,
}

/// An element type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Elements {
    pub(super) kind: Kind,
    /// Bytes of one.
    pub(super) size: usize,
    pub(super) big_endian: bool,
}

/// A tensor whose data has exactly the size that its shape says.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tensor<'a> {
    pub(super) elements: Elements,
    pub(super) shape: Vec<usize>,
    /// The first index runs fastest.
    pub(super) fortran: bool,
    pub(super) data: &'a [u8],
}

impl Tensor<'_> {
    /// How many bytes elements of a shape take, if memory can hold them.
    pub(super) fn bytes_of(shape: &[usize], size: usize) -> Option<usize> {
        shape.iter().try_fold(size, |bytes, length| bytes.checked_mul(*length))
    }

    /// The bytes of the element at this place in C order.
    fn at(&self, place: usize) -> &[u8] {
        let place = if self.fortran { self.turned(place) } else { place };
        let start = place * self.elements.size;
        self.data.get(start..start + self.elements.size).unwrap_or_default()
    }

    /// The place in Fortran order of an element at a place in C order.
    fn turned(&self, mut place: usize) -> usize {
        let mut stride = self.shape.iter().product::<usize>();
        let mut turned = 0;
        for length in self.shape.iter().rev() {
            let length = (*length).max(1);
            stride /= length;
            turned += place % length * stride;
            place /= length;
        }
        turned
    }
}

/// The largest of what was seen of one tensor.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Spread {
    /// A NaN or infinity that the other side does not have.
    torn: bool,
    difference: f64,
    scale: f64,
}

impl Spread {
    /// Takes a pair of elements in.
    pub(super) fn add(&mut self, reference: f64, other: f64) {
        if reference.is_finite() {
            self.scale = self.scale.max(reference.abs());
        }
        if reference.is_finite() && other.is_finite() {
            self.difference = self.difference.max((reference - other).abs());
        } else {
            // The payload of a NaN says nothing.
            self.torn |= !(reference == other || reference.is_nan() && other.is_nan());
        }
    }

    /// Ends the tensor.
    pub(super) fn end(self, tolerance: &Tolerance, tally: &mut Tally) {
        let close = !self.torn && self.difference <= tolerance.atol + tolerance.rtol * self.scale;
        let relative = if self.difference == 0.0 {
            Some(0.0)
        } else {
            (self.scale > 0.0).then(|| self.difference / self.scale)
        };
        tally.add(close, relative.filter(|_| !self.torn));
    }
}

/// Compares two tensors.
pub(super) fn compare(reference: &Tensor, other: &Tensor, tolerance: &Tolerance, tally: &mut Tally) {
    let same = reference.elements.kind == other.elements.kind && reference.elements.size == other.elements.size;
    if !same || reference.shape != other.shape {
        return tally.add(false, None);
    }
    // One dimension has one order.
    let straight = reference.fortran == other.fortran || reference.shape.len() < 2;
    let count = reference.shape.iter().product::<usize>();
    let Elements { kind, size, .. } = reference.elements;
    let mut spread = Spread::default();
    for place in 0..count {
        let (x, y) = if straight {
            let range = place * size..place * size + size;
            (
                reference.data.get(range.clone()).unwrap_or_default(),
                other.data.get(range).unwrap_or_default(),
            )
        } else {
            (reference.at(place), other.at(place))
        };
        let (x, y) = (word(x, reference.elements), word(y, other.elements));
        match kind {
            Kind::Whole if x != y => return tally.add(false, None),
            Kind::Whole => {}
            Kind::Brain => spread.add(brain(x), brain(y)),
            Kind::Float => spread.add(float(x, size), float(y, size)),
            Kind::Complex => {
                let half = size / 2;
                // Both parts count with the scale of all: a small part of a large number is rounding.
                let part = |word: u128, upper: bool| float(if upper { word >> (8 * half) } else { word }, half);
                spread.add(part(x, false), part(y, false));
                spread.add(part(x, true), part(y, true));
            }
        }
    }
    spread.end(tolerance, tally);
}

/// The bytes of an element as one little-endian word, at most 16 of them. A complex number of the other byte order has its
/// parts in the same order: each is turned by itself.
fn word(bytes: &[u8], elements: Elements) -> u128 {
    let part = if elements.kind == Kind::Complex {
        elements.size / 2
    } else {
        elements.size
    };
    let mut word = [0u8; 16];
    for (at, byte) in bytes.iter().enumerate().take(16) {
        let (base, inside) = (at / part.max(1) * part, at % part.max(1));
        let place = if elements.big_endian {
            base + part - 1 - inside
        } else {
            at
        };
        if let Some(slot) = word.get_mut(place) {
            *slot = *byte;
        }
    }
    u128::from_le_bytes(word)
}

/// The float of a size in the low bytes of a word.
fn float(word: u128, size: usize) -> f64 {
    match size {
        2 => half(word as u16),
        4 => f64::from(f32::from_bits(word as u32)),
        _ => f64::from_bits(word as u64),
    }
}

/// bfloat16: the upper half of a single.
fn brain(word: u128) -> f64 {
    f64::from(f32::from_bits(u32::from(word as u16) << 16))
}

/// IEEE 754 half.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}
