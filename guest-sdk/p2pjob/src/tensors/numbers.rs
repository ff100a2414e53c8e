//! Elements as Rust numbers, whatever their type at the node.

use super::{DType, Tensor, TensorError};

impl Tensor {
    /// The elements, of any number type, as `f64`: exact but for whole numbers beyond 2^53. Booleans are 0 and 1.
    pub fn to_f64(&self) -> Result<Vec<f64>, TensorError> {
        let bytes = self.to_bytes()?;
        numbers(self.dtype(), &bytes).ok_or_else(texts_are_none)
    }

    /// The elements, of any number type, as `f32`: rounded where they have more digits.
    pub fn to_f32(&self) -> Result<Vec<f32>, TensorError> {
        let bytes = self.to_bytes()?;
        if self.dtype() == DType::F32 {
            return Ok(each(&bytes, f32::from_le_bytes));
        }
        let wide = numbers(self.dtype(), &bytes).ok_or_else(texts_are_none)?;
        Ok(wide.into_iter().map(|value| value as f32).collect())
    }

    /// The elements as `i64`: exact for whole numbers up to its range, others are cut and saturate.
    pub fn to_i64(&self) -> Result<Vec<i64>, TensorError> {
        let bytes = self.to_bytes()?;
        match self.dtype() {
            DType::I64 => Ok(each(&bytes, i64::from_le_bytes)),
            DType::U64 => Ok(each(&bytes, |value| {
                i64::try_from(u64::from_le_bytes(value)).unwrap_or(i64::MAX)
            })),
            dtype => {
                let wide = numbers(dtype, &bytes).ok_or_else(texts_are_none)?;
                Ok(wide.into_iter().map(|value| value as i64).collect())
            }
        }
    }
}

fn texts_are_none() -> TensorError {
    TensorError::ElementType("texts are no numbers; use to_texts".to_owned())
}

fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}

pub(super) fn numbers(dtype: DType, bytes: &[u8]) -> Option<Vec<f64>> {
    Some(match dtype {
        DType::F16 => each(bytes, |value| half(u16::from_le_bytes(value))),
        DType::BF16 => each(bytes, |value| {
            f64::from(f32::from_bits(u32::from(u16::from_le_bytes(value)) << 16))
        }),
        DType::F32 => each(bytes, |value| f64::from(f32::from_le_bytes(value))),
        DType::F64 => each(bytes, f64::from_le_bytes),
        DType::I8 => each(bytes, |value| f64::from(i8::from_le_bytes(value))),
        DType::I16 => each(bytes, |value| f64::from(i16::from_le_bytes(value))),
        DType::I32 => each(bytes, |value| f64::from(i32::from_le_bytes(value))),
        DType::I64 => each(bytes, |value| i64::from_le_bytes(value) as f64),
        DType::U8 | DType::Bool => each(bytes, |value| f64::from(u8::from_le_bytes(value))),
        DType::U16 => each(bytes, |value| f64::from(u16::from_le_bytes(value))),
        DType::U32 => each(bytes, |value| f64::from(u32::from_le_bytes(value))),
        DType::U64 => each(bytes, |value| u64::from_le_bytes(value) as f64),
        DType::Text => return None,
    })
}

/// A number of IEEE 754 binary16: 5 bits of exponent with bias 15, 10 of fraction.
pub(super) fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let magnitude = match exponent {
        31 if bits & 1023 != 0 => f64::NAN,
        31 => f64::INFINITY,
        // Subnormal: in units of 2^-24.
        0 => fraction / f64::from(1 << 24),
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}
