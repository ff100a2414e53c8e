//! Operations of neural networks' layers.

use super::base::index_type;
use super::conv::{self, both, options};
use super::element_type::ours;
use super::float::product;
use super::indexed::select_assign;
use super::pool::{self, Windows};
use super::step::{Step, and_maybe, exactly};
use super::strided::{copy_view, strides};
use super::{malformed, unsupported};
use burn_backend::tensor::IndexingUpdateOp;
use burn_ir::{AttentionOpIr, ModuleOperationIr, ScalarIr, Unfold4dOpIr};
use tensor_compute::{Binary, DType, Op, PadMode, Reduce, Result, Tensor, Unary};

/// Runs one.
pub fn run(step: &mut Step<'_>, op: &ModuleOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use ModuleOperationIr as M;
    let result = match op {
        M::BatchNorm(op) => {
            let [x, gamma, beta, mean, variance] = exactly(inputs)?;
            let epsilon = number(op.epsilon);
            step.op(&Op::BatchNorm { epsilon }, &[&x, &gamma, &beta, &mean, &variance])
        }
        M::LayerNorm(op) => {
            let ([x, gamma], beta) = and_maybe(inputs)?;
            let axis = x
                .rank()
                .checked_sub(1)
                .ok_or_else(|| malformed("layer_norm of a scalar"))?;
            let mut operands = vec![&x, &gamma];
            operands.extend(beta.as_ref());
            step.op(
                &Op::LayerNorm {
                    axis,
                    epsilon: number(op.epsilon),
                },
                &operands,
            )
        }
        M::Embedding(_) => {
            let [weights, indices] = exactly(inputs)?;
            step.op(&Op::Gather { axis: 0 }, &[&weights, &index_type(step, indices)?])
        }
        M::EmbeddingBackward(_) => embedding_backward(step, exactly(inputs)?),
        M::Linear(_) => linear(step, and_maybe(inputs)?),
        M::LinearXBackward(_) => {
            let [weight, grad] = exactly(inputs)?;
            product(step, [grad, step.swap(&weight, 0, 1)?])
        }
        M::LinearWeightBackward(_) => {
            let [x, grad] = exactly(inputs)?;
            let x = step.swap(&rows(step, &x)?, 0, 1)?;
            step.op(&Op::MatMul, &[&x, &rows(step, &grad)?])
        }
        M::LinearBiasBackward(_) => {
            let [grad] = exactly(inputs)?;
            let sums = step.reduce(Reduce::Sum, &rows(step, &grad)?, vec![0])?;
            step.reshape(&sums, &[sums.len()])
        }
        M::Attention(op) => attention(step, op, inputs),
        M::Unfold4d(op) => unfold_planes(step, op, exactly(inputs)?),
        M::DeformableConv2d(_) => Err(unsupported("DeformableConv2d")),
        M::DeformableConv2dBackward(_) => Err(unsupported("DeformableConv2dBackward")),
        M::Interpolate(_) => Err(unsupported("Interpolate")),
        M::InterpolateBackward(_) => Err(unsupported("InterpolateBackward")),
        M::CtcLoss(_) => Err(unsupported("CtcLoss")),
        M::CtcLossBackward(_) => Err(unsupported("CtcLossBackward")),
        windowed => return run_windowed(step, windowed, inputs),
    };
    result.map(|tensor| vec![tensor])
}

fn run_windowed(step: &Step<'_>, op: &ModuleOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use ModuleOperationIr as M;
    macro_rules! with {
        ($op:expr) => {{
            let o = &$op.options;
            options(&o.stride, &o.padding, &o.dilation, o.groups)
        }};
    }
    macro_rules! with_both {
        ($op:expr) => {{
            let o = &$op.options;
            options(&o.stride, &both(o.padding), &o.dilation, o.groups)
        }};
    }
    macro_rules! transposed {
        ($op:expr) => {{
            let (operands, bias) = and_maybe(inputs)?;
            conv::transposed(step, operands, bias, with_both!($op), &$op.options.padding_out)
        }};
    }
    macro_rules! forward {
        ($with:expr) => {{
            let (operands, bias) = and_maybe(inputs)?;
            conv::forward(step, operands, bias, $with)
        }};
    }
    let result = match op {
        M::Conv1d(op) => forward!(with!(op)),
        M::Conv2d(op) => forward!(with!(op)),
        M::Conv3d(op) => forward!(with_both!(op)),
        M::Conv1dXBackward(op) => conv::x_backward(step, exactly(inputs)?, with!(op)),
        M::Conv2dXBackward(op) => conv::x_backward(step, exactly(inputs)?, with!(op)),
        M::Conv3dXBackward(op) => conv::x_backward(step, exactly(inputs)?, with_both!(op)),
        M::Conv1dWeightBackward(op) => conv::weight_backward(step, exactly(inputs)?, &with!(op)),
        M::Conv2dWeightBackward(op) => conv::weight_backward(step, exactly(inputs)?, &with!(op)),
        M::Conv3dWeightBackward(op) => conv::weight_backward(step, exactly(inputs)?, &with_both!(op)),
        M::ConvTranspose1d(op) => transposed!(op),
        M::ConvTranspose2d(op) => transposed!(op),
        M::ConvTranspose3d(op) => transposed!(op),
        M::ConvTranspose1dWeightBackward(op) => transposed_weight(step, inputs, &with_both!(op)),
        M::ConvTranspose2dWeightBackward(op) => transposed_weight(step, inputs, &with_both!(op)),
        M::ConvTranspose3dWeightBackward(op) => transposed_weight(step, inputs, &with_both!(op)),
        M::Conv1dBiasBackward(_)
        | M::Conv2dBiasBackward(_)
        | M::Conv3dBiasBackward(_)
        | M::ConvTranspose1dBiasBackward(_)
        | M::ConvTranspose2dBiasBackward(_)
        | M::ConvTranspose3dBiasBackward(_) => conv::bias_backward(step, exactly(inputs)?),
        pools => return run_pool(step, pools, inputs),
    };
    result.map(|tensor| vec![tensor])
}

fn run_pool(step: &Step<'_>, op: &ModuleOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use ModuleOperationIr as M;
    // Means have no dilation.
    macro_rules! windows {
        ($op:expr, 1) => {
            windows(&[$op.kernel_size], &[$op.stride], &[$op.padding], $op.ceil_mode)
        };
        ($op:expr, 2) => {
            windows(&$op.kernel_size, &$op.stride, &$op.padding, $op.ceil_mode)
        };
        ($op:expr, $n:tt, $dilation:expr) => {
            Windows {
                dilation: $dilation.to_vec(),
                ..windows!($op, $n)
            }
        };
    }
    let result = match op {
        M::MaxPool1d(op) => pool::max(step, &one(inputs)?, &windows!(op, 1, [op.dilation])),
        M::MaxPool2d(op) => pool::max(step, &one(inputs)?, &windows!(op, 2, op.dilation)),
        M::MaxPool1dWithIndices(op) => {
            let places = ours(op.out_indices.dtype)?;
            return pool::max_with_indices(step, &one(inputs)?, &windows!(op, 1, [op.dilation]), places).map(Vec::from);
        }
        M::MaxPool2dWithIndices(op) => {
            let places = ours(op.out_indices.dtype)?;
            return pool::max_with_indices(step, &one(inputs)?, &windows!(op, 2, op.dilation), places).map(Vec::from);
        }
        M::MaxPool1dWithIndicesBackward(_) | M::MaxPool2dWithIndicesBackward(_) => {
            pool::max_backward(step, exactly(inputs)?)
        }
        M::AvgPool1d(op) => pool::average(step, &one(inputs)?, &windows!(op, 1), op.count_include_pad),
        M::AvgPool2d(op) => pool::average(step, &one(inputs)?, &windows!(op, 2), op.count_include_pad),
        M::AvgPool1dBackward(op) => {
            pool::average_backward(step, exactly(inputs)?, &windows!(op, 1), op.count_include_pad)
        }
        M::AvgPool2dBackward(op) => {
            pool::average_backward(step, exactly(inputs)?, &windows!(op, 2), op.count_include_pad)
        }
        M::AdaptiveAvgPool1d(op) => pool::adaptive(step, &one(inputs)?, &[op.output_size]),
        M::AdaptiveAvgPool2d(op) => pool::adaptive(step, &one(inputs)?, &op.output_size),
        M::AdaptiveAvgPool3d(op) => pool::adaptive(step, &one(inputs)?, &op.output_size),
        M::AdaptiveAvgPool1dBackward(_) | M::AdaptiveAvgPool2dBackward(_) | M::AdaptiveAvgPool3dBackward(_) => {
            pool::adaptive_backward(step, exactly(inputs)?)
        }
        _ => Err(malformed("an operation without a place")),
    };
    result.map(|tensor| vec![tensor])
}

fn windows(kernel: &[usize], stride: &[usize], padding: &[usize], ceil: bool) -> Windows {
    Windows {
        kernel: kernel.to_vec(),
        stride: stride.to_vec(),
        padding: padding.to_vec(),
        dilation: vec![1; kernel.len()],
        ceil,
    }
}

fn one(inputs: Vec<Tensor>) -> Result<Tensor> {
    exactly::<1>(inputs).map(|[x]| x)
}

fn number(scalar: ScalarIr) -> f64 {
    match scalar {
        ScalarIr::Float(number) => number,
        ScalarIr::Int(number) => number as f64,
        ScalarIr::UInt(number) => number as f64,
        ScalarIr::Bool(number) => f64::from(u8::from(number)),
    }
}

/// As a matrix: the last dimension, and all others as rows.
fn rows(step: &Step<'_>, x: &Tensor) -> Result<Tensor> {
    let Some((last, outer)) = x.shape().split_last() else {
        return Err(malformed("a linear layer of a scalar"));
    };
    step.reshape(x, &[outer.iter().product(), *last])
}

fn linear(step: &Step<'_>, ([x, weight], bias): ([Tensor; 2], Option<Tensor>)) -> Result<Tensor> {
    if weight.rank() != 2 {
        return Err(malformed(&format!(
            "a linear layer with a weight of shape {:?}",
            weight.shape()
        )));
    }
    let result = product(step, [x, weight])?;
    match bias {
        Some(bias) => step.binary(Binary::Add, &result, &bias),
        None => Ok(result),
    }
}

/// Gradients of the rows that were looked up, summed for each row in the order of the indices.
fn embedding_backward(step: &Step<'_>, [weights, grad, indices]: [Tensor; 3]) -> Result<Tensor> {
    let zeros = step.full(weights.shape(), grad.dtype(), ScalarIr::Int(0))?;
    let grad = rows(step, &grad)?;
    let indices = step.reshape(&indices, &[indices.len()])?;
    select_assign(step, [zeros, indices, grad], 0, IndexingUpdateOp::Add)
}

/// The gradient of a transposed convolution's weight: that of the convolution it transposes, operand and gradient
/// exchanged.
fn transposed_weight(step: &Step<'_>, inputs: Vec<Tensor>, with: &tensor_compute::ConvOptions) -> Result<Tensor> {
    let [x, weight, grad] = exactly(inputs)?;
    conv::weight_backward(step, [grad, weight, x], with)
}

/// Patches of planes as columns: `(n, c, h, w)` to `(n, c * kernel, places)`.
fn unfold_planes(step: &Step<'_>, op: &Unfold4dOpIr, [x]: [Tensor; 1]) -> Result<Tensor> {
    let [pad_h, pad_w] = op.options.padding.map(|pad| i64::try_from(pad).unwrap_or(i64::MAX / 4));
    let pads = vec![(0, 0), (0, 0), (pad_h, pad_h), (pad_w, pad_w)];
    let padded = step.op(
        &Op::Pad {
            mode: PadMode::Constant,
            pads,
        },
        &[&x],
    )?;
    let &[n, c, h, w] = padded.shape() else {
        return Err(malformed(&format!("unfold4d of a tensor of shape {:?}", x.shape())));
    };
    let strides = strides(padded.shape());
    let places = |length: usize, axis: usize| {
        let span = (op.kernel_size[axis].checked_sub(1)?)
            .checked_mul(op.options.dilation[axis])?
            .checked_add(1)?;
        length
            .checked_sub(span)?
            .checked_div(op.options.stride[axis])?
            .checked_add(1)
    };
    let (Some(high), Some(wide)) = (places(h, 0), places(w, 1)) else {
        return Err(malformed(
            "unfold4d: the kernel is larger than the padded plane, or a stride is 0",
        ));
    };
    let ([kernel_h, kernel_w], [dilation_h, dilation_w]) = (op.kernel_size, op.options.dilation);
    let [stride_h, stride_w] = op.options.stride;
    let view = vec![
        (n, strides[0]),
        (c, strides[1]),
        (kernel_h, strides[2].saturating_mul(dilation_h)),
        (kernel_w, strides[3].saturating_mul(dilation_w)),
        (high, strides[2].saturating_mul(stride_h)),
        (wide, strides[3].saturating_mul(stride_w)),
    ];
    let patches = copy_view(step, &padded, &view)?;
    step.reshape(&patches, &[n, c * kernel_h * kernel_w, high * wide])
}

/// Scaled dot-product attention over `(batch, heads, sequence, features)`. A row that is masked entirely gives zeros.
fn attention(step: &Step<'_>, op: &AttentionOpIr, inputs: Vec<Tensor>) -> Result<Tensor> {
    let mut inputs = inputs.into_iter();
    let mut next = || {
        inputs
            .next()
            .ok_or_else(|| malformed("attention with too few operands"))
    };
    let (query, key, value) = (next()?, next()?, next()?);
    let (&[_, _, queries, features], &[_, _, keys, _]) = (query.shape(), key.shape()) else {
        return Err(malformed("attention takes tensors of 4 dimensions"));
    };
    let scale = op.options.scale.map_or_else(|| 1.0 / (features as f64).sqrt(), number);
    let scores = step.op(&Op::MatMul, &[&query, &step.swap(&key, 2, 3)?])?;
    let mut scores = step.with_number(Binary::Mul, &scores, scale)?;
    if let Some(cap) = op.options.softcap.map(number) {
        let capped = step.unary(Unary::Tanh, &step.with_number(Binary::Div, &scores, cap)?)?;
        scores = step.with_number(Binary::Mul, &capped, cap)?;
    }
    let nothing = ScalarIr::Float(f64::NEG_INFINITY);
    if op.mask.is_some() {
        scores = step.fill_where(&next()?, nothing, &scores)?;
    }
    if op.options.is_causal {
        scores = step.fill_where(&later_keys(step, queries, keys)?, nothing, &scores)?;
    }
    if op.attn_bias.is_some() {
        scores = step.binary(Binary::Add, &scores, &next()?)?;
    }
    let (lowest, smallest) = limits(scores.dtype())?;
    let highest = step.reduce(Reduce::Max, &scores, vec![3])?;
    let highest = step.op(
        &Op::Clamp {
            min: Some(lowest),
            max: None,
        },
        &[&highest],
    )?;
    let shares = step.unary(Unary::Exp, &step.binary(Binary::Sub, &scores, &highest)?)?;
    let sums = step.reduce(Reduce::Sum, &shares, vec![3])?;
    let sums = step.op(
        &Op::Clamp {
            min: Some(smallest),
            max: None,
        },
        &[&sums],
    )?;
    step.op(&Op::MatMul, &[&step.binary(Binary::Div, &shares, &sums)?, &value])
}

/// Which keys come after a query, the last key belonging to the last query.
fn later_keys(step: &Step<'_>, queries: usize, keys: usize) -> Result<Tensor> {
    step.account.make("causal mask", &[queries, keys], |mask: &mut [bool]| {
        for (query, row) in mask.chunks_mut(keys.max(1)).enumerate() {
            // Key `k` is later when k > q + (keys - queries).
            row.iter_mut()
                .enumerate()
                .for_each(|(key, later)| *later = key + queries > query + keys);
        }
        Ok(())
    })
}

/// The lowest finite and the smallest positive number of a type that divisions keep.
fn limits(dtype: DType) -> Result<(f64, f64)> {
    match dtype {
        DType::F64 => Ok((f64::MIN, f64::MIN_POSITIVE)),
        DType::F32 => Ok((f64::from(f32::MIN), f64::from(f32::MIN_POSITIVE))),
        DType::F16 => Ok((-65504.0, 6.103_515_625e-5)),
        DType::BF16 => Ok((-3.389_531_389_251_535_5e38, f64::from(f32::MIN_POSITIVE))),
        other => Err(malformed(&format!("attention takes floats, not {other}"))),
    }
}
