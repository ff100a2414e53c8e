//! Operators that rename or move elements without computing.

use super::super::call::{Call, Run};
use super::super::graph::Attr;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::Op;
use crate::tensor::{Tensor, element_count};

pub const TABLE: &[(&str, Run)] = &[
    ("Shape", shape),
    ("Size", size),
    ("Reshape", reshape),
    ("Flatten", flatten),
    ("Squeeze", squeeze),
    ("Unsqueeze", unsqueeze),
    ("Transpose", transpose),
    ("Expand", expand),
    ("Tile", tile),
    ("Concat", concat),
    ("ConstantOfShape", constant_of_shape),
    ("Range", range),
    ("DepthToSpace", depth_to_space),
    ("SpaceToDepth", space_to_depth),
    ("EyeLike", eye_like),
    ("Trilu", trilu),
    ("OneHot", one_hot),
    ("ReverseSequence", reverse_sequence),
];

/// Lengths as a shape.
pub fn lengths(call: &Call<'_>, given: &[i64]) -> Result<Vec<usize>> {
    let shape: Vec<usize> = given
        .iter()
        .map(|length| {
            usize::try_from(*length).map_err(|_| call.misfit(format!("the shape {given:?} has a negative length")))
        })
        .collect::<Result<_>>()?;
    element_count(call.node.op, &shape, DType::U8)?;
    Ok(shape)
}

fn shape(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let rank = x.rank() as i64;
    let bound = |value: i64| (if value < 0 { value.saturating_add(rank) } else { value }).clamp(0, rank) as usize;
    let (start, end) = (bound(call.int("start", 0)), bound(call.int("end", rank)));
    let part: Vec<i64> = x
        .shape()
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|length| *length as i64)
        .collect();
    Ok(vec![call.numbers(&[part.len()], part)?])
}

fn size(call: &Call<'_>) -> Result<Vec<Tensor>> {
    Ok(vec![call.numbers(&[], vec![call.arg(0)?.len() as i64])?])
}

fn reshape(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let wanted = call
        .ints_either("shape", 1)?
        .ok_or_else(|| call.wrong("the shape is missing".to_owned()))?;
    let allow_zero = call.flag("allowzero");
    let mut shape = Vec::new();
    let mut open = None;
    for (at, length) in wanted.iter().enumerate() {
        shape.push(match *length {
            0 if !allow_zero => *x.shape().get(at).ok_or_else(|| {
                call.misfit(format!(
                    "the shape {wanted:?} keeps dimension {at}, which {:?} does not have",
                    x.shape()
                ))
            })?,
            -1 if open.is_none() => {
                open = Some(at);
                1
            }
            length => {
                usize::try_from(length).map_err(|_| call.misfit(format!("the shape {wanted:?} is not allowed")))?
            }
        });
    }
    if let Some(at) = open {
        let known = element_count(call.node.op, &shape, DType::U8)?;
        if known == 0 || !x.len().is_multiple_of(known) {
            return Err(call.misfit(format!("{:?} cannot take the shape {wanted:?}", x.shape())));
        }
        shape[at] = x.len() / known;
    }
    Ok(vec![call.reshape(x, &shape)?])
}

fn flatten(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = call.int("axis", 1);
    // The axis may be one more than the last.
    let axis = if axis == x.rank() as i64 {
        x.rank()
    } else {
        call.resolve(axis, x.rank())?
    };
    let shape = [x.shape()[..axis].iter().product(), x.shape()[axis..].iter().product()];
    Ok(vec![call.reshape(x, &shape)?])
}

fn squeeze(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axes = match call.ints_either("axes", 1)? {
        Some(axes) => call.resolve_all(&axes, x.rank())?,
        None => (0..x.rank()).filter(|axis| x.shape()[*axis] == 1).collect(),
    };
    let kept = (0..x.rank()).filter(|axis| !axes.contains(axis));
    let shape: Vec<usize> = kept.map(|axis| x.shape()[axis]).collect();
    Ok(vec![call.reshape(x, &shape)?])
}

fn unsqueeze(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axes = call
        .ints_either("axes", 1)?
        .ok_or_else(|| call.wrong("the axes are missing".to_owned()))?;
    let axes = call.resolve_all(&axes, x.rank() + axes.len())?;
    let mut shape = x.shape().to_vec();
    for axis in axes {
        shape.insert(axis.min(shape.len()), 1);
    }
    Ok(vec![call.reshape(x, &shape)?])
}

fn transpose(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let perm = match call.ints("perm") {
        Some(perm) => perm
            .iter()
            .map(|axis| call.resolve(*axis, x.rank()))
            .collect::<Result<Vec<usize>>>()?,
        None => (0..x.rank()).rev().collect(),
    };
    Ok(vec![call.transpose(x, &perm)?])
}

fn expand(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let wanted = lengths(call, &call.ints_of(call.arg(1)?)?)?;
    // Both ways: a wanted length of 1 keeps the operand's.
    let rank = wanted.len().max(x.rank());
    let mut shape = vec![1; rank];
    for (at, length) in shape.iter_mut().enumerate() {
        let from = |given: &[usize]| (at + given.len()).checked_sub(rank).map_or(1, |at| given[at]);
        let (a, b) = (from(x.shape()), from(&wanted));
        *length = if a == 1 { b } else { a };
    }
    Ok(vec![call.one(&Op::Expand(shape), &[x])?])
}

fn tile(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let repeats = lengths(call, &call.ints_of(call.arg(1)?)?)?;
    Ok(vec![call.one(&Op::Tile(repeats), &[call.arg(0)?])?])
}

fn concat(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let axis = call.axis(0, call.arg(0)?.rank())?;
    Ok(vec![call.one(&Op::Concat { axis }, &call.all())?])
}

fn constant_of_shape(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let shape = lengths(call, &call.ints_of(call.arg(0)?)?)?;
    let value = match call.tensor("value") {
        Some(value) => call.reshape(value, &[])?,
        None => call.numbers(&[], vec![0_f32])?,
    };
    Ok(vec![call.one(&Op::Expand(shape), &[&value])?])
}

fn range(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (start, limit, step) = (call.arg(0)?, call.arg(1)?, call.arg(2)?);
    if let (Some([start]), Some([limit]), Some([step])) = (
        start.try_values::<i64>(),
        limit.try_values::<i64>(),
        step.try_values::<i64>(),
    ) {
        if *step == 0 {
            return Err(call.wrong("the step is 0".to_owned()));
        }
        let distance = i128::from(*limit) - i128::from(*start);
        let step_wide = i128::from(*step);
        let count = if (distance > 0) == (step_wide > 0) {
            (distance.abs() + step_wide.abs() - 1) / step_wide.abs()
        } else {
            0
        };
        let shape = lengths(
            call,
            &[i64::try_from(count).map_err(|_| call.misfit("too many numbers".to_owned()))?],
        )?;
        call.charge(0, shape[0])?;
        return Ok(vec![call.session.make::<i64>(call.node.op, &shape, |out| {
            for (at, element) in out.iter_mut().enumerate() {
                *element = start.wrapping_add((at as i64).wrapping_mul(*step));
            }
            Ok(())
        })?]);
    }
    let number = |at| call.scalar_arg(at).map(|value| value.unwrap_or(0.0));
    let (first, last, by) = (number(0)?, number(1)?, number(2)?);
    let count = ((last - first) / by).ceil();
    if !count.is_finite() || count > 1e12 {
        return Err(call.wrong(format!("from {first} to {last} by {by} is no range")));
    }
    let count = count.max(0.0) as usize;
    let shape = lengths(call, &[count as i64])?;
    call.charge(count, count)?;
    let wide = call.session.make::<f64>(call.node.op, &shape, |out| {
        for (at, element) in out.iter_mut().enumerate() {
            *element = first + at as f64 * by;
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&wide, start.dtype())?])
}

fn blocks<'a>(call: &Call<'a>) -> Result<(&'a Tensor, usize, [usize; 4])> {
    let x = call.arg(0)?;
    let block = usize::try_from(call.int("blocksize", 0)).unwrap_or(0);
    match x.shape() {
        [n, c, h, w] if (1..=1 << 20).contains(&block) => Ok((x, block, [*n, *c, *h, *w])),
        other => Err(call.misfit(format!(
            "takes (n, c, h, w) and a block of at least 1, not {other:?} and {block}"
        ))),
    }
}

fn depth_to_space(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, b, [n, c, h, w]) = blocks(call)?;
    if !c.is_multiple_of(b * b) {
        return Err(call.misfit(format!("{c} channels are no multiple of {}", b * b)));
    }
    let depth = c / (b * b);
    let (split, perm) = match call.text("mode", "DCR") {
        "CRD" => ([n, depth, b, b, h, w], [0, 1, 4, 2, 5, 3]),
        _ => ([n, b, b, depth, h, w], [0, 3, 4, 1, 5, 2]),
    };
    let moved = call.transpose(&call.reshape(x, &split)?, &perm)?;
    Ok(vec![call.reshape(&moved, &[n, depth, h * b, w * b])?])
}

fn space_to_depth(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, b, [n, c, h, w]) = blocks(call)?;
    if !h.is_multiple_of(b) || !w.is_multiple_of(b) {
        return Err(call.misfit(format!("{h} and {w} are no multiples of {b}")));
    }
    let moved = call.transpose(&call.reshape(x, &[n, c, h / b, b, w / b, b])?, &[0, 3, 5, 1, 2, 4])?;
    Ok(vec![call.reshape(&moved, &[n, c * b * b, h / b, w / b])?])
}

fn eye_like(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let [rows, columns] = x.shape() else {
        return Err(call.misfit(format!("takes a matrix, not {:?}", x.shape())));
    };
    let dtype = match call.attr("dtype") {
        Some(Attr::Int(kind)) => super::super::weights::dtype_of(*kind).map_err(|why| call.wrong(why))?,
        _ => x.dtype(),
    };
    let shift = call.int("k", 0);
    call.charge(0, x.len())?;
    let eye = call.session.make::<u8>(call.node.op, x.shape(), |out| {
        for row in 0..*rows {
            let column = usize::try_from((row as i64).saturating_add(shift)).unwrap_or(usize::MAX);
            if column < *columns {
                out[row * columns + column] = 1;
            }
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&eye, dtype)?])
}

fn trilu(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let [.., rows, columns] = x.shape() else {
        return Err(call.misfit("takes matrices".to_owned()));
    };
    let shift = call.ints_arg(1)?.and_then(|k| k.first().copied()).unwrap_or(0);
    let upper = call.int("upper", 1) != 0;
    call.charge(0, x.len())?;
    let mask = call.session.make::<bool>(call.node.op, &[*rows, *columns], |out| {
        for (at, element) in out.iter_mut().enumerate() {
            let (row, column) = ((at / columns) as i64, (at % columns) as i64);
            let distance = column - row;
            *element = if upper { distance >= shift } else { distance <= shift };
        }
        Ok(())
    })?;
    let zero = call.number(0.0, x.dtype())?;
    Ok(vec![call.one(&Op::Where, &[&mask, x, &zero])?])
}

fn one_hot(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (indices, pair) = (call.arg(0)?, call.arg(2)?);
    let depth = call.scalar_arg(1)?.unwrap_or(0.0);
    if !(0.0..1e12).contains(&depth) || pair.len() != 2 {
        return Err(call.wrong(format!(
            "takes a depth of at least 0 and two values, not {depth} and {}",
            pair.len()
        )));
    }
    let depth = depth as usize;
    let axis = call.axis(-1, indices.rank() + 1)?;
    let mut shape = indices.shape().to_vec();
    shape.insert(axis, depth);
    let count = element_count(call.node.op, &shape, DType::Bool)?;
    call.charge(0, count)?;
    let wide = call.wide(indices)?;
    let places = wide.values::<f64>(call.node.op)?;
    let inner: usize = indices.shape()[axis..].iter().product();
    let hot = call.session.make::<bool>(call.node.op, &shape, |out| {
        for (at, place) in places.iter().enumerate() {
            let place = if *place < 0.0 { place + depth as f64 } else { *place };
            // What lies outside has no hot element.
            if place >= 0.0 && place < depth as f64 {
                out[((at / inner) * depth + place as usize) * inner + at % inner] = true;
            }
        }
        Ok(())
    })?;
    let values = call.reshape(pair, &[2])?;
    let pick = |at: i64| call.one(&Op::Gather { axis: 0 }, &[&values, &Tensor::new(&[], vec![at])?]);
    Ok(vec![call.one(&Op::Where, &[&hot, &pick(1)?, &pick(0)?])?])
}

fn reverse_sequence(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let (batch, time) = (
        call.resolve(call.int("batch_axis", 1), x.rank())?,
        call.resolve(call.int("time_axis", 0), x.rank())?,
    );
    let ends = call.ints_of(call.arg(1)?)?;
    if batch == time || batch > 1 || time > 1 || ends.len() != x.shape()[batch] {
        return Err(call.misfit(format!(
            "{} lengths for {:?} with batches in {batch}",
            ends.len(),
            x.shape()
        )));
    }
    let steps = x.shape()[time];
    // The index along time of every element of (time, batch), in the order of the operand.
    let places = call.session.make::<i64>(call.node.op, &x.shape()[..2], |out| {
        let columns = x.shape()[1];
        for (at, place) in out.iter_mut().enumerate() {
            let (row, column) = (at / columns.max(1), at % columns.max(1));
            let (step, sample) = if time == 0 { (row, column) } else { (column, row) };
            let end = usize::try_from(ends[sample]).unwrap_or(0).min(steps);
            *place = if step < end {
                (end - 1 - step) as i64
            } else {
                step as i64
            };
        }
        Ok(())
    })?;
    let mut shape = x.shape()[..2].to_vec();
    shape.resize(x.rank(), 1);
    let places = call.one(&Op::Expand(x.shape().to_vec()), &[&call.reshape(&places, &shape)?])?;
    Ok(vec![call.one(&Op::GatherElements { axis: time }, &[x, &places])?])
}
