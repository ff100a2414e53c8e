//! Products of matrices, determinants, and Einstein's sums.

use super::super::call::{Call, Run};
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Op, Reduce};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[
    ("MatMul", matmul),
    ("Gemm", gemm),
    ("Einsum", einsum),
    ("Det", determinant),
];

/// A product; whole numbers go through double precision, which is exact as long as sums stay below 2^53.
pub fn product(call: &Call<'_>, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    match a.dtype() {
        DType::F32 | DType::F64 => call.matmul(a, b),
        DType::F16 | DType::BF16 => {
            let wide = call.matmul(&call.cast(a, DType::F32)?, &call.cast(b, DType::F32)?)?;
            call.cast(&wide, a.dtype())
        }
        _ => {
            let wide = call.matmul(&call.wide(a)?, &call.wide(b)?)?;
            call.cast(&wide, a.dtype())
        }
    }
}

fn matmul(call: &Call<'_>) -> Result<Vec<Tensor>> {
    Ok(vec![product(call, call.arg(0)?, call.arg(1)?)?])
}

fn gemm(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let matrix = |at: usize, flag: &str| -> Result<Tensor> {
        let tensor = call.arg(at)?;
        if tensor.rank() != 2 {
            return Err(call.misfit(format!("takes matrices, not {:?}", tensor.shape())));
        }
        if call.flag(flag) {
            call.transpose(tensor, &[1, 0])
        } else {
            Ok(tensor.clone())
        }
    };
    let mut result = product(call, &matrix(0, "transA")?, &matrix(1, "transB")?)?;
    let (alpha, beta) = (call.float("alpha", 1.0), call.float("beta", 1.0));
    if alpha != 1.0 {
        result = call.mul(&result, &call.number(f64::from(alpha), result.dtype())?)?;
    }
    let Some(bias) = call.opt(2).filter(|_| beta != 0.0) else {
        return Ok(vec![result]);
    };
    let sum = if beta == 1.0 {
        call.add(&result, bias)?
    } else {
        call.add(&result, &call.mul(bias, &call.number(f64::from(beta), bias.dtype())?)?)?
    };
    if sum.shape() != result.shape() {
        return Err(call.misfit(format!("the bias {:?} does not fit {:?}", bias.shape(), result.shape())));
    }
    Ok(vec![sum])
}

/// By elimination with row exchanges, in double precision.
fn determinant(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let [batch @ .., n, columns] = x.shape() else {
        return Err(call.misfit("takes matrices".to_owned()));
    };
    if n != columns {
        return Err(call.misfit(format!("takes square matrices, not {:?}", x.shape())));
    }
    let (n, size) = (*n, n * n);
    call.charge(x.len().saturating_mul(n), x.len())?;
    let wide = call.wide(x)?;
    let _scratch = call.session.lease(8 * size as u64)?;
    let values = wide.values::<f64>(call.node.op)?;
    let result = call.session.make::<f64>(call.node.op, batch, |out| {
        for (at, element) in out.iter_mut().enumerate() {
            call.session.go_on()?;
            let mut matrix = values[at * size..(at + 1) * size].to_vec();
            *element = eliminate(&mut matrix, n);
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, x.dtype())?])
}

fn eliminate(matrix: &mut [f64], n: usize) -> f64 {
    let mut determinant = 1.0;
    for column in 0..n {
        let mut pivot = column;
        for row in column + 1..n {
            if matrix[row * n + column].abs() > matrix[pivot * n + column].abs() {
                pivot = row;
            }
        }
        if pivot != column {
            determinant = -determinant;
            for at in 0..n {
                matrix.swap(pivot * n + at, column * n + at);
            }
        }
        let head = matrix[column * n + column];
        determinant *= head;
        if head == 0.0 {
            return 0.0;
        }
        for row in column + 1..n {
            let factor = matrix[row * n + column] / head;
            for at in column..n {
                matrix[row * n + at] -= factor * matrix[column * n + at];
            }
        }
    }
    determinant
}

/// One operand of an Einstein sum with its labels; diagonals are taken, every label stands once.
struct Term {
    tensor: Tensor,
    labels: Vec<char>,
}

/// Labels of one term; dots become `A`, `B`, ... counted from the last dimension they stand for, which are no letters of `A`
/// because these are capital and beyond the alphabet.
fn labels_of(call: &Call<'_>, text: &str, rank: Option<usize>) -> Result<Vec<char>> {
    let text = text.trim();
    let plain = text.replace("...", "").chars().filter(|c| !c.is_whitespace()).count();
    let dots = rank.map_or(0, |rank| rank.saturating_sub(plain));
    let mut labels = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            labels.extend(
                (0..dots)
                    .rev()
                    .map(|at| char::from_u32(0x1000 + at as u32).unwrap_or('?')),
            );
            rest = after;
            continue;
        }
        rest = &rest[next.len_utf8()..];
        if next.is_ascii_alphabetic() {
            labels.push(next);
        } else if !next.is_whitespace() {
            return Err(call.wrong(format!("{next:?} in the equation")));
        }
    }
    if rank.is_some_and(|rank| rank != labels.len()) {
        return Err(call.misfit(format!("{text:?} does not fit a tensor of {rank:?} dimensions")));
    }
    Ok(labels)
}

/// Brings a term into the order `wanted`, with length 1 where it lacks a label.
fn arrange(call: &Call<'_>, term: &Term, wanted: &[char]) -> Result<Tensor> {
    let present: Vec<usize> = wanted
        .iter()
        .filter_map(|label| term.labels.iter().position(|own| own == label))
        .collect();
    let turned = call.transpose(&term.tensor, &present)?;
    let mut lengths = turned.shape().iter();
    let mut shape = Vec::new();
    for label in wanted {
        shape.push(if term.labels.contains(label) {
            lengths.next().copied().unwrap_or(1)
        } else {
            1
        });
    }
    call.reshape(&turned, &shape)
}

/// Takes the diagonal of labels that stand twice.
fn diagonals(call: &Call<'_>, mut term: Term) -> Result<Term> {
    while let Some((first, second)) = (0..term.labels.len()).find_map(|at| {
        (at + 1..term.labels.len())
            .find(|b| term.labels[*b] == term.labels[at])
            .map(|b| (at, b))
    }) {
        let length = term.tensor.shape()[first];
        if term.tensor.shape()[second] != length {
            return Err(call.misfit(format!("the diagonal of {:?}", term.tensor.shape())));
        }
        let mut shape = term.tensor.shape().to_vec();
        shape[second] = 1;
        let mut ramp = vec![1; shape.len()];
        ramp[first] = length;
        let places = call.numbers(&ramp, (0..length as i64).collect())?;
        let places = call.one(&Op::Expand(shape.clone()), &[&places])?;
        let taken = call.one(&Op::GatherElements { axis: second }, &[&term.tensor, &places])?;
        shape.remove(second);
        term.labels.remove(second);
        term.tensor = call.reshape(&taken, &shape)?;
    }
    Ok(term)
}

/// Two terms into one: labels that nobody needs later are summed by a matrix product.
fn contract(call: &Call<'_>, a: &Term, b: &Term, later: &[char]) -> Result<Term> {
    let in_both = |label: &&char| b.labels.contains(*label);
    let summed: Vec<char> = a
        .labels
        .iter()
        .filter(in_both)
        .filter(|label| !later.contains(label))
        .copied()
        .collect();
    let shared: Vec<char> = a
        .labels
        .iter()
        .filter(in_both)
        .filter(|label| later.contains(label))
        .copied()
        .collect();
    let rows: Vec<char> = a
        .labels
        .iter()
        .filter(|label| !b.labels.contains(label))
        .copied()
        .collect();
    let columns: Vec<char> = b
        .labels
        .iter()
        .filter(|label| !a.labels.contains(label))
        .copied()
        .collect();
    let length = |label: &char| {
        let of = |term: &Term| {
            term.labels
                .iter()
                .position(|own| own == label)
                .map_or(1, |at| term.tensor.shape()[at])
        };
        of(a).max(of(b))
    };
    // A length of 1 is stretched to the other's.
    let stretch = |term: &Term| -> Result<Tensor> {
        let shape: Vec<usize> = term
            .labels
            .iter()
            .zip(term.tensor.shape())
            .map(|(label, own)| if *own == 1 { length(label) } else { *own })
            .collect();
        if shape == term.tensor.shape() {
            Ok(term.tensor.clone())
        } else {
            call.one(&Op::Expand(shape), &[&term.tensor])
        }
    };
    let left = Term {
        tensor: stretch(a)?,
        labels: a.labels.clone(),
    };
    let right = Term {
        tensor: stretch(b)?,
        labels: b.labels.clone(),
    };
    let sizes = |labels: &[char]| labels.iter().map(length).collect::<Vec<usize>>();
    let count = |labels: &[char]| sizes(labels).iter().product::<usize>();
    let order = |parts: [&[char]; 3]| parts.concat();
    let left = arrange(call, &left, &order([&shared, &rows, &summed]))?;
    let right = arrange(call, &right, &order([&shared, &summed, &columns]))?;
    let left = call.reshape(&left, &[count(&shared), count(&rows), count(&summed)])?;
    let right = call.reshape(&right, &[count(&shared), count(&summed), count(&columns)])?;
    let result = product(call, &left, &right)?;
    let labels = order([&shared, &rows, &columns]);
    Ok(Term {
        tensor: call.reshape(&result, &sizes(&labels))?,
        labels,
    })
}

/// Labels of a result that the equation does not give: what stands once, in alphabetical order, after the dots.
fn implicit(texts: &[&str], dots: usize) -> Vec<char> {
    let all: Vec<char> = texts
        .iter()
        .flat_map(|text| text.chars())
        .filter(char::is_ascii_alphabetic)
        .collect();
    let is_once = |label: &&char| all.iter().filter(|other| other == label).count() == 1;
    let mut once: Vec<char> = all.iter().filter(is_once).copied().collect();
    once.sort_unstable();
    let dots = (0..dots).rev().filter_map(|at| char::from_u32(0x1000 + at as u32));
    dots.chain(once).collect()
}

fn einsum(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let equation = call.text("equation", "");
    let (left, right) = equation
        .split_once("->")
        .map_or((equation, None), |(left, right)| (left, Some(right)));
    let args = call.all();
    let texts: Vec<&str> = left.split(',').collect();
    if texts.len() != args.len() {
        return Err(call.wrong(format!(
            "{equation:?} has {} terms for {} tensors",
            texts.len(),
            args.len()
        )));
    }
    let mut terms = Vec::new();
    let mut dots = 0;
    for (text, tensor) in texts.iter().zip(args) {
        let labels = labels_of(call, text, Some(tensor.rank()))?;
        dots = dots.max(labels.iter().filter(|label| !label.is_ascii()).count());
        terms.push(diagonals(
            call,
            Term {
                tensor: tensor.clone(),
                labels,
            },
        )?);
    }
    let wanted = match right {
        Some(right) => {
            let named = right.replace("...", "").chars().filter(|c| !c.is_whitespace()).count();
            labels_of(call, right, Some(named + if right.contains("...") { dots } else { 0 }))?
        }
        None => implicit(&texts, dots),
    };
    let mut rest = terms.into_iter();
    let Some(mut result) = rest.next() else {
        return Err(call.wrong("there are no tensors".to_owned()));
    };
    while let Some(next) = rest.next() {
        let mut later = wanted.clone();
        later.extend(rest.as_slice().iter().flat_map(|term| term.labels.iter().copied()));
        result = contract(call, &result, &next, &later)?;
    }
    let gone: Vec<usize> = (0..result.labels.len())
        .filter(|at| !wanted.contains(&result.labels[*at]))
        .collect();
    if !gone.is_empty() {
        result.tensor = call.reduce(&result.tensor, Reduce::Sum, &gone, false)?;
        result.labels.retain(|label| wanted.contains(label));
    }
    if wanted.iter().any(|label| !result.labels.contains(label)) || wanted.len() != result.labels.len() {
        return Err(call.wrong(format!("{equation:?} gives a label that no term has, or one twice")));
    }
    Ok(vec![arrange(call, &result, &wanted)?])
}
