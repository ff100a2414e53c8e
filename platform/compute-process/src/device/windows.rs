//! Convolutions and pools, in terms of burn's backends.

use super::accelerator::OnBackend;
use super::operands::wrong;
use burn_backend::Backend;
use burn_backend::ops::{ConvOptions as Windows, ConvTransposeOptions};
use tensor_compute::{ComputeError, ConvOptions, Op, PoolKind, PoolOptions, Result, Tensor};

type Float<B> = <B as burn_backend::BackendTypes>::FloatTensorPrimitive;

/// Runs one.
pub(super) fn run<B: Backend>(on: &OnBackend<B>, op: &Op, args: &[&Tensor]) -> Result<Float<B>> {
    let Some((x, rest)) = args.split_first() else {
        return Err(ComputeError::Device("windows over nothing".to_owned()));
    };
    let operand = on.float(x, x.shape())?;
    if let Op::Pool(options) = op {
        return pool::<B>(operand, x, options);
    }
    let [weight, bias @ ..] = rest else {
        return Err(wrong(x));
    };
    let bias = bias.first().map(|bias| on.float(bias, bias.shape())).transpose()?;
    let weight = on.float(weight, weight.shape())?;
    Ok(match (op, x.rank()) {
        (Op::Conv(options), 3) => B::conv1d(operand, weight, bias, forward(options, x)?),
        (Op::Conv(options), 4) => B::conv2d(operand, weight, bias, forward(options, x)?),
        (Op::Conv(options), 5) => B::conv3d(operand, weight, bias, forward(options, x)?),
        (Op::ConvTranspose { conv, output_padding }, 3) => {
            B::conv_transpose1d(operand, weight, bias, back(conv, output_padding, x)?)
        }
        (Op::ConvTranspose { conv, output_padding }, 4) => {
            B::conv_transpose2d(operand, weight, bias, back(conv, output_padding, x)?)
        }
        (Op::ConvTranspose { conv, output_padding }, 5) => {
            B::conv_transpose3d(operand, weight, bias, back(conv, output_padding, x)?)
        }
        _ => return Err(wrong(x)),
    })
}

/// One entry for each spatial dimension, as the kernel has checked.
fn lengths<const N: usize>(list: &[usize], x: &Tensor) -> Result<[usize; N]> {
    list.try_into().map_err(|_| wrong(x))
}

/// The padding is the same before and after.
fn padding<const N: usize>(pads: &[(usize, usize)], x: &Tensor) -> Result<[usize; N]> {
    lengths(&pads.iter().map(|(before, _)| *before).collect::<Vec<_>>(), x)
}

fn forward<const N: usize>(options: &ConvOptions, x: &Tensor) -> Result<Windows<N>> {
    Ok(Windows::new(
        lengths(&options.strides, x)?,
        padding(&options.pads, x)?,
        lengths(&options.dilations, x)?,
        options.groups,
    ))
}

fn back<const N: usize>(options: &ConvOptions, output: &[usize], x: &Tensor) -> Result<ConvTransposeOptions<N>> {
    Ok(ConvTransposeOptions::new(
        lengths(&options.strides, x)?,
        padding(&options.pads, x)?,
        lengths(output, x)?,
        lengths(&options.dilations, x)?,
        options.groups,
    ))
}

fn pool<B: Backend>(operand: Float<B>, x: &Tensor, options: &PoolOptions) -> Result<Float<B>> {
    let PoolOptions {
        kind,
        kernel,
        strides,
        pads,
        dilations,
        ..
    } = options;
    let count_padding = matches!(kind, PoolKind::Average { count_padding: true });
    let largest = matches!(kind, PoolKind::Max { .. });
    if x.rank() == 3 {
        let ([kernel], [stride], [pad], [dilation]) = (
            lengths(kernel, x)?,
            lengths(strides, x)?,
            padding(pads, x)?,
            lengths(dilations, x)?,
        );
        return Ok(if largest {
            B::max_pool1d(operand, kernel, stride, pad, dilation, false)
        } else {
            B::avg_pool1d(operand, kernel, stride, pad, count_padding, false)
        });
    }
    let (kernel, stride, pad) = (lengths(kernel, x)?, lengths(strides, x)?, padding(pads, x)?);
    Ok(if largest {
        B::max_pool2d(operand, kernel, stride, pad, lengths(dilations, x)?, false)
    } else {
        B::avg_pool2d(operand, kernel, stride, pad, count_padding, false)
    })
}
