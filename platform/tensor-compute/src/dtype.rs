//! Element types.

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// The type of a tensor's elements. Booleans take one byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum DType {
    F16,
    BF16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    /// UTF-8 texts: labels of classifiers. No arithmetic.
    Text,
}

impl DType {
    /// Bytes of one element; a text counts with the size of its handle (and its bytes on top).
    pub fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::Text => size_of::<String>(),
        }
    }

    /// Whether it is a floating-point type.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    /// Whether it is a whole-number type (not a boolean).
    pub fn is_int(self) -> bool {
        !self.is_float() && !matches!(self, Self::Bool | Self::Text)
    }

    /// The name used in messages, JSON and NumPy (`float32`, `int64`, `bool`, `text`).
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
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
            Self::Text => "text",
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A Rust type that tensors can hold.
pub trait Element: Clone + Default + PartialEq + Send + Sync + std::fmt::Debug + 'static {
    /// Its element type.
    const DTYPE: DType;
    /// Wraps a buffer.
    fn wrap(values: std::sync::Arc<Vec<Self>>) -> crate::Data;
    /// The buffer, if the data is of this type.
    fn unwrap(data: &crate::Data) -> Option<&std::sync::Arc<Vec<Self>>>;
    /// The buffer, if the data is of this type; to change it in place where nobody else holds it.
    fn unwrap_mut(data: &mut crate::Data) -> Option<&mut std::sync::Arc<Vec<Self>>>;
}

macro_rules! elements {
    ($($variant:ident: $rust:ty),* $(,)?) => {$(
        impl Element for $rust {
            const DTYPE: DType = DType::$variant;
            fn wrap(values: std::sync::Arc<Vec<Self>>) -> crate::Data {
                crate::Data::$variant(values)
            }
            fn unwrap(data: &crate::Data) -> Option<&std::sync::Arc<Vec<Self>>> {
                match data {
                    crate::Data::$variant(values) => Some(values),
                    _ => None,
                }
            }
            fn unwrap_mut(data: &mut crate::Data) -> Option<&mut std::sync::Arc<Vec<Self>>> {
                match data {
                    crate::Data::$variant(values) => Some(values),
                    _ => None,
                }
            }
        }
    )*};
}

elements! {
    F16: f16, BF16: bf16, F32: f32, F64: f64, I8: i8, I16: i16, I32: i32, I64: i64,
    U8: u8, U16: u16, U32: u32, U64: u64, Bool: bool, Text: String,
}
