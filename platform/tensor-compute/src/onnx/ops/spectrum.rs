//! Windows and spectra.

use super::super::call::{Call, Run};
use super::super::weights::dtype_of;
use crate::error::Result;
use crate::tensor::{Tensor, element_count};
use std::f64::consts::PI;

pub const TABLE: &[(&str, Run)] = &[
    ("HannWindow", window),
    ("HammingWindow", window),
    ("BlackmanWindow", window),
    ("MelWeightMatrix", mel),
    ("DFT", dft),
];

fn output_type(call: &Call<'_>) -> Result<crate::DType> {
    dtype_of(call.int("output_datatype", 1)).map_err(|why| call.wrong(why))
}

fn window(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let size = call.scalar_arg(0)?.unwrap_or(0.0).max(0.0);
    let periodic = call.int("periodic", 1) != 0;
    let length = super::shape::lengths(call, &[size as i64])?;
    let span = if periodic { size } else { size - 1.0 };
    let (a, b, c) = match call.node.op {
        "HannWindow" => (0.5, 0.5, 0.0),
        "HammingWindow" => (25.0 / 46.0, 21.0 / 46.0, 0.0),
        _ => (0.42, 0.5, 0.08),
    };
    call.charge(length[0].saturating_mul(60), length[0])?;
    let wide = call.session.make::<f64>(call.node.op, &length, |out| {
        for (at, element) in out.iter_mut().enumerate() {
            let turn = 2.0 * PI * at as f64 / span;
            *element = a - b * libm::cos(turn) + c * libm::cos(2.0 * turn);
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&wide, output_type(call)?)?])
}

/// Triangles of equal width on the mel scale.
fn mel(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let number = |at: usize| Ok::<f64, crate::ComputeError>(call.scalar_arg(at)?.unwrap_or(0.0));
    let (bins, length, rate, low, high) = (number(0)?, number(1)?, number(2)?, number(3)?, number(4)?);
    let spectrum = (length / 2.0).floor() + 1.0;
    if !((0.0..1e6).contains(&bins) && (0.0..1e9).contains(&length) && rate > 0.0) {
        return Err(call.wrong(format!("{bins} bins of a transform of {length} at {rate}")));
    }
    let (bins, rows) = (bins as usize, spectrum as usize);
    let to_mel = |hertz: f64| 2595.0 * libm::log10(1.0 + hertz / 700.0);
    let step = (to_mel(high) - to_mel(low)) / (bins as f64 + 2.0);
    let places: Vec<f64> = (0..bins + 2)
        .map(|at| {
            let hertz = 700.0 * (libm::pow(10.0, (at as f64 * step + to_mel(low)) / 2595.0) - 1.0);
            ((length + 1.0) * hertz / rate).floor()
        })
        .collect();
    call.charge(
        element_count(call.node.op, &[rows, bins], crate::DType::F64)?,
        rows * bins,
    )?;
    let wide = call.session.make::<f64>(call.node.op, &[rows, bins], |out| {
        for (at, element) in out.iter_mut().enumerate() {
            let (row, bin) = ((at / bins) as f64, at % bins);
            let (lower, centre, upper) = (places[bin], places[bin + 1], places[bin + 2]);
            *element = if lower == centre {
                if row == centre {
                    1.0
                } else {
                    falling(row, centre, upper)
                }
            } else if (lower..=centre).contains(&row) {
                (row - lower) / (centre - lower)
            } else {
                falling(row, centre, upper)
            };
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&wide, output_type(call)?)?])
}

fn falling(row: f64, centre: f64, upper: f64) -> f64 {
    if row >= centre && row < upper {
        (upper - row) / (upper - centre)
    } else {
        0.0
    }
}

/// Straight from the definition, in double precision: the sum over all elements for every frequency.
fn dft(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    if x.rank() < 2 || !(1..=2).contains(&x.shape()[x.rank() - 1]) {
        return Err(call.misfit(format!("takes (..., 1 or 2), not {:?}", x.shape())));
    }
    let axis = match call.ints_arg(2)?.as_deref() {
        Some([axis]) => call.resolve(*axis, x.rank())?,
        _ => call.axis(if call.node.opset < 20 { 1 } else { -2 }, x.rank())?,
    };
    if axis + 1 == x.rank() {
        return Err(call.wrong("the last axis holds real and imaginary parts".to_owned()));
    }
    let (inverse, onesided) = (call.flag("inverse"), call.flag("onesided"));
    let parts = x.shape()[x.rank() - 1];
    let length = call
        .scalar_arg(1)?
        .map_or(x.shape()[axis], |length| length.clamp(0.0, 1e9) as usize);
    // The inverse of one side gives real numbers.
    let real = inverse && onesided;
    let mut shape = x.shape().to_vec();
    shape[axis] = if onesided && !inverse { length / 2 + 1 } else { length };
    shape[x.rank() - 1] = if real { 1 } else { 2 };
    let count = element_count(call.node.op, &shape, crate::DType::F64)?;
    call.charge(count.saturating_mul(length).saturating_mul(8), count)?;
    let wide = call.wide(x)?;
    let values = wide.values::<f64>(call.node.op)?;
    let _scratch = call.session.lease(16 * length as u64)?;
    let sign = if inverse { 1.0 } else { -1.0 };
    let turn = |at: usize| sign * 2.0 * PI * at as f64 / length as f64;
    let table: Vec<(f64, f64)> = (0..length)
        .map(|at| (libm::cos(turn(at)), libm::sin(turn(at))))
        .collect();
    let (rows, wanted, inner) = (
        x.shape()[axis],
        shape[axis],
        x.shape()[axis + 1..x.rank() - 1].iter().product::<usize>(),
    );
    let width = shape[x.rank() - 1];
    let result = call.session.make::<f64>(call.node.op, &shape, |out| {
        for (at, pair) in out.chunks_mut(width).enumerate() {
            call.session.go_on()?;
            let (column, frequency, outer) = (at % inner, at / inner % wanted, at / inner / wanted);
            let read = |row: usize| {
                // The other side of a real signal's spectrum mirrors this one.
                let (row, mirrored) = if real && row > length / 2 {
                    (length - row, -1.0)
                } else {
                    (row, 1.0)
                };
                let from = ((outer * rows + row) * inner + column) * parts;
                if row >= rows {
                    (0.0, 0.0)
                } else {
                    (values[from], if parts == 2 { mirrored * values[from + 1] } else { 0.0 })
                }
            };
            let mut sum = (0.0, 0.0);
            for row in 0..if real { length } else { rows.min(length) } {
                let ((re, im), (cos, sin)) = (read(row), table[(frequency * row) % length]);
                sum = (sum.0 + re * cos - im * sin, sum.1 + re * sin + im * cos);
            }
            let scale = if inverse { length as f64 } else { 1.0 };
            pair[0] = sum.0 / scale;
            if let Some(imaginary) = pair.get_mut(1) {
                *imaginary = sum.1 / scale;
            }
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, x.dtype())?])
}
