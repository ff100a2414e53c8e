//! Quantised numbers: 8 and 16 bits with a scale and a zero point.
//!
//! Sums of products of whole numbers are made in double precision, which holds them exactly.

use super::super::call::{Call, Run};
use super::super::weights::dtype_of;
use super::convolution::{automatic_pads, centred, windows};
use super::math::map_wide;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Binary, Op, Reduce, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[
    ("QuantizeLinear", quantize),
    ("DequantizeLinear", dequantize),
    ("DynamicQuantizeLinear", dynamic),
    ("MatMulInteger", matmul_integer),
    ("QLinearMatMul", quantized_matmul),
    ("QLinearConv", quantized_conv),
];

/// Scale or zero point in a shape that broadcasts to `x`: per tensor, per axis, or per block of an axis.
fn spread(call: &Call<'_>, x: &Tensor, parameter: &Tensor) -> Result<Tensor> {
    if parameter.len() == 1 {
        return call.reshape(parameter, &[]);
    }
    let axis = call.axis(1, x.rank())?;
    let block = usize::try_from(call.int("block_size", 0)).unwrap_or(0);
    if block == 0 || parameter.rank() != x.rank() {
        let mut shape = vec![1; x.rank()];
        shape[axis] = parameter.len();
        return call.reshape(parameter, &shape);
    }
    let places: Vec<i64> = (0..x.shape()[axis]).map(|at| (at / block) as i64).collect();
    let places = call.numbers(&[places.len()], places)?;
    call.one(&Op::Gather { axis }, &[parameter, &places])
}

fn bounds(dtype: DType) -> Option<(f64, f64)> {
    Some(match dtype {
        DType::U8 => (0.0, 255.0),
        DType::I8 => (-128.0, 127.0),
        DType::U16 => (0.0, 65535.0),
        DType::I16 => (-32768.0, 32767.0),
        DType::I32 => (-2_147_483_648.0, 2_147_483_647.0),
        _ => return None,
    })
}

/// Rounds half to even, adds the zero point, keeps within the type. `x` is in double precision.
fn to_type(call: &Call<'_>, x: &Tensor, zero: Option<&Tensor>, dtype: DType) -> Result<Tensor> {
    let (min, max) = bounds(dtype).ok_or_else(|| call.wrong(format!("to {dtype} is not supported")))?;
    let mut rounded = call.unary(Unary::Round, x)?;
    if let Some(zero) = zero {
        rounded = call.add(&rounded, &call.wide(zero)?)?;
    }
    let kept = call.one(
        &Op::Clamp {
            min: Some(min),
            max: Some(max),
        },
        &[&rounded],
    )?;
    call.cast(&kept, dtype)
}

fn quantize(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let scale = spread(call, x, call.arg(1)?)?;
    let zero = call.opt(2).map(|zero| spread(call, x, zero)).transpose()?;
    let dtype = match (&zero, call.int("output_dtype", 0)) {
        (Some(zero), _) => zero.dtype(),
        (None, 0) => DType::U8,
        (None, kind) => dtype_of(kind).map_err(|why| call.wrong(why))?,
    };
    // The quotient is rounded to the operand's type first, as the operator says.
    let scale = call.cast(&scale, if x.dtype().is_float() { x.dtype() } else { DType::F32 })?;
    let quotient = call.binary(Binary::Div, &call.cast(x, scale.dtype())?, &scale)?;
    Ok(vec![to_type(call, &call.wide(&quotient)?, zero.as_ref(), dtype)?])
}

fn dequantize(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let scale = spread(call, x, call.arg(1)?)?;
    let zero = call.opt(2).map(|zero| spread(call, x, zero)).transpose()?;
    let product = call.mul(&centred(call, x, zero.as_ref())?, &call.wide(&scale)?)?;
    Ok(vec![call.cast(&product, scale.dtype())?])
}

fn dynamic(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let all: Vec<usize> = (0..x.rank()).collect();
    if x.is_empty() {
        return Err(call.misfit("there are no elements to find a scale from".to_owned()));
    }
    let least = map_wide(call, &call.reduce(x, Reduce::Min, &all, false)?, |value| value.min(0.0))?;
    let most = map_wide(call, &call.reduce(x, Reduce::Max, &all, false)?, |value| value.max(0.0))?;
    let range = call.binary(Binary::Sub, &most, &least)?;
    let scale = call.binary(Binary::Div, &range, &call.number(255.0, x.dtype())?)?;
    // All zeros: any scale will do.
    let scale = map_wide(call, &scale, |scale| if scale == 0.0 { 1.0 } else { scale })?;
    let zero = call.binary(Binary::Div, &call.unary(Unary::Neg, &least)?, &scale)?;
    let zero = to_type(call, &call.wide(&zero)?, None, DType::U8)?;
    let quotient = call.binary(Binary::Div, x, &scale)?;
    let y = to_type(call, &call.wide(&quotient)?, Some(&zero), DType::U8)?;
    Ok(vec![y, scale, zero])
}

/// A zero point or scale of a left matrix holds per row.
fn per_row(call: &Call<'_>, matrix: &Tensor, parameter: Option<&Tensor>) -> Result<Option<Tensor>> {
    let Some(parameter) = parameter else { return Ok(None) };
    if parameter.rank() == 1 && parameter.len() > 1 && matrix.rank() >= 2 {
        return call.reshape(parameter, &[parameter.len(), 1]).map(Some);
    }
    Ok(Some(parameter.clone()))
}

fn matmul_integer(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (a, b) = (call.arg(0)?, call.arg(1)?);
    let a = centred(call, a, per_row(call, a, call.opt(2))?.as_ref())?;
    let b = centred(call, b, call.opt(3))?;
    Ok(vec![call.cast(&call.matmul(&a, &b)?, DType::I32)?])
}

/// `round(x * a scale * b scale / y scale) + y zero`.
fn rescale(call: &Call<'_>, x: &Tensor, scales: (&Tensor, &Tensor), y: (&Tensor, &Tensor)) -> Result<Tensor> {
    let factor = call.mul(&call.wide(scales.0)?, &call.wide(scales.1)?)?;
    let factor = call.binary(Binary::Div, &factor, &call.wide(y.0)?)?;
    to_type(call, &call.mul(x, &factor)?, Some(y.1), y.1.dtype())
}

fn quantized_matmul(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (a, b) = (call.arg(0)?, call.arg(3)?);
    let centred_a = centred(call, a, per_row(call, a, call.opt(2))?.as_ref())?;
    let sums = call.matmul(&centred_a, &centred(call, b, call.opt(5))?)?;
    let a_scale = per_row(call, a, call.opt(1))?.unwrap_or_else(|| a.clone());
    Ok(vec![rescale(
        call,
        &sums,
        (&a_scale, call.arg(4)?),
        (call.arg(6)?, call.arg(7)?),
    )?])
}

fn quantized_conv(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, weight) = (call.arg(0)?, call.arg(3)?);
    if x.rank() != weight.rank() || x.rank() < 3 {
        return Err(call.misfit(format!("{:?} with a kernel {:?}", x.shape(), weight.shape())));
    }
    let mut options = windows(call, x.rank() - 2)?;
    automatic_pads(call, &mut options, &x.shape()[2..], &weight.shape()[2..])?;
    // One parameter per output channel: along the first axis of the kernel, the second of the result.
    let along = |parameter: &Tensor, axis: usize| -> Result<Tensor> {
        if parameter.len() == 1 {
            return call.reshape(parameter, &[]);
        }
        let mut shape = vec![1; weight.rank()];
        shape[axis] = parameter.len();
        call.reshape(parameter, &shape)
    };
    let kernel_zero = along(call.arg(5)?, 0)?;
    let (x, kernel) = (
        centred(call, x, call.opt(2))?,
        centred(call, weight, Some(&kernel_zero))?,
    );
    let bias = call.opt(8).map(|bias| call.wide(bias)).transpose()?;
    let args: Vec<&Tensor> = [Some(&x), Some(&kernel), bias.as_ref()].into_iter().flatten().collect();
    let sums = call.one(&Op::Conv(options), &args)?;
    let scale = call.reshape(call.arg(1)?, &[])?;
    Ok(vec![rescale(
        call,
        &sums,
        (&scale, &along(call.arg(4)?, 1)?),
        (call.arg(6)?, call.arg(7)?),
    )?])
}
