//! Types of elements, with their names here and in NumPy.

use crate::show::half_to_f64;
use p2pjob::prelude::*;
use p2pjob::tensors::DType;

/// The type of an array's elements. `#[params]` makes it a parameter.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, p2pjob::serde::Serialize)]
pub enum ElementType {
    /// IEEE 754 binary16.
    #[serde(rename = "float16")]
    F16,
    /// IEEE 754 binary32.
    #[serde(rename = "float32")]
    F32,
    /// IEEE 754 binary64.
    #[serde(rename = "float64")]
    F64,
    /// Signed, 8 bits.
    #[serde(rename = "int8")]
    I8,
    /// Signed, 16 bits.
    #[serde(rename = "int16")]
    I16,
    /// Signed, 32 bits.
    #[serde(rename = "int32")]
    I32,
    /// Signed, 64 bits.
    #[serde(rename = "int64")]
    I64,
    /// Unsigned, 8 bits.
    #[serde(rename = "uint8")]
    U8,
    /// Unsigned, 16 bits.
    #[serde(rename = "uint16")]
    U16,
    /// Unsigned, 32 bits.
    #[serde(rename = "uint32")]
    U32,
    /// Unsigned, 64 bits.
    #[serde(rename = "uint64")]
    U64,
    /// One byte, 0 or 1.
    #[serde(rename = "bool")]
    Bool,
}

impl ElementType {
    /// All types, in the order of the variants.
    pub const ALL: [Self; 12] = [
        Self::F16,
        Self::F32,
        Self::F64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::Bool,
    ];

    /// Bytes of one element.
    pub const fn size(self) -> u64 {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Whether it is a floating-point type.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// NumPy's name in full: `float32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
        }
    }

    /// NumPy's code, without the byte order: `f4`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::F16 => "f2",
            Self::F32 => "f4",
            Self::F64 => "f8",
            Self::I8 => "i1",
            Self::I16 => "i2",
            Self::I32 => "i4",
            Self::I64 => "i8",
            Self::U8 => "u1",
            Self::U16 => "u2",
            Self::U32 => "u4",
            Self::U64 => "u8",
            Self::Bool => "b1",
        }
    }

    /// The code in a `.npy` header, little-endian: `<f4`, `|u1`.
    pub fn descr(self) -> String {
        let order = if self.size() == 1 { '|' } else { '<' };
        format!("{order}{}", self.code())
    }

    /// The type of this code or name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|one| one.code() == code || one.name() == code)
    }
}

impl ElementType {
    /// Elements as `f32`, the nearest one to each; what is left of a cut-off element is left out.
    pub fn to_f32(self, bytes: &[u8], big_endian: bool) -> Vec<f32> {
        macro_rules! each {
            ($rust:ty, $value:expr) => {{
                let value = $value;
                let (elements, _) = bytes.as_chunks();
                let read = if big_endian {
                    <$rust>::from_be_bytes
                } else {
                    <$rust>::from_le_bytes
                };
                elements.iter().map(|element| value(read(*element))).collect()
            }};
        }
        match self {
            Self::F16 => each!(u16, |bits| half_to_f64(bits) as f32),
            Self::F32 => each!(f32, |number| number),
            Self::F64 => each!(f64, |number| number as f32),
            Self::I8 => each!(i8, f32::from),
            Self::I16 => each!(i16, f32::from),
            Self::I32 => each!(i32, |number| number as f32),
            Self::I64 => each!(i64, |number| number as f32),
            Self::U8 => each!(u8, f32::from),
            Self::U16 => each!(u16, f32::from),
            Self::U32 => each!(u32, |number| number as f32),
            Self::U64 => each!(u64, |number| number as f32),
            Self::Bool => bytes.iter().map(|byte| f32::from(u8::from(*byte != 0))).collect(),
        }
    }

    /// As the node's tensors name it.
    pub const fn dtype(self) -> DType {
        match self {
            Self::F16 => DType::F16,
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
            Self::I8 => DType::I8,
            Self::I16 => DType::I16,
            Self::I32 => DType::I32,
            Self::I64 => DType::I64,
            Self::U8 => DType::U8,
            Self::U16 => DType::U16,
            Self::U32 => DType::U32,
            Self::U64 => DType::U64,
            Self::Bool => DType::Bool,
        }
    }
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
