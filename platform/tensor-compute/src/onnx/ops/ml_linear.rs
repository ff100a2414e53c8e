//! `ai.onnx.ml`: linear models, and how scores become labels.

use super::super::call::{Call, Run};
use super::math::map_wide;
use super::ml_features::features;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Op, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[("LinearClassifier", classifier), ("LinearRegressor", regressor)];

/// `x` times coefficients, plus intercepts: (samples, rows).
fn scores(call: &Call<'_>, rows: usize) -> Result<Tensor> {
    let x = features(call, call.arg(0)?)?;
    let coefficients = call.floats("coefficients");
    let columns = x.shape()[1];
    if rows == 0 || rows.checked_mul(columns) != Some(coefficients.len()) {
        return Err(call.misfit(format!(
            "{} coefficients for {rows} rows of {columns} features",
            coefficients.len()
        )));
    }
    let weights = call.cast(&call.numbers(&[rows, columns], coefficients.to_vec())?, x.dtype())?;
    let sums = call.matmul(&x, &call.transpose(&weights, &[1, 0])?)?;
    let intercepts = call.floats("intercepts");
    if intercepts.is_empty() {
        return call.cast(&sums, DType::F32);
    }
    let biases = call.cast(&call.numbers(&[intercepts.len()], intercepts.to_vec())?, x.dtype())?;
    call.cast(&call.add(&sums, &biases)?, DType::F32)
}

/// What `post_transform` makes of scores.
pub fn transformed(call: &Call<'_>, scores: &Tensor) -> Result<Tensor> {
    Ok(match call.text("post_transform", "NONE") {
        "LOGISTIC" => call.unary(Unary::Sigmoid, scores)?,
        "SOFTMAX" => call.one(&Op::Softmax { axis: 1 }, &[scores])?,
        "SOFTMAX_ZERO" => softmax_zero(call, scores)?,
        "PROBIT" => map_wide(call, scores, |p| std::f64::consts::SQRT_2 * inverse_erf(2.0 * p - 1.0))?,
        _ => scores.clone(),
    })
}

/// Softmax in which scores of exactly 0 stay 0.
fn softmax_zero(call: &Call<'_>, scores: &Tensor) -> Result<Tensor> {
    let from = scores.values::<f32>(call.node.op)?;
    let width = scores.shape()[1].max(1);
    call.charge(20 * scores.len(), 2 * scores.len())?;
    call.session.make::<f32>(call.node.op, scores.shape(), |out| {
        for (to, from) in out.chunks_mut(width).zip(from.chunks(width)) {
            let most = from.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0_f32;
            for (to, from) in to.iter_mut().zip(from).filter(|(_, from)| **from != 0.0) {
                *to = libm::expf(from - most);
                sum += *to;
            }
            to.iter_mut().filter(|to| **to != 0.0).for_each(|to| *to /= sum);
        }
        Ok(())
    })
}

/// Winitzki's approximation, which onnxruntime uses too.
fn inverse_erf(x: f64) -> f64 {
    let log = libm::log((1.0 - x) * (1.0 + x));
    let (a, b) = (2.0 / (std::f64::consts::PI * 0.147) + log / 2.0, log / 0.147);
    x.signum() * (-a + (a * a - b).sqrt()).sqrt()
}

/// Classes by number, in the type of the model's labels.
pub fn labels(call: &Call<'_>, chosen: &[usize]) -> Result<Tensor> {
    for name in ["classlabels_strings", "classlabels_ints", "classlabels_int64s"] {
        let texts = call.texts(name);
        if !texts.is_empty() {
            let length = |at: &usize| texts.get(*at).map_or(0, String::len) as u64;
            // Before the copies are made.
            let _first = call.session.lease(chosen.iter().map(length).sum())?;
            let own = chosen.iter().map(|at| texts.get(*at).cloned().unwrap_or_default());
            return call.words(&[chosen.len()], own.collect());
        }
        if let Some(numbers) = call.ints(name).filter(|numbers| !numbers.is_empty()) {
            let own = chosen
                .iter()
                .map(|at| numbers.get(*at).copied().unwrap_or(0))
                .collect::<Vec<i64>>();
            return call.numbers(&[own.len()], own);
        }
    }
    call.numbers(
        &[chosen.len()],
        chosen.iter().map(|at| *at as i64).collect::<Vec<i64>>(),
    )
}

/// How many class labels a model has.
pub fn label_count(call: &Call<'_>) -> usize {
    let numbers = ["classlabels_ints", "classlabels_int64s"]
        .iter()
        .find_map(|name| call.ints(name))
        .map_or(0, <[i64]>::len);
    numbers.max(call.texts("classlabels_strings").len())
}

/// The class of the largest score of each row; of equal ones the first.
pub fn largest(scores: &[f32], width: usize) -> Vec<usize> {
    let best = |row: &[f32]| {
        let mut best = 0;
        for (at, score) in row.iter().enumerate() {
            if *score > row[best] {
                best = at;
            }
        }
        best
    };
    scores.chunks(width.max(1)).map(best).collect()
}

fn classifier(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let classes = label_count(call);
    let rows = match call.floats("intercepts").len() {
        0 => classes,
        rows => rows,
    };
    let raw = scores(call, rows)?;
    // One row of coefficients for two classes: the other's score is the negative.
    if rows == 1 && classes == 2 {
        let negative = call.unary(Unary::Neg, &raw)?;
        let both = call.one(&Op::Concat { axis: 1 }, &[&negative, &raw])?;
        let chosen: Vec<usize> = raw
            .values::<f32>(call.node.op)?
            .iter()
            .map(|score| usize::from(*score > 0.0))
            .collect();
        return Ok(vec![labels(call, &chosen)?, transformed(call, &both)?]);
    }
    let chosen = largest(raw.values::<f32>(call.node.op)?, rows);
    Ok(vec![labels(call, &chosen)?, transformed(call, &raw)?])
}

fn regressor(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let targets = usize::try_from(call.int("targets", 1)).unwrap_or(0);
    let raw = scores(call, targets)?;
    Ok(vec![transformed(call, &raw)?])
}
