//! Convolutions: of floats, of whole numbers, transposed, deformable, and the sum of columns into an image.

use super::super::call::{Call, Run};
use super::super::fuse;
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::{Then, conv_then};
use crate::op::{ConvOptions, Op};
use crate::tensor::{Tensor, element_count};

pub const TABLE: &[(&str, Run)] = &[
    ("Conv", conv),
    ("ConvTranspose", conv_transpose),
    ("ConvInteger", conv_integer),
    ("Col2Im", columns_to_image),
];

/// A whole number of a list, at least 1 and not absurd.
fn positive(call: &Call<'_>, name: &str, rank: usize) -> Result<Vec<usize>> {
    let given = call.ints(name).map_or_else(|| vec![1; rank], <[i64]>::to_vec);
    let fits = |value: &i64| (1..=1 << 30).contains(value);
    if given.len() != rank || !given.iter().all(fits) {
        return Err(call.wrong(format!("{name} {given:?} for {rank} spatial dimensions")));
    }
    Ok(given.iter().map(|value| *value as usize).collect())
}

/// Strides, dilations, explicit pads and groups from the attributes.
pub fn windows(call: &Call<'_>, rank: usize) -> Result<ConvOptions> {
    let pads = call.ints("pads").map_or_else(|| vec![0; 2 * rank], <[i64]>::to_vec);
    if pads.len() != 2 * rank || pads.iter().any(|pad| !(0..=1 << 30).contains(pad)) {
        return Err(call.wrong(format!("pads {pads:?} for {rank} spatial dimensions")));
    }
    Ok(ConvOptions {
        strides: positive(call, "strides", rank)?,
        pads: (0..rank)
            .map(|at| (pads[at] as usize, pads[rank + at] as usize))
            .collect(),
        dilations: positive(call, "dilations", rank)?,
        groups: usize::try_from(call.int("group", 1))
            .ok()
            .filter(|groups| *groups > 0)
            .unwrap_or(1),
    })
}

/// What `auto_pad` asks for, in place of the explicit pads.
pub fn automatic_pads(call: &Call<'_>, window: &mut ConvOptions, lengths: &[usize], kernel: &[usize]) -> Result<()> {
    let upper = match call.text("auto_pad", "NOTSET") {
        "NOTSET" | "" => return Ok(()),
        "VALID" => {
            window.pads.fill((0, 0));
            return Ok(());
        }
        "SAME_UPPER" => true,
        "SAME_LOWER" => false,
        other => return Err(call.wrong(format!("auto_pad {other:?} is not known"))),
    };
    for (at, length) in lengths.iter().enumerate() {
        let stride = window.strides[at];
        let extent = kernel[at]
            .saturating_sub(1)
            .saturating_mul(window.dilations[at])
            .saturating_add(1);
        let outputs = length.div_ceil(stride);
        let total = outputs
            .saturating_sub(1)
            .saturating_mul(stride)
            .saturating_add(extent)
            .saturating_sub(*length);
        let (small, large) = (total / 2, total - total / 2);
        window.pads[at] = if upper { (small, large) } else { (large, small) };
    }
    Ok(())
}

fn prepared(call: &Call<'_>, x: &Tensor, weight: &Tensor) -> Result<ConvOptions> {
    if x.rank() != weight.rank() || x.rank() < 3 {
        return Err(call.misfit(format!("{:?} with a kernel {:?}", x.shape(), weight.shape())));
    }
    let mut window = windows(call, x.rank() - 2)?;
    automatic_pads(call, &mut window, &x.shape()[2..], &weight.shape()[2..])?;
    Ok(window)
}

fn conv(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, weight) = (call.arg(0)?, call.arg(1)?);
    let options = prepared(call, x, weight)?;
    let wide: Vec<Tensor> = call
        .all()
        .into_iter()
        .map(|tensor| call.at_least_single(tensor))
        .collect::<Result<_>>()?;
    let result = call.one(&Op::Conv(options), &wide.iter().collect::<Vec<_>>())?;
    Ok(vec![call.cast(&result, x.dtype())?])
}

/// A convolution with what was joined to it.
pub fn run_joined(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, weight) = (call.arg(0)?, call.arg(1)?);
    let options = prepared(call, x, weight)?;
    let mut then = Then {
        relu: call.flag(fuse::RELU),
        norm: None,
    };
    if call.attr(fuse::EPSILON).is_some() {
        let vector = |at: usize| call.arg(fuse::VECTORS + at);
        let vectors = [vector(0)?, vector(1)?, vector(2)?, vector(3)?];
        then.norm = Some((vectors, f64::from(call.float(fuse::EPSILON, 1e-5))));
    }
    Ok(vec![conv_then(call.session, (x, weight, call.opt(2)), &options, then)?])
}

/// Whole numbers less their zero points, in double precision.
pub fn centred(call: &Call<'_>, x: &Tensor, zero: Option<&Tensor>) -> Result<Tensor> {
    let wide = call.wide(x)?;
    match zero {
        Some(zero) => call.binary(crate::op::Binary::Sub, &wide, &call.wide(zero)?),
        None => Ok(wide),
    }
}

fn conv_integer(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, weight) = (call.arg(0)?, call.arg(1)?);
    let options = prepared(call, x, weight)?;
    // One zero point per output channel.
    let zero = match call.opt(3) {
        Some(zero) if zero.len() > 1 => {
            let mut shape = vec![1; weight.rank()];
            shape[0] = zero.len();
            Some(call.reshape(zero, &shape)?)
        }
        other => other.cloned(),
    };
    let (x, weight) = (centred(call, x, call.opt(2))?, centred(call, weight, zero.as_ref())?);
    let result = call.one(&Op::Conv(options), &[&x, &weight])?;
    Ok(vec![call.cast(&result, DType::I32)?])
}

fn conv_transpose(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, weight) = (call.arg(0)?, call.arg(1)?);
    if x.rank() != weight.rank() || x.rank() < 3 {
        return Err(call.misfit(format!("{:?} with a kernel {:?}", x.shape(), weight.shape())));
    }
    let rank = x.rank() - 2;
    let mut conv = windows(call, rank)?;
    let mut output_padding = vec![0; rank];
    if let Some(given) = call.ints("output_padding") {
        output_padding = super::shape::lengths(call, given)?;
        if output_padding.len() != rank {
            return Err(call.wrong(format!("output_padding {given:?} for {rank} spatial dimensions")));
        }
    }
    let mode = call.text("auto_pad", "NOTSET");
    let wanted = call.ints("output_shape");
    if mode == "VALID" {
        conv.pads.fill((0, 0));
    }
    for (at, padding) in output_padding.iter_mut().enumerate() {
        let extent = (weight.shape()[at + 2].saturating_sub(1))
            .saturating_mul(conv.dilations[at])
            .saturating_add(1);
        let full = x.shape()[at + 2]
            .saturating_sub(1)
            .saturating_mul(conv.strides[at])
            .saturating_add(extent);
        let target = match wanted {
            Some(wanted) => {
                let given = wanted.get(wanted.len().saturating_sub(rank) + at).copied().unwrap_or(0);
                usize::try_from(given).map_err(|_| call.wrong(format!("output_shape {wanted:?}")))?
            }
            None if mode.starts_with("SAME") => x.shape()[at + 2].saturating_mul(conv.strides[at]),
            None => continue,
        };
        let total = full.saturating_add(*padding);
        let excess = total.saturating_sub(target);
        // Longer than the transposed convolution gives: zeros at the end.
        *padding += target.saturating_sub(total);
        let (small, large) = (excess / 2, excess - excess / 2);
        conv.pads[at] = if mode == "SAME_UPPER" {
            (small, large)
        } else {
            (large, small)
        };
    }
    let wide: Vec<Tensor> = call
        .all()
        .into_iter()
        .map(|tensor| call.at_least_single(tensor))
        .collect::<Result<_>>()?;
    let result = call.one(
        &Op::ConvTranspose { conv, output_padding },
        &wide.iter().collect::<Vec<_>>(),
    )?;
    Ok(vec![call.cast(&result, x.dtype())?])
}

/// `(n, c * block, windows)` to `(n, c, image...)`: what windows share is summed.
fn columns_to_image(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let image = super::shape::lengths(call, &call.ints_of(call.arg(1)?)?)?;
    let block = super::shape::lengths(call, &call.ints_of(call.arg(2)?)?)?;
    let rank = image.len();
    let options = windows(call, rank)?;
    let size = element_count(call.node.op, &block, DType::U8)?;
    let [n, rows, columns] = x.shape() else {
        return Err(call.misfit(format!("takes (n, c * block, windows), not {:?}", x.shape())));
    };
    if size == 0 || block.len() != rank || !rows.is_multiple_of(size) {
        return Err(call.misfit(format!("blocks {block:?} in {:?}", x.shape())));
    }
    let channels = rows / size;
    let counts: Vec<usize> = (0..rank)
        .map(|at| {
            let extent = (block[at] - 1).saturating_mul(options.dilations[at]).saturating_add(1);
            let padded = image[at]
                .saturating_add(options.pads[at].0)
                .saturating_add(options.pads[at].1);
            padded
                .checked_sub(extent)
                .map_or(0, |free| free / options.strides[at] + 1)
        })
        .collect();
    if element_count(call.node.op, &counts, DType::U8)? != *columns {
        return Err(call.misfit(format!("{columns} windows, where the image has {counts:?}")));
    }
    let mut shape = vec![*n, channels];
    shape.extend(&image);
    let plane: usize = image.iter().product();
    call.charge(x.len(), x.len() + element_count(call.node.op, &shape, DType::F64)?)?;
    let wide = call.wide(x)?;
    let values = wide.values::<f64>(call.node.op)?;
    let result = call.session.make::<f64>(call.node.op, &shape, |out| {
        for (at, value) in values.iter().enumerate() {
            let (window, row) = (at % columns, at / columns);
            let (inside, channel) = (row % size, row / size);
            if let Some(place) = place_in_image(&options, &image, (&block, inside), (&counts, window)) {
                out[channel * plane + place] += value;
            }
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, x.dtype())?])
}

/// Flat index in the image of element `inside` of the block at window `window`; none in the padding.
fn place_in_image(
    options: &ConvOptions,
    image: &[usize],
    (block, mut inside): (&[usize], usize),
    (counts, mut window): (&[usize], usize),
) -> Option<usize> {
    let mut place = 0;
    let mut distance = 1;
    for at in (0..image.len()).rev() {
        let offset = (inside % block[at]) * options.dilations[at] + (window % counts[at]) * options.strides[at];
        let index = offset
            .checked_sub(options.pads[at].0)
            .filter(|index| *index < image[at])?;
        place += index * distance;
        distance *= image[at];
        inside /= block[at];
        window /= counts[at];
    }
    Some(place)
}
