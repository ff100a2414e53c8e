//! Parts of tensors: slices, splits, borders.

use super::super::call::{Call, Run};
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Op, PadMode, SliceRange};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[
    ("Slice", slice),
    ("Split", split),
    ("Pad", pad),
    ("CenterCropPad", center_crop_pad),
];

/// The whole of every dimension.
pub fn whole(shape: &[usize]) -> Vec<SliceRange> {
    shape
        .iter()
        .map(|length| SliceRange {
            start: 0,
            count: *length,
            step: 1,
        })
        .collect()
}

/// `count` indices from `start` of one dimension, the whole of the others.
pub fn part(call: &Call<'_>, x: &Tensor, axis: usize, start: usize, count: usize) -> Result<Tensor> {
    let mut ranges = whole(x.shape());
    if let Some(range) = ranges.get_mut(axis) {
        *range = SliceRange { start, count, step: 1 };
    }
    call.one(&Op::Slice(ranges), &[x])
}

/// Python's rules for `start:end:step` in a dimension of `length`.
fn range_of(start: i64, end: i64, step: i64, length: usize) -> SliceRange {
    let length = length as i64;
    let from_end = |value: i64| if value < 0 { value.saturating_add(length) } else { value };
    let (first, count) = if step > 0 {
        let (start, end) = (from_end(start).clamp(0, length), from_end(end).clamp(0, length));
        (start, if end > start { (end - start - 1) / step + 1 } else { 0 })
    } else {
        let (start, end) = (
            from_end(start).clamp(-1, length - 1),
            from_end(end).clamp(-1, length - 1),
        );
        let distance = start - end;
        (
            start,
            if distance > 0 {
                ((distance - 1) as u64 / step.unsigned_abs()) as i64 + 1
            } else {
                0
            },
        )
    };
    // Nothing is taken: where it would begin does not matter.
    let first = if count == 0 { 0 } else { first };
    SliceRange {
        start: first as usize,
        count: count as usize,
        step,
    }
}

fn slice(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let missing = || call.wrong("starts or ends are missing".to_owned());
    let starts = call.ints_either("starts", 1)?.ok_or_else(missing)?;
    let ends = call.ints_either("ends", 2)?.ok_or_else(missing)?;
    let axes = call
        .ints_either("axes", 3)?
        .unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.ints_arg(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()]
        .iter()
        .any(|count| *count != starts.len())
        || steps.contains(&0)
    {
        return Err(call.wrong(format!(
            "starts {starts:?}, ends {ends:?}, axes {axes:?} and steps {steps:?} do not fit"
        )));
    }
    let mut ranges = whole(x.shape());
    for (at, axis) in axes.iter().enumerate() {
        let axis = call.resolve(*axis, x.rank())?;
        ranges[axis] = range_of(starts[at], ends[at], steps[at], x.shape()[axis]);
    }
    Ok(vec![call.one(&Op::Slice(ranges), &[x])?])
}

fn split(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = call.axis(0, x.rank())?;
    let length = x.shape()[axis];
    let sizes = match call.ints_either("split", 1)? {
        Some(sizes) => super::shape::lengths(call, &sizes)?,
        None => {
            let count = usize::try_from(call.int("num_outputs", call.node.outputs.len() as i64)).unwrap_or(0);
            if count == 0 || count > call.node.outputs.len() {
                return Err(call.wrong(format!("{count} parts")));
            }
            // The last part is smaller where they cannot be equal.
            let each = length.div_ceil(count);
            (0..count)
                .map(|at| each.min(length.saturating_sub(at * each)))
                .collect()
        }
    };
    if sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size)) != Some(length) {
        return Err(call.misfit(format!("{length} along axis {axis} is not split into {sizes:?}")));
    }
    let mut start = 0;
    let mut parts = Vec::new();
    for size in sizes {
        parts.push(part(call, x, axis, start, size)?);
        start += size;
    }
    Ok(parts)
}

fn pad(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let given = call
        .ints_either("pads", 1)?
        .ok_or_else(|| call.wrong("the pads are missing".to_owned()))?;
    let axes = match call.ints_arg(3)? {
        Some(axes) => axes
            .iter()
            .map(|axis| call.resolve(*axis, x.rank()))
            .collect::<Result<Vec<usize>>>()?,
        None => (0..x.rank()).collect(),
    };
    if given.len() != 2 * axes.len() {
        return Err(call.wrong(format!("{} pads for {} axes", given.len(), axes.len())));
    }
    let mut pads = vec![(0, 0); x.rank()];
    for (at, axis) in axes.iter().enumerate() {
        pads[*axis] = (given[at], given[axes.len() + at]);
    }
    let mode = match call.text("mode", "constant") {
        "constant" => PadMode::Constant,
        "edge" => PadMode::Edge,
        "reflect" => PadMode::Reflect,
        "wrap" => PadMode::Wrap,
        other => return Err(call.wrong(format!("the mode {other:?} is not known"))),
    };
    let value = match (call.opt(2), call.float("value", 0.0)) {
        (Some(value), _) => Some(call.reshape(value, &[])?),
        (None, 0.0) => None,
        (None, value) => Some(call.number(f64::from(value), x.dtype())?),
    };
    let args: Vec<&Tensor> = [Some(x), value.as_ref()].into_iter().flatten().collect();
    Ok(vec![call.one(&Op::Pad { mode, pads }, &args)?])
}

fn center_crop_pad(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let wanted = super::shape::lengths(call, &call.ints_of(call.arg(1)?)?)?;
    let axes = match call.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|axis| call.resolve(*axis, x.rank()))
            .collect::<Result<Vec<usize>>>()?,
        None => (0..x.rank()).collect(),
    };
    if axes.len() != wanted.len() {
        return Err(call.wrong(format!("{} lengths for {} axes", wanted.len(), axes.len())));
    }
    crate::tensor::element_count(call.node.op, &wanted, DType::F64)?;
    let mut pads = vec![(0_i64, 0_i64); x.rank()];
    for (axis, wanted) in axes.into_iter().zip(wanted) {
        let more = wanted as i64 - x.shape()[axis] as i64;
        // The odd one goes to the end, for cutting and for filling.
        pads[axis] = if more >= 0 {
            (more / 2, more - more / 2)
        } else {
            (-(-more / 2), more + (-more / 2))
        };
    }
    Ok(vec![call.one(
        &Op::Pad {
            mode: PadMode::Constant,
            pads,
        },
        &[x],
    )?])
}
