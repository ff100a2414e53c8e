//! `.npy` files, versions 1 to 3 (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>): one tensor of
//! floats, complex numbers, whole numbers or booleans, in C or Fortran order, of either byte order.

use super::tensor::{self, Elements, Kind, Tensor};
use super::{Finding, Tally};
use job_model::Tolerance;

/// How a file starts.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Largest header, in bytes: a shape of many axes and its padding.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// Most axes: what NumPy itself allows.
const MAX_AXES: usize = 64;

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Tensor<'_>, String> {
    let cut = || "a .npy file is cut off in its header".to_owned();
    let version = *bytes.get(6).ok_or_else(cut)?;
    let (length, start) = match version {
        1 => (
            usize::from(u16::from_le_bytes(
                bytes.get(8..10).and_then(|b| b.try_into().ok()).ok_or_else(cut)?,
            )),
            10,
        ),
        2 | 3 => {
            let word = bytes.get(8..12).and_then(|b| b.try_into().ok()).ok_or_else(cut)?;
            (usize::try_from(u32::from_le_bytes(word)).unwrap_or(usize::MAX), 12)
        }
        other => return Err(format!("a .npy file has version {other}; 1, 2 and 3 are known")),
    };
    if length > MAX_HEADER_BYTES {
        return Err(format!(
            "a .npy file has a header of {length} bytes, at most {MAX_HEADER_BYTES} are read"
        ));
    }
    let header = bytes.get(start..start + length).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| "the header of a .npy file is no text".to_owned())?;
    let data = bytes.get(start + length..).unwrap_or_default();
    let (elements, fortran, shape) = dictionary(header)?;
    match Tensor::bytes_of(&shape, elements.size) {
        Some(expected) if expected == data.len() => Ok(Tensor {
            elements,
            shape,
            fortran,
            data,
        }),
        _ => Err(format!(
            "a .npy file of shape {shape:?} has {} bytes of elements of {} bytes",
            data.len(),
            elements.size
        )),
    }
}

/// The header: a literal of a Python dictionary with three keys.
fn dictionary(header: &str) -> Result<(Elements, bool, Vec<usize>), String> {
    let after = |key: &str| {
        let quoted = [format!("'{key}'"), format!("\"{key}\"")];
        let found = quoted
            .iter()
            .find_map(|key| Some(header.find(key.as_str())? + key.len()));
        let rest = found.and_then(|at| header.get(at..)).map(str::trim_start);
        let value = rest.and_then(|rest| rest.strip_prefix(':')).map(str::trim_start);
        value.ok_or_else(|| format!("the header of a .npy file has no {key}"))
    };
    let descr = after("descr")?;
    let mark = descr.chars().next().filter(|mark| matches!(mark, '\'' | '"'));
    let name = mark
        .and_then(|mark| descr.get(1..)?.split_once(mark))
        .map(|(name, _)| name);
    let elements = elements(name.ok_or("the elements of a .npy file have several fields, which are not compared")?)?;
    let order = after("fortran_order")?;
    let fortran = match (order.starts_with("True"), order.starts_with("False")) {
        (true, _) => true,
        (_, true) => false,
        _ => return Err("the header of a .npy file says no order".to_owned()),
    };
    let shape = after("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (inside, _) = shape.ok_or("the header of a .npy file has no shape")?;
    let lengths: Vec<&str> = inside
        .split(',')
        .map(str::trim)
        .filter(|length| !length.is_empty())
        .collect();
    if lengths.len() > MAX_AXES {
        return Err(format!(
            "a .npy file has {} axes, at most {MAX_AXES} are read",
            lengths.len()
        ));
    }
    let shape: Result<Vec<usize>, _> = lengths.iter().map(|length| length.parse::<usize>()).collect();
    let shape = shape.map_err(|_| "the header of a .npy file has a shape that is no list of lengths".to_owned())?;
    Ok((elements, fortran, shape))
}

/// An element type as NumPy writes it, such as `<f4`.
fn elements(name: &str) -> Result<Elements, String> {
    let unknown = || {
        let shown: String = name.chars().take(32).collect();
        format!("elements of type {shown:?} are not compared; floats, complex and whole numbers are")
    };
    let order = name
        .chars()
        .next()
        .filter(|order| matches!(order, '<' | '>' | '=' | '|'));
    let rest = order.and_then(|_| name.get(1..)).unwrap_or(name);
    let (kind, sizes): (Kind, &[usize]) = match rest.chars().next() {
        Some('f') => (Kind::Float, &[2, 4, 8]),
        Some('c') => (Kind::Complex, &[8, 16]),
        Some('i' | 'u') => (Kind::Whole, &[1, 2, 4, 8]),
        Some('b') => (Kind::Whole, &[1]),
        _ => return Err(unknown()),
    };
    let size = rest.get(1..).and_then(|size| size.parse().ok());
    let size = size.filter(|size| sizes.contains(size)).ok_or_else(unknown)?;
    Ok(Elements {
        kind,
        size,
        big_endian: order == Some('>'),
    })
}

/// Compares two files.
pub(super) fn compare(reference: &Tensor, other: &Tensor, tolerance: &Tolerance) -> Finding {
    let mut tally = Tally::default();
    tensor::compare(reference, other, tolerance, &mut tally);
    tally.finding()
}
