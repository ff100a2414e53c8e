//! Resampling on a grid: `Resize` and `Upsample`. Axis after axis, in double precision.

use super::super::call::{Call, Run};
use crate::dtype::DType;
use crate::error::Result;
use crate::op::Op;
use crate::tensor::{Tensor, element_count};

pub const TABLE: &[(&str, Run)] = &[("Resize", resize), ("Upsample", upsample)];

/// What one output index of an axis is made of.
type Taps = Vec<(usize, f64)>;

/// How one axis is resampled.
struct Axis {
    input: usize,
    output: usize,
    scale: f64,
    /// Start and end of the part that is looked at, as a share of the axis.
    region: (f64, f64),
}

/// What holds for all axes.
struct Method<'a> {
    mode: &'a str,
    coordinates: &'a str,
    nearest: &'a str,
    cubic: f64,
    exclude_outside: bool,
    antialias: bool,
}

impl Axis {
    /// The input coordinate of an output index.
    fn origin(&self, method: &Method<'_>, index: usize) -> f64 {
        let (x, input, wanted) = (index as f64, self.input as f64, self.scale * self.input as f64);
        match method.coordinates {
            "align_corners" if self.output == 1 => 0.0,
            "align_corners" => x * (input - 1.0) / (wanted - 1.0),
            "asymmetric" => x / self.scale,
            "tf_crop_and_resize" => {
                let (start, end) = self.region;
                let step = if self.output == 1 {
                    (end - start) * (input - 1.0) / 2.0
                } else {
                    x * (end - start) * (input - 1.0) / (wanted - 1.0)
                };
                step + start * (input - 1.0)
            }
            "pytorch_half_pixel" if self.output == 1 => -0.5,
            "half_pixel_symmetric" => {
                let offset = input / 2.0 * (1.0 - self.output as f64 / wanted);
                offset + (x + 0.5) / self.scale - 0.5
            }
            _ => (x + 0.5) / self.scale - 0.5,
        }
    }

    fn taps(&self, method: &Method<'_>, origin: f64) -> Taps {
        let floor = origin.floor();
        let ratio = origin - floor;
        let shrink = if method.antialias { self.scale.min(1.0) } else { 1.0 };
        let weights: Vec<(i64, f64)> = match method.mode {
            "nearest" => {
                let up = match method.nearest {
                    "round_prefer_ceil" => ratio >= 0.5,
                    "floor" => false,
                    "ceil" => ratio > 0.0,
                    _ => ratio > 0.5,
                };
                vec![(i64::from(up), 1.0)]
            }
            "cubic" => spread(ratio, shrink, 2.0, |x| cubic_weight(method.cubic, x)),
            _ => spread(ratio, shrink, 1.0, |x| (1.0 - x.abs()).max(0.0)),
        };
        let last = self.input as i64 - 1;
        let mut taps: Taps = Vec::with_capacity(weights.len());
        for (step, weight) in weights {
            let index = (floor.clamp(-1e15, 1e15) as i64).saturating_add(step);
            if !method.exclude_outside || (0..=last).contains(&index) {
                taps.push((index.clamp(0, last) as usize, weight));
            }
        }
        if method.exclude_outside || method.antialias {
            let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
            taps.iter_mut().for_each(|(_, weight)| *weight /= sum);
        }
        taps
    }
}

/// Weights of the indices around a coordinate with fraction `ratio`, of a filter `reach` wide and stretched by `1 / shrink`.
fn spread(ratio: f64, shrink: f64, reach: f64, filter: impl Fn(f64) -> f64) -> Vec<(i64, f64)> {
    let first = ((-reach / shrink).floor() as i64 + 1).max(-(1 << 20));
    (first..=1 - first)
        .map(|step| (step, filter(shrink * (step as f64 - ratio))))
        .collect()
}

fn cubic_weight(a: f64, x: f64) -> f64 {
    let x = x.abs();
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

fn floats_of(call: &Call<'_>, at: usize) -> Result<Vec<f64>> {
    let Some(tensor) = call.opt(at).filter(|tensor| !tensor.is_empty()) else {
        return Ok(Vec::new());
    };
    if tensor.len() > 64 {
        return Err(call.wrong(format!("input {at} has {} numbers", tensor.len())));
    }
    Ok(call.wide(tensor)?.values::<f64>(call.node.op)?.to_vec())
}

/// Input and output lengths and scales from `scales` or `sizes`.
fn axes_of(call: &Call<'_>, x: &Tensor) -> Result<Vec<Axis>> {
    let chosen = match call.ints("axes") {
        Some(axes) => axes
            .iter()
            .map(|axis| call.resolve(*axis, x.rank()))
            .collect::<Result<Vec<usize>>>()?,
        None => (0..x.rank()).collect(),
    };
    let scales = floats_of(call, 2)?;
    let sizes = call.ints_arg(3)?.unwrap_or_default();
    let region = floats_of(call, 1)?;
    let mut axes: Vec<Axis> = x
        .shape()
        .iter()
        .map(|length| Axis {
            input: *length,
            output: *length,
            scale: 1.0,
            region: (0.0, 1.0),
        })
        .collect();
    if scales.len() != chosen.len() && sizes.len() != chosen.len() {
        return Err(call.wrong(format!(
            "{} scales and {} sizes for {} axes",
            scales.len(),
            sizes.len(),
            chosen.len()
        )));
    }
    let by_size = |at: usize, axis: usize| sizes[at].max(0) as f64 / x.shape()[axis].max(1) as f64;
    let policy = call.text("keep_aspect_ratio_policy", "stretch");
    let common = chosen
        .iter()
        .enumerate()
        .filter(|_| scales.is_empty())
        .map(|(at, axis)| by_size(at, *axis));
    let common = match policy {
        "not_larger" => common.fold(f64::INFINITY, f64::min),
        "not_smaller" => common.fold(0.0, f64::max),
        _ => 0.0,
    };
    for (at, axis) in chosen.iter().enumerate() {
        let own = &mut axes[*axis];
        if scales.is_empty() && policy == "stretch" {
            own.scale = by_size(at, *axis);
            own.output = usize::try_from(sizes[at]).map_err(|_| call.wrong(format!("sizes {sizes:?}")))?;
        } else {
            own.scale = if scales.is_empty() { common } else { scales[at] };
            let exact = own.scale * own.input as f64;
            if !(own.scale > 0.0 && exact < 1e12) {
                return Err(call.wrong(format!("the scale {}", own.scale)));
            }
            own.output = if scales.is_empty() {
                (exact + 0.5).floor()
            } else {
                exact.floor()
            } as usize;
        }
        if region.len() == 2 * chosen.len() {
            own.region = (region[at], region[chosen.len() + at]);
        }
    }
    Ok(axes)
}

/// Resamples one axis of values of this shape.
fn along(call: &Call<'_>, (values, shape): (&[f64], &[usize]), at: usize, taps: &[Taps]) -> Result<Tensor> {
    let inner: usize = shape[at + 1..].iter().product();
    let input = shape[at];
    let mut wanted = shape.to_vec();
    wanted[at] = taps.len();
    let width = taps.iter().map(Vec::len).max().unwrap_or(1);
    let count = element_count(call.node.op, &wanted, DType::F64)?;
    call.charge(count.saturating_mul(2 * width), count)?;
    call.session.make::<f64>(call.node.op, &wanted, |out| {
        for (row, line) in out.chunks_mut(inner.max(1)).enumerate() {
            let outer = row / taps.len();
            for (index, weight) in &taps[row % taps.len()] {
                let start = (outer * input + index) * inner;
                for (to, from) in line.iter_mut().zip(&values[start..start + inner]) {
                    *to += weight * from;
                }
            }
        }
        Ok(())
    })
}

fn resample(call: &Call<'_>, x: &Tensor, axes: &[Axis], method: &Method<'_>) -> Result<Tensor> {
    let shape: Vec<usize> = axes.iter().map(|axis| axis.output).collect();
    if x.is_empty() || shape.contains(&0) {
        return call.one(&Op::Expand(shape), &[&call.number(0.0, x.dtype())?]);
    }
    let crop = method.coordinates == "tf_crop_and_resize";
    let mut current = call.wide(x)?;
    let mut outside: Vec<Vec<bool>> = Vec::new();
    for (at, axis) in axes.iter().enumerate() {
        let scratch = (axis.output as u64).saturating_mul(64 + (64.0 / axis.scale.min(1.0)).min(1e9) as u64);
        let _scratch = call.session.lease(scratch)?;
        let last = axis.input as f64 - 1.0;
        let origins: Vec<f64> = (0..axis.output).map(|index| axis.origin(method, index)).collect();
        outside.push(
            origins
                .iter()
                .map(|origin| crop && !(0.0..=last).contains(origin))
                .collect(),
        );
        if axis.input == axis.output && axis.scale == 1.0 && !crop {
            continue;
        }
        let taps: Vec<Taps> = origins.iter().map(|origin| axis.taps(method, *origin)).collect();
        current = along(call, (current.values::<f64>(call.node.op)?, current.shape()), at, &taps)?;
    }
    let result = call.cast(&current, x.dtype())?;
    if !crop {
        return Ok(result);
    }
    // What lies outside of the input along any axis.
    let mut mask = Tensor::new(&[], vec![false])?;
    for (at, flags) in outside.into_iter().enumerate() {
        let mut column = vec![1; axes.len()];
        column[at] = flags.len();
        mask = call.binary(crate::Binary::Or, &mask, &call.numbers(&column, flags)?)?;
    }
    let fill = call.number(f64::from(call.float("extrapolation_value", 0.0)), x.dtype())?;
    call.one(&Op::Where, &[&mask, &fill, &result])
}

fn resize(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let method = Method {
        mode: call.text("mode", "nearest"),
        coordinates: call.text("coordinate_transformation_mode", "half_pixel"),
        nearest: call.text("nearest_mode", "round_prefer_floor"),
        cubic: f64::from(call.float("cubic_coeff_a", -0.75)),
        exclude_outside: call.flag("exclude_outside"),
        antialias: call.flag("antialias"),
    };
    let axes = axes_of(call, x)?;
    Ok(vec![resample(call, x, &axes, &method)?])
}

fn upsample(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let scales = match call.floats("scales") {
        [] => floats_of(call, 1)?,
        given => given.iter().map(|scale| f64::from(*scale)).collect(),
    };
    if scales.len() != x.rank() || scales.iter().any(|scale| !(*scale > 0.0 && *scale < 1e6)) {
        return Err(call.wrong(format!("scales {scales:?} for {} dimensions", x.rank())));
    }
    let axis = |(length, scale): (&usize, &f64)| Axis {
        input: *length,
        output: (*length as f64 * scale).floor() as usize,
        scale: *scale,
        region: (0.0, 1.0),
    };
    let axes: Vec<Axis> = x.shape().iter().zip(&scales).map(axis).collect();
    let method = Method {
        mode: call.text("mode", "nearest"),
        coordinates: "asymmetric",
        nearest: "floor",
        cubic: -0.75,
        exclude_outside: false,
        antialias: false,
    };
    Ok(vec![resample(call, x, &axes, &method)?])
}
