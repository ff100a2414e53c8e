//! The operations, in terms of burn's backends. Kernels have checked the arguments; see [`tensor_compute::Accelerator`].

use super::accelerator::{Held, OnBackend};
use super::operands::{at_least_one, shaped, wrong};
use super::windows;
use burn_backend::tensor::IndexingUpdateOp;
use burn_backend::{Backend, Slice};
use burn_std::FloatDType;
use tensor_compute::{Binary, Compare, ComputeError, Op, Reduce, Result, SliceRange, Tensor, Unary};

type Float<B> = <B as burn_backend::BackendTypes>::FloatTensorPrimitive;

/// Runs one. The result has as many elements as `shape`.
pub(super) fn run<B: Backend>(on: &OnBackend<B>, op: &Op, args: &[&Tensor], shape: &[usize]) -> Result<Held<B>> {
    let arg = |at: usize| {
        let missing = || ComputeError::Device(format!("{op:?} was given {} tensors", args.len()));
        args.get(at).copied().ok_or_else(missing)
    };
    let own = |at: usize| arg(at).and_then(|x| on.float(x, x.shape()));
    // Of as many dimensions as the result.
    let wide = |at: usize| arg(at).and_then(|x| on.float(x, &leading_ones(x.shape(), shape.len())));
    let made = match op {
        Op::Unary(unary) => apply_unary::<B>(*unary, own(0)?)?,
        Op::Binary(binary) => match binary_of::<B>(*binary) {
            Some(function) => function(wide(0)?, wide(1)?),
            None => return Err(wrong(arg(0)?)),
        },
        Op::Compare(question) => return Ok(Held::Bool(compare(on, *question, wide(0)?, wide(1)?))),
        Op::Where => {
            let mask = arg(0)?;
            let mask = on.boolean(mask, &leading_ones(mask.shape(), shape.len()))?;
            let all = at_least_one(shape);
            let (then, other) = (
                B::float_expand(wide(1)?, all.clone()),
                B::float_expand(wide(2)?, all.clone()),
            );
            B::float_mask_where(other, B::bool_expand(mask, all), then)
        }
        Op::Cast(_) => {
            let x = arg(0)?;
            B::bool_into_float(on.boolean(x, x.shape())?, FloatDType::F32)
        }
        Op::Clamp { min, max } => {
            let x = own(0)?;
            let x = min.iter().fold(x, |x, min| B::float_clamp_min(x, (*min).into()));
            max.iter().fold(x, |x, max| B::float_clamp_max(x, (*max).into()))
        }
        Op::Transpose(perm) => B::float_permute(own(0)?, perm),
        Op::Expand(_) => B::float_expand(wide(0)?, at_least_one(shape)),
        Op::Flip(axes) => B::float_flip(own(0)?, axes),
        Op::Slice(ranges) => B::float_slice(own(0)?, &slices(ranges)),
        Op::Concat { axis } => {
            let all = (0..args.len()).map(own).collect::<Result<Vec<_>>>()?;
            B::float_cat(all, *axis)
        }
        Op::Reduce { kind, axes, .. } => reduce(on, *kind, axes, arg(0)?)?,
        Op::MatMul => product(on, arg(0)?, arg(1)?, shape)?,
        Op::Softmax { axis } => B::softmax(own(0)?, *axis),
        Op::LogSoftmax { axis } => B::log_softmax(own(0)?, *axis),
        Op::Conv(_) | Op::ConvTranspose { .. } | Op::Pool(_) => windows::run(on, op, args)?,
        Op::LayerNorm { .. } | Op::BatchNorm { .. } | Op::GroupNorm { .. } => normalise(on, op, args)?,
        Op::Gather { .. } | Op::GatherElements { .. } | Op::ScatterElements { .. } => indexed(on, op, args)?,
        _ => return Err(wrong(arg(0)?)),
    };
    Ok(Held::Float(made))
}

/// With lengths of 1 in front.
fn leading_ones(shape: &[usize], rank: usize) -> Vec<usize> {
    let mut wide = vec![1; rank.saturating_sub(shape.len())];
    wide.extend_from_slice(shape);
    wide
}

fn apply_unary<B: Backend>(unary: Unary, x: Float<B>) -> Result<Float<B>> {
    Ok(match unary {
        Unary::Neg => B::float_neg(x),
        Unary::Abs => B::float_abs(x),
        Unary::Sign => B::float_sign(x),
        Unary::Relu => B::relu(x),
        Unary::Sqrt => B::float_sqrt(x),
        Unary::Exp => B::float_exp(x),
        Unary::Log => B::float_log(x),
        Unary::Reciprocal => B::float_recip(x),
        Unary::Square => B::float_mul(x.clone(), x),
        Unary::Floor => B::float_floor(x),
        Unary::Ceil => B::float_ceil(x),
        Unary::Sin => B::float_sin(x),
        Unary::Cos => B::float_cos(x),
        Unary::Tanh => B::float_tanh(x),
        Unary::Erf => B::float_erf(x),
        Unary::Sigmoid => B::sigmoid(x),
        Unary::Silu => B::float_mul(x.clone(), B::sigmoid(x)),
        Unary::Gelu => B::gelu(x),
        Unary::LeakyRelu { alpha } => B::leaky_relu(x, alpha.into()),
        other => return Err(ComputeError::Device(format!("a device was given {other:?}"))),
    })
}

type OfTwo<B> = fn(Float<B>, Float<B>) -> Float<B>;

/// Those that the device has.
pub(super) fn binary_of<B: Backend>(binary: Binary) -> Option<OfTwo<B>> {
    match binary {
        Binary::Add => Some(B::float_add),
        Binary::Sub => Some(B::float_sub),
        Binary::Mul => Some(B::float_mul),
        Binary::Div => Some(B::float_div),
        _ => None,
    }
}

fn compare<B: Backend>(on: &OnBackend<B>, question: Compare, a: Float<B>, b: Float<B>) -> B::BoolTensorPrimitive {
    let ask = match question {
        Compare::Equal => B::float_equal,
        Compare::NotEqual => B::float_not_equal,
        Compare::Less => B::float_lower,
        Compare::LessOrEqual => B::float_lower_equal,
        Compare::Greater => B::float_greater,
        Compare::GreaterOrEqual => B::float_greater_equal,
    };
    ask(a, b, on.booleans)
}

fn slices(ranges: &[SliceRange]) -> Vec<Slice> {
    let slice = |range: &SliceRange| {
        let step = if range.count == 1 { 1 } else { range.step as isize };
        // Checked: the last index lies inside the tensor.
        let end = range.start as isize + (range.count as isize - 1) * step + 1;
        Slice::new(range.start as isize, Some(end), step)
    };
    ranges.iter().map(slice).collect()
}

/// The axes are neighbours, or none.
fn reduce<B: Backend>(on: &OnBackend<B>, kind: Reduce, axes: &[usize], x: &Tensor) -> Result<Float<B>> {
    let first = axes.first().copied().unwrap_or(x.rank());
    let last = axes.last().map_or(first, |last| last + 1);
    let product = |lengths: &[usize]| lengths.iter().product::<usize>();
    let lengths = [&x.shape()[..first], &x.shape()[first..last], &x.shape()[last..]].map(product);
    let x = on.float(x, &lengths)?;
    Ok(match kind {
        Reduce::Sum => B::float_sum_dim(x, 1),
        Reduce::Mean => B::float_mean_dim(x, 1),
        Reduce::Max => B::float_max_dim(x, 1),
        Reduce::Min => B::float_min_dim(x, 1),
        Reduce::SumSquare => B::float_sum_dim(B::float_mul(x.clone(), x), 1),
        Reduce::L1 => B::float_sum_dim(B::float_abs(x), 1),
        other => return Err(ComputeError::Device(format!("a device was given {other:?}"))),
    })
}

/// A product of stacks of matrices; one right matrix for all makes one tall product.
fn product<B: Backend>(on: &OnBackend<B>, a: &Tensor, b: &Tensor, shape: &[usize]) -> Result<Float<B>> {
    let ([a_batch @ .., m, k], [b_batch @ .., _, n]) = (a.shape(), b.shape()) else {
        return Err(wrong(a));
    };
    let count = |lengths: &[usize]| lengths.iter().product::<usize>();
    if count(b_batch) == 1 {
        let left = on.float(a, &[count(a_batch) * m, *k])?;
        return Ok(B::float_matmul(left, on.float(b, &[*k, *n])?));
    }
    let batch = &shape[..shape.len().saturating_sub(2)];
    let stack = |x: &Tensor, own: &[usize], matrix: [usize; 2]| -> Result<Float<B>> {
        let mut wide = leading_ones(own, batch.len());
        let equal = wide == batch;
        wide.extend(matrix);
        let x = on.float(x, &wide)?;
        let x = if equal {
            x
        } else {
            let all: Vec<usize> = batch.iter().copied().chain(matrix).collect();
            B::float_expand(x, at_least_one(&all))
        };
        Ok(shaped::<B>(x, &[count(batch), matrix[0], matrix[1]]))
    };
    let left = stack(a, a_batch, [*m, *k])?;
    Ok(B::float_matmul(left, stack(b, b_batch, [*k, *n])?))
}

/// `(x - mean) / sqrt(variance + epsilon)` over the last dimension of `(rows, length)`.
fn standard<B: Backend>(x: Float<B>, epsilon: f64) -> Float<B> {
    let centred = B::float_sub(x.clone(), B::float_mean_dim(x, 1));
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred.clone()), 1);
    let deviation = B::float_sqrt(B::float_add_scalar(variance, epsilon.into()));
    B::float_div(centred, deviation)
}

fn normalise<B: Backend>(on: &OnBackend<B>, op: &Op, args: &[&Tensor]) -> Result<Float<B>> {
    let Some((x, vectors)) = args.split_first() else {
        return Err(ComputeError::Device("a norm of nothing".to_owned()));
    };
    let product = |lengths: &[usize]| lengths.iter().product::<usize>();
    // By channel: (n, c, inner), and vectors as (1, c, 1).
    let planes = || match x.shape() {
        [n, c, inner @ ..] => Ok([*n, *c, product(inner)]),
        _ => Err(wrong(x)),
    };
    let vector = |at: usize, shape: &[usize]| match vectors.get(at) {
        Some(vector) => on.float(vector, shape).map(Some),
        None => Ok(None),
    };
    let needed = |at: usize, shape: &[usize]| vector(at, shape)?.ok_or_else(|| wrong(x));
    match op {
        Op::LayerNorm { axis, epsilon } => {
            let length = product(&x.shape()[*axis..]);
            let made = standard::<B>(on.float(x, &[x.len() / length, length])?, *epsilon);
            let made = match vector(0, &[1, length])? {
                Some(scale) => B::float_mul(made, scale),
                None => made,
            };
            Ok(match vector(1, &[1, length])? {
                Some(bias) => B::float_add(made, bias),
                None => made,
            })
        }
        Op::BatchNorm { epsilon } => {
            let [n, c, inner] = planes()?;
            let channel = [1, c, 1];
            let variance = B::float_add_scalar(needed(3, &channel)?, (*epsilon).into());
            let scale = B::float_div(needed(0, &channel)?, B::float_sqrt(variance));
            let shift = B::float_mul(needed(2, &channel)?, scale.clone());
            let bias = B::float_sub(needed(1, &channel)?, shift);
            Ok(B::float_add(B::float_mul(on.float(x, &[n, c, inner])?, scale), bias))
        }
        Op::GroupNorm { groups, epsilon } => {
            let [n, c, inner] = planes()?;
            let rows = on.float(x, &[n * groups, c / (*groups).max(1) * inner])?;
            let made = shaped::<B>(standard::<B>(rows, *epsilon), &[n, c, inner]);
            let channel = [1, c, 1];
            Ok(B::float_add(
                B::float_mul(made, needed(0, &channel)?),
                needed(1, &channel)?,
            ))
        }
        _ => Err(wrong(x)),
    }
}

fn indexed<B: Backend>(on: &OnBackend<B>, op: &Op, args: &[&Tensor]) -> Result<Float<B>> {
    let [x, indices, updates @ ..] = args else {
        return Err(ComputeError::Device("indices without a tensor".to_owned()));
    };
    let length = |axis: usize| x.shape().get(axis).copied().unwrap_or(0);
    match op {
        Op::Gather { axis } => {
            let product = |lengths: &[usize]| lengths.iter().product::<usize>();
            let (outer, inner) = (product(&x.shape()[..*axis]), product(&x.shape()[*axis + 1..]));
            let places = on.indices(indices, length(*axis), &[indices.len()])?;
            Ok(B::float_select(on.float(x, &[outer, length(*axis), inner])?, 1, places))
        }
        Op::GatherElements { axis } => {
            let places = on.indices(indices, length(*axis), indices.shape())?;
            Ok(B::float_gather(*axis, on.float(x, x.shape())?, places))
        }
        Op::ScatterElements { axis, .. } => {
            let Some(updates) = updates.first() else {
                return Err(wrong(x));
            };
            let places = on.indices(indices, length(*axis), indices.shape())?;
            let (to, updates) = (on.float(x, x.shape())?, on.float(updates, updates.shape())?);
            Ok(B::float_scatter(*axis, to, places, updates, IndexingUpdateOp::Add))
        }
        _ => Err(wrong(x)),
    }
}
