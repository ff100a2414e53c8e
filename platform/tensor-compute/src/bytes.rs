//! Tensors as little-endian bytes, in pieces and without copies: how they come from inputs and go to outputs.

use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::session::{Lease, Session};
use crate::tensor::{Data, Tensor};
use bytemuck::{cast_slice, cast_slice_mut};
use half::{bf16, f16, slice::HalfFloatSliceExt};
use std::borrow::Cow;
use std::sync::Arc;

/// A tensor that is being filled with bytes, in any order of pieces. What is not written stays zero.
#[derive(Debug)]
pub struct TensorBuilder {
    op: &'static str,
    shape: Vec<usize>,
    elements: Elements,
    /// Elements there will be.
    count: usize,
    lease: Arc<Lease>,
}

/// Bytes that are cleared at a time, before they are written.
const CLEARED_BYTES: usize = 64 << 10;

/// The buffers, not yet shared.
#[derive(Debug)]
enum Elements {
    F16(Vec<f16>),
    BF16(Vec<bf16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Bool(Vec<bool>),
}

impl TensorBuilder {
    /// Leases and makes the memory of a tensor (not of texts). Charges nothing. Errors name `op`.
    pub fn new(session: &Session, op: &'static str, dtype: DType, shape: &[usize]) -> Result<Self> {
        let (count, lease) = session.lease_for(op, shape, dtype)?;
        let elements = match dtype {
            DType::F16 => Elements::F16(Vec::with_capacity(count)),
            DType::BF16 => Elements::BF16(Vec::with_capacity(count)),
            DType::F32 => Elements::F32(Vec::with_capacity(count)),
            DType::F64 => Elements::F64(Vec::with_capacity(count)),
            DType::I8 => Elements::I8(Vec::with_capacity(count)),
            DType::I16 => Elements::I16(Vec::with_capacity(count)),
            DType::I32 => Elements::I32(Vec::with_capacity(count)),
            DType::I64 => Elements::I64(Vec::with_capacity(count)),
            DType::U8 => Elements::U8(Vec::with_capacity(count)),
            DType::U16 => Elements::U16(Vec::with_capacity(count)),
            DType::U32 => Elements::U32(Vec::with_capacity(count)),
            DType::U64 => Elements::U64(Vec::with_capacity(count)),
            DType::Bool => Elements::Bool(Vec::with_capacity(count)),
            DType::Text => {
                let why = "texts have no bytes; only models give them".to_owned();
                return Err(ComputeError::DType { op, why });
            }
        };
        Ok(Self {
            op,
            shape: shape.to_vec(),
            elements,
            count,
            lease,
        })
    }

    /// Writes a piece at a byte offset. Booleans: 0 is false, any other byte true.
    pub fn put(&mut self, offset: usize, piece: &[u8]) -> Result<()> {
        let (op, size) = (self.op, self.elements.size());
        let inside = offset
            .checked_add(piece.len())
            .is_some_and(|end| end <= self.count * size);
        if !inside {
            return Err(ComputeError::Argument {
                op,
                why: format!("{} bytes at {offset} are not inside the tensor", piece.len()),
            });
        }
        // In order, so that what is cleared is written over while it is in a cache.
        for (at, piece) in piece.chunks(CLEARED_BYTES).enumerate() {
            let start = offset + at * CLEARED_BYTES;
            let end = start + piece.len();
            self.elements.grow(end.div_ceil(size));
            if let Elements::Bool(values) = &mut self.elements {
                for (value, byte) in values[start..end].iter_mut().zip(piece) {
                    *value = *byte != 0;
                }
            } else {
                self.elements.memory()[start..end].copy_from_slice(piece);
            }
        }
        Ok(())
    }

    /// The tensor.
    pub fn finish(mut self) -> Result<Tensor> {
        self.elements.grow(self.count);
        if cfg!(target_endian = "big") {
            let size = self.elements.size();
            self.elements.memory().chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Tensor::from_data(&self.shape, self.elements.share(), Some(self.lease))
    }
}

/// Runs `$body` with `$values` bound to the vector, whatever its type.
macro_rules! with_elements {
    ($elements:expr, $values:ident => $body:expr) => {
        match $elements {
            Elements::F16($values) => $body,
            Elements::BF16($values) => $body,
            Elements::F32($values) => $body,
            Elements::F64($values) => $body,
            Elements::I8($values) => $body,
            Elements::I16($values) => $body,
            Elements::I32($values) => $body,
            Elements::I64($values) => $body,
            Elements::U8($values) => $body,
            Elements::U16($values) => $body,
            Elements::U32($values) => $body,
            Elements::U64($values) => $body,
            Elements::Bool($values) => $body,
        }
    };
}

fn shared<T: Element>(values: Vec<T>) -> Data {
    T::wrap(Arc::new(values))
}

fn size_of_element<T: Element>(_: &[T]) -> usize {
    T::DTYPE.size()
}

impl Elements {
    /// Adds zeros until there are so many elements; fewer than there are change nothing.
    fn grow(&mut self, count: usize) {
        with_elements!(self, values => {
            if values.len() < count {
                values.resize(count, Default::default());
            }
        });
    }

    /// The bytes as they lie in memory; none of booleans, which not every byte is.
    fn memory(&mut self) -> &mut [u8] {
        match self {
            Self::F16(v) => cast_slice_mut(v.reinterpret_cast_mut()),
            Self::BF16(v) => cast_slice_mut(v.reinterpret_cast_mut()),
            Self::F32(v) => cast_slice_mut(v),
            Self::F64(v) => cast_slice_mut(v),
            Self::I8(v) => cast_slice_mut(v),
            Self::I16(v) => cast_slice_mut(v),
            Self::I32(v) => cast_slice_mut(v),
            Self::I64(v) => cast_slice_mut(v),
            Self::U8(v) => v,
            Self::U16(v) => cast_slice_mut(v),
            Self::U32(v) => cast_slice_mut(v),
            Self::U64(v) => cast_slice_mut(v),
            Self::Bool(_) => &mut [],
        }
    }

    /// Bytes of one element.
    fn size(&self) -> usize {
        with_elements!(self, values => size_of_element(values))
    }

    fn share(self) -> Data {
        with_elements!(self, values => shared(values))
    }
}

impl Tensor {
    /// All elements as little-endian bytes, row-major; a view where the machine's order is the same. None for texts.
    ///
    /// Every NaN leaves as the one quiet, positive NaN: sign and payload differ between processors, and no operation here
    /// looks at them.
    pub fn le_bytes(&self) -> Option<Cow<'_, [u8]>> {
        self.le_piece(0, self.len() * self.dtype().size())
    }

    /// [`Tensor::le_bytes`] as a vector of its own.
    pub fn to_le_bytes(&self) -> Option<Vec<u8>> {
        self.le_bytes().map(Cow::into_owned)
    }

    /// The bytes `offset .. offset + length` of [`Tensor::le_bytes`]; none where there are no such bytes.
    pub fn le_piece(&self, offset: usize, length: usize) -> Option<Cow<'_, [u8]>> {
        let end = offset.checked_add(length)?;
        let bytes = self.memory()?;
        let piece = bytes.get(offset..end)?;
        let size = self.dtype().size();
        // Whole elements around the piece.
        let (first, last) = (offset / size, end.div_ceil(size));
        if cfg!(target_endian = "little") && !self.has_nan(first..last) {
            return Some(Cow::Borrowed(piece));
        }
        let mut whole = bytes.get(first * size..last * size)?.to_vec();
        let nan = self.nan_bytes();
        for (at, element) in whole.chunks_exact_mut(size).enumerate() {
            match &nan {
                Some(nan) if self.has_nan(first + at..first + at + 1) => element.copy_from_slice(nan),
                _ if cfg!(target_endian = "big") => element.reverse(),
                _ => {}
            }
        }
        let skip = offset - first * size;
        Some(Cow::Owned(whole.get(skip..skip + length)?.to_vec()))
    }

    /// The elements as they lie in memory.
    fn memory(&self) -> Option<&[u8]> {
        Some(match self.data() {
            Data::F16(v) => cast_slice(v.reinterpret_cast()),
            Data::BF16(v) => cast_slice(v.reinterpret_cast()),
            Data::F32(v) => cast_slice(v),
            Data::F64(v) => cast_slice(v),
            Data::I8(v) => cast_slice(v),
            Data::I16(v) => cast_slice(v),
            Data::I32(v) => cast_slice(v),
            Data::I64(v) => cast_slice(v),
            Data::U8(v) => v,
            Data::U16(v) => cast_slice(v),
            Data::U32(v) => cast_slice(v),
            Data::U64(v) => cast_slice(v),
            Data::Bool(v) => cast_slice(v),
            Data::Text(_) => return None,
        })
    }

    fn has_nan(&self, elements: std::ops::Range<usize>) -> bool {
        // A fold, not `any`: without an early end the loop is vectorised.
        match self.data() {
            Data::F16(v) => v[elements].iter().fold(false, |found, x| found | x.is_nan()),
            Data::BF16(v) => v[elements].iter().fold(false, |found, x| found | x.is_nan()),
            Data::F32(v) => v[elements].iter().fold(false, |found, x| found | x.is_nan()),
            Data::F64(v) => v[elements].iter().fold(false, |found, x| found | x.is_nan()),
            _ => false,
        }
    }

    /// The NaN that leaves.
    fn nan_bytes(&self) -> Option<Vec<u8>> {
        match self.dtype() {
            DType::F16 => Some(0x7e00_u16.to_le_bytes().to_vec()),
            DType::BF16 => Some(0x7fc0_u16.to_le_bytes().to_vec()),
            DType::F32 => Some(0x7fc0_0000_u32.to_le_bytes().to_vec()),
            DType::F64 => Some(0x7ff8_0000_0000_0000_u64.to_le_bytes().to_vec()),
            _ => None,
        }
    }

    /// The same number everywhere: rounded to the type, cut and saturated for whole numbers (NaN is 0), not 0 for true.
    /// Charges for the bytes. Errors name `op`; texts are one.
    pub fn filled(session: &Session, op: &'static str, (dtype, shape): (DType, &[usize]), value: f64) -> Result<Self> {
        let count = crate::element_count(op, shape, dtype)?;
        session.charge(0, (count as u64).saturating_mul(dtype.size() as u64))?;
        let mut builder = TensorBuilder::new(session, op, dtype, shape)?;
        match &mut builder.elements {
            Elements::F16(v) => v.resize(count, f16::from_f64(value)),
            Elements::BF16(v) => v.resize(count, bf16::from_f64(value)),
            Elements::F32(v) => v.resize(count, value as f32),
            Elements::F64(v) => v.resize(count, value),
            Elements::I8(v) => v.resize(count, value as i8),
            Elements::I16(v) => v.resize(count, value as i16),
            Elements::I32(v) => v.resize(count, value as i32),
            Elements::I64(v) => v.resize(count, value as i64),
            Elements::U8(v) => v.resize(count, value as u8),
            Elements::U16(v) => v.resize(count, value as u16),
            Elements::U32(v) => v.resize(count, value as u32),
            Elements::U64(v) => v.resize(count, value as u64),
            Elements::Bool(v) => v.resize(count, value != 0.0),
        }
        Tensor::from_data(shape, builder.elements.share(), Some(builder.lease))
    }
}

#[cfg(test)]
mod tests;
