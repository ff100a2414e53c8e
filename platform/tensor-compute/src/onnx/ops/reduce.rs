//! Folds, running folds, extremes, and the largest few.

use super::super::call::{Call, Run};
use crate::error::Result;
use crate::op::{Op, Reduce, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[
    ("ReduceL1", reduce),
    ("ReduceL2", reduce),
    ("ReduceLogSum", reduce),
    ("ReduceLogSumExp", reduce),
    ("ReduceMax", reduce),
    ("ReduceMean", reduce),
    ("ReduceMin", reduce),
    ("ReduceProd", reduce),
    ("ReduceSum", reduce),
    ("ReduceSumSquare", reduce),
    ("ArgMax", arg_extreme),
    ("ArgMin", arg_extreme),
    ("CumSum", cum_sum),
    ("CumProd", cum_prod),
    ("TopK", top_k),
    ("Hardmax", hardmax),
    ("Softmax", softmax),
    ("LogSoftmax", softmax),
];

fn reduce(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let keep = call.int("keepdims", 1) != 0;
    let axes = call.ints_either("axes", 1)?.unwrap_or_default();
    if axes.is_empty() && call.flag("noop_with_empty_axes") {
        // No axes are folded, but what is done to each element is.
        return Ok(vec![match call.node.op {
            "ReduceL1" | "ReduceL2" => call.unary(Unary::Abs, x)?,
            "ReduceSumSquare" => call.mul(x, x)?,
            "ReduceLogSum" => call.unary(Unary::Log, x)?,
            _ => x.clone(),
        }]);
    }
    let axes = call.resolve_all(&axes, x.rank())?;
    let kind = match call.node.op {
        "ReduceL1" => Reduce::L1,
        "ReduceL2" => Reduce::L2,
        "ReduceLogSum" => Reduce::LogSum,
        "ReduceLogSumExp" => Reduce::LogSumExp,
        "ReduceMax" if x.dtype() == crate::DType::Bool => Reduce::Any,
        "ReduceMax" => Reduce::Max,
        "ReduceMean" => Reduce::Mean,
        "ReduceMin" if x.dtype() == crate::DType::Bool => Reduce::All,
        "ReduceMin" => Reduce::Min,
        "ReduceProd" => Reduce::Prod,
        "ReduceSumSquare" => Reduce::SumSquare,
        _ => Reduce::Sum,
    };
    Ok(vec![call.reduce(x, kind, &axes, keep)?])
}

fn arg_extreme(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = call.axis(0, x.rank())?;
    let (keep, last) = (call.int("keepdims", 1) != 0, call.flag("select_last_index"));
    let op = if call.node.op == "ArgMax" {
        Op::ArgMax { axis, keep, last }
    } else {
        Op::ArgMin { axis, keep, last }
    };
    Ok(vec![call.one(&op, &[x])?])
}

fn cum_axis(call: &Call<'_>, rank: usize) -> Result<usize> {
    match call.ints_arg(1)?.unwrap_or_default().as_slice() {
        [axis] => call.resolve(*axis, rank),
        other => Err(call.wrong(format!("the axis is to be one number, not {other:?}"))),
    }
}

fn cum_sum(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = cum_axis(call, x.rank())?;
    let op = Op::CumSum {
        axis,
        exclusive: call.flag("exclusive"),
        reverse: call.flag("reverse"),
    };
    Ok(vec![call.one(&op, &[x])?])
}

/// In double precision: exact for 32-bit whole numbers and more than float32 keeps.
fn cum_prod(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let axis = cum_axis(call, x.rank())?;
    let (exclusive, reverse) = (call.flag("exclusive"), call.flag("reverse"));
    let length = x.shape()[axis];
    let inner: usize = x.shape()[axis + 1..].iter().product();
    call.charge(x.len(), 2 * x.len())?;
    let wide = call.wide(x)?;
    let values = wide.values::<f64>(call.node.op)?;
    let result = call.session.make::<f64>(call.node.op, x.shape(), |out| {
        for start in (0..x.len()).step_by((length * inner).max(1)) {
            for column in 0..inner {
                let mut product = 1.0;
                for step in 0..length {
                    let row = if reverse { length - 1 - step } else { step };
                    let at = start + row * inner + column;
                    let before = product;
                    product *= values[at];
                    out[at] = if exclusive { before } else { product };
                }
            }
        }
        Ok(())
    })?;
    Ok(vec![call.cast(&result, x.dtype())?])
}

fn top_k(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let k = match call.ints_arg(1)?.as_deref() {
        Some([k]) => *k,
        Some(other) => return Err(call.wrong(format!("k is to be one number, not {other:?}"))),
        None => call.int("k", 0),
    };
    let k = usize::try_from(k).map_err(|_| call.wrong(format!("k is {k}")))?;
    let op = Op::TopK {
        k,
        axis: call.axis(-1, x.rank())?,
        largest: call.int("largest", 1) != 0,
    };
    call.apply(&op, &[x])
}

/// Before operator set 13 these worked on the operand as a matrix, split at the axis.
fn along(call: &Call<'_>, x: &Tensor, work: impl Fn(&Tensor, usize) -> Result<Tensor>) -> Result<Vec<Tensor>> {
    if call.node.opset >= 13 {
        let axis = call.axis(-1, x.rank())?;
        return Ok(vec![work(x, axis)?]);
    }
    let axis = call.axis(1, x.rank())?;
    let rows: usize = x.shape()[..axis].iter().product();
    let columns: usize = x.shape()[axis..].iter().product();
    let flat = work(&call.reshape(x, &[rows, columns])?, 1)?;
    Ok(vec![call.reshape(&flat, x.shape())?])
}

fn softmax(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let log = call.node.op == "LogSoftmax";
    along(call, call.arg(0)?, |x, axis| {
        call.one(
            &if log {
                Op::LogSoftmax { axis }
            } else {
                Op::Softmax { axis }
            },
            &[x],
        )
    })
}

fn hardmax(call: &Call<'_>) -> Result<Vec<Tensor>> {
    along(call, call.arg(0)?, |x, axis| {
        let place = call.one(
            &Op::ArgMax {
                axis,
                keep: true,
                last: false,
            },
            &[x],
        )?;
        let places = place.values::<i64>(call.node.op)?;
        let length = x.shape()[axis];
        let inner: usize = x.shape()[axis + 1..].iter().product();
        call.charge(0, x.len())?;
        let hot = call.session.make::<f32>(call.node.op, x.shape(), |out| {
            for (row, place) in places.iter().enumerate() {
                let (outer, column) = (row / inner.max(1), row % inner.max(1));
                if let Some(element) = out.get_mut((outer * length + *place as usize) * inner + column) {
                    *element = 1.0;
                }
            }
            Ok(())
        })?;
        call.cast(&hot, x.dtype())
    })
}
