//! Operations of one element type: floats, whole numbers, booleans.

use super::base::index_type;
use super::element_type::ours;
use super::numeric::power;
use super::random::random;
use super::step::{Step, exactly};
use super::{malformed, unsupported};
use burn_ir::{BoolOperationIr, FloatOperationIr, IntOperationIr};
use tensor_compute::{Binary, Op, Result, Tensor, Unary};

/// Runs an operation on floats.
pub fn run_float(step: &mut Step<'_>, op: &FloatOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use FloatOperationIr as F;
    let result = match op {
        F::Exp(_) => unary(step, Unary::Exp, inputs),
        F::Log(_) => unary(step, Unary::Log, inputs),
        F::Log1p(_) => unary(step, Unary::Log1p, inputs),
        F::Erf(_) => unary(step, Unary::Erf, inputs),
        F::Sqrt(_) => unary(step, Unary::Sqrt, inputs),
        F::Cos(_) => unary(step, Unary::Cos, inputs),
        F::Cosh(_) => unary(step, Unary::Cosh, inputs),
        F::Sin(_) => unary(step, Unary::Sin, inputs),
        F::Sinh(_) => unary(step, Unary::Sinh, inputs),
        F::Tan(_) => unary(step, Unary::Tan, inputs),
        F::Tanh(_) => unary(step, Unary::Tanh, inputs),
        F::ArcCos(_) => unary(step, Unary::Acos, inputs),
        F::ArcCosh(_) => unary(step, Unary::Acosh, inputs),
        F::ArcSin(_) => unary(step, Unary::Asin, inputs),
        F::ArcSinh(_) => unary(step, Unary::Asinh, inputs),
        F::ArcTan(_) => unary(step, Unary::Atan, inputs),
        F::ArcTanh(_) => unary(step, Unary::Atanh, inputs),
        F::Round(_) => unary(step, Unary::Round, inputs),
        F::Floor(_) => unary(step, Unary::Floor, inputs),
        F::Ceil(_) => unary(step, Unary::Ceil, inputs),
        F::Trunc(_) => unary(step, Unary::Trunc, inputs),
        F::Recip(_) => unary(step, Unary::Reciprocal, inputs),
        F::IsNan(_) => unary(step, Unary::IsNan, inputs),
        F::IsInf(_) => unary(
            step,
            Unary::IsInf {
                negative: true,
                positive: true,
            },
            inputs,
        ),
        F::ArcTan2(_) => binary(step, Binary::Atan2, inputs),
        F::Powf(_) => binary(step, Binary::Pow, inputs),
        F::PowfScalar(op) => power(step, one(inputs)?, op.rhs),
        F::Hypot(_) => hypotenuse(step, exactly(inputs)?),
        F::IntoInt(op) => step.cast(one(inputs)?, ours(op.out.dtype)?),
        F::Matmul(_) => product(step, exactly(inputs)?),
        F::Cross(op) => cross(step, exactly(inputs)?, op.dim),
        F::Random(op) => random(step, op),
        F::Quantize(_) => Err(unsupported("Quantize")),
        F::Dequantize(_) => Err(unsupported("Dequantize")),
        F::GridSample2d(_) => Err(unsupported("GridSample2d")),
    };
    result.map(|tensor| vec![tensor])
}

/// Runs an operation on whole numbers.
pub fn run_int(step: &mut Step<'_>, op: &IntOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use IntOperationIr as I;
    let result = match op {
        I::IntoFloat(op) => step.cast(one(inputs)?, ours(op.out.dtype)?),
        I::Matmul(_) => product(step, exactly(inputs)?),
        I::BitwiseAnd(_) => binary(step, Binary::BitAnd, inputs),
        I::BitwiseOr(_) => binary(step, Binary::BitOr, inputs),
        I::BitwiseXor(_) => binary(step, Binary::BitXor, inputs),
        I::BitwiseNot(_) => unary(step, Unary::BitNot, inputs),
        I::BitwiseLeftShift(_) => binary(step, Binary::ShiftLeft, inputs),
        I::BitwiseRightShift(_) => binary(step, Binary::ShiftRight, inputs),
        I::BitwiseAndScalar(op) => step.with_scalar(Binary::BitAnd, &one(inputs)?, op.rhs),
        I::BitwiseOrScalar(op) => step.with_scalar(Binary::BitOr, &one(inputs)?, op.rhs),
        I::BitwiseXorScalar(op) => step.with_scalar(Binary::BitXor, &one(inputs)?, op.rhs),
        I::BitwiseLeftShiftScalar(op) => step.with_scalar(Binary::ShiftLeft, &one(inputs)?, op.rhs),
        I::BitwiseRightShiftScalar(op) => step.with_scalar(Binary::ShiftRight, &one(inputs)?, op.rhs),
    };
    result.map(|tensor| vec![tensor])
}

/// Runs an operation on booleans.
pub fn run_bool(step: &mut Step<'_>, op: &BoolOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use BoolOperationIr as B;
    let result = match op {
        B::IntoFloat(op) | B::IntoInt(op) => step.cast(one(inputs)?, ours(op.out.dtype)?),
        B::Not(_) => unary(step, Unary::Not, inputs),
        B::And(_) => binary(step, Binary::And, inputs),
        B::Or(_) => binary(step, Binary::Or, inputs),
        B::Xor(_) => binary(step, Binary::Xor, inputs),
    };
    result.map(|tensor| vec![tensor])
}

fn one(inputs: Vec<Tensor>) -> Result<Tensor> {
    exactly::<1>(inputs).map(|[x]| x)
}

fn unary(step: &Step<'_>, unary: Unary, inputs: Vec<Tensor>) -> Result<Tensor> {
    step.unary(unary, &one(inputs)?)
}

fn binary(step: &Step<'_>, binary: Binary, inputs: Vec<Tensor>) -> Result<Tensor> {
    let [x, y] = exactly(inputs)?;
    step.binary(binary, &x, &y)
}

/// A product of matrices. A stack of matrices times one matrix is one large product: the same chains of additions, and
/// one packing instead of many.
pub fn product(step: &Step<'_>, [x, y]: [Tensor; 2]) -> Result<Tensor> {
    let (rank, columns) = (x.rank(), y.shape().last().copied());
    let shared = y.rank() >= 2 && y.shape()[..y.rank() - 2].iter().all(|length| *length == 1);
    let (true, true, Some(columns)) = (shared && rank > 2, y.rank() <= rank, columns) else {
        return step.op(&Op::MatMul, &[&x, &y]);
    };
    let inner = y.shape()[y.rank() - 2];
    if x.is_empty() || x.shape()[rank - 1] != inner {
        return step.op(&Op::MatMul, &[&x, &y]);
    }
    let flat = step.reshape(&x, &[x.len() / inner, inner])?;
    let matrix = step.reshape(&y, &[inner, columns])?;
    let mut shape = x.shape().to_vec();
    shape[rank - 1] = columns;
    step.reshape(&step.op(&Op::MatMul, &[&flat, &matrix])?, &shape)
}

/// The root of `x * x + y * y`.
fn hypotenuse(step: &Step<'_>, [x, y]: [Tensor; 2]) -> Result<Tensor> {
    let squares = [step.binary(Binary::Mul, &x, &x)?, step.binary(Binary::Mul, &y, &y)?];
    step.unary(Unary::Sqrt, &step.binary(Binary::Add, &squares[0], &squares[1])?)
}

/// The vector product along a dimension of length 3.
fn cross(step: &Step<'_>, [x, y]: [Tensor; 2], dim: usize) -> Result<Tensor> {
    if [&x, &y].iter().any(|tensor| tensor.shape().get(dim) != Some(&3)) {
        return Err(malformed(&format!(
            "a cross product along {dim} of shapes {:?} and {:?}; the dimension must have length 3",
            x.shape(),
            y.shape()
        )));
    }
    let turned = |tensor: &Tensor, order: [i32; 3]| {
        let order = index_type(step, Tensor::new(&[3], order.to_vec())?)?;
        step.op(&Op::Gather { axis: dim }, &[tensor, &order])
    };
    let (ahead, behind) = ([1, 2, 0], [2, 0, 1]);
    let plus = step.binary(Binary::Mul, &turned(&x, ahead)?, &turned(&y, behind)?)?;
    let minus = step.binary(Binary::Mul, &turned(&x, behind)?, &turned(&y, ahead)?)?;
    step.binary(Binary::Sub, &plus, &minus)
}
