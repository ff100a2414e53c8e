//! The operation `MatMul`: vectors, batches that are broadcast, element types.

use super::number::Number;
use super::{Product, multiply};
use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::kernels::device::offered;
use crate::kernels::threads::in_chunks;
use crate::op::Op;
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

const OP: &str = "matmul";

/// A batch of products: which matrix of each operand belongs to which of the result.
struct Batches {
    /// Shape of the result.
    shape: Vec<usize>,
    /// Lengths of the batch dimensions.
    lengths: Vec<usize>,
    /// From index to index of each batch dimension, in elements of the left and the right operand; 0 where it is broadcast.
    steps: Vec<(usize, usize)>,
    m: usize,
    k: usize,
    n: usize,
}

impl Batches {
    fn new(a: &[usize], b: &[usize]) -> Result<Self> {
        let refuse = |why: &str| {
            Err(ComputeError::Shape {
                op: OP,
                why: format!("{why}: the shapes are {a:?} and {b:?}"),
            })
        };
        let (a_batch, m, k) = match a {
            [] => return refuse("a scalar is no matrix"),
            [k] => (&a[..0], 1, *k),
            [batch @ .., m, k] => (batch, *m, *k),
        };
        let (b_batch, b_k, n) = match b {
            [] => return refuse("a scalar is no matrix"),
            [k] => (&b[..0], *k, 1),
            [batch @ .., k, n] => (batch, *k, *n),
        };
        if k != b_k {
            return refuse("the columns of the left must be as many as the rows of the right");
        }
        let rank = a_batch.len().max(b_batch.len());
        let (mut lengths, mut steps) = (vec![1; rank], vec![(0, 0); rank]);
        // The operands exist, so these products do not overflow.
        let (mut a_step, mut b_step) = (m * k, k * n);
        for from_end in 1..=rank {
            let length = |batch: &[usize]| batch.len().checked_sub(from_end).map_or(1, |at| batch[at]);
            let (left, right) = (length(a_batch), length(b_batch));
            let at = rank - from_end;
            lengths[at] = match (left, right) {
                _ if left == right => left,
                (1, length) | (length, 1) => length,
                _ => return refuse("the leading dimensions cannot be broadcast"),
            };
            steps[at] = (if left == 1 { 0 } else { a_step }, if right == 1 { 0 } else { b_step });
            (a_step, b_step) = (a_step * left, b_step * right);
        }
        let mut shape = lengths.clone();
        shape.extend((a.len() > 1).then_some(m));
        shape.extend((b.len() > 1).then_some(n));
        Ok(Self {
            shape,
            lengths,
            steps,
            m,
            k,
            n,
        })
    }

    /// The first element of both operands' matrices of a batch.
    fn starts(&self, mut batch: usize) -> (usize, usize) {
        let (mut a, mut b) = (0, 0);
        for (length, step) in self.lengths.iter().zip(&self.steps).rev() {
            let index = batch % length;
            batch /= length;
            a += index * step.0;
            b += index * step.1;
        }
        (a, b)
    }

    fn run<T: Number>(&self, session: &Session, a: &[T], b: &[T], c: &mut [T]) -> Result<()> {
        /// Multiplications that are worth a part of their own.
        const PART: usize = 1 << 16;
        let Self { m, k, n, .. } = *self;
        if c.is_empty() || k == 0 {
            return Ok(());
        }
        let count: usize = self.lengths.iter().product();
        let product = |m, a, b| Product {
            m,
            k,
            n,
            a: (a, k, 1),
            b: (b, n, 1),
        };
        if self.steps.iter().all(|step| step.1 == 0) && a.len() == count * m * k {
            // One right operand for all: the left ones are one tall matrix.
            return multiply(session, &product(count * m, a, b), c, n);
        }
        let one = |batch: usize, c: &mut [T]| {
            let starts = self.starts(batch);
            multiply(session, &product(m, &a[starts.0..], &b[starts.1..]), c, n)
        };
        if count < session.settings().threads {
            return c.chunks_mut(m * n).enumerate().try_for_each(|(batch, c)| one(batch, c));
        }
        let together = PART.div_ceil(m.saturating_mul(n).saturating_mul(k)).min(count);
        in_chunks(session, c, together * m * n, |part, chunk| {
            chunk
                .chunks_mut(m * n)
                .enumerate()
                .try_for_each(|(at, c)| one(part * together + at, c))
        })
    }
}

/// See [`crate::Op::MatMul`]. `f16` and `bf16` are multiplied as `f32` and rounded at the end.
pub fn matmul(session: &Session, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.dtype() != b.dtype() {
        let why = format!("takes two tensors of one type, not {} and {}", a.dtype(), b.dtype());
        return Err(ComputeError::DType { op: OP, why });
    }
    let batches = Batches::new(a.shape(), b.shape())?;
    let count = element_count(OP, &batches.shape, a.dtype())?;
    let flops = (count as u64).saturating_mul(batches.k as u64).saturating_mul(2);
    let elements = (a.len() as u64)
        .saturating_add(b.len() as u64)
        .saturating_add(count as u64);
    session.charge(flops, elements.saturating_mul(a.dtype().size() as u64))?;
    if let Some(device) = offered(session, &[a, b], || Op::MatMul) {
        return device.run(OP, &[a, b], (&batches.shape, a.dtype()));
    }
    match a.dtype() {
        DType::F16 | DType::BF16 => {
            let dtype = a.dtype();
            let (a, b) = (half_to_single(session, OP, a)?, half_to_single(session, OP, b)?);
            single_to_half(session, OP, &typed::<f32>(session, &batches, &a, &b)?, dtype)
        }
        DType::F32 => typed::<f32>(session, &batches, a, b),
        DType::F64 => typed::<f64>(session, &batches, a, b),
        DType::I8 => typed::<i8>(session, &batches, a, b),
        DType::I16 => typed::<i16>(session, &batches, a, b),
        DType::I32 => typed::<i32>(session, &batches, a, b),
        DType::I64 => typed::<i64>(session, &batches, a, b),
        DType::U8 => typed::<u8>(session, &batches, a, b),
        DType::U16 => typed::<u16>(session, &batches, a, b),
        DType::U32 => typed::<u32>(session, &batches, a, b),
        DType::U64 => typed::<u64>(session, &batches, a, b),
        DType::Bool | DType::Text => Err(ComputeError::DType {
            op: OP,
            why: format!("takes numbers, not {}", a.dtype()),
        }),
    }
}

fn typed<T: Number>(session: &Session, batches: &Batches, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (a, b) = (a.values::<T>(OP)?, b.values::<T>(OP)?);
    session.make(OP, &batches.shape, |c: &mut [T]| batches.run(session, a, b, c))
}

/// An `f16` or `bf16` tensor as `f32`: no bit is lost.
pub(crate) fn half_to_single(session: &Session, op: &'static str, x: &Tensor) -> Result<Tensor> {
    session.make(op, x.shape(), |out: &mut [f32]| {
        match x.try_values::<f16>() {
            Some(values) => values.convert_to_f32_slice(out),
            None => x.values::<bf16>(op)?.convert_to_f32_slice(out),
        }
        Ok(())
    })
}

/// An `f32` tensor rounded to `f16` or `bf16` (half to even).
pub(crate) fn single_to_half(session: &Session, op: &'static str, x: &Tensor, dtype: DType) -> Result<Tensor> {
    let values = x.values::<f32>(op)?;
    if dtype == DType::F16 {
        round::<f16>(session, op, x, |out| out.convert_from_f32_slice(values))
    } else {
        round::<bf16>(session, op, x, |out| out.convert_from_f32_slice(values))
    }
}

fn round<T: Element>(session: &Session, op: &'static str, x: &Tensor, fill: impl FnOnce(&mut [T])) -> Result<Tensor> {
    session.make(op, x.shape(), |out: &mut [T]| {
        fill(out);
        Ok(())
    })
}
