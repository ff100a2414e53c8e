//! Protocol Buffers on the wire: fields one after the other, borrowed from the file. Nothing is believed: every length is
//! checked against what is there.

use crate::error::{ComputeError, Result};

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A whole number or boolean.
    Varint(u64),
    /// Eight bytes, little-endian.
    Fixed64(u64),
    /// A text, bytes, a message, or numbers packed together.
    Bytes(&'a [u8]),
    /// Four bytes, little-endian.
    Fixed32(u32),
}

/// A file that breaks off or is no protocol buffer.
pub fn broken(what: &str) -> ComputeError {
    ComputeError::Model {
        why: format!("the file is damaged or no ONNX model: {what}"),
    }
}

/// Reads the fields of one message.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Over the bytes of one message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field: its number and content; none at the end.
    pub fn next(&mut self) -> Result<Option<(u64, Value<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| broken("a field is too long"))?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            kind => return Err(broken(&format!("a field has the wire type {kind}"))),
        };
        Ok(Some((key >> 3, value)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| broken("it ends within a field"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| broken("it ends within a field"))
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for (position, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(position + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(broken("a number does not end"))
    }
}

impl<'a> Value<'a> {
    /// As a message or bytes.
    pub fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(broken("a number stands where a message is expected")),
        }
    }

    /// As a text.
    pub fn text(self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| broken("a name is not UTF-8"))
    }

    /// As a signed whole number.
    pub fn int(self) -> Result<i64> {
        match self {
            Self::Varint(value) => Ok(value as i64),
            _ => Err(broken("a whole number is expected")),
        }
    }

    /// As a 32-bit float.
    pub fn float(self) -> Result<f32> {
        match self {
            Self::Fixed32(bits) => Ok(f32::from_bits(bits)),
            _ => Err(broken("a number is expected")),
        }
    }

    /// Appends whole numbers: one, or packed ones.
    pub fn ints_into(self, out: &mut Vec<i64>) -> Result<()> {
        match self {
            Self::Varint(value) => out.push(value as i64),
            Self::Bytes(bytes) => {
                let mut packed = Fields::new(bytes);
                while !packed.rest.is_empty() {
                    out.push(packed.varint()? as i64);
                }
            }
            _ => return Err(broken("whole numbers are expected")),
        }
        Ok(())
    }

    /// Appends 32-bit floats: one, or packed ones.
    pub fn floats_into(self, out: &mut Vec<f32>) -> Result<()> {
        match self {
            Self::Fixed32(bits) => out.push(f32::from_bits(bits)),
            Self::Bytes(bytes) if bytes.len().is_multiple_of(4) => {
                out.extend(
                    bytes
                        .chunks_exact(4)
                        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
                );
            }
            _ => return Err(broken("floats are expected")),
        }
        Ok(())
    }

    /// Appends 64-bit floats: one, or packed ones.
    pub fn doubles_into(self, out: &mut Vec<f64>) -> Result<()> {
        match self {
            Self::Fixed64(bits) => out.push(f64::from_bits(bits)),
            Self::Bytes(bytes) if bytes.len().is_multiple_of(8) => out.extend(
                bytes
                    .chunks_exact(8)
                    .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])),
            ),
            _ => return Err(broken("floats are expected")),
        }
        Ok(())
    }
}
