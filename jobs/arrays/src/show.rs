//! Arrays as JSON: nested lists, numbers with the fewest digits that give the same value back.

use crate::element::ElementType;
use p2pjob::prelude::*;
use std::io::Write;

/// Most lists written for an array without elements.
const MAX_EMPTY_LISTS: u64 = 1 << 20;

/// Elements of one of the types a host gives back, little-endian.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Type of the elements; not `float16`.
    pub element: ElementType,
    /// Their bytes.
    pub bytes: &'a [u8],
}

impl Shown<'_> {
    /// Writes element `at` as JSON. NaN and the infinities become texts, for which JSON has no numbers.
    pub fn write(&self, at: usize, out: &mut impl Write) -> Result<()> {
        fn part<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N]> {
            match bytes.as_chunks::<N>().0.get(at) {
                Some(bytes) => Ok(*bytes),
                None => bail!("element {at} is not there"),
            }
        }
        match self.element {
            ElementType::F32 => {
                let value = f32::from_le_bytes(part(self.bytes, at)?);
                if value.is_finite() {
                    p2pjob::serde_json::to_writer(out, &value)?;
                } else {
                    write_number(value.into(), out)?;
                }
            }
            ElementType::F64 => write_number(f64::from_le_bytes(part(self.bytes, at)?), out)?,
            ElementType::F16 => write_number(half_to_f64(u16::from_le_bytes(part(self.bytes, at)?)), out)?,
            ElementType::I8 => write!(out, "{}", i8::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::I16 => write!(out, "{}", i16::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::I32 => write!(out, "{}", i32::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::I64 => write!(out, "{}", i64::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::U8 => write!(out, "{}", u8::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::U16 => write!(out, "{}", u16::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::U32 => write!(out, "{}", u32::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::U64 => write!(out, "{}", u64::from_le_bytes(part(self.bytes, at)?))?,
            ElementType::Bool => write!(out, "{}", part::<1>(self.bytes, at)?[0] != 0)?,
        }
        Ok(())
    }
}

/// The value of an IEEE 754 binary16.
pub fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1F);
    let fraction = f64::from(bits & 0x3FF) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// Writes a number as JSON; NaN and the infinities as texts.
pub fn write_number(value: f64, out: &mut impl Write) -> Result<()> {
    match value {
        _ if value.is_nan() => out.write_all(b"\"NaN\"")?,
        _ if value == f64::INFINITY => out.write_all(b"\"Infinity\"")?,
        _ if value == f64::NEG_INFINITY => out.write_all(b"\"-Infinity\"")?,
        _ => p2pjob::serde_json::to_writer(out, &value)?,
    }
    Ok(())
}

/// Writes lists of lists of a shape; `each` writes the element of a number, counted with the last index fastest.
pub fn write_nested<W: Write>(
    shape: &[u64],
    out: &mut W,
    each: &mut impl FnMut(usize, &mut W) -> Result<()>,
) -> Result<()> {
    // A dimension of length 0 makes no elements, yet the lists around it are written.
    let lists = shape
        .iter()
        .take(shape.len().saturating_sub(1))
        .try_fold(1u64, |all, length| all.checked_mul(*length));
    if shape.contains(&0) && lists.is_none_or(|lists| lists > MAX_EMPTY_LISTS) {
        bail!("an array of shape {shape:?} has too many empty lists for JSON; ask for output npy");
    }
    write_level(shape, &mut 0, out, each)
}

fn write_level<W: Write>(
    shape: &[u64],
    next: &mut usize,
    out: &mut W,
    each: &mut impl FnMut(usize, &mut W) -> Result<()>,
) -> Result<()> {
    let Some((length, inner)) = shape.split_first() else {
        each(*next, out)?;
        *next += 1;
        return Ok(());
    };
    out.write_all(b"[")?;
    for number in 0..*length {
        out.write_all(if number == 0 { b"" } else { b"," })?;
        write_level(inner, next, out, each)?;
    }
    out.write_all(b"]")?;
    Ok(())
}
