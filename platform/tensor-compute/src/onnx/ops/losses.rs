//! Losses, for models that were exported with theirs.

use super::super::call::{Call, Run};
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Binary, Op, Reduce, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[
    ("NegativeLogLikelihoodLoss", likelihood),
    ("SoftmaxCrossEntropyLoss", cross_entropy),
];

fn likelihood(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    Ok(vec![call.cast(&loss(call, &call.at_least_single(x)?)?, x.dtype())?])
}

fn cross_entropy(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    if x.rank() < 2 {
        return Err(call.misfit(format!("takes (n, c, ...), not {:?}", x.shape())));
    }
    let logs = call.one(&Op::LogSoftmax { axis: 1 }, &[&call.at_least_single(x)?])?;
    Ok(vec![
        call.cast(&loss(call, &logs)?, x.dtype())?,
        call.cast(&logs, x.dtype())?,
    ])
}

/// `-weight[label] * logs[label]`, reduced; labels that are to be ignored weigh nothing.
fn loss(call: &Call<'_>, logs: &Tensor) -> Result<Tensor> {
    let labels = call.cast(call.arg(1)?, DType::I64)?;
    let [batch, classes, rest @ ..] = logs.shape() else {
        return Err(call.misfit("takes (n, c, ...)".to_owned()));
    };
    let mut shape = vec![*batch];
    shape.extend(rest);
    if labels.shape() != shape {
        return Err(call.misfit(format!("labels {:?} for {:?}", labels.shape(), logs.shape())));
    }
    let ignored = call.attr("ignore_index").map(|_| call.int("ignore_index", -1));
    let given = labels.values::<i64>(call.node.op)?;
    call.charge(labels.len(), 2 * labels.len())?;
    let known = |label: i64| (0..*classes as i64).contains(&label);
    if let Some(bad) = given.iter().find(|label| Some(**label) != ignored && !known(**label)) {
        return Err(call.wrong(format!("the label {bad} is none of {classes} classes")));
    }
    let safe = call.session.make::<i64>(call.node.op, &shape, |out| {
        for (to, label) in out.iter_mut().zip(given) {
            *to = if known(*label) { *label } else { 0 };
        }
        Ok(())
    })?;
    let counted = call.session.make::<bool>(call.node.op, &shape, |out| {
        for (to, label) in out.iter_mut().zip(given) {
            *to = Some(*label) != ignored;
        }
        Ok(())
    })?;
    let mut column = shape.clone();
    column.insert(1, 1);
    let picked = call.one(&Op::GatherElements { axis: 1 }, &[logs, &call.reshape(&safe, &column)?])?;
    let picked = call.unary(Unary::Neg, &call.reshape(&picked, &shape)?)?;
    let weights = match call.opt(2) {
        Some(weights) => call.one(&Op::Gather { axis: 0 }, &[&call.cast(weights, logs.dtype())?, &safe])?,
        None => call.cast(&counted, logs.dtype())?,
    };
    let zero = call.number(0.0, logs.dtype())?;
    let weights = call.one(&Op::Where, &[&counted, &weights, &zero])?;
    let each = call.one(&Op::Where, &[&counted, &call.mul(&picked, &weights)?, &zero])?;
    let all: Vec<usize> = (0..shape.len()).collect();
    match call.text("reduction", "mean") {
        "none" => Ok(each),
        "sum" => call.reduce(&each, Reduce::Sum, &all, false),
        _ => {
            let sum = call.reduce(&each, Reduce::Sum, &all, false)?;
            call.binary(Binary::Div, &sum, &call.reduce(&weights, Reduce::Sum, &all, false)?)
        }
    }
}
