//! Scaled dot product attention (operator sets 23 to 25): heads shared by groups of queries, masks, caches, soft caps, windows.

use super::super::call::{Call, Run};
use super::super::weights::dtype_of;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Binary, Compare, Op, PadMode, Reduce, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[("Attention", attention)];

/// `(batch, length, heads * size)` to `(batch, heads, length, size)`; four dimensions stay.
pub fn split_heads(call: &Call<'_>, x: &Tensor, heads: i64) -> Result<Tensor> {
    let [batch, length, hidden] = x.shape() else {
        return if x.rank() == 4 {
            Ok(x.clone())
        } else {
            Err(call.misfit(format!("takes 3 or 4 dimensions, not {:?}", x.shape())))
        };
    };
    let heads = usize::try_from(heads)
        .ok()
        .filter(|heads| *heads > 0 && hidden.is_multiple_of(*heads));
    let heads = heads.ok_or_else(|| call.misfit(format!("{hidden} features do not split into the heads")))?;
    let split = call.reshape(x, &[*batch, *length, heads, hidden / heads])?;
    call.transpose(&split, &[0, 2, 1, 3])
}

/// `(batch, heads, length, size)` to `(batch, length, heads * size)`.
pub fn join_heads(call: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let turned = call.transpose(x, &[0, 2, 1, 3])?;
    let [batch, length, heads, size] = turned.shape() else {
        return Err(call.misfit("no heads".to_owned()));
    };
    call.reshape(&turned, &[*batch, *length, heads * size])
}

/// Every head of keys or values for all the heads of queries that share it.
fn repeat_heads(call: &Call<'_>, x: &Tensor, heads: usize) -> Result<Tensor> {
    let [batch, own, length, size] = x.shape() else {
        return Err(call.misfit("no heads".to_owned()));
    };
    if *own == heads {
        return Ok(x.clone());
    }
    if *own == 0 || !heads.is_multiple_of(*own) {
        return Err(call.misfit(format!("{heads} heads of queries for {own} heads of keys")));
    }
    let column = call.reshape(x, &[*batch, *own, 1, *length, *size])?;
    let wide = call.one(&Op::Expand(vec![*batch, *own, heads / own, *length, *size]), &[&column])?;
    call.reshape(&wide, &[*batch, heads, *length, *size])
}

fn with_past(call: &Call<'_>, past: Option<&Tensor>, x: &Tensor) -> Result<Tensor> {
    match past {
        Some(past) => call.one(&Op::Concat { axis: 2 }, &[&call.at_least_single(past)?, x]),
        None => Ok(x.clone()),
    }
}

/// The mask as what is added to the scores, over all keys.
fn mask_bias(call: &Call<'_>, mask: &Tensor, keys: usize, dtype: DType) -> Result<Tensor> {
    let minus_infinity = call.number(f64::NEG_INFINITY, dtype)?;
    let bias = if mask.dtype() == DType::Bool {
        call.one(&Op::Where, &[mask, &call.number(0.0, dtype)?, &minus_infinity])?
    } else {
        call.cast(mask, dtype)?
    };
    let own = bias.shape().last().copied().unwrap_or(keys);
    if own >= keys {
        return Ok(bias);
    }
    let mut pads = vec![(0, 0); bias.rank()];
    if let Some(last) = pads.last_mut() {
        last.1 = (keys - own) as i64;
    }
    call.one(
        &Op::Pad {
            mode: PadMode::Constant,
            pads,
        },
        &[&bias, &minus_infinity],
    )
}

/// What causality, windows and padding forbid, as what is added to the scores; none if all is allowed.
fn structural_bias(call: &Call<'_>, queries: usize, keys: usize, past: usize, dtype: DType) -> Result<Option<Tensor>> {
    let (left, right) = (call.int("left_window_size", -1), call.int("right_window_size", -1));
    let causal = call.flag("is_causal");
    let filled = call.ints_arg(6)?;
    if !causal && left < 0 && right < 0 && filled.is_none() {
        return Ok(None);
    }
    let batches = filled.as_ref().map_or(1, Vec::len);
    let shape = [batches, 1, queries, keys];
    call.charge(0, crate::tensor::element_count(call.node.op, &shape, DType::F32)?)?;
    let bias = call.session.make::<f32>(call.node.op, &shape, |out| {
        for (at, element) in out.iter_mut().enumerate() {
            let (row, key) = (at / keys, (at % keys) as i64);
            let (batch, query) = (row / queries, (row % queries) as i64);
            let valid = filled.as_ref().and_then(|list| list.get(batch).copied());
            let before = valid.map_or(past as i64, |valid| valid.saturating_sub(queries as i64));
            let position = query.saturating_add(before);
            let distance = position.saturating_sub(key);
            let allowed = (!causal || distance >= 0)
                && (left < 0 || distance <= left)
                && (right < 0 || distance >= right.saturating_neg())
                && valid.is_none_or(|valid| key < valid);
            *element = if allowed { 0.0 } else { f32::NEG_INFINITY };
        }
        Ok(())
    })?;
    call.cast(&bias, dtype).map(Some)
}

fn attention(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let dtype = call.arg(0)?.dtype();
    let heads_of = |at: usize, name: &str| split_heads(call, &call.at_least_single(call.arg(at)?)?, call.int(name, 0));
    let q = heads_of(0, "q_num_heads")?;
    let past = call.opt(4).map_or(0, |past| past.shape().get(2).copied().unwrap_or(0));
    let present_key = with_past(call, call.opt(4), &heads_of(1, "kv_num_heads")?)?;
    let present_value = with_past(call, call.opt(5), &heads_of(2, "kv_num_heads")?)?;
    let [_, heads, queries, size] = *q.shape() else {
        return Err(call.misfit("no heads".to_owned()));
    };
    let k = repeat_heads(call, &present_key, heads)?;
    let v = repeat_heads(call, &present_value, heads)?;
    let keys = k.shape().get(2).copied().unwrap_or(0);
    let scale = match call.float("scale", 0.0) {
        0.0 => 1.0 / (size as f64).sqrt(),
        scale => f64::from(scale),
    };
    // Half of the scale on either side keeps products of halves in range.
    let root = call.number(scale.sqrt(), q.dtype())?;
    let raw = call.matmul(
        &call.mul(&q, &root)?,
        &call.transpose(&call.mul(&k, &root)?, &[0, 1, 3, 2])?,
    )?;
    let capped = match call.float("softcap", 0.0) {
        cap if cap > 0.0 => {
            let cap = call.number(f64::from(cap), raw.dtype())?;
            call.mul(&call.unary(Unary::Tanh, &call.binary(Binary::Div, &raw, &cap)?)?, &cap)?
        }
        _ => raw.clone(),
    };
    let mask = call
        .opt(3)
        .map(|mask| mask_bias(call, mask, keys, q.dtype()))
        .transpose()?;
    let structural = structural_bias(call, queries, keys, past, q.dtype())?;
    let bias = match (mask, structural) {
        (Some(mask), Some(structural)) => Some(call.add(&mask, &structural)?),
        (one, other) => one.or(other),
    };
    let biased = match &bias {
        Some(bias) => call.add(&capped, bias)?,
        None => capped.clone(),
    };
    let weights = probabilities(call, &biased, bias.as_ref())?;
    let mixed = call.matmul(&weights, &v)?;
    let y = if call.arg(0)?.rank() == 3 {
        join_heads(call, &mixed)?
    } else {
        mixed
    };
    let scores = match call.int("qk_matmul_output_mode", 0) {
        0 => raw,
        1 => capped,
        2 => biased,
        _ => weights,
    };
    [y, present_key, present_value, scores]
        .iter()
        .map(|tensor| call.cast(tensor, dtype))
        .collect()
}

/// Softmax over the keys. A query that may attend to nothing gets zeros.
fn probabilities(call: &Call<'_>, scores: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let axis = scores.rank().saturating_sub(1);
    let wide = match call.int("softmax_precision", 0) {
        0 => scores.clone(),
        kind => {
            let dtype = dtype_of(kind).map_err(|why| call.wrong(why))?;
            call.cast(scores, if dtype == DType::F64 { dtype } else { scores.dtype() })?
        }
    };
    let weights = call.cast(&call.one(&Op::Softmax { axis }, &[&wide])?, scores.dtype())?;
    let Some(bias) = bias else { return Ok(weights) };
    let most = call.reduce(bias, Reduce::Max, &[bias.rank().saturating_sub(1)], true)?;
    let least = call.number(f64::NEG_INFINITY, most.dtype())?;
    let empty = call.one(&Op::Compare(Compare::Equal), &[&most, &least])?;
    call.one(&Op::Where, &[&empty, &call.number(0.0, weights.dtype())?, &weights])
}
