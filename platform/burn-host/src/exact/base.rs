//! Operations that move elements, whatever their type.

use super::element_type::ours;
use super::indexed::{around, select_assign};
use super::malformed;
use super::step::{Step, exactly};
use super::strided::{assign, ranges, unfold};
use burn_backend::tensor::IndexingUpdateOp;
use burn_ir::{BaseOperationIr, CreationOpIr, ScalarIr};
use tensor_compute::{Compare, DType, Op, Reduce, Result, Scatter, Tensor};

/// Runs one.
pub fn run(step: &mut Step<'_>, op: &BaseOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use BaseOperationIr as B;
    let result = match op {
        B::Reshape(op) => step.reshape(&exactly::<1>(inputs)?[0], &op.out.shape),
        B::Expand(op) => step.op(&Op::Expand(op.out.shape.to_vec()), &[&exactly::<1>(inputs)?[0]]),
        B::SwapDims(op) => step.swap(&exactly::<1>(inputs)?[0], op.dim1, op.dim2),
        B::Permute(op) => step.transpose(&exactly::<1>(inputs)?[0], op.axes.clone()),
        B::Flip(op) => step.op(&Op::Flip(op.axes.clone()), &[&exactly::<1>(inputs)?[0]]),
        B::Unfold(op) => unfold(step, &exactly::<1>(inputs)?[0], op.dim, op.size, op.step),
        B::Slice(op) => {
            let [x] = exactly(inputs)?;
            step.op(&Op::Slice(ranges(x.shape(), &op.ranges)?), &[&x])
        }
        B::SliceAssign(op) => {
            let [x, value] = exactly(inputs)?;
            assign(step, x, &op.ranges, &value)
        }
        B::RepeatDim(op) => {
            let [x] = exactly(inputs)?;
            let mut repeats = vec![1; x.rank()];
            let at = repeats
                .get_mut(op.dim)
                .ok_or_else(|| malformed("repeat along a dimension that is not there"))?;
            *at = op.times;
            step.op(&Op::Tile(repeats), &[&x])
        }
        B::Cat(op) => step.op(&Op::Concat { axis: op.dim }, &inputs.iter().collect::<Vec<_>>()),
        B::Cast(op) => step.cast(one(inputs)?, ours(op.out.dtype)?),
        B::Empty(op) | B::Zeros(op) => create(step, op, 0),
        B::Ones(op) => create(step, op, 1),
        B::Equal(_) => compare(step, Compare::Equal, inputs),
        B::NotEqual(_) => compare(step, Compare::NotEqual, inputs),
        B::EqualElem(op) => step.compare_scalar(Compare::Equal, &one(inputs)?, op.rhs),
        B::NotEqualElem(op) => step.compare_scalar(Compare::NotEqual, &one(inputs)?, op.rhs),
        B::All(_) => fold_truth(step, Reduce::All, one(inputs)?, None),
        B::Any(_) => fold_truth(step, Reduce::Any, one(inputs)?, None),
        B::AllDim(op) => fold_truth(step, Reduce::All, one(inputs)?, Some(op.axis)),
        B::AnyDim(op) => fold_truth(step, Reduce::Any, one(inputs)?, Some(op.axis)),
        indexing => run_indexing(step, indexing, inputs),
    };
    result.map(|tensor| vec![tensor])
}

fn run_indexing(step: &Step<'_>, op: &BaseOperationIr, inputs: Vec<Tensor>) -> Result<Tensor> {
    use BaseOperationIr as B;
    match op {
        B::Select(op) => {
            let [x, indices] = exactly(inputs)?;
            step.op(&Op::Gather { axis: op.dim }, &[&x, &index_type(step, indices)?])
        }
        B::Gather(op) => {
            let [x, indices] = exactly(inputs)?;
            step.op(&Op::GatherElements { axis: op.dim }, &[&x, &index_type(step, indices)?])
        }
        B::GatherNd(_) => {
            let [x, indices] = exactly(inputs)?;
            step.op(&Op::GatherNd { batch_dims: 0 }, &[&x, &index_type(step, indices)?])
        }
        B::SelectAssign(op) => select_assign(step, exactly(inputs)?, op.dim, op.update),
        B::Scatter(op) => {
            let [x, indices, value] = exactly(inputs)?;
            around(x.shape(), op.dim)?;
            scatter(step, [x, indices, value], op.update, |reduction| Op::ScatterElements {
                axis: op.dim,
                reduction,
            })
        }
        B::ScatterNd(op) => scatter(step, exactly(inputs)?, op.reduction, |reduction| Op::ScatterNd {
            reduction,
        }),
        B::MaskWhere(_) => {
            let [x, mask, value] = exactly(inputs)?;
            step.choose(&mask, &value, &x)
        }
        B::MaskFill(op) => {
            let [x, mask] = exactly(inputs)?;
            step.fill_where(&mask, op.value, &x)
        }
        _ => Err(malformed("an operation without a place")),
    }
}

fn one(inputs: Vec<Tensor>) -> Result<Tensor> {
    exactly::<1>(inputs).map(|[x]| x)
}

fn create(step: &Step<'_>, op: &CreationOpIr, value: i64) -> Result<Tensor> {
    step.full(&op.out.shape, ours(op.out.dtype)?, ScalarIr::Int(value))
}

fn compare(step: &Step<'_>, compare: Compare, inputs: Vec<Tensor>) -> Result<Tensor> {
    let [x, y] = exactly(inputs)?;
    step.compare(compare, &x, &y)
}

/// Whether all or any elements (along a dimension, which stays) are true, or not zero.
fn fold_truth(step: &Step<'_>, kind: Reduce, x: Tensor, axis: Option<usize>) -> Result<Tensor> {
    let truth = match x.dtype() {
        DType::Bool => x,
        _ => step.compare_scalar(Compare::NotEqual, &x, ScalarIr::Int(0))?,
    };
    match axis {
        Some(axis) => step.reduce(kind, &truth, vec![axis]),
        None => step.reduce_all(kind, &truth),
    }
}

/// Indices as the kernels take them.
pub fn index_type(step: &Step<'_>, indices: Tensor) -> Result<Tensor> {
    step.cast(indices, DType::I64)
}

fn scatter(
    step: &Step<'_>,
    [x, indices, value]: [Tensor; 3],
    how: IndexingUpdateOp,
    op: impl FnOnce(Scatter) -> Op,
) -> Result<Tensor> {
    let indices = index_type(step, indices)?;
    let reduction = match how {
        IndexingUpdateOp::Assign => Scatter::Replace,
        IndexingUpdateOp::Add => Scatter::Add,
        IndexingUpdateOp::Mul => Scatter::Mul,
        IndexingUpdateOp::Min => Scatter::Min,
        IndexingUpdateOp::Max => Scatter::Max,
    };
    if x.dtype() != DType::Bool {
        return step.op(&op(reduction), &[&x, &indices, &value]);
    }
    // Sums of booleans are "or", products are "and": the larger and the smaller of two bytes.
    let reduction = match reduction {
        Scatter::Add => Scatter::Max,
        Scatter::Mul => Scatter::Min,
        other => other,
    };
    let (x, value) = (step.cast(x, DType::U8)?, step.cast(value, DType::U8)?);
    let bytes = step.op(&op(reduction), &[&x, &indices, &value])?;
    step.cast(bytes, DType::Bool)
}
