//! Constants of a model file: from `TensorProto` to tensors.

use super::proto::TensorProto;
use super::wire::{Fields, Value, broken};
use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::{Data, Tensor};
use half::{bf16, f16};
use std::sync::Arc;

/// The element type with this number in ONNX.
pub fn dtype_of(kind: i64) -> Result<DType, String> {
    Ok(match kind {
        1 => DType::F32,
        2 => DType::U8,
        3 => DType::I8,
        4 => DType::U16,
        5 => DType::I16,
        6 => DType::I32,
        7 => DType::I64,
        8 => DType::Text,
        9 => DType::Bool,
        10 => DType::F16,
        11 => DType::F64,
        12 => DType::U32,
        13 => DType::U64,
        16 => DType::BF16,
        14 | 15 => return Err("complex numbers are not supported".to_owned()),
        17..=20 | 24 => return Err("8-bit floats are not supported".to_owned()),
        21 | 22 | 25 | 26 => return Err("4-bit and 2-bit whole numbers are not supported".to_owned()),
        23 => return Err("4-bit floats are not supported".to_owned()),
        other => return Err(format!("the element type {other} is not known")),
    })
}

/// The lengths as a shape, or why not.
pub fn shape_of(dims: &[i64]) -> Result<Vec<usize>, String> {
    dims.iter()
        .map(|dim| usize::try_from(*dim).map_err(|_| format!("the shape {dims:?} has a negative length")))
        .collect()
}

/// Why this constant cannot be loaded, if so; looks at its head only.
pub fn refusal(proto: &TensorProto<'_>) -> Option<String> {
    if proto.external {
        return Some(
            "its data lie in another file, which is never opened; save the model as one file (onnx.save_model with \
             save_as_external_data=False)"
                .to_owned(),
        );
    }
    dtype_of(proto.kind).err().or_else(|| shape_of(&proto.dims).err())
}

#[derive(Default)]
struct Lists {
    floats: Vec<f32>,
    ints: Vec<i64>,
    doubles: Vec<f64>,
    texts: Vec<String>,
}

/// Decodes a constant.
pub fn decode(session: &Session, proto: &TensorProto<'_>) -> Result<Tensor> {
    let fail = |why: &str| ComputeError::Model {
        why: format!("the constant {:?}: {why}", proto.name),
    };
    if let Some(why) = refusal(proto) {
        return Err(fail(&why));
    }
    let dtype = dtype_of(proto.kind).map_err(|why| fail(&why))?;
    let shape = shape_of(&proto.dims).map_err(|why| fail(&why))?;
    let (count, lease) = session.lease_for("model", &shape, dtype)?;
    session.charge(0, (count * dtype.size()) as u64)?;
    // What is repeated in the file may be decoded to up to eight times its size.
    let _scratch = session.lease(8 * proto.message.len() as u64)?;
    let mut lists = Lists::default();
    let mut raw = None;
    let mut fields = Fields::new(proto.message);
    while let Some((number, value)) = fields.next()? {
        match number {
            4 => value.floats_into(&mut lists.floats)?,
            5 | 7 | 11 => value.ints_into(&mut lists.ints)?,
            6 => lists.texts.push(text(value)?),
            9 => raw = Some(value.bytes()?),
            10 => value.doubles_into(&mut lists.doubles)?,
            _ => {}
        }
    }
    if let Some(bytes) = raw.filter(|bytes| !bytes.is_empty() && dtype != DType::Text) {
        return Tensor::from_le_bytes(dtype, &shape, bytes, Some(lease)).map_err(|error| fail(&error.to_string()));
    }
    let data = from_lists(dtype, lists);
    if data.len() != count {
        return Err(fail(&format!("{} of {count} elements are in the file", data.len())));
    }
    Tensor::from_data(&shape, data, Some(lease))
}

fn text(value: Value<'_>) -> Result<String> {
    String::from_utf8(value.bytes()?.to_vec()).map_err(|_| broken("a text is not UTF-8"))
}

fn from_lists(dtype: DType, lists: Lists) -> Data {
    macro_rules! ints {
        ($variant:ident, $element:ty) => {
            Data::$variant(Arc::new(
                lists.ints.iter().map(|value| *value as $element).collect(),
            ))
        };
    }
    match dtype {
        DType::F32 => Data::F32(Arc::new(lists.floats)),
        DType::F64 => Data::F64(Arc::new(lists.doubles)),
        DType::Text => Data::Text(Arc::new(lists.texts)),
        DType::F16 => Data::F16(Arc::new(
            lists.ints.iter().map(|bits| f16::from_bits(*bits as u16)).collect(),
        )),
        DType::BF16 => Data::BF16(Arc::new(
            lists.ints.iter().map(|bits| bf16::from_bits(*bits as u16)).collect(),
        )),
        DType::Bool => Data::Bool(Arc::new(lists.ints.iter().map(|value| *value != 0).collect())),
        DType::I8 => ints!(I8, i8),
        DType::I16 => ints!(I16, i16),
        DType::I32 => ints!(I32, i32),
        DType::I64 => Data::I64(Arc::new(lists.ints)),
        DType::U8 => ints!(U8, u8),
        DType::U16 => ints!(U16, u16),
        DType::U32 => ints!(U32, u32),
        DType::U64 => ints!(U64, u64),
    }
}
