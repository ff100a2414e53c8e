//! Normalisations by mean and variance.

use crate::Data;
use crate::error::{ComputeError, Result};
use crate::kernels::device::offered;
use crate::kernels::elementwise::{bad_type, binary, cast, in_f32, is_small_float};
use crate::kernels::functions::Real;
use crate::kernels::parts::{Loop, fill_parts, make, rows_of, run_on};
use crate::kernels::reduce::{Sum, sum_row};
use crate::kernels::shape::{bad_axis, expand};
use crate::kernels::walk::broadcast_strides;
use crate::op::{Binary, Op};
use crate::session::Session;
use crate::tensor::Tensor;

/// See [`crate::Op::LayerNorm`].
pub fn layer_norm(
    session: &Session,
    x: &Tensor,
    (scale, bias): (Option<&Tensor>, Option<&Tensor>),
    axis: usize,
    epsilon: f64,
) -> Result<Tensor> {
    if axis >= x.rank() {
        return Err(bad_axis("layer_norm", axis, x));
    }
    let [scale, bias] = [as_type_of(session, scale, x)?, as_type_of(session, bias, x)?];
    if is_small_float(x.dtype()) {
        let [scale, bias] = [
            as_type(session, scale.as_ref(), crate::DType::F32)?,
            as_type(session, bias.as_ref(), crate::DType::F32)?,
        ];
        return in_f32(session, x, |x| {
            layer_norm(session, x, (scale.as_ref(), bias.as_ref()), axis, epsilon)
        });
    }
    let row = &x.shape()[axis..];
    let fits = |t: &Option<Tensor>| t.as_ref().is_none_or(|t| broadcast_strides(t.shape(), row).is_some());
    if !(fits(&scale) && fits(&bias)) {
        // They vary over the samples too.
        let mut result = layer_norm(session, x, (None, None), axis, epsilon)?;
        for (operand, op) in [(scale, Binary::Mul), (bias, Binary::Add)] {
            if let Some(operand) = operand {
                if broadcast_strides(operand.shape(), x.shape()).is_none() {
                    let why = format!(
                        "scale or bias of shape {:?} does not broadcast to {:?}",
                        operand.shape(),
                        x.shape()
                    );
                    return Err(ComputeError::Shape { op: "layer_norm", why });
                }
                result = binary(session, op, &result, &operand)?;
            }
        }
        return Ok(result);
    }
    let wide = |t: Option<Tensor>| t.map(|t| expand(session, &t, row)).transpose();
    let (scale, bias) = (wide(scale)?, wide(bias)?);
    let length: usize = row.iter().product();
    // A bias alone would look like a scale.
    if scale.is_some() || bias.is_none() {
        let args: Vec<&Tensor> = std::iter::once(x).chain(&scale).chain(&bias).collect();
        if let Some(device) = offered(session, &args, || Op::LayerNorm { axis, epsilon }) {
            return device.make(("layer_norm", 8), &args, (x.shape(), x.dtype()));
        }
    }
    match x.data() {
        Data::F32(v) => normalised(session, (v, x.shape(), length), (scale, bias), epsilon),
        Data::F64(v) => normalised(session, (v, x.shape(), length), (scale, bias), epsilon),
        _ => Err(bad_type("layer_norm", "floats", x.dtype())),
    }
}

fn as_type(session: &Session, t: Option<&Tensor>, dtype: crate::DType) -> Result<Option<Tensor>> {
    t.map(|t| cast(session, t, dtype)).transpose()
}

fn as_type_of(session: &Session, t: Option<&Tensor>, x: &Tensor) -> Result<Option<Tensor>> {
    as_type(session, t, x.dtype())
}

/// Mean and 1 / sqrt(variance + epsilon) of a row: the mean first, then the squares of the distances from it, which are
/// written to `scratch`.
fn statistics<T: Real>(session: &Session, x: &[T], scratch: &mut [T], epsilon: f64) -> (T, T) {
    let isa = session.settings().isa;
    let count = x.len() as f64;
    let mean = T::of(sum_row(isa, Sum::Plain, x) / count);
    run_on(
        isa,
        Centred {
            x,
            mean,
            out: &mut *scratch,
        },
    );
    let variance = sum_row(isa, Sum::Square, scratch) / count;
    (mean, T::of(1.0 / (variance + epsilon).sqrt()))
}

struct Centred<'a, T> {
    x: &'a [T],
    mean: T,
    out: &'a mut [T],
}
impl<T: Real> Loop for Centred<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (out, x) in self.out.iter_mut().zip(self.x) {
            *out = *x - self.mean;
        }
    }
}

/// `out = out factor scale + bias`.
struct Finished<'a, T> {
    factor: T,
    scale: Option<&'a [T]>,
    bias: Option<&'a [T]>,
    out: &'a mut [T],
}
impl<T: Real> Loop for Finished<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let factor = self.factor;
        match (self.scale, self.bias) {
            (Some(scale), Some(bias)) => {
                for ((out, scale), bias) in self.out.iter_mut().zip(scale).zip(bias) {
                    *out = *out * factor * *scale + *bias;
                }
            }
            (Some(scale), None) => {
                for (out, scale) in self.out.iter_mut().zip(scale) {
                    *out = *out * factor * *scale;
                }
            }
            (None, Some(bias)) => {
                for (out, bias) in self.out.iter_mut().zip(bias) {
                    *out = *out * factor + *bias;
                }
            }
            (None, None) => {
                for out in self.out.iter_mut() {
                    *out = *out * factor;
                }
            }
        }
    }
}

fn normalised<T: Real>(
    session: &Session,
    (x, shape, length): (&[T], &[usize], usize),
    (scale, bias): (Option<Tensor>, Option<Tensor>),
    epsilon: f64,
) -> Result<Tensor> {
    let scale = scale.as_ref().map(|t| t.values::<T>("layer_norm")).transpose()?;
    let bias = bias.as_ref().map(|t| t.values::<T>("layer_norm")).transpose()?;
    let isa = session.settings().isa;
    make(session, ("layer_norm", 8), shape, 0, |out: &mut [T]| {
        fill_parts(session, out, rows_of(length, 4), |first, part| {
            for (row, out) in part.chunks_mut(length).enumerate() {
                let x = &x[first + row * length..][..length];
                let (_, factor) = statistics(session, x, out, epsilon);
                run_on(
                    isa,
                    Finished {
                        factor,
                        scale,
                        bias,
                        out,
                    },
                );
            }
            Ok(())
        })
    })
}

/// The operands of a normalisation by channel: `x`, and a vector of `c` elements for each name, in the type of `x`.
fn channels(session: &Session, op: &'static str, args: &[&Tensor], names: &[&str]) -> Result<(Tensor, Vec<Tensor>)> {
    let Some((x, vectors)) = args.split_first().filter(|(_, vectors)| vectors.len() >= names.len()) else {
        let why = format!("takes x, {}; {} tensors were given", names.join(", "), args.len());
        return Err(ComputeError::Argument { op, why });
    };
    if !x.dtype().is_float() {
        return Err(bad_type(op, "floats", x.dtype()));
    }
    let dtype = if is_small_float(x.dtype()) {
        crate::DType::F32
    } else {
        x.dtype()
    };
    let mut found = Vec::with_capacity(names.len());
    for (vector, name) in vectors.iter().zip(names) {
        if x.rank() < 2 || vector.shape() != &x.shape()[1..2] {
            let why = format!(
                "takes x of shape (n, c, ...) and {name} of shape (c), not {:?} and {:?}",
                x.shape(),
                vector.shape()
            );
            return Err(ComputeError::Shape { op, why });
        }
        found.push(cast(session, vector, dtype)?);
    }
    Ok((cast(session, x, dtype)?, found))
}

/// `out = x scale + bias`, both the same for the whole run.
struct Line<'a, T> {
    x: &'a [T],
    scale: T,
    bias: T,
    out: &'a mut [T],
}
impl<T: Real> Loop for Line<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (out, x) in self.out.iter_mut().zip(self.x) {
            *out = *x * self.scale + self.bias;
        }
    }
}

/// See [`crate::Op::BatchNorm`].
pub fn batch_norm(session: &Session, args: &[&Tensor], epsilon: f64) -> Result<Tensor> {
    let (x, vectors) = channels(session, "batch_norm", args, &["scale", "bias", "mean", "variance"])?;
    let all: Vec<&Tensor> = std::iter::once(&x).chain(&vectors).collect();
    if let Some(device) = offered(session, &all, || Op::BatchNorm { epsilon }) {
        let result = device.make(("batch_norm", 2), &all, (x.shape(), x.dtype()))?;
        return cast(session, &result, args[0].dtype());
    }
    let result = match x.data() {
        Data::F32(v) => batch::<f32>(session, (v, &x), &vectors, epsilon),
        Data::F64(v) => batch::<f64>(session, (v, &x), &vectors, epsilon),
        _ => Err(bad_type("batch_norm", "floats", x.dtype())),
    }?;
    cast(session, &result, args[0].dtype())
}

fn batch<T: Real>(session: &Session, (values, x): (&[T], &Tensor), vectors: &[Tensor], epsilon: f64) -> Result<Tensor> {
    let isa = session.settings().isa;
    let [scale, bias, mean, variance] = vectors else {
        return Err(ComputeError::Argument {
            op: "batch_norm",
            why: "takes four vectors".to_owned(),
        });
    };
    let _scratch = session.lease(2 * (scale.len() * size_of::<T>()) as u64)?;
    let (scale, bias) = affine::<T>([scale, bias, mean, variance], epsilon)?;
    let inner: usize = x.shape()[2..].iter().product();
    make(session, ("batch_norm", 2), x.shape(), 0, |out: &mut [T]| {
        fill_parts(session, out, rows_of(inner, 1), |first, part| {
            for (run, out) in part.chunks_mut(inner).enumerate() {
                let at = first + run * inner;
                let c = at / inner % scale.len();
                run_on(
                    isa,
                    Line {
                        x: &values[at..at + inner],
                        scale: scale[c],
                        bias: bias[c],
                        out,
                    },
                );
            }
            Ok(())
        })
    })
}

/// What a normalisation by scale, bias, mean and variance multiplies each channel with, and what it adds.
pub(in crate::kernels) fn affine<T: Real>(vectors: [&Tensor; 4], epsilon: f64) -> Result<(Vec<T>, Vec<T>)> {
    const OP: &str = "batch_norm";
    let [scale, bias, mean, variance] = vectors;
    let (scale, variance) = (scale.values::<T>(OP)?, variance.values::<T>(OP)?);
    let factors: Vec<T> = scale
        .iter()
        .zip(variance)
        .map(|(scale, variance)| *scale / (*variance + T::of(epsilon)).root())
        .collect();
    let shifts = mean.values::<T>(OP)?.iter().zip(bias.values::<T>(OP)?).zip(&factors);
    let summands = shifts.map(|((mean, bias), factor)| *bias - *mean * *factor).collect();
    Ok((factors, summands))
}

/// See [`crate::Op::GroupNorm`].
pub fn group_norm(session: &Session, args: &[&Tensor], groups: usize, epsilon: f64) -> Result<Tensor> {
    let (x, vectors) = channels(session, "group_norm", args, &["scale", "bias"])?;
    if groups == 0 || !x.shape()[1].is_multiple_of(groups) {
        let why = format!("{} channels cannot be divided into {groups} groups", x.shape()[1]);
        return Err(ComputeError::Argument { op: "group_norm", why });
    }
    let all: Vec<&Tensor> = std::iter::once(&x).chain(&vectors).collect();
    if let Some(device) = offered(session, &all, || Op::GroupNorm { groups, epsilon }) {
        let result = device.make(("group_norm", 8), &all, (x.shape(), x.dtype()))?;
        return cast(session, &result, args[0].dtype());
    }
    let result = match x.data() {
        Data::F32(v) => grouped::<f32>(session, (v, &x), &vectors, (groups, epsilon)),
        Data::F64(v) => grouped::<f64>(session, (v, &x), &vectors, (groups, epsilon)),
        _ => Err(bad_type("group_norm", "floats", x.dtype())),
    }?;
    cast(session, &result, args[0].dtype())
}

fn grouped<T: Real>(
    session: &Session,
    (values, x): (&[T], &Tensor),
    vectors: &[Tensor],
    (groups, epsilon): (usize, f64),
) -> Result<Tensor> {
    let isa = session.settings().isa;
    let [scale, bias] = vectors else {
        return Err(ComputeError::Argument {
            op: "group_norm",
            why: "takes two vectors".to_owned(),
        });
    };
    let [scale, bias] = [scale.values::<T>("group_norm")?, bias.values("group_norm")?];
    let inner: usize = x.shape()[2..].iter().product();
    let channels = x.shape()[1];
    let row = channels / groups * inner;
    make(session, ("group_norm", 8), x.shape(), 0, |out: &mut [T]| {
        fill_parts(session, out, rows_of(row, 4), |first, part| {
            for (i, out) in part.chunks_mut(row).enumerate() {
                let at = first + i * row;
                let values = &values[at..at + row];
                let (mean, factor) = statistics(session, values, out, epsilon);
                for (j, (x, out)) in values.chunks(inner).zip(out.chunks_mut(inner)).enumerate() {
                    let c = (at / inner + j) % channels;
                    let scale = factor * scale[c];
                    run_on(
                        isa,
                        Line {
                            x,
                            scale,
                            bias: bias[c] - mean * scale,
                            out,
                        },
                    );
                }
            }
            Ok(())
        })
    })
}
