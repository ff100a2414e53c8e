//! `ai.onnx.ml`: support vector machines, as LIBSVM defines them (Chang and Lin, 2011). In double precision.

use super::super::call::{Call, Run};
use super::ml_features::features;
use super::ml_linear::{label_count, labels, largest, transformed};
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Binary, Op, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[("SVMClassifier", classifier), ("SVMRegressor", regressor)];

/// Rounds of the iteration that joins pairwise probabilities.
const ROUNDS: usize = 100;

fn wide_list(call: &Call<'_>, name: &str) -> Vec<f64> {
    call.floats(name).iter().map(|value| f64::from(*value)).collect()
}

/// The kernel of every row with every vector: (rows, vectors).
fn kernel(call: &Call<'_>, x: &Tensor, vectors: &Tensor) -> Result<Tensor> {
    let parameters = wide_list(call, "kernel_params");
    let [gamma, coef, degree] = [0, 1, 2].map(|at| parameters.get(at).copied().unwrap_or(0.0));
    let number = |value: f64| call.number(value, DType::F64);
    let products = call.matmul(x, &call.transpose(vectors, &[1, 0])?)?;
    let affine = || call.add(&call.mul(&products, &number(gamma)?)?, &number(coef)?);
    match call.text("kernel_type", "LINEAR") {
        "LINEAR" => Ok(products),
        "POLY" => call.binary(Binary::Pow, &affine()?, &number(degree)?),
        "SIGMOID" => call.unary(Unary::Tanh, &affine()?),
        "RBF" => {
            // |x - v|^2 directly, one vector at a time: the expanded form loses digits.
            let [rows, columns] = *x.shape() else {
                return Err(call.misfit("takes a matrix".to_owned()));
            };
            let [count, wanted] = *vectors.shape() else {
                return Err(call.misfit("no vectors".to_owned()));
            };
            if wanted != columns {
                return Err(call.misfit(format!("vectors of {wanted} features, {columns} were given")));
            }
            call.charge(rows.saturating_mul(count).saturating_mul(3 * columns), rows * count)?;
            let (from, to) = (x.values::<f64>(call.node.op)?, vectors.values::<f64>(call.node.op)?);
            let distances = call.session.make::<f64>(call.node.op, &[rows, count], |out| {
                for (at, element) in out.iter_mut().enumerate() {
                    let (row, vector) = (
                        &from[at / count * columns..][..columns],
                        &to[at % count * columns..][..columns],
                    );
                    *element = -gamma * row.iter().zip(vector).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
                }
                Ok(())
            })?;
            call.unary(Unary::Exp, &distances)
        }
        other => Err(call.wrong(format!("the kernel {other:?} is not known"))),
    }
}

/// A list as a matrix with so many rows.
fn matrix(call: &Call<'_>, name: &str, rows: usize) -> Result<Tensor> {
    let list = wide_list(call, name);
    if rows == 0 || !list.len().is_multiple_of(rows) {
        return Err(call.wrong(format!("{} numbers of {name} for {rows} rows", list.len())));
    }
    let columns = list.len() / rows;
    call.numbers(&[rows, columns], list)
}

fn regressor(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.wide(&features(call, call.arg(0)?)?)?;
    let supports = usize::try_from(call.int("n_supports", 0)).unwrap_or(0);
    let coefficients = matrix(call, "coefficients", 1)?;
    let column = call.transpose(&coefficients, &[1, 0])?;
    let sums = if supports > 0 {
        let vectors = matrix(call, "support_vectors", supports)?;
        call.matmul(&kernel(call, &x, &vectors)?, &column)?
    } else {
        kernel(call, &x, &coefficients)?
    };
    let rho = call.number(wide_list(call, "rho").first().copied().unwrap_or(0.0), DType::F64)?;
    let mut result = call.add(&sums, &rho)?;
    if call.flag("one_class") {
        let above = call.one(
            &Op::Compare(crate::Compare::Greater),
            &[&result, &call.number(0.0, DType::F64)?],
        )?;
        result = call.one(
            &Op::Where,
            &[&above, &call.number(1.0, DType::F64)?, &call.number(-1.0, DType::F64)?],
        )?;
    }
    Ok(vec![transformed(call, &call.cast(&result, DType::F32)?)?])
}

/// Decision values of every pair of classes: (rows, pairs).
fn decisions(call: &Call<'_>, x: &Tensor, per_class: &[usize]) -> Result<Tensor> {
    let classes = per_class.len();
    let vectors: usize = per_class.iter().sum();
    let kernels = kernel(call, x, &matrix(call, "support_vectors", vectors)?)?;
    let coefficients = wide_list(call, "coefficients");
    let rho = wide_list(call, "rho");
    let pairs = classes * (classes - 1) / 2;
    if coefficients.len() != vectors * (classes - 1) || rho.len() < pairs {
        return Err(call.wrong(format!(
            "{} coefficients and {} constants for {classes} classes",
            coefficients.len(),
            rho.len()
        )));
    }
    let starts: Vec<usize> = per_class
        .iter()
        .scan(0, |sum, count| Some(std::mem::replace(sum, *sum + count)))
        .collect();
    let rows = x.shape()[0];
    call.charge(rows.saturating_mul(2 * vectors * classes), rows * pairs)?;
    let values = kernels.values::<f64>(call.node.op)?;
    call.session.make::<f64>(call.node.op, &[rows, pairs], |out| {
        for (row, line) in out.chunks_mut(pairs).enumerate() {
            let own = &values[row * vectors..][..vectors];
            let part = |class: usize, other: usize| -> f64 {
                let range = starts[class]..starts[class] + per_class[class];
                range.map(|at| coefficients[vectors * other + at] * own[at]).sum()
            };
            let each = (0..classes).flat_map(|a| (a + 1..classes).map(move |b| (a, b)));
            for (at, ((a, b), element)) in each.zip(line).enumerate() {
                *element = part(a, b - 1) + part(b, a) + rho[at];
            }
        }
        Ok(())
    })
}

/// Joint probabilities of the classes from those of pairs (Wu, Lin and Weng, 2004, their second method).
fn joined(pairs: &[f64], classes: usize) -> Vec<f64> {
    let r = |a: usize, b: usize| pairs[a * classes + b];
    let q = |a: usize, b: usize| -> f64 {
        if a == b {
            (0..classes).filter(|c| *c != a).map(|c| r(c, a) * r(c, a)).sum()
        } else {
            -r(b, a) * r(a, b)
        }
    };
    let matrix: Vec<f64> = (0..classes * classes).map(|at| q(at / classes, at % classes)).collect();
    let mut p = vec![1.0 / classes as f64; classes];
    for _ in 0..ROUNDS {
        let mut qp: Vec<f64> = (0..classes)
            .map(|a| (0..classes).map(|b| matrix[a * classes + b] * p[b]).sum())
            .collect();
        let mut pqp: f64 = p.iter().zip(&qp).map(|(p, q)| p * q).sum();
        if qp.iter().all(|q| (q - pqp).abs() < 0.005 / classes as f64) {
            break;
        }
        for a in 0..classes {
            let step = (pqp - qp[a]) / matrix[a * classes + a];
            p[a] += step;
            let grown = 1.0 + step;
            pqp = (pqp + step * (step * matrix[a * classes + a] + 2.0 * qp[a])) / grown / grown;
            for b in 0..classes {
                qp[b] = (qp[b] + step * matrix[a * classes + b]) / grown;
                p[b] /= grown;
            }
        }
    }
    p
}

/// Probabilities of the classes for one row of decisions.
fn probabilities(line: &[f64], (a, b): (&[f64], &[f64]), classes: usize) -> Vec<f64> {
    let mut pairs = vec![0.0; classes * classes];
    let each = (0..classes).flat_map(|first| (first + 1..classes).map(move |second| (first, second)));
    for (at, (first, second)) in each.enumerate() {
        let p = 1.0 / (1.0 + libm::exp(line[at] * a[at] + b[at]));
        let p = p.clamp(1e-7, 1.0 - 1e-7);
        pairs[first * classes + second] = p;
        pairs[second * classes + first] = 1.0 - p;
    }
    // For two classes too, where it need not: onnxruntime does, and its early end shows in the third digit.
    joined(&pairs, classes)
}

fn votes(line: &[f64], classes: usize) -> usize {
    let mut votes = vec![0_usize; classes];
    let each = (0..classes).flat_map(|first| (first + 1..classes).map(move |second| (first, second)));
    for ((first, second), decision) in each.zip(line) {
        votes[if *decision > 0.0 { first } else { second }] += 1;
    }
    (0..classes).rev().max_by_key(|class| votes[*class]).unwrap_or(0)
}

fn classifier(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.wide(&features(call, call.arg(0)?)?)?;
    let per_class: Vec<usize> = call
        .ints("vectors_per_class")
        .unwrap_or_default()
        .iter()
        .map(|count| usize::try_from(*count).unwrap_or(0))
        .collect();
    let classes = label_count(call);
    if per_class.is_empty() {
        // A linear machine: one row of coefficients per class.
        let sums = kernel(call, &x, &matrix(call, "coefficients", classes)?)?;
        let rho = call.number(wide_list(call, "rho").first().copied().unwrap_or(0.0), DType::F64)?;
        let scores = call.cast(&call.add(&sums, &rho)?, DType::F32)?;
        let chosen = largest(scores.values::<f32>(call.node.op)?, classes);
        return Ok(vec![labels(call, &chosen)?, transformed(call, &scores)?]);
    }
    let count = per_class.len();
    if !(2..=4096).contains(&count)
        || per_class
            .iter()
            .try_fold(0_usize, |sum, n| sum.checked_add(*n))
            .is_none()
    {
        return Err(call.wrong(format!("{count} classes")));
    }
    let decided = decisions(call, &x, &per_class)?;
    let lines = decided.values::<f64>(call.node.op)?.chunks(decided.shape()[1]);
    let (a, b) = (wide_list(call, "prob_a"), wide_list(call, "prob_b"));
    if !a.is_empty() {
        if a.len() < decided.shape()[1] || b.len() < a.len() {
            return Err(call.wrong("probabilities have too few parameters".to_owned()));
        }
        call.charge(decided.shape()[0].saturating_mul(ROUNDS * count * count * 4), 0)?;
        let all: Vec<f64> = lines.flat_map(|line| probabilities(line, (&a, &b), count)).collect();
        let scores = call.cast(&call.numbers(&[decided.shape()[0], count], all)?, DType::F32)?;
        let chosen = largest(scores.values::<f32>(call.node.op)?, count);
        return Ok(vec![labels(call, &chosen)?, transformed(call, &scores)?]);
    }
    let chosen: Vec<usize> = lines.map(|line| votes(line, count)).collect();
    let mut scores = call.cast(&decided, DType::F32)?;
    if count == 2 {
        let negative = call.unary(Unary::Neg, &scores)?;
        scores = call.one(&Op::Concat { axis: 1 }, &[&scores, &negative])?;
    }
    Ok(vec![labels(call, &chosen)?, transformed(call, &scores)?])
}
