//! Copies by strides: parts of tensors, windows over them, and assignments to parts.

use super::malformed;
use super::step::Step;
use burn_backend::Slice;
use std::sync::Arc;
use tensor_compute::{Element, Result, Session, SliceRange, Tensor, element_count, with_data};

/// Which elements of `x` a stepped view takes: for each dimension of the result, its length and its stride in `x`.
pub type View = Vec<(usize, usize)>;

/// Distance of neighbours along each dimension of a row-major tensor.
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

/// The elements of a view, copied. Its last element must lie inside of `x`.
pub fn copy_view(step: &Step<'_>, x: &Tensor, view: &View) -> Result<Tensor> {
    let shape: Vec<usize> = view.iter().map(|(length, _)| *length).collect();
    let count = element_count("view", &shape, x.dtype())?;
    let last = view.iter().try_fold(0usize, |sum, (length, stride)| {
        sum.checked_add(length.saturating_sub(1).checked_mul(*stride)?)
    });
    if count > 0 && last.is_none_or(|last| last >= x.len()) {
        return Err(malformed(&format!(
            "a view of a tensor of shape {:?} leaves it",
            x.shape()
        )));
    }
    step.account.charge(0, 2 * count as u64 * x.dtype().size() as u64)?;
    with_data!(x.data(), values => copy_values(step.account, values, view, &shape))
}

fn copy_values<T: Element>(account: &Session, values: &[T], view: &View, shape: &[usize]) -> Result<Tensor> {
    account.make("view", shape, |out: &mut [T]| {
        let Some(((length, stride), outer)) = view.split_last() else {
            out.clone_from_slice(&values[..out.len()]);
            return Ok(());
        };
        if out.is_empty() {
            return Ok(());
        }
        let mut index = vec![0; outer.len()];
        for row in out.chunks_mut(*length) {
            let start: usize = index.iter().zip(outer).map(|(at, (_, stride))| at * stride).sum();
            match stride {
                0 => row.fill(values[start].clone()),
                1 => row.clone_from_slice(&values[start..start + length]),
                _ => (row.iter_mut().zip(values[start..].iter().step_by(*stride)))
                    .for_each(|(to, from)| *to = from.clone()),
            }
            advance(&mut index, outer.iter().map(|(length, _)| *length));
        }
        Ok(())
    })
}

/// The next index in row-major order.
fn advance(index: &mut [usize], lengths: impl DoubleEndedIterator<Item = usize> + ExactSizeIterator) {
    for (at, length) in index.iter_mut().zip(lengths).rev() {
        *at += 1;
        if *at < length {
            return;
        }
        *at = 0;
    }
}

/// Burn's slices of a tensor as ranges: negative bounds count from the end, bounds beyond a dimension are cut, a negative
/// step takes the same part from its end. Dimensions without a slice are whole.
pub fn ranges(shape: &[usize], slices: &[Slice]) -> Result<Vec<SliceRange>> {
    if slices.len() > shape.len() {
        return Err(malformed(&format!(
            "{} slices of a tensor of shape {shape:?}",
            slices.len()
        )));
    }
    let range = |(axis, length): (usize, &usize)| {
        let Some(slice) = slices.get(axis) else {
            return Ok(SliceRange {
                start: 0,
                count: *length,
                step: 1,
            });
        };
        let bound = |at: isize| match at {
            0.. => at.unsigned_abs().min(*length),
            _ => length.saturating_sub(at.unsigned_abs()),
        };
        let (start, end) = (bound(slice.start), slice.end.map_or(*length, bound));
        let stride = slice.step.unsigned_abs();
        if stride == 0 {
            return Err(malformed("a slice with step 0"));
        }
        let count = end.saturating_sub(start).div_ceil(stride);
        // An empty part begins anywhere; 0 is in range for every kernel.
        let first = match slice.step {
            _ if count == 0 => 0,
            0.. => start,
            _ => end - 1,
        };
        Ok(SliceRange {
            start: first,
            count,
            step: slice.step as i64,
        })
    };
    shape.iter().enumerate().map(range).collect()
}

/// `x` with a part of it replaced. Takes the buffer of `x` where nobody else holds it.
pub fn assign(step: &Step<'_>, x: Tensor, slices: &[Slice], value: &Tensor) -> Result<Tensor> {
    let ranges = ranges(x.shape(), slices)?;
    let part: Vec<usize> = ranges.iter().map(|range| range.count).collect();
    if part != value.shape() || x.dtype() != value.dtype() {
        return Err(malformed(&format!(
            "a part of shape {part:?} of a {} tensor is assigned a {} tensor of shape {:?}",
            x.dtype(),
            value.dtype(),
            value.shape()
        )));
    }
    step.account
        .charge(0, (x.len() + 2 * value.len()) as u64 * x.dtype().size() as u64)?;
    let shape = x.shape().to_vec();
    edit!(step.account, x, out => {
        let values = value.values("assign")?;
        assign_values(out, &shape, &ranges, values);
        Ok(())
    })
}

fn assign_values<T: Element>(out: &mut [T], shape: &[usize], ranges: &[SliceRange], values: &[T]) {
    if values.is_empty() {
        return;
    }
    let strides = strides(shape);
    let Some((last, outer)) = ranges.split_last() else {
        out.clone_from_slice(values);
        return;
    };
    let mut index = vec![0; outer.len()];
    for row in values.chunks(last.count) {
        let base: usize = (index.iter().zip(outer).zip(&strides))
            .map(|((at, range), stride)| position(range, *at) * stride)
            .sum();
        if last.step == 1 {
            out[base + last.start..base + last.start + last.count].clone_from_slice(row);
        } else {
            for (at, value) in row.iter().enumerate() {
                out[base + position(last, at)] = value.clone();
            }
        }
        advance(&mut index, outer.iter().map(|range| range.count));
    }
}

/// The index that the element `at` of a range has. Ranges were made for their tensor, so it is inside.
fn position(range: &SliceRange, at: usize) -> usize {
    let distance = at * range.step.unsigned_abs() as usize;
    if range.step < 0 {
        range.start - distance
    } else {
        range.start + distance
    }
}

/// A tensor's elements to change: its own buffer if nobody else holds it, else a copy under a new lease.
pub fn owned<T: Element>(account: &Session, tensor: Tensor) -> Result<Tensor> {
    let (shape, mut data, lease) = tensor.into_parts();
    let alone = T::unwrap_mut(&mut data).is_some_and(|values| Arc::get_mut(values).is_some());
    if alone {
        return Tensor::from_data(&shape, data, lease);
    }
    let Some(values) = T::unwrap(&data) else {
        return Err(malformed("elements of another type"));
    };
    let lease = account.lease((values.len() * size_of::<T>()) as u64)?;
    account.adopt(&shape, T::wrap(Arc::new(values.to_vec())), lease)
}

/// Changes the elements of an owned tensor.
pub fn change<T: Element>(
    account: &Session,
    tensor: Tensor,
    act: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<Tensor> {
    let (shape, mut data, lease) = owned::<T>(account, tensor)?.into_parts();
    let values = T::unwrap_mut(&mut data).and_then(Arc::get_mut);
    act(values.ok_or_else(|| malformed("elements of another type"))?)?;
    Tensor::from_data(&shape, data, lease)
}

/// Runs `$body` with the elements of `$tensor`, of whatever type, as a mutable slice `$out`.
macro_rules! edit {
    ($account:expr, $tensor:expr, $out:ident => $body:expr) => {{
        let tensor: tensor_compute::Tensor = $tensor;
        macro_rules! of {
            ($rust:ty) => {
                $crate::exact::strided::change::<$rust>($account, tensor, |$out| $body)
            };
        }
        match tensor.dtype() {
            tensor_compute::DType::F16 => of!(half::f16),
            tensor_compute::DType::BF16 => of!(half::bf16),
            tensor_compute::DType::F32 => of!(f32),
            tensor_compute::DType::F64 => of!(f64),
            tensor_compute::DType::I8 => of!(i8),
            tensor_compute::DType::I16 => of!(i16),
            tensor_compute::DType::I32 => of!(i32),
            tensor_compute::DType::I64 => of!(i64),
            tensor_compute::DType::U8 => of!(u8),
            tensor_compute::DType::U16 => of!(u16),
            tensor_compute::DType::U32 => of!(u32),
            tensor_compute::DType::U64 => of!(u64),
            tensor_compute::DType::Bool => of!(bool),
            tensor_compute::DType::Text => Err($crate::exact::malformed("texts are no elements here")),
        }
    }};
}
pub(crate) use edit;

/// The windows of `size` elements every `step_by` along a dimension, as a new last dimension.
pub fn unfold(step: &Step<'_>, x: &Tensor, dim: usize, size: usize, step_by: usize) -> Result<Tensor> {
    let Some(length) = x.shape().get(dim).copied().filter(|_| step_by > 0) else {
        return Err(malformed(&format!(
            "unfold along {dim} by {step_by} of a tensor of shape {:?}",
            x.shape()
        )));
    };
    let windows = if size > length {
        0
    } else {
        (length - size) / step_by + 1
    };
    let strides = strides(x.shape());
    let mut view: View = x.shape().iter().copied().zip(strides.iter().copied()).collect();
    view[dim] = (windows, strides[dim].saturating_mul(step_by));
    view.push((size, strides[dim]));
    copy_view(step, x, &view)
}
