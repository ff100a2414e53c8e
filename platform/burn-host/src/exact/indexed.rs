//! Updates at indices, and running folds along a dimension. Everything goes one after the other in index order.

use super::malformed;
use super::step::Step;
use super::strided::edit;
use burn_backend::tensor::IndexingUpdateOp;
use half::{bf16, f16};
use tensor_compute::{DType, Element, Result, Tensor};

/// Elements that can be updated.
pub trait Update: Element {
    /// What `self` becomes.
    fn update(&self, new: &Self, how: IndexingUpdateOp) -> Self;
}

macro_rules! updates {
    ($($rust:ty, $add:expr, $mul:expr);* $(;)?) => {$(
        impl Update for $rust {
            #[inline]
            fn update(&self, new: &Self, how: IndexingUpdateOp) -> Self {
                match how {
                    IndexingUpdateOp::Assign => *new,
                    IndexingUpdateOp::Add => $add(*self, *new),
                    IndexingUpdateOp::Mul => $mul(*self, *new),
                    // A NaN wins, and stays.
                    #[allow(clippy::eq_op, reason = "true for NaN only")]
                    IndexingUpdateOp::Min => if *new < *self || *new != *new { *new } else { *self },
                    #[allow(clippy::eq_op, reason = "true for NaN only")]
                    IndexingUpdateOp::Max => if *new > *self || *new != *new { *new } else { *self },
                }
            }
        }
    )*};
}

updates! {
    f32, |a: f32, b: f32| a + b, |a: f32, b: f32| a * b;
    f64, |a: f64, b: f64| a + b, |a: f64, b: f64| a * b;
    f16, |a: f16, b: f16| f16::from_f32(a.to_f32() + b.to_f32()), |a: f16, b: f16| f16::from_f32(a.to_f32() * b.to_f32());
    bf16, |a: bf16, b: bf16| bf16::from_f32(a.to_f32() + b.to_f32()), |a: bf16, b: bf16| bf16::from_f32(a.to_f32() * b.to_f32());
    i8, i8::wrapping_add, i8::wrapping_mul;
    i16, i16::wrapping_add, i16::wrapping_mul;
    i32, i32::wrapping_add, i32::wrapping_mul;
    i64, i64::wrapping_add, i64::wrapping_mul;
    u8, u8::wrapping_add, u8::wrapping_mul;
    u16, u16::wrapping_add, u16::wrapping_mul;
    u32, u32::wrapping_add, u32::wrapping_mul;
    u64, u64::wrapping_add, u64::wrapping_mul;
    // Sums of booleans are "or", products are "and".
    bool, |a: bool, b: bool| a | b, |a: bool, b: bool| a & b;
}

/// A tensor as the product of the dimensions before `dim`, that dimension, and the product of those after it.
pub fn around(shape: &[usize], dim: usize) -> Result<(usize, usize, usize)> {
    let length = shape.get(dim).copied();
    let length = length.ok_or_else(|| malformed(&format!("dimension {dim} of a tensor of shape {shape:?}")))?;
    Ok((shape[..dim].iter().product(), length, shape[dim + 1..].iter().product()))
}

/// `x` with slices along `dim` updated: slice `indices[i]` by slice `i` of `value`, in the order of the indices.
pub fn select_assign(
    step: &Step<'_>,
    [x, indices, value]: [Tensor; 3],
    dim: usize,
    how: IndexingUpdateOp,
) -> Result<Tensor> {
    let (outer, length, inner) = around(x.shape(), dim)?;
    let indices = step.cast(indices, DType::I64)?;
    let mut wanted = x.shape().to_vec();
    wanted[dim] = indices.len();
    if indices.rank() != 1 || value.shape() != wanted || value.dtype() != x.dtype() {
        return Err(malformed(&format!(
            "slices of a {} tensor of shape {:?} at indices of shape {:?} are assigned a {} tensor of shape {:?}",
            x.dtype(),
            x.shape(),
            indices.shape(),
            value.dtype(),
            value.shape()
        )));
    }
    step.account.charge(
        value.len() as u64,
        (x.len() + 3 * value.len()) as u64 * x.dtype().size() as u64,
    )?;
    let indices = positions(indices.values::<i64>("select_assign")?, length)?;
    edit!(step.account, x, out => {
        let values = value.values("select_assign")?;
        update_slices(out, values, (outer, length, inner), (&indices, how));
        Ok(())
    })
}

fn update_slices<T: Update>(
    out: &mut [T],
    values: &[T],
    (outer, length, inner): (usize, usize, usize),
    (indices, how): (&[usize], IndexingUpdateOp),
) {
    for before in 0..outer {
        for (at, index) in indices.iter().enumerate() {
            let to = (before * length + index) * inner;
            let from = (before * indices.len() + at) * inner;
            let pairs = out[to..to + inner].iter_mut().zip(&values[from..from + inner]);
            pairs.for_each(|(old, new)| *old = old.update(new, how));
        }
    }
}

fn positions(indices: &[i64], length: usize) -> Result<Vec<usize>> {
    let position = |index: &i64| usize::try_from(*index).ok().filter(|index| *index < length);
    let found: Option<Vec<usize>> = indices.iter().map(position).collect();
    found.ok_or_else(|| malformed(&format!("an index is out of range for a dimension of length {length}")))
}

/// Running products, smallest or largest elements along a dimension.
pub fn scan(step: &Step<'_>, x: Tensor, dim: usize, how: IndexingUpdateOp) -> Result<Tensor> {
    let (_, length, inner) = around(x.shape(), dim)?;
    step.account
        .charge(x.len() as u64, 2 * x.len() as u64 * x.dtype().size() as u64)?;
    edit!(step.account, x, out => {
        scan_values(out, length, inner, how);
        Ok(())
    })
}

fn scan_values<T: Update>(out: &mut [T], length: usize, inner: usize, how: IndexingUpdateOp) {
    if out.is_empty() {
        return;
    }
    for block in out.chunks_mut(length * inner) {
        for at in inner..block.len() {
            block[at] = block[at - inner].update(&block[at], how);
        }
    }
}
