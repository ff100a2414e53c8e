//! Normalisations.

use super::super::call::{Call, Run};
use super::math::map_wide;
use crate::error::Result;
use crate::op::{Binary, Op, Reduce, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[
    ("BatchNormalization", batch),
    ("InstanceNormalization", instance),
    ("GroupNormalization", group),
    ("LayerNormalization", layer),
    ("RMSNormalization", root_mean_square),
    ("LpNormalization", lp),
    ("MeanVarianceNormalization", mean_variance),
];

fn epsilon(call: &Call<'_>) -> f64 {
    f64::from(call.float("epsilon", 1e-5))
}

/// All arguments, halves in single precision.
fn singles(call: &Call<'_>) -> Result<Vec<Tensor>> {
    call.all()
        .into_iter()
        .map(|tensor| call.at_least_single(tensor))
        .collect()
}

/// Mean and (biased) variance over axes that stay with length 1.
fn moments(call: &Call<'_>, x: &Tensor, axes: &[usize]) -> Result<(Tensor, Tensor, Tensor)> {
    let mean = call.reduce(x, Reduce::Mean, axes, true)?;
    let centred = call.binary(Binary::Sub, x, &mean)?;
    let variance = call.reduce(&call.mul(&centred, &centred)?, Reduce::Mean, axes, true)?;
    Ok((mean, centred, variance))
}

fn batch(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    call.arg(4)?;
    let mut args = singles(call)?;
    if !call.flag("training_mode") {
        // Parameters may be of another float type than the operand.
        let dtype = args[0].dtype();
        let args: Vec<Tensor> = args
            .iter()
            .map(|tensor| call.cast(tensor, dtype))
            .collect::<Result<_>>()?;
        let result = call.one(
            &Op::BatchNorm { epsilon: epsilon(call) },
            &args.iter().collect::<Vec<_>>(),
        )?;
        return Ok(vec![call.cast(&result, x.dtype())?]);
    }
    let axes: Vec<usize> = (0..x.rank()).filter(|axis| *axis != 1).collect();
    let (mean, _, variance) = moments(call, &args[0], &axes)?;
    let channels = x.shape().get(1).copied().unwrap_or(1);
    let (mean, variance) = (call.reshape(&mean, &[channels])?, call.reshape(&variance, &[channels])?);
    let momentum = f64::from(call.float("momentum", 0.9));
    let blend = |old: &Tensor, new: &Tensor| -> Result<Tensor> {
        let (keep, take) = (
            call.number(momentum, old.dtype())?,
            call.number(1.0 - momentum, new.dtype())?,
        );
        call.add(&call.mul(old, &keep)?, &call.mul(new, &take)?)
    };
    let (old_mean, old_variance) = (blend(&args[3], &mean)?, blend(&args[4], &variance)?);
    (args[3], args[4]) = (mean, variance);
    let result = call.one(
        &Op::BatchNorm { epsilon: epsilon(call) },
        &args.iter().collect::<Vec<_>>(),
    )?;
    let (kind_mean, kind_variance) = (call.arg(3)?.dtype(), call.arg(4)?.dtype());
    Ok(vec![
        call.cast(&result, x.dtype())?,
        call.cast(&old_mean, kind_mean)?,
        call.cast(&old_variance, kind_variance)?,
    ])
}

fn grouped(call: &Call<'_>, groups: usize, args: &[Tensor]) -> Result<Vec<Tensor>> {
    let op = Op::GroupNorm {
        groups,
        epsilon: epsilon(call),
    };
    let result = call.one(&op, &args.iter().collect::<Vec<_>>())?;
    Ok(vec![call.cast(&result, call.arg(0)?.dtype())?])
}

fn instance(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let channels = call.arg(0)?.shape().get(1).copied().unwrap_or(0);
    grouped(call, channels, &singles(call)?)
}

fn group(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let channels = call.arg(0)?.shape().get(1).copied().unwrap_or(0);
    let groups = usize::try_from(call.int("num_groups", 0)).unwrap_or(0);
    let mut args = singles(call)?;
    // Up to operator set 20 there was one scale per group.
    if groups != 0 && call.node.opset < 21 && channels.is_multiple_of(groups) {
        for tensor in args.iter_mut().skip(1) {
            let column = call.reshape(tensor, &[groups, 1])?;
            let wide = call.one(&Op::Expand(vec![groups, channels / groups]), &[&column])?;
            *tensor = call.reshape(&wide, &[channels])?;
        }
    }
    grouped(call, groups, &args)
}

fn layer(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = call.axis(-1, x.rank())?;
    let args = singles(call)?;
    let result = call.one(
        &Op::LayerNorm {
            axis,
            epsilon: epsilon(call),
        },
        &args.iter().collect::<Vec<_>>(),
    )?;
    let mut results = vec![call.cast(&result, x.dtype())?];
    if call.wants(1) || call.wants(2) {
        let axes: Vec<usize> = (axis..x.rank()).collect();
        let (mean, _, variance) = moments(call, &args[0], &axes)?;
        let shifted = call.add(&variance, &call.number(epsilon(call), variance.dtype())?)?;
        results.push(mean);
        results.push(call.unary(Unary::Reciprocal, &call.unary(Unary::Sqrt, &shifted)?)?);
    }
    Ok(results)
}

fn root_mean_square(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axes: Vec<usize> = (call.axis(-1, x.rank())?..x.rank()).collect();
    let args = singles(call)?;
    let squares = call.reduce(&call.mul(&args[0], &args[0])?, Reduce::Mean, &axes, true)?;
    let shifted = call.add(&squares, &call.number(epsilon(call), squares.dtype())?)?;
    let normal = call.binary(Binary::Div, &args[0], &call.unary(Unary::Sqrt, &shifted)?)?;
    let scale = call.cast(args.get(1).unwrap_or(&normal), normal.dtype())?;
    Ok(vec![call.cast(&call.mul(&normal, &scale)?, x.dtype())?])
}

/// Rows whose norm is 0 stay 0.
fn lp(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = call.axis(-1, x.rank())?;
    let kind = if call.int("p", 2) == 1 { Reduce::L1 } else { Reduce::L2 };
    let wide = call.at_least_single(x)?;
    let norm = map_wide(call, &call.reduce(&wide, kind, &[axis], true)?, |norm| {
        if norm == 0.0 { 1.0 } else { norm }
    })?;
    Ok(vec![call.cast(&call.binary(Binary::Div, &wide, &norm)?, x.dtype())?])
}

fn mean_variance(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axes = call.resolve_all(call.ints("axes").unwrap_or(&[0, 2, 3]), x.rank())?;
    let (_, centred, variance) = moments(call, &call.at_least_single(x)?, &axes)?;
    // The constant is the operator's own.
    let deviation = call.add(
        &call.unary(Unary::Sqrt, &variance)?,
        &call.number(1e-9, variance.dtype())?,
    )?;
    Ok(vec![
        call.cast(&call.binary(Binary::Div, &centred, &deviation)?, x.dtype())?,
    ])
}
