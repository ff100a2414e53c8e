//! Padding.

use crate::error::{ComputeError, Result};
use crate::kernels::parts::{fill_parts, longest, make, rows_of};
use crate::kernels::walk::strides_of;
use crate::op::PadMode;
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use crate::{Element, with_data};

/// One dimension: length of the operand and of the result, elements before, stride in the operand.
struct Dim {
    length: usize,
    padded: usize,
    before: i64,
    stride: usize,
}

/// See [`crate::Op::Pad`]. Mirrored and wrapped elements repeat as often as it takes, as in NumPy.
pub fn pad(
    session: &Session,
    x: &Tensor,
    value: Option<&Tensor>,
    mode: PadMode,
    pads: &[(i64, i64)],
) -> Result<Tensor> {
    let refuse = |why: String| ComputeError::Argument { op: "pad", why };
    if pads.len() != x.rank() {
        return Err(refuse(format!(
            "{} pairs of pads for the {} dimensions of {:?}",
            pads.len(),
            x.rank(),
            x.shape()
        )));
    }
    let strides = strides_of(x.shape());
    let mut dims = Vec::with_capacity(pads.len());
    for (axis, (before, after)) in pads.iter().enumerate() {
        let length = x.shape()[axis];
        let padded = length as i128 + i128::from(*before) + i128::from(*after);
        let Ok(padded) = usize::try_from(padded) else {
            return Err(refuse(format!(
                "the pads {before}, {after} leave {padded} of length {length} (dimension {axis})"
            )));
        };
        if length == 0 && padded > 0 && mode != PadMode::Constant {
            return Err(refuse(format!(
                "dimension {axis} is empty: it has no element to repeat"
            )));
        }
        dims.push(Dim {
            length,
            padded,
            before: *before,
            stride: strides[axis] as usize,
        });
    }
    let shape: Vec<usize> = dims.iter().map(|dim| dim.padded).collect();
    element_count("pad", &shape, x.dtype())?;
    with_data!(x.data(), values => {
        let constant = match value {
            Some(value) => first_of(value)?,
            None => Default::default(),
        };
        padded(session, (values, constant), mode, (&dims, &shape))
    })
}

fn first_of<T: Element>(value: &Tensor) -> Result<T> {
    value
        .values::<T>("pad")?
        .first()
        .cloned()
        .ok_or_else(|| ComputeError::Argument {
            op: "pad",
            why: format!("the constant must be one element, its shape is {:?}", value.shape()),
        })
}

fn padded<T: Element>(
    session: &Session,
    (values, constant): (&[T], T),
    mode: PadMode,
    (dims, shape): (&[Dim], &[usize]),
) -> Result<Tensor> {
    let extra = longest(values).max(longest(std::slice::from_ref(&constant)));
    let Some((last, outer)) = dims.split_last() else {
        return make(session, ("pad", 0), shape, extra, |out| {
            out.clone_from_slice(values);
            Ok(())
        });
    };
    make(session, ("pad", 0), shape, extra, |out| {
        fill_parts(session, out, rows_of(last.padded, 1), |first, part| {
            for (i, row) in part.chunks_mut(last.padded.max(1)).enumerate() {
                match row_start(mode, outer, first / last.padded + i) {
                    Some(start) => fill_row(row, (values, start), &constant, (mode, last)),
                    None => row.fill(constant.clone()),
                }
            }
            Ok(())
        })
    })
}

/// Where the row of the operand begins that this row of the result shows; none if it is padding.
fn row_start(mode: PadMode, outer: &[Dim], mut row: usize) -> Option<usize> {
    let mut start = 0;
    for dim in outer.iter().rev() {
        start += source(mode, dim, row % dim.padded)? * dim.stride;
        row /= dim.padded;
    }
    Some(start)
}

fn fill_row<T: Element>(row: &mut [T], (values, start): (&[T], usize), constant: &T, (mode, last): (PadMode, &Dim)) {
    // What is copied: from `head` to `tail` of the result.
    let head = last.before.clamp(0, last.padded as i64) as usize;
    let end = (last.length as i128 + i128::from(last.before)).clamp(head as i128, last.padded as i128);
    let tail = end as usize;
    let skipped = (head as i128 - i128::from(last.before)) as usize;
    if tail > head {
        row[head..tail].clone_from_slice(&values[start + skipped..][..tail - head]);
    }
    for i in (0..head).chain(tail..row.len()) {
        row[i] = match source(mode, last, i) {
            Some(at) => values[start + at].clone(),
            None => constant.clone(),
        };
    }
}

/// The index in the operand that index `i` of the result shows.
fn source(mode: PadMode, dim: &Dim, i: usize) -> Option<usize> {
    let at = i as i128 - i128::from(dim.before);
    let length = dim.length as i128;
    if (0..length).contains(&at) {
        return Some(at as usize);
    }
    let found = match mode {
        PadMode::Constant => return None,
        PadMode::Edge => at.clamp(0, length - 1),
        PadMode::Wrap => at.rem_euclid(length),
        PadMode::Reflect if length == 1 => 0,
        PadMode::Reflect => {
            let period = 2 * (length - 1);
            let within = at.rem_euclid(period);
            within.min(period - within)
        }
    };
    Some(found as usize)
}
