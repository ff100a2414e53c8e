//! Pools, and what undoes them.

use super::super::call::{Call, Run};
use super::convolution::{automatic_pads, windows};
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Op, PoolKind, PoolOptions, Reduce};
use crate::tensor::{Tensor, element_count};

pub const TABLE: &[(&str, Run)] = &[
    ("MaxPool", pool),
    ("AveragePool", pool),
    ("LpPool", pool),
    ("GlobalAveragePool", global),
    ("GlobalMaxPool", global),
    ("GlobalLpPool", global_lp),
    ("MaxUnpool", unpool),
    ("LRN", local_response),
];

fn pool(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let kernel = call
        .ints("kernel_shape")
        .ok_or_else(|| call.wrong("the kernel's shape is missing".to_owned()))?;
    let kernel = super::shape::lengths(call, kernel)?;
    if x.rank() != kernel.len() + 2 {
        return Err(call.misfit(format!("a kernel {kernel:?} over {:?}", x.shape())));
    }
    let mut window = windows(call, kernel.len())?;
    automatic_pads(call, &mut window, &x.shape()[2..], &kernel)?;
    let kind = match call.node.op {
        "MaxPool" => PoolKind::Max { indices: call.wants(1) },
        "LpPool" => PoolKind::Lp {
            p: call.int("p", 2) as f64,
        },
        _ => PoolKind::Average {
            count_padding: call.flag("count_include_pad"),
        },
    };
    let options = PoolOptions {
        kind,
        kernel,
        strides: window.strides,
        pads: window.pads,
        dilations: window.dilations,
        ceil: call.flag("ceil_mode"),
    };
    let half = matches!(x.dtype(), DType::F16 | DType::BF16) || !x.dtype().is_float();
    let wide = match (half, x.dtype().is_float()) {
        (false, _) => x.clone(),
        (true, true) => call.cast(x, DType::F32)?,
        (true, false) => call.cast(x, DType::F64)?,
    };
    let mut results = call.apply(&Op::Pool(options), &[&wide])?;
    if let Some(first) = results.first_mut() {
        *first = call.cast(first, x.dtype())?;
    }
    if let (Some(indices), true) = (results.get_mut(1), call.flag("storage_order")) {
        *indices = column_major(call, indices, x.shape())?;
    }
    Ok(results)
}

/// Flat indices counted down the columns of each plane rather than along its rows.
fn column_major(call: &Call<'_>, indices: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let [.., rows, columns] = shape else {
        return Ok(indices.clone());
    };
    let (rows, columns) = (*rows as i64, *columns as i64);
    let from = indices.values::<i64>(call.node.op)?;
    call.session.make::<i64>(call.node.op, indices.shape(), |out| {
        for (to, at) in out.iter_mut().zip(from) {
            let plane = at / (rows * columns).max(1) * rows * columns;
            let (row, column) = ((at - plane) / columns.max(1), (at - plane) % columns.max(1));
            *to = plane + column * rows + row;
        }
        Ok(())
    })
}

fn global(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axes: Vec<usize> = (2..x.rank()).collect();
    let kind = if call.node.op == "GlobalMaxPool" {
        Reduce::Max
    } else {
        Reduce::Mean
    };
    if axes.is_empty() {
        return Ok(vec![x.clone()]);
    }
    Ok(vec![call.reduce(x, kind, &axes, true)?])
}

fn global_lp(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axes: Vec<usize> = (2..x.rank()).collect();
    let kind = match call.int("p", 2) {
        1 => Reduce::L1,
        2 => Reduce::L2,
        other => return Err(call.wrong(format!("p is 1 or 2, not {other}"))),
    };
    Ok(vec![call.reduce(x, kind, &axes, true)?])
}

fn unpool(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, indices) = (call.arg(0)?, call.arg(1)?);
    let kernel = super::shape::lengths(call, call.ints("kernel_shape").unwrap_or_default())?;
    if x.rank() != kernel.len() + 2 || indices.shape() != x.shape() {
        return Err(call.misfit(format!(
            "a kernel {kernel:?} over {:?} with {:?}",
            x.shape(),
            indices.shape()
        )));
    }
    let window = windows(call, kernel.len())?;
    let mut natural = x.shape()[..2].to_vec();
    for (at, length) in x.shape()[2..].iter().enumerate() {
        let full = length
            .saturating_sub(1)
            .saturating_mul(window.strides[at])
            .saturating_add(kernel[at]);
        natural.push(full.saturating_sub(window.pads[at].0 + window.pads[at].1));
    }
    let shape = match call.ints_arg(2)? {
        Some(given) => super::shape::lengths(call, &given)?,
        None => natural.clone(),
    };
    let count = element_count(call.node.op, &natural, DType::F64)?;
    call.charge(0, element_count(call.node.op, &shape, DType::F64)? + x.len())?;
    let wide = call.wide(x)?;
    let values = wide.values::<f64>(call.node.op)?;
    let places = indices.values::<i64>(call.node.op)?;
    // The indices count within the natural shape; another output shape only sets where the planes end.
    let result = call.session.make::<f64>(call.node.op, &shape, |out| {
        for (value, place) in values.iter().zip(places) {
            let place = usize::try_from(*place)
                .ok()
                .filter(|place| *place < count.max(out.len()));
            match place.and_then(|place| out.get_mut(place)) {
                Some(element) => *element = *value,
                None => return Err(call.wrong("an index is out of range".to_owned())),
            }
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, x.dtype())?])
}

/// `x / (bias + alpha / size * sum of squares of neighbouring channels) ^ beta`.
fn local_response(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let [_, channels, rest @ ..] = x.shape() else {
        return Err(call.misfit(format!("takes (n, c, ...), not {:?}", x.shape())));
    };
    let (channels, inner) = (*channels, rest.iter().product::<usize>());
    let size = usize::try_from(call.int("size", 1)).unwrap_or(1).clamp(1, 1 << 20);
    let (alpha, beta, bias) = (
        call.float("alpha", 1e-4),
        call.float("beta", 0.75),
        call.float("bias", 1.0),
    );
    let (before, after) = ((size - 1) / 2, size / 2);
    call.charge(x.len().saturating_mul(size.min(channels) + 20), 2 * x.len())?;
    let wide = call.wide(x)?;
    let values = wide.values::<f64>(call.node.op)?;
    let result = call.session.make::<f64>(call.node.op, x.shape(), |out| {
        for (at, element) in out.iter_mut().enumerate() {
            let channel = at / inner % channels;
            let first = at - channel * inner;
            let near = channel.saturating_sub(before)..(channel + after + 1).min(channels);
            let squares: f64 = near
                .map(|other| values[first + other * inner])
                .map(|value| value * value)
                .sum();
            let base = f64::from(bias) + f64::from(alpha) / size as f64 * squares;
            *element = values[at] / libm::pow(base, f64::from(beta));
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, x.dtype())?])
}
