//! Arithmetic and folds on floats and whole numbers.

use super::element_type::ours;
use super::indexed::{around, scan};
use super::malformed;
use super::random::random;
use super::step::{Step, exactly};
use burn_backend::tensor::IndexingUpdateOp;
use burn_ir::{NumericOperationIr, PadModeIr, PadOpIr, ScalarIr, TensorIr};
use tensor_compute::{Binary, Compare, DType, Op, PadMode, Reduce, Result, Tensor, Unary};

/// Runs one.
pub fn run(step: &mut Step<'_>, op: &NumericOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use NumericOperationIr as N;
    let one = match op {
        N::Add(_) => binary(step, Binary::Add, inputs),
        N::Sub(_) => binary(step, Binary::Sub, inputs),
        N::Mul(_) => binary(step, Binary::Mul, inputs),
        N::Div(_) => binary(step, Binary::Div, inputs),
        N::Rem(_) => binary(step, Binary::Mod, inputs),
        N::Powi(_) => binary(step, Binary::Pow, inputs),
        N::AddScalar(op) => step.with_scalar(Binary::Add, &one(inputs)?, op.rhs),
        N::SubScalar(op) => step.with_scalar(Binary::Sub, &one(inputs)?, op.rhs),
        N::MulScalar(op) => step.with_scalar(Binary::Mul, &one(inputs)?, op.rhs),
        N::DivScalar(op) => step.with_scalar(Binary::Div, &one(inputs)?, op.rhs),
        N::RemScalar(op) => step.with_scalar(Binary::Mod, &one(inputs)?, op.rhs),
        N::PowiScalar(op) => power(step, one(inputs)?, op.rhs),
        N::Abs(_) => step.unary(Unary::Abs, &one(inputs)?),
        N::Neg(_) => step.unary(Unary::Neg, &one(inputs)?),
        N::Sign(_) => step.unary(Unary::Sign, &one(inputs)?),
        N::Full(op) => step.full(&op.out.shape, ours(op.out.dtype)?, op.value),
        N::IntRandom(op) => random(step, op),
        N::Clamp(op) => clamp(step, &one(inputs)?, Some(op.min), Some(op.max)),
        N::ClampMin(op) => clamp(step, &one(inputs)?, Some(op.rhs), None),
        N::ClampMax(op) => clamp(step, &one(inputs)?, None, Some(op.rhs)),
        N::Pad(op) => pad(step, &one(inputs)?, op),
        N::Greater(_) => compare(step, Compare::Greater, inputs),
        N::GreaterEqual(_) => compare(step, Compare::GreaterOrEqual, inputs),
        N::Lower(_) => compare(step, Compare::Less, inputs),
        N::LowerEqual(_) => compare(step, Compare::LessOrEqual, inputs),
        N::GreaterElem(op) => step.compare_scalar(Compare::Greater, &one(inputs)?, op.rhs),
        N::GreaterEqualElem(op) => step.compare_scalar(Compare::GreaterOrEqual, &one(inputs)?, op.rhs),
        N::LowerElem(op) => step.compare_scalar(Compare::Less, &one(inputs)?, op.rhs),
        N::LowerEqualElem(op) => step.compare_scalar(Compare::LessOrEqual, &one(inputs)?, op.rhs),
        folds => return run_fold(step, folds, inputs),
    };
    one.map(|tensor| vec![tensor])
}

fn run_fold(step: &Step<'_>, op: &NumericOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use NumericOperationIr as N;
    let x = one(inputs)?;
    let result = match op {
        N::Sum(_) => step.reduce_all(Reduce::Sum, &x),
        N::SumDim(op) => step.reduce(Reduce::Sum, &x, vec![op.axis]),
        // No axes at all would mean every one to the kernel.
        N::SumDims(op) if op.axes.is_empty() => Ok(x),
        N::SumDims(op) => step.reduce(Reduce::Sum, &x, op.axes.clone()),
        N::Prod(_) => step.reduce_all(Reduce::Prod, &x),
        N::ProdDim(op) => step.reduce(Reduce::Prod, &x, vec![op.axis]),
        N::Mean(_) => mean(step, &step.reshape(&x, &[x.len()])?, 0),
        N::MeanDim(op) => mean(step, &x, op.axis),
        N::Max(_) => step.reduce_all(Reduce::Max, &x),
        N::Min(_) => step.reduce_all(Reduce::Min, &x),
        N::MaxDim(op) => step.reduce(Reduce::Max, &x, vec![op.axis]),
        N::MinDim(op) => step.reduce(Reduce::Min, &x, vec![op.axis]),
        N::MaxAbs(_) => step.reduce_all(Reduce::Max, &step.unary(Unary::Abs, &x)?),
        N::MaxAbsDim(op) => step.reduce(Reduce::Max, &step.unary(Unary::Abs, &x)?, vec![op.axis]),
        N::ArgMax(op) => place(step, &x, op.axis, true, &op.out),
        N::ArgMin(op) => place(step, &x, op.axis, false, &op.out),
        N::CumSum(op) => step.op(
            &Op::CumSum {
                axis: op.axis,
                exclusive: false,
                reverse: false,
            },
            &[&x],
        ),
        N::CumProd(op) => scan(step, x, op.axis, IndexingUpdateOp::Mul),
        N::CumMin(op) => scan(step, x, op.axis, IndexingUpdateOp::Min),
        N::CumMax(op) => scan(step, x, op.axis, IndexingUpdateOp::Max),
        N::TopK(op) => top(step, &x, (op.axis, op.accumulator_len, true), None).map(|[values, _]| values),
        N::ArgTopK(op) => top(step, &x, (op.axis, op.accumulator_len, true), Some(&op.out)).map(|[_, places]| places),
        N::Sort(op) => sort(step, &x, (op.dim, op.descending), None).map(|[values, _]| values),
        N::ArgSort(op) => sort(step, &x, (op.dim, op.descending), Some(&op.out)).map(|[_, places]| places),
        N::TopKWithIndices(op) => {
            return top(step, &x, (op.dim, op.k, true), Some(&op.out_indices)).map(Vec::from);
        }
        N::SortWithIndices(op) => {
            return sort(step, &x, (op.dim, op.descending), Some(&op.out_indices)).map(Vec::from);
        }
        N::MaxDimWithIndices(op) => {
            let values = step.reduce(Reduce::Max, &x, vec![op.dim])?;
            return Ok(vec![values, place(step, &x, op.dim, true, &op.out_indices)?]);
        }
        N::MinDimWithIndices(op) => {
            let values = step.reduce(Reduce::Min, &x, vec![op.dim])?;
            return Ok(vec![values, place(step, &x, op.dim, false, &op.out_indices)?]);
        }
        _ => Err(malformed("an operation without a place")),
    };
    result.map(|tensor| vec![tensor])
}

fn one(inputs: Vec<Tensor>) -> Result<Tensor> {
    exactly::<1>(inputs).map(|[x]| x)
}

fn binary(step: &Step<'_>, binary: Binary, inputs: Vec<Tensor>) -> Result<Tensor> {
    let [x, y] = exactly(inputs)?;
    step.binary(binary, &x, &y)
}

fn compare(step: &Step<'_>, compare: Compare, inputs: Vec<Tensor>) -> Result<Tensor> {
    let [x, y] = exactly(inputs)?;
    step.compare(compare, &x, &y)
}

/// A power by a scalar; the small whole ones, which optimisers and norms use, by products.
pub fn power(step: &Step<'_>, x: Tensor, exponent: ScalarIr) -> Result<Tensor> {
    let number = match exponent {
        ScalarIr::Float(number) => number,
        ScalarIr::Int(number) => number as f64,
        ScalarIr::UInt(number) => number as f64,
        ScalarIr::Bool(number) => f64::from(u8::from(number)),
    };
    if number == 0.0 {
        return step.full(x.shape(), x.dtype(), ScalarIr::Int(1));
    }
    if number == 1.0 {
        return Ok(x);
    }
    if number == 2.0 || number == 3.0 {
        let square = step.binary(Binary::Mul, &x, &x)?;
        return if number == 2.0 {
            Ok(square)
        } else {
            step.binary(Binary::Mul, &square, &x)
        };
    }
    if number == -1.0 && x.dtype().is_float() {
        return step.unary(Unary::Reciprocal, &x);
    }
    step.with_scalar(Binary::Pow, &x, exponent)
}

fn clamp(step: &Step<'_>, x: &Tensor, min: Option<ScalarIr>, max: Option<ScalarIr>) -> Result<Tensor> {
    // Whole numbers beyond 2^53 would lose digits as f64, so they are compared as what they are.
    if !x.dtype().is_float() {
        let mut limited = x.clone();
        if let Some(min) = min {
            limited = step.with_scalar(Binary::Max, &limited, min)?;
        }
        if let Some(max) = max {
            limited = step.with_scalar(Binary::Min, &limited, max)?;
        }
        return Ok(limited);
    }
    let number = |scalar: ScalarIr| match scalar {
        ScalarIr::Float(number) => number,
        ScalarIr::Int(number) => number as f64,
        ScalarIr::UInt(number) => number as f64,
        ScalarIr::Bool(number) => f64::from(u8::from(number)),
    };
    step.op(
        &Op::Clamp {
            min: min.map(number),
            max: max.map(number),
        },
        &[x],
    )
}

/// The mean along a dimension, which stays; of whole numbers, cut towards zero.
fn mean(step: &Step<'_>, x: &Tensor, axis: usize) -> Result<Tensor> {
    if x.dtype().is_float() {
        return step.reduce(Reduce::Mean, x, vec![axis]);
    }
    let (_, length, _) = around(x.shape(), axis)?;
    let sum = step.reduce(Reduce::Sum, x, vec![axis])?;
    step.with_scalar(Binary::Div, &sum, ScalarIr::UInt(length as u64))
}

fn place(step: &Step<'_>, x: &Tensor, axis: usize, largest: bool, out: &TensorIr) -> Result<Tensor> {
    let op = match largest {
        true => Op::ArgMax {
            axis,
            keep: true,
            last: false,
        },
        false => Op::ArgMin {
            axis,
            keep: true,
            last: false,
        },
    };
    let places = step.op(&op, &[x])?;
    step.cast(places, ours(out.dtype)?)
}

/// Values and places of the largest (or smallest); places in the type that the stream wants, if it wants them.
fn top(
    step: &Step<'_>,
    x: &Tensor,
    (axis, k, largest): (usize, usize, bool),
    out: Option<&TensorIr>,
) -> Result<[Tensor; 2]> {
    let [values, places] = exactly(tensor_compute::apply(
        step.account,
        &Op::TopK { k, axis, largest },
        &[x],
    )?)?;
    let dtype = out.map_or(Ok(DType::I64), |out| ours(out.dtype))?;
    Ok([values, step.cast(places, dtype)?])
}

fn sort(step: &Step<'_>, x: &Tensor, (axis, descending): (usize, bool), out: Option<&TensorIr>) -> Result<[Tensor; 2]> {
    let (_, length, _) = around(x.shape(), axis)?;
    top(step, x, (axis, length, descending), out)
}

fn pad(step: &Step<'_>, x: &Tensor, op: &PadOpIr) -> Result<Tensor> {
    let signed = |count: usize| i64::try_from(count).map_err(|_| malformed("padding longer than any memory"));
    let pads: Vec<(i64, i64)> = op
        .padding
        .iter()
        .map(|(before, after)| Ok((signed(*before)?, signed(*after)?)))
        .collect::<Result<_>>()?;
    let (mode, constant) = match op.mode {
        PadModeIr::Constant(value) => (PadMode::Constant, Some(step.scalar(value, x.dtype())?)),
        PadModeIr::Reflect => (PadMode::Reflect, None),
        PadModeIr::Edge => (PadMode::Edge, None),
    };
    let mut operands = vec![x];
    operands.extend(constant.as_ref());
    step.op(&Op::Pad { mode, pads }, &operands)
}
