//! Sampling at given places: `GridSample`, `AffineGrid`, `DeformConv`. In double precision.

use super::super::call::{Call, Run, strides};
use super::convolution::windows;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{ConvOptions, Op};
use crate::tensor::{Tensor, element_count};

pub const TABLE: &[(&str, Run)] = &[
    ("GridSample", grid_sample),
    ("AffineGrid", affine_grid),
    ("DeformConv", deformable),
];

/// What stands beyond the border.
#[derive(Clone, Copy, PartialEq)]
enum Border {
    Zeros,
    Edge,
    Mirror,
}

/// Mirrors a coordinate into `low ..= high`.
fn mirror(x: f64, low: f64, high: f64) -> f64 {
    let span = high - low;
    if span <= 0.0 {
        return low;
    }
    let turn = (x - low).rem_euclid(2.0 * span);
    low + if turn > span { 2.0 * span - turn } else { turn }
}

/// How places between elements are read.
struct Reader<'a> {
    mode: &'a str,
    border: Border,
    corners: bool,
}

impl Reader<'_> {
    /// Indices and weights along one axis for a coordinate from -1 to 1.
    fn taps(&self, place: f64, length: usize) -> Vec<(usize, f64)> {
        let last = length as f64 - 1.0;
        let mut x = if self.corners {
            (place + 1.0) / 2.0 * last
        } else {
            ((place + 1.0) * length as f64 - 1.0) / 2.0
        };
        let (low, high) = if self.corners { (0.0, last) } else { (-0.5, last + 0.5) };
        if self.mode != "cubic" && self.mode != "bicubic" {
            x = match self.border {
                Border::Zeros => x,
                Border::Edge => x.clamp(0.0, last),
                Border::Mirror => mirror(x, low, high).clamp(0.0, last),
            };
        }
        let floor = x.floor();
        let ratio = x - floor;
        let weights: Vec<(f64, f64)> = match self.mode {
            "nearest" => vec![(libm::rint(x), 1.0)],
            "cubic" | "bicubic" => (-1..=2)
                .map(|step| (floor + f64::from(step), cubic(f64::from(step) - ratio)))
                .collect(),
            _ => vec![(floor, 1.0 - ratio), (floor + 1.0, ratio)],
        };
        let inside = |(index, weight): (f64, f64)| -> Option<(usize, f64)> {
            let index = match self.border {
                // NaN is in no range either.
                _ if (0.0..=last).contains(&index) => index,
                Border::Zeros => return None,
                Border::Edge => index.clamp(0.0, last),
                Border::Mirror => mirror(index, low, high).clamp(0.0, last),
            };
            Some((index as usize, weight))
        };
        weights.into_iter().filter_map(inside).collect()
    }
}

fn cubic(x: f64) -> f64 {
    let (a, x) = (-0.75, x.abs());
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    }
}

/// Every combination of the axes' taps: flat index and weight.
fn combine(taps: &[Vec<(usize, f64)>], steps: &[usize]) -> Vec<(usize, f64)> {
    let mut all = vec![(0, 1.0)];
    for (own, step) in taps.iter().zip(steps) {
        all = all
            .iter()
            .flat_map(|(at, weight)| own.iter().map(move |(index, w)| (at + index * step, weight * w)))
            .collect();
    }
    all
}

fn grid_sample(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, grid) = (call.arg(0)?, call.arg(1)?);
    let rank = x.rank().saturating_sub(2);
    let [n, channels, lengths @ ..] = x.shape() else {
        return Err(call.misfit("takes (n, c, ...)".to_owned()));
    };
    if !(1..=3).contains(&rank) || grid.rank() != x.rank() || grid.shape()[0] != *n || grid.shape()[rank + 1] != rank {
        return Err(call.misfit(format!("{:?} at the places {:?}", x.shape(), grid.shape())));
    }
    let places = &grid.shape()[1..=rank];
    let reader = Reader {
        mode: call.text("mode", "linear"),
        border: match call.text("padding_mode", "zeros") {
            "border" => Border::Edge,
            "reflection" => Border::Mirror,
            _ => Border::Zeros,
        },
        corners: call.flag("align_corners"),
    };
    let mut shape = vec![*n, *channels];
    shape.extend(places);
    let count = element_count(call.node.op, &shape, DType::F64)?;
    call.charge(count.saturating_mul(64), 2 * count)?;
    let (wide, grid) = (call.wide(x)?, call.wide(grid)?);
    let (values, grid) = (wide.values::<f64>(call.node.op)?, grid.values::<f64>(call.node.op)?);
    let (steps, plane, points) = (
        strides(lengths),
        lengths.iter().product::<usize>(),
        places.iter().product::<usize>(),
    );
    let result = call.session.make::<f64>(call.node.op, &shape, |out| {
        for (at, place) in grid.chunks_exact(rank).enumerate() {
            let (sample, point) = (at / points, at % points);
            if plane == 0 {
                continue;
            }
            // The last coordinate belongs to the first spatial dimension.
            let taps: Vec<_> = (0..rank)
                .map(|axis| reader.taps(place[rank - 1 - axis], lengths[axis]))
                .collect();
            let taps = combine(&taps, &steps);
            for channel in sample * channels..(sample + 1) * channels {
                out[channel * points + point] = taps
                    .iter()
                    .map(|(from, weight)| values[channel * plane + from] * weight)
                    .sum();
            }
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, x.dtype())?])
}

fn affine_grid(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let theta = call.arg(0)?;
    let size = super::shape::lengths(call, &call.ints_of(call.arg(1)?)?)?;
    let rank = size.len().saturating_sub(2);
    if !(2..=3).contains(&rank) || theta.shape() != [size[0], rank, rank + 1] {
        return Err(call.misfit(format!("{:?} for the size {size:?}", theta.shape())));
    }
    let corners = call.flag("align_corners");
    let lengths = &size[2..];
    let mut shape = vec![size[0]];
    shape.extend(lengths);
    shape.push(rank);
    let count = element_count(call.node.op, &shape, DType::F64)?;
    call.charge(count.saturating_mul(8), 2 * count)?;
    let wide = call.wide(theta)?;
    let matrix = wide.values::<f64>(call.node.op)?;
    let points: usize = lengths.iter().product();
    let steps = strides(lengths);
    let place = |index: usize, length: usize| match (corners, length) {
        (true, 1) => 0.0,
        (true, _) => -1.0 + 2.0 * index as f64 / (length as f64 - 1.0),
        (false, _) => (2.0 * index as f64 + 1.0) / length as f64 - 1.0,
    };
    let result = call.session.make::<f64>(call.node.op, &shape, |out| {
        for (at, to) in out.iter_mut().enumerate() {
            let (row, point) = (at % rank, at / rank % points);
            let line = &matrix[(at / rank / points * rank + row) * (rank + 1)..][..=rank];
            let own = |axis: usize| place(point / steps[axis] % lengths[axis], lengths[axis]);
            *to = (0..rank).map(|at| line[at] * own(rank - 1 - at)).sum::<f64>() + line[rank];
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, theta.dtype())?])
}

/// A convolution whose window elements are read at places of their own. Sampled columns, then a product per group.
fn deformable(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, weight, offset) = (call.arg(0)?, call.arg(1)?, call.arg(2)?);
    let ([n, c, h, w], [m, per_group, kh, kw]) = (x.shape(), weight.shape()) else {
        return Err(call.misfit(format!("{:?} with a kernel {:?}", x.shape(), weight.shape())));
    };
    let options = windows(call, 2)?;
    let groups = options.groups;
    let offset_groups = usize::try_from(call.int("offset_group", 1)).unwrap_or(0);
    let taps = kh * kw;
    let [oh, ow] = [(0, kh), (1, kw)].map(|(at, kernel)| positions(&options, at, *kernel, x.shape()[at + 2]));
    let fits = (1..=*c).contains(&offset_groups)
        && c.is_multiple_of(offset_groups)
        && m.is_multiple_of(groups)
        && per_group.checked_mul(groups) == Some(*c)
        && offset.shape() == [*n, offset_groups * taps * 2, oh, ow]
        && call
            .opt(4)
            .is_none_or(|mask| mask.shape() == [*n, offset_groups * taps, oh, ow]);
    if !fits || taps == 0 {
        return Err(call.misfit(format!(
            "{:?}, kernel {:?}, offsets {:?}",
            x.shape(),
            weight.shape(),
            offset.shape()
        )));
    }
    let columns = [*n, groups, per_group * taps, oh * ow];
    let count = element_count(call.node.op, &columns, DType::F64)?;
    call.charge(count.saturating_mul(16), count)?;
    let (values, offsets) = (call.wide(x)?, call.wide(offset)?);
    let mask = call.opt(4).map(|mask| call.wide(mask)).transpose()?;
    let (values, offsets) = (
        values.values::<f64>(call.node.op)?,
        offsets.values::<f64>(call.node.op)?,
    );
    let mask = mask.as_ref().map(|mask| mask.values::<f64>(call.node.op)).transpose()?;
    let (points, shared) = (oh * ow, c / offset_groups);
    let sampled = call.session.make::<f64>(call.node.op, &columns, |out| {
        for (at, to) in out.iter_mut().enumerate() {
            let (point, row) = (at % points, at / points);
            let (tap, plane) = (row % taps, row / taps);
            let (sample, channel) = (plane / c, plane % c);
            let own = (sample * offset_groups + channel / shared) * taps + tap;
            let place = |axis: usize| {
                let (step, inside) = if axis == 0 {
                    (point / ow, tap / kw)
                } else {
                    (point % ow, tap % kw)
                };
                let fixed = (step * options.strides[axis] + inside * options.dilations[axis]) as f64;
                fixed - options.pads[axis].0 as f64 + offsets[(2 * own + axis) * points + point]
            };
            let value = bilinear(&values[plane * h * w..][..h * w], (*h, *w), (place(0), place(1)));
            *to = value * mask.map_or(1.0, |mask| mask[own * points + point]);
        }
        Ok(())
    })?;
    let kernel = call.reshape(&call.wide(weight)?, &[groups, m / groups, per_group * taps])?;
    let product = call.reshape(&call.one(&Op::MatMul, &[&kernel, &sampled])?, &[*n, *m, oh, ow])?;
    let result = match call.opt(3) {
        Some(bias) => call.add(&product, &call.reshape(&call.wide(bias)?, &[*m, 1, 1])?)?,
        None => product,
    };
    Ok(vec![call.cast(&result, x.dtype())?])
}

/// How many windows fit along a spatial dimension of this length.
fn positions(options: &ConvOptions, at: usize, kernel: usize, length: usize) -> usize {
    let extent = kernel
        .saturating_sub(1)
        .saturating_mul(options.dilations[at])
        .saturating_add(1);
    let padded = length
        .saturating_add(options.pads[at].0)
        .saturating_add(options.pads[at].1);
    padded
        .checked_sub(extent)
        .map_or(0, |free| free / options.strides[at] + 1)
}

/// Between four elements; zero beyond the border.
fn bilinear(plane: &[f64], (h, w): (usize, usize), (y, x): (f64, f64)) -> f64 {
    let (top, left) = (y.floor(), x.floor());
    let read = |row: f64, column: f64| {
        let inside = (0.0..h as f64).contains(&row) && (0.0..w as f64).contains(&column);
        if inside {
            plane[row as usize * w + column as usize]
        } else {
            0.0
        }
    };
    let (down, right) = (y - top, x - left);
    let upper = read(top, left) * (1.0 - right) + read(top, left + 1.0) * right;
    let lower = read(top + 1.0, left) * (1.0 - right) + read(top + 1.0, left + 1.0) * right;
    upper * (1.0 - down) + lower * down
}
