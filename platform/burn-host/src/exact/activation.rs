//! Activations and their gradients.

use super::step::{Step, exactly};
use burn_ir::{ActivationOperationIr, ScalarIr};
use tensor_compute::{Binary, Compare, DType, Op, Result, Tensor, Unary};

/// Runs one.
pub fn run(step: &mut Step<'_>, op: &ActivationOperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    use ActivationOperationIr as A;
    let result = match op {
        A::Relu(_) => step.unary(Unary::Relu, &one(inputs)?),
        A::ReluBackward(_) => relu_backward(step, exactly(inputs)?),
        A::LeakyRelu(op) => leaky(step, &one(inputs)?, |x| step.with_scalar(Binary::Mul, x, op.rhs)),
        A::PRelu(_) => {
            let [x, slope] = exactly(inputs)?;
            leaky(step, &x, |x| step.binary(Binary::Mul, x, &slope))
        }
        A::Gelu(_) => step.unary(Unary::Gelu, &one(inputs)?),
        A::GeluBackward(_) => gelu_backward(step, exactly(inputs)?),
        A::Sigmoid(_) => step.unary(Unary::Sigmoid, &one(inputs)?),
        A::SigmoidBackward(_) => sigmoid_backward(step, exactly(inputs)?),
        A::HardSigmoid(op) => {
            let scaled = step.with_scalar(Binary::Mul, &one(inputs)?, op.alpha)?;
            let moved = step.with_scalar(Binary::Add, &scaled, op.beta)?;
            step.op(
                &Op::Clamp {
                    min: Some(0.0),
                    max: Some(1.0),
                },
                &[&moved],
            )
        }
        A::LogSigmoid(_) => {
            // log(1 / (1 + exp(-x))) = -softplus(-x)
            let softplus = step.unary(Unary::Softplus, &step.unary(Unary::Neg, &one(inputs)?)?)?;
            step.unary(Unary::Neg, &softplus)
        }
        A::LogSigmoidBackward(_) => {
            // The derivative is sigmoid(-x).
            let [x, grad] = exactly(inputs)?;
            let slope = step.unary(Unary::Sigmoid, &step.unary(Unary::Neg, &x)?)?;
            step.binary(Binary::Mul, &grad, &slope)
        }
        A::Softmax(op) => step.op(&Op::Softmax { axis: op.axis }, &[&one(inputs)?]),
        A::LogSoftmax(op) => step.op(&Op::LogSoftmax { axis: op.axis }, &[&one(inputs)?]),
        A::Softmin(op) => step.op(
            &Op::Softmax { axis: op.axis },
            &[&step.unary(Unary::Neg, &one(inputs)?)?],
        ),
    };
    result.map(|tensor| vec![tensor])
}

fn one(inputs: Vec<Tensor>) -> Result<Tensor> {
    exactly::<1>(inputs).map(|[x]| x)
}

fn relu_backward(step: &Step<'_>, [output, grad]: [Tensor; 2]) -> Result<Tensor> {
    let off = step.compare_scalar(Compare::LessOrEqual, &output, ScalarIr::Int(0))?;
    step.fill_where(&off, ScalarIr::Int(0), &grad)
}

/// `x` where it is not negative, else what `below` makes of it.
fn leaky(step: &Step<'_>, x: &Tensor, below: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let negative = step.compare_scalar(Compare::Less, x, ScalarIr::Int(0))?;
    step.choose(&negative, &below(x)?, x)
}

/// `grad * (Phi(x) + x * phi(x))`, with the distribution and density of the normal distribution. Halves in `f32`.
fn gelu_backward(step: &Step<'_>, [x, grad]: [Tensor; 2]) -> Result<Tensor> {
    let dtype = x.dtype();
    let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let (x, grad) = (step.cast(x, wide)?, step.cast(grad, wide)?);
    let scaled = step.with_number(Binary::Mul, &x, std::f64::consts::FRAC_1_SQRT_2)?;
    let above = step.with_number(Binary::Add, &step.unary(Unary::Erf, &scaled)?, 1.0)?;
    let distribution = step.with_number(Binary::Mul, &above, 0.5)?;
    let exponent = step.with_number(Binary::Mul, &step.binary(Binary::Mul, &x, &x)?, -0.5)?;
    // 1 / sqrt(2 pi)
    let density = step.with_number(
        Binary::Mul,
        &step.unary(Unary::Exp, &exponent)?,
        0.398_942_280_401_432_7,
    )?;
    let slope = step.binary(Binary::Add, &distribution, &step.binary(Binary::Mul, &x, &density)?)?;
    step.cast(step.binary(Binary::Mul, &grad, &slope)?, dtype)
}

/// `grad * output * (1 - output)`.
fn sigmoid_backward(step: &Step<'_>, [output, grad]: [Tensor; 2]) -> Result<Tensor> {
    let rest = step.with_number(Binary::Add, &step.unary(Unary::Neg, &output)?, 1.0)?;
    let slope = step.binary(Binary::Mul, &output, &rest)?;
    step.binary(Binary::Mul, &slope, &grad)
}
