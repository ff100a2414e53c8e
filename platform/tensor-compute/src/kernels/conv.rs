//! Convolutions: each element one chain of fused multiply-adds from 0 over `(channel, kernel...)` of the weight in row-major
//! order, then the bias is added. The zeros of the padding take part: an infinite weight on padding gives NaN. The transposed
//! convolution: for each element the kernel's taps in row-major order, each a chain over the channels, added one after the
//! other, then the bias. Which algorithm computes it changes no bit.

mod depthwise;
mod forward;
mod transposed;
pub(crate) mod window;

#[cfg(test)]
mod tests;

use super::device::offered;
use super::matmul::number::Number;
use super::matmul::{half_to_single, single_to_half};
use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::op::{ConvOptions, Op};
use crate::session::Session;
use crate::tensor::{Tensor, element_count};
use window::{Windows, spread};

/// The name of the transposed convolution.
const TRANSPOSED: &str = "conv_transpose";

/// Sizes of a convolution; three spatial dimensions, the first of them 1 where there are fewer.
struct Geometry {
    op: &'static str,
    batch: usize,
    groups: usize,
    /// Channels of the operand in a group.
    channels: usize,
    /// Channels of the result in a group.
    filters: usize,
    input: [usize; 3],
    output: [usize; 3],
    windows: Windows,
    /// Shape of the result.
    shape: Vec<usize>,
}

impl Geometry {
    /// Elements of the kernel of one channel.
    fn taps(&self) -> usize {
        self.windows.kernel.iter().product()
    }

    fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    fn output_len(&self) -> usize {
        self.output.iter().product()
    }
}

/// Elements of the operands.
#[derive(Clone, Copy)]
struct Operands<'a, T> {
    x: &'a [T],
    weight: &'a [T],
    bias: Option<&'a [T]>,
}

/// See [`crate::Op::Conv`].
pub fn conv(
    session: &Session,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
) -> Result<Tensor> {
    const OP: &str = "conv";
    let (batch, groups, spatial) = dimensions(OP, (x, weight), options)?;
    let (channels, filters) = (x.shape()[1], weight.shape()[0]);
    if weight.shape()[1].checked_mul(groups) != Some(channels) || filters % groups != 0 {
        let why = format!(
            "{channels} channels in {groups} groups do not fit the weight {:?}: it takes (m, channels / groups, kernel...), \
             m divisible by the groups",
            weight.shape()
        );
        return Err(ComputeError::Shape { op: OP, why });
    }
    let windows = Windows::new(
        OP,
        spatial,
        &weight.shape()[2..],
        (&options.strides, &options.pads, &options.dilations),
    )?;
    let (input, output) = (spread(spatial, 1), windows.outputs(OP, spatial, false)?);
    let mut shape = vec![batch, filters];
    shape.extend_from_slice(&output[3 - spatial.len()..]);
    let geometry = Geometry {
        op: OP,
        batch,
        groups,
        channels: channels / groups,
        filters: filters / groups,
        input,
        output,
        windows,
        shape,
    };
    let chain = weight.shape()[1..].iter().product::<usize>();
    let count = element_count(OP, &geometry.shape, x.dtype())?;
    charge(session, (count, chain), [x, weight])?;
    run(session, &geometry, (x, weight, bias), || Op::Conv(options.clone()))
}

/// See [`crate::Op::ConvTranspose`].
pub fn conv_transpose(
    session: &Session,
    (x, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    options: &ConvOptions,
    output_padding: &[usize],
) -> Result<Tensor> {
    const OP: &str = TRANSPOSED;
    let (batch, groups, spatial) = dimensions(OP, (x, weight), options)?;
    let (channels, filters) = (x.shape()[1], weight.shape()[1]);
    if weight.shape()[0] != channels || channels % groups != 0 {
        let why = format!(
            "{channels} channels in {groups} groups do not fit the weight {:?}: it takes (channels, m / groups, kernel...), \
             channels divisible by the groups",
            weight.shape()
        );
        return Err(ComputeError::Shape { op: OP, why });
    }
    let windows = Windows::new(
        OP,
        spatial,
        &weight.shape()[2..],
        (&options.strides, &options.pads, &options.dilations),
    )?;
    let (input, output) = (spread(spatial, 1), windows.origins(OP, spatial, output_padding)?);
    let total = filters.checked_mul(groups).ok_or_else(|| ComputeError::Shape {
        op: OP,
        why: format!("{filters} filters in each of {groups} groups are too many"),
    })?;
    let mut shape = vec![batch, total];
    shape.extend_from_slice(&output[3 - spatial.len()..]);
    let geometry = Geometry {
        op: OP,
        batch,
        groups,
        channels: channels / groups,
        filters,
        input,
        output,
        windows,
        shape,
    };
    element_count(OP, &geometry.shape, x.dtype())?;
    charge(session, (x.len(), weight.shape()[1..].iter().product()), [x, weight])?;
    run(session, &geometry, (x, weight, bias), || Op::ConvTranspose {
        conv: options.clone(),
        output_padding: output_padding.to_vec(),
    })
}

/// Batch, groups and spatial lengths, if the ranks and types fit.
fn dimensions<'a>(
    op: &'static str,
    (x, weight): (&'a Tensor, &Tensor),
    options: &ConvOptions,
) -> Result<(usize, usize, &'a [usize])> {
    if x.dtype() != weight.dtype() {
        let why = format!("takes tensors of one type, not {} and {}", x.dtype(), weight.dtype());
        return Err(ComputeError::DType { op, why });
    }
    if !(3..=5).contains(&x.rank()) || weight.rank() != x.rank() {
        let why = format!(
            "takes (n, c, 1 to 3 spatial dimensions) and a weight of as many dimensions, not {:?} and {:?}",
            x.shape(),
            weight.shape()
        );
        return Err(ComputeError::Shape { op, why });
    }
    if options.groups == 0 {
        return Err(ComputeError::Argument {
            op,
            why: "there is at least 1 group, 0 were given".to_owned(),
        });
    }
    Ok((x.shape()[0], options.groups, &x.shape()[2..]))
}

fn charge(session: &Session, (count, chain): (usize, usize), operands: [&Tensor; 2]) -> Result<()> {
    let flops = (count as u64).saturating_mul(chain as u64).saturating_mul(2);
    let elements = operands
        .iter()
        .fold(count as u64, |sum, operand| sum.saturating_add(operand.len() as u64));
    session.charge(flops, elements.saturating_mul(operands[0].dtype().size() as u64))
}

/// By element type. `f16` and `bf16` are computed as `f32` and rounded at the end.
fn run(
    session: &Session,
    geometry: &Geometry,
    (x, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    whole: impl FnOnce() -> Op,
) -> Result<Tensor> {
    let op = geometry.op;
    let transposed = op == TRANSPOSED;
    if let Some(bias) = bias {
        let filters = geometry.filters * geometry.groups;
        if bias.shape() != [filters] {
            let why = format!("takes a bias of shape [{filters}], not {:?}", bias.shape());
            return Err(ComputeError::Shape { op, why });
        }
        if bias.dtype() != x.dtype() {
            let why = format!("takes a bias of the operand's type {}, not {}", x.dtype(), bias.dtype());
            return Err(ComputeError::DType { op, why });
        }
    }
    let args: Vec<&Tensor> = [x, weight].into_iter().chain(bias).collect();
    if let Some(device) = offered(session, &args, whole) {
        return device.run(op, &args, (&geometry.shape, x.dtype()));
    }
    macro_rules! typed {
        ($number:ty) => {
            typed::<$number>(session, geometry, (x, weight, bias), transposed)
        };
    }
    match x.dtype() {
        DType::F16 | DType::BF16 => {
            let single = |tensor| half_to_single(session, op, tensor);
            let (wide_x, wide_weight) = (single(x)?, single(weight)?);
            let wide_bias = bias.map(single).transpose()?;
            let wide = typed::<f32>(
                session,
                geometry,
                (&wide_x, &wide_weight, wide_bias.as_ref()),
                transposed,
            )?;
            single_to_half(session, op, &wide, x.dtype())
        }
        DType::F32 => typed!(f32),
        DType::F64 => typed!(f64),
        DType::I8 => typed!(i8),
        DType::I16 => typed!(i16),
        DType::I32 => typed!(i32),
        DType::I64 => typed!(i64),
        DType::U8 => typed!(u8),
        DType::U16 => typed!(u16),
        DType::U32 => typed!(u32),
        DType::U64 => typed!(u64),
        DType::Bool | DType::Text => Err(ComputeError::DType {
            op,
            why: format!("takes numbers, not {}", x.dtype()),
        }),
    }
}

fn typed<T: Number>(
    session: &Session,
    geometry: &Geometry,
    (x, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    transposed: bool,
) -> Result<Tensor> {
    let op = geometry.op;
    let bias = bias.map(|bias| bias.values::<T>(op)).transpose()?;
    let operands = Operands {
        x: x.values::<T>(op)?,
        weight: weight.values::<T>(op)?,
        bias,
    };
    session.make(op, &geometry.shape, |out: &mut [T]| {
        if out.is_empty() {
            Ok(())
        } else if transposed {
            transposed::run(session, geometry, operands, out)
        } else if geometry.channels == 1 && geometry.filters <= depthwise::MOST_FILTERS {
            depthwise::run(session, geometry, operands, out)
        } else {
            forward::run(session, geometry, operands, out)
        }
    })
}

/// Adds the bias of one channel to elements of it.
fn finish<T: Number>(out: &mut [T], bias: Option<T>) {
    match bias {
        Some(bias) => out.iter_mut().for_each(|value| *value = value.plus(bias).settled()),
        None => out.iter_mut().for_each(|value| *value = value.settled()),
    }
}
