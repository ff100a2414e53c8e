//! Rotary position embeddings.

use super::super::call::{Call, Run};
use super::attention::{join_heads, split_heads};
use super::slices::{part, whole};
use crate::error::Result;
use crate::op::{Binary, Op, SliceRange};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[("RotaryEmbedding", rotary)];

/// Sines or cosines for every batch and position: `(batch, 1, length, half)`.
fn angles(call: &Call<'_>, at: usize) -> Result<Tensor> {
    let cache = call.at_least_single(call.arg(at)?)?;
    let taken = match call.opt(3) {
        Some(positions) => {
            let positions = call.cast(positions, crate::DType::I64)?;
            call.one(&Op::Gather { axis: 0 }, &[&cache, &positions])?
        }
        None => cache,
    };
    match taken.shape() {
        [batch, length, half] => call.reshape(&taken, &[*batch, 1, *length, *half]),
        other => Err(call.misfit(format!("the cache has the shape {other:?}"))),
    }
}

/// Every second feature from `first` on.
fn every_second(call: &Call<'_>, x: &Tensor, first: usize, count: usize) -> Result<Tensor> {
    let mut ranges = whole(x.shape());
    if let Some(last) = ranges.last_mut() {
        *last = SliceRange {
            start: first,
            count,
            step: 2,
        };
    }
    call.one(&Op::Slice(ranges), &[x])
}

fn rotary(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let given = call.arg(0)?;
    let x = split_heads(call, &call.at_least_single(given)?, call.int("num_heads", 0))?;
    let [batch, heads, length, size] = *x.shape() else {
        return Err(call.misfit("no heads".to_owned()));
    };
    let turned = match usize::try_from(call.int("rotary_embedding_dim", 0)).unwrap_or(0) {
        0 => size,
        some => some.min(size),
    };
    let half = turned / 2;
    let (cos, sin) = (angles(call, 1)?, angles(call, 2)?);
    if cos.shape().last() != Some(&half) || sin.shape() != cos.shape() {
        return Err(call.misfit(format!(
            "caches {:?} and {:?} for {turned} features",
            cos.shape(),
            sin.shape()
        )));
    }
    let interleaved = call.flag("interleaved");
    let (first, second) = if interleaved {
        (every_second(call, &x, 0, half)?, every_second(call, &x, 1, half)?)
    } else {
        (part(call, &x, 3, 0, half)?, part(call, &x, 3, half, half)?)
    };
    let real = call.binary(Binary::Sub, &call.mul(&first, &cos)?, &call.mul(&second, &sin)?)?;
    let imaginary = call.add(&call.mul(&first, &sin)?, &call.mul(&second, &cos)?)?;
    let pairs = if interleaved {
        let split = [batch, heads, length, half, 1];
        let columns = [call.reshape(&real, &split)?, call.reshape(&imaginary, &split)?];
        let joined = call.one(&Op::Concat { axis: 4 }, &[&columns[0], &columns[1]])?;
        call.reshape(&joined, &[batch, heads, length, 2 * half])?
    } else {
        call.one(&Op::Concat { axis: 3 }, &[&real, &imaginary])?
    };
    let rest = part(call, &x, 3, 2 * half, size - 2 * half)?;
    let result = call.one(&Op::Concat { axis: 3 }, &[&pairs, &rest])?;
    let result = if given.rank() == 3 {
        join_heads(call, &result)?
    } else {
        result
    };
    Ok(vec![call.cast(&result, given.dtype())?])
}
