//! Gather, scatter, and what chooses elements.

use super::super::call::{Call, Run, strides};
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Op, Scatter};
use crate::tensor::{Data, Tensor};
use std::cmp::Ordering;

pub const TABLE: &[(&str, Run)] = &[
    ("Gather", gather),
    ("GatherElements", gather_elements),
    ("GatherND", gather_nd),
    ("Scatter", scatter_elements),
    ("ScatterElements", scatter_elements),
    ("ScatterND", scatter_nd),
    ("TensorScatter", tensor_scatter),
    ("NonZero", non_zero),
    ("Compress", compress),
    ("Unique", unique),
];

fn indices(call: &Call<'_>, at: usize) -> Result<Tensor> {
    let tensor = call.arg(at)?;
    if !tensor.dtype().is_int() {
        return Err(call.mistyped(tensor));
    }
    call.cast(tensor, DType::I64)
}

fn gather(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = call.axis(0, x.rank())?;
    Ok(vec![call.one(&Op::Gather { axis }, &[x, &indices(call, 1)?])?])
}

fn gather_elements(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = call.axis(0, x.rank())?;
    Ok(vec![call.one(&Op::GatherElements { axis }, &[x, &indices(call, 1)?])?])
}

fn gather_nd(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let batch_dims = usize::try_from(call.int("batch_dims", 0)).unwrap_or(usize::MAX);
    Ok(vec![call.one(
        &Op::GatherNd { batch_dims },
        &[call.arg(0)?, &indices(call, 1)?],
    )?])
}

fn reduction(call: &Call<'_>) -> Result<Scatter> {
    Ok(match call.text("reduction", "none") {
        "none" => Scatter::Replace,
        "add" => Scatter::Add,
        "mul" => Scatter::Mul,
        "min" => Scatter::Min,
        "max" => Scatter::Max,
        other => return Err(call.wrong(format!("the reduction {other:?} is not known"))),
    })
}

fn scatter_elements(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let op = Op::ScatterElements {
        axis: call.axis(0, x.rank())?,
        reduction: reduction(call)?,
    };
    Ok(vec![call.one(&op, &[x, &indices(call, 1)?, call.arg(2)?])?])
}

fn scatter_nd(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let op = Op::ScatterNd {
        reduction: reduction(call)?,
    };
    Ok(vec![call.one(&op, &[call.arg(0)?, &indices(call, 1)?, call.arg(2)?])?])
}

/// Writes `update` into a cache from each sample's own place on.
fn tensor_scatter(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (cache, update) = (call.arg(0)?, call.arg(1)?);
    let axis = call.axis(-2, cache.rank())?;
    let fits = update.rank() == cache.rank()
        && (0..cache.rank()).all(|at| at == axis || update.shape()[at] == cache.shape()[at]);
    let (batches, length) = (cache.shape().first().copied().unwrap_or(1), cache.shape()[axis]);
    let starts = call.ints_arg(2)?.unwrap_or_else(|| vec![0; batches]);
    if !fits || starts.len() != batches || axis == 0 {
        return Err(call.misfit(format!("{:?} into {:?}", update.shape(), cache.shape())));
    }
    let circular = call.text("mode", "linear") == "circular";
    let inner: usize = update.shape()[axis + 1..].iter().product();
    let steps = update.shape()[axis];
    let middle: usize = update.shape()[1..axis].iter().product();
    let places = call.session.make::<i64>(call.node.op, update.shape(), |out| {
        for (at, place) in out.iter_mut().enumerate() {
            let step = at / inner % steps;
            let sample = at / (inner * steps * middle);
            let wanted = starts[sample].saturating_add(step as i64);
            *place = if circular {
                wanted.rem_euclid((length as i64).max(1))
            } else {
                wanted
            };
        }
        Ok(())
    })?;
    let op = Op::ScatterElements {
        axis,
        reduction: Scatter::Replace,
    };
    Ok(vec![call.one(&op, &[cache, &places, update])?])
}

fn non_zero(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    call.charge(x.len(), x.len())?;
    let truths = call.cast(x, DType::Bool)?;
    let truths = truths.values::<bool>(call.node.op)?;
    let count = truths.iter().filter(|value| **value).count();
    let steps = strides(x.shape());
    let result = call.session.make::<i64>(call.node.op, &[x.rank(), count], |out| {
        for (column, (at, _)) in truths.iter().enumerate().filter(|(_, value)| **value).enumerate() {
            for (axis, step) in steps.iter().enumerate() {
                out[axis * count + column] = (at / step % x.shape()[axis].max(1)) as i64;
            }
        }
        Ok(())
    })?;
    Ok(vec![result])
}

fn compress(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let condition = call.arg(1)?.values::<bool>(call.node.op)?;
    let (x, axis) = match call.attr("axis") {
        Some(_) => (x.clone(), call.axis(0, x.rank())?),
        None => (call.reshape(x, &[x.len()])?, 0),
    };
    let chosen = condition
        .iter()
        .take(x.shape()[axis])
        .enumerate()
        .filter(|(_, value)| **value);
    call.charge(0, condition.len())?;
    let places: Vec<i64> = chosen.map(|(at, _)| at as i64).collect();
    let places = call.numbers(&[places.len()], places)?;
    Ok(vec![call.one(&Op::Gather { axis }, &[&x, &places])?])
}

/// Orders two slices of a tensor. NaN comes last and equals itself.
fn order<T: PartialOrd>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| {
        #[expect(clippy::eq_op, reason = "only NaN is unlike itself")]
        let (a_nan, b_nan) = (a != a, b != b);
        a_nan.cmp(&b_nan)
    })
}

/// Compares slices `a` and `b` (each of the elements `place(slice, at)`).
fn compare(data: &Data, size: usize, a: &dyn Fn(usize) -> usize, b: &dyn Fn(usize) -> usize) -> Ordering {
    crate::with_data!(data, values => {
        (0..size).map(|at| order(&values[a(at)], &values[b(at)])).find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
    })
}

fn unique(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let (x, axis) = match call.attr("axis") {
        Some(_) => (x.clone(), call.axis(0, x.rank())?),
        None => (call.reshape(x, &[x.len()])?, 0),
    };
    let count = x.shape()[axis];
    let inner: usize = x.shape()[axis + 1..].iter().product();
    let size = x.len().checked_div(count).unwrap_or(0);
    let place = |slice: usize, at: usize| (at / inner * count + slice) * inner + at % inner;
    let steps = (count.max(2).ilog2() as usize + 1) * x.len();
    call.charge(4 * steps, 4 * x.len())?;
    let _scratch = call.session.lease(48 * count as u64)?;
    let by_content = |a: &usize, b: &usize| compare(x.data(), size, &|at| place(*a, at), &|at| place(*b, at));
    let mut sorted: Vec<usize> = (0..count).collect();
    sorted.sort_by(by_content);
    // Groups of equal slices, each in order of appearance because the sort is stable.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for slice in sorted {
        match groups.last_mut() {
            Some(group) if by_content(&group[0], &slice).is_eq() => group.push(slice),
            _ => groups.push(vec![slice]),
        }
    }
    if call.int("sorted", 1) == 0 {
        groups.sort_by_key(|group| group[0]);
    }
    let mut inverse = vec![0_i64; count];
    for (at, group) in groups.iter().enumerate() {
        group.iter().for_each(|slice| inverse[*slice] = at as i64);
    }
    let firsts: Vec<i64> = groups.iter().map(|group| group[0] as i64).collect();
    let counts: Vec<i64> = groups.iter().map(|group| group.len() as i64).collect();
    let firsts = call.numbers(&[groups.len()], firsts)?;
    let values = call.one(&Op::Gather { axis }, &[&x, &firsts])?;
    Ok(vec![
        values,
        firsts,
        call.numbers(&[count], inverse)?,
        call.numbers(&[groups.len()], counts)?,
    ])
}
