//! Convolutions and their gradients, as convolutions of the kernels in other roles.
//!
//! With `y = conv(x, w)`: the gradient of `x` is the transposed convolution of that of `y`; the gradient of `w` is the
//! convolution of `x` with that of `y`, samples and channels exchanged, strides and dilations exchanged.

use super::malformed;
use super::step::Step;
use tensor_compute::{ConvOptions, Op, Reduce, Result, SliceRange, Tensor};

/// The options of a convolution.
pub fn options(strides: &[usize], pads: &[(usize, usize)], dilations: &[usize], groups: usize) -> ConvOptions {
    ConvOptions {
        strides: strides.to_vec(),
        pads: pads.to_vec(),
        dilations: dilations.to_vec(),
        groups,
    }
}

/// Equal padding on both sides.
pub fn both<const N: usize>(padding: [usize; N]) -> [(usize, usize); N] {
    padding.map(|pad| (pad, pad))
}

/// A convolution.
pub fn forward(step: &Step<'_>, [x, weight]: [Tensor; 2], bias: Option<Tensor>, with: ConvOptions) -> Result<Tensor> {
    let mut operands = vec![&x, &weight];
    operands.extend(bias.as_ref());
    step.op(&Op::Conv(with), &operands)
}

/// A transposed convolution.
pub fn transposed(
    step: &Step<'_>,
    [x, weight]: [Tensor; 2],
    bias: Option<Tensor>,
    conv: ConvOptions,
    output_padding: &[usize],
) -> Result<Tensor> {
    let mut operands = vec![&x, &weight];
    operands.extend(bias.as_ref());
    step.op(
        &Op::ConvTranspose {
            conv,
            output_padding: output_padding.to_vec(),
        },
        &operands,
    )
}

/// Length that a window of `kernel` elements, `dilation` apart, spans.
fn span(kernel: usize, dilation: usize) -> Option<usize> {
    kernel.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)
}

/// What the strides of a convolution left over at the end of each spatial dimension of its operand.
fn left_over(x: &[usize], weight: &[usize], grad: &[usize], with: &ConvOptions) -> Option<Vec<usize>> {
    let spatial = with.strides.len();
    if [x, weight, grad].iter().any(|shape| shape.len() != spatial + 2) {
        return None;
    }
    let axis = |axis: usize| {
        let (before, after) = *with.pads.get(axis)?;
        let reached = (grad[axis + 2].checked_sub(1)?)
            .checked_mul(with.strides[axis])?
            .checked_add(span(weight[axis + 2], *with.dilations.get(axis)?)?)?;
        let padded = x[axis + 2].checked_add(before)?.checked_add(after)?;
        padded.checked_sub(reached)
    };
    (0..spatial).map(axis).collect()
}

/// The gradient of a convolution's operand.
pub fn x_backward(step: &Step<'_>, [x, weight, grad]: [Tensor; 3], with: ConvOptions) -> Result<Tensor> {
    let Some(padding) = left_over(x.shape(), weight.shape(), grad.shape(), &with) else {
        return Err(shapes("conv_x_backward", [&x, &weight, &grad]));
    };
    transposed(step, [grad, weight], None, with, &padding)
}

/// The gradient of a convolution's weight.
pub fn weight_backward(step: &Step<'_>, [x, weight, grad]: [Tensor; 3], with: &ConvOptions) -> Result<Tensor> {
    let refuse = || shapes("conv_weight_backward", [&x, &weight, &grad]);
    left_over(x.shape(), weight.shape(), grad.shape(), with).ok_or_else(refuse)?;
    let (channels, results, groups) = (x.shape()[1], grad.shape()[1], with.groups);
    let fits = groups > 0 && channels % groups == 0 && results % groups == 0;
    if !fits || weight.shape()[..2] != [results, channels / groups] || x.shape()[0] != grad.shape()[0] {
        return Err(refuse());
    }
    if groups == 1 {
        return one_group(step, &x, &grad, (weight.shape(), with));
    }
    let mut parts = Vec::with_capacity(groups);
    for group in 0..groups {
        step.account.go_on()?;
        let x = channel_range(step, &x, group, channels / groups)?;
        let grad = channel_range(step, &grad, group, results / groups)?;
        parts.push(one_group(step, &x, &grad, (weight.shape(), with))?);
    }
    step.op(&Op::Concat { axis: 0 }, &parts.iter().collect::<Vec<_>>())
}

fn one_group(step: &Step<'_>, x: &Tensor, grad: &Tensor, (weight, with): (&[usize], &ConvOptions)) -> Result<Tensor> {
    let exchanged = ConvOptions {
        strides: with.dilations.clone(),
        pads: with.pads.clone(),
        dilations: with.strides.clone(),
        groups: 1,
    };
    let wide = forward(step, [step.swap(x, 0, 1)?, step.swap(grad, 0, 1)?], None, exchanged)?;
    // Where strides left something over, more offsets were computed than the kernel has.
    let wanted = |(axis, length): (usize, &usize)| {
        let count = if axis < 2 { *length } else { weight[axis].min(*length) };
        SliceRange {
            start: 0,
            count,
            step: 1,
        }
    };
    let cut = step.op(
        &Op::Slice(wide.shape().iter().enumerate().map(wanted).collect()),
        &[&wide],
    )?;
    step.swap(&cut, 0, 1)
}

fn channel_range(step: &Step<'_>, x: &Tensor, group: usize, channels: usize) -> Result<Tensor> {
    let range = |(axis, length): (usize, &usize)| match axis {
        1 => SliceRange {
            start: group * channels,
            count: channels,
            step: 1,
        },
        _ => SliceRange {
            start: 0,
            count: *length,
            step: 1,
        },
    };
    step.op(&Op::Slice(x.shape().iter().enumerate().map(range).collect()), &[x])
}

/// The gradient of a bias: the sum over samples and places.
pub fn bias_backward(step: &Step<'_>, [_, bias, grad]: [Tensor; 3]) -> Result<Tensor> {
    let axes: Vec<usize> = (0..grad.rank()).filter(|axis| *axis != 1).collect();
    let sums = step.reduce(Reduce::Sum, &grad, axes)?;
    step.reshape(&sums, bias.shape())
}

fn shapes(op: &'static str, tensors: [&Tensor; 3]) -> tensor_compute::ComputeError {
    let [x, weight, grad] = tensors.map(Tensor::shape);
    malformed(&format!(
        "{op}: operand {x:?}, weight {weight:?} and gradient {grad:?} do not belong together"
    ))
}
