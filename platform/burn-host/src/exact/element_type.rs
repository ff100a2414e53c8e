//! Burn's element types and ours.

use super::malformed;
use burn_backend::DType;
use burn_std::BoolStore;
use tensor_compute::{DType as Ours, Result};

/// Our name of an element type; an error for those that no kernel has.
pub fn ours(dtype: DType) -> Result<Ours> {
    Ok(match dtype {
        DType::F64 => Ours::F64,
        DType::F32 => Ours::F32,
        DType::F16 => Ours::F16,
        DType::BF16 => Ours::BF16,
        DType::I64 => Ours::I64,
        DType::I32 => Ours::I32,
        DType::I16 => Ours::I16,
        DType::I8 => Ours::I8,
        DType::U64 => Ours::U64,
        DType::U32 => Ours::U32,
        DType::U16 => Ours::U16,
        DType::U8 => Ours::U8,
        DType::Bool(BoolStore::Native) => Ours::Bool,
        DType::Bool(BoolStore::U8 | BoolStore::U32) => {
            return Err(malformed("booleans are of one byte here, not of u8 or u32"));
        }
        DType::Flex32 => return Err(malformed("elements of type flex32 are not offered here")),
        DType::QFloat(_) => return Err(malformed("quantised elements are not offered here")),
    })
}
