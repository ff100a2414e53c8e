//! Convolutions: each element one chain of fused multiply-adds from 0 over `(channel, kernel...)` of the weight in row-major
//! order, then the bias is added. The zeros of the padding take part: an infinite weight on padding gives NaN. The transposed
//! convolution: for each element the kernel's taps in row-major order, each a chain over the channels, added one after the
//! other, then the bias. Which algorithm computes it changes no bit.

mod columns;
mod depthwise;
mod panels;
mod transposed;
pub(crate) mod window;

#[cfg(test)]
mod tests;

use super::device::{forced, offered};
use super::functions::Real;
use super::matmul::number::{Number, Path};
use super::matmul::{half_to_single, single_to_half};
use super::norm::affine;
use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::op::{ConvOptions, Op, Unary};
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
    finish: Finish<'a, T>,
}

/// What becomes of each sum, by channel of the result: every step just as the operation it stands for would do it, so that
/// doing it here changes no bit.
#[derive(Clone, Copy)]
struct Finish<'a, T> {
    bias: Option<&'a [T]>,
    /// Factor and summand of a normalisation with known mean and variance.
    scaled: Option<(&'a [T], &'a [T])>,
    /// Whether negative numbers become 0.
    rectified: bool,
}

impl<T: Number> Finish<'_, T> {
    /// On elements of one channel.
    #[inline(always)]
    fn apply(self, channel: usize, out: &mut [T]) {
        let bias = self.bias.map(|bias| bias[channel]);
        let scaled = self.scaled.map(|(factor, summand)| (factor[channel], summand[channel]));
        for value in out {
            let sum = match bias {
                Some(bias) => value.plus(bias).settled(),
                None => value.settled(),
            };
            let sum = match scaled {
                Some((factor, summand)) => sum.times(factor).plus(summand),
                None => sum,
            };
            *value = if self.rectified { sum.rectified() } else { sum };
        }
    }
}

/// What follows a convolution and is done with it: see [`conv_then`].
#[derive(Clone, Copy, Default)]
pub struct Then<'a> {
    /// Scale, bias, mean, variance of [`crate::Op::BatchNorm`] and its epsilon.
    pub norm: Option<([&'a Tensor; 4], f64)>,
    /// [`crate::Unary::Relu`].
    pub relu: bool,
}

/// See [`crate::Op::Conv`].
pub fn conv(
    session: &Session,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
) -> Result<Tensor> {
    conv_then(session, (x, weight, bias), options, Then::default())
}

/// A convolution and what follows it, in one pass: the same bits as one after the other, and the same price for the work. Normalises `f32`
/// and `f64` only.
pub fn conv_then(
    session: &Session,
    (x, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    options: &ConvOptions,
    then: Then<'_>,
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
    let bytes = 2 * (count as u64).saturating_mul(x.dtype().size() as u64);
    if then.norm.is_some() {
        session.charge(2 * count as u64, bytes)?;
    }
    if then.relu {
        session.charge(count as u64, bytes)?;
    }
    run(session, &geometry, (x, weight, bias), then, || {
        Op::Conv(options.clone())
    })
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
    let whole = || Op::ConvTranspose {
        conv: options.clone(),
        output_padding: output_padding.to_vec(),
    };
    run(session, &geometry, (x, weight, bias), Then::default(), whole)
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

/// What follows a convolution that a device has computed. It is paid for.
fn on_device(session: &Session, sum: Tensor, then: Then<'_>) -> Result<Tensor> {
    let mut made = sum;
    if let Some((vectors, epsilon)) = then.norm
        && let Some(device) = forced(session, Op::BatchNorm { epsilon })
    {
        let args: Vec<&Tensor> = std::iter::once(&made).chain(vectors).collect();
        made = device.run("batch_norm", &args, (made.shape(), made.dtype()))?;
    }
    match forced(session, Op::Unary(Unary::Relu)).filter(|_| then.relu) {
        Some(device) => device.run("relu", &[&made], (made.shape(), made.dtype())),
        None => Ok(made),
    }
}

/// By element type. `f16` and `bf16` are computed as `f32` and rounded at the end.
fn run(
    session: &Session,
    geometry: &Geometry,
    (x, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    then: Then<'_>,
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
    if then.norm.is_some() && !matches!(x.dtype(), DType::F32 | DType::F64) {
        let why = format!("normalises float32 and float64 only, not {}", x.dtype());
        return Err(ComputeError::DType { op, why });
    }
    let args: Vec<&Tensor> = [x, weight].into_iter().chain(bias).collect();
    if let Some(device) = offered(session, &args, whole) {
        let sum = device.run(op, &args, (&geometry.shape, x.dtype()))?;
        return on_device(session, sum, then);
    }
    macro_rules! typed {
        ($number:ty) => {
            typed::<$number>(session, geometry, (x, weight, bias), (transposed, then, None))
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
                (transposed, then, None),
            )?;
            single_to_half(session, op, &wide, x.dtype())
        }
        DType::F32 => {
            let scaled = scaled::<f32>(session, geometry, then)?;
            typed::<f32>(session, geometry, (x, weight, bias), (transposed, then, scaled))
        }
        DType::F64 => {
            let scaled = scaled::<f64>(session, geometry, then)?;
            typed::<f64>(session, geometry, (x, weight, bias), (transposed, then, scaled))
        }
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

/// Factors and summands of the normalisation that follows, if one does.
type Scaled<T> = Option<(Vec<T>, Vec<T>)>;

fn scaled<T: Real>(session: &Session, geometry: &Geometry, then: Then<'_>) -> Result<Scaled<T>> {
    let Some((vectors, epsilon)) = then.norm else {
        return Ok(None);
    };
    let filters = geometry.filters * geometry.groups;
    if let Some(vector) = vectors.iter().find(|vector| vector.shape() != [filters]) {
        let why = format!(
            "a normalisation of {filters} channels takes as many numbers, not {:?}",
            vector.shape()
        );
        return Err(ComputeError::Shape { op: geometry.op, why });
    }
    let _scratch = session.lease(2 * (filters * size_of::<T>()) as u64)?;
    affine(vectors, epsilon).map(Some)
}

fn typed<T: Number>(
    session: &Session,
    geometry: &Geometry,
    (x, weight, bias): (&Tensor, &Tensor, Option<&Tensor>),
    (transposed, then, scaled): (bool, Then<'_>, Scaled<T>),
) -> Result<Tensor> {
    let op = geometry.op;
    let bias = bias.map(|bias| bias.values::<T>(op)).transpose()?;
    let operands = Operands {
        x: x.values::<T>(op)?,
        weight: weight.values::<T>(op)?,
        finish: Finish {
            bias,
            scaled: scaled
                .as_ref()
                .map(|(factor, summand)| (factor.as_slice(), summand.as_slice())),
            rectified: then.relu,
        },
    };
    let tile = T::tile(Path::of(session.settings().isa), geometry.filters);
    session.make(op, &geometry.shape, |out: &mut [T]| {
        if out.is_empty() {
            Ok(())
        } else if transposed {
            transposed::run(session, geometry, operands, out)
        } else if geometry.channels == 1 && geometry.filters <= depthwise::MOST_FILTERS {
            depthwise::run(session, geometry, operands, out)
        } else if let Some(how) = tile.zip(panels::padded_lengths(geometry)) {
            panels::run(session, geometry, operands, how, out)
        } else {
            columns::run(session, geometry, operands, out)
        }
    })
}
