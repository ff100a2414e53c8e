//! safetensors files (<https://github.com/huggingface/safetensors#format>): a JSON header with names, element types, shapes
//! and places of tensors, and their bytes.

use super::tensor::{self, Elements, Kind, Tensor};
use super::{Finding, Tally};
use job_model::Tolerance;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Largest header, in bytes: a hundred thousand tensors.
const MAX_HEADER_BYTES: usize = 16 << 20;
/// The key of the header that names no tensor.
const METADATA: &str = "__metadata__";

/// A file.
pub(super) struct File<'a> {
    metadata: Option<Value>,
    tensors: BTreeMap<String, Tensor<'a>>,
}

fn header_bytes(bytes: &[u8]) -> Option<usize> {
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    usize::try_from(length)
        .ok()
        .filter(|length| *length <= MAX_HEADER_BYTES)
}

/// Whether bytes start like such a file: the length of a header that fits, and a brace.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let fits = header_bytes(bytes).is_some_and(|length| length >= 2 && length <= bytes.len().saturating_sub(8));
    fits && bytes.get(8) == Some(&b'{')
}

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<File<'_>, String> {
    let length = header_bytes(bytes).ok_or("a safetensors file has a header that is too long")?;
    let header = bytes.get(8..8 + length).ok_or("a safetensors file is cut off")?;
    let mut header: Map<String, Value> = serde_json::from_slice(header)
        .map_err(|error| format!("the header of a safetensors file cannot be read: {error}"))?;
    let data = bytes.get(8 + length..).unwrap_or_default();
    let metadata = header.remove(METADATA);
    let mut tensors = BTreeMap::new();
    for (name, entry) in header {
        let tensor = tensor(&entry, data).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            format!("tensor {shown:?} of a safetensors file has no element type, shape or place that can be compared")
        })?;
        tensors.insert(name, tensor);
    }
    Ok(File { metadata, tensors })
}

fn tensor<'a>(entry: &Value, data: &'a [u8]) -> Option<Tensor<'a>> {
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let (kind, size) = match entry.get("dtype")?.as_str()? {
        "F64" => (Kind::Float, 8),
        "F32" => (Kind::Float, 4),
        "F16" => (Kind::Float, 2),
        "BF16" => (Kind::Brain, 2),
        "C64" => (Kind::Complex, 8),
        "I64" | "U64" => (Kind::Whole, 8),
        "I32" | "U32" => (Kind::Whole, 4),
        "I16" | "U16" => (Kind::Whole, 2),
        "I8" | "U8" | "BOOL" => (Kind::Whole, 1),
        _ => return None,
    };
    let shape: Vec<usize> = entry
        .get("shape")?
        .as_array()?
        .iter()
        .map(number)
        .collect::<Option<_>>()?;
    let [start, end] = entry.get("data_offsets")?.as_array()?.as_slice() else {
        return None;
    };
    let data = data.get(number(start)?..number(end)?)?;
    let fits = Tensor::bytes_of(&shape, size) == Some(data.len());
    fits.then_some(Tensor {
        elements: Elements {
            kind,
            size,
            big_endian: false,
        },
        shape,
        fortran: false,
        data,
    })
}

/// Compares two files tensor by tensor.
pub(super) fn compare(reference: &File, other: &File, tolerance: &Tolerance) -> Finding {
    if reference.metadata != other.metadata || !reference.tensors.keys().eq(other.tensors.keys()) {
        return Finding::Apart(None);
    }
    let mut tally = Tally::default();
    for (one, two) in reference.tensors.values().zip(other.tensors.values()) {
        tensor::compare(one, two, tolerance, &mut tally);
    }
    tally.finding()
}
