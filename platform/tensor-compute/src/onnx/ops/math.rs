//! Arithmetic, logic, comparisons, activations: element by element.

use super::super::call::{Call, Run};
use super::super::graph::Attr;
use super::super::weights::dtype_of;
use crate::dtype::DType;
use crate::error::Result;
use crate::op::{Binary, Compare, Op, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[
    ("Abs", unary),
    ("Acos", unary),
    ("Acosh", unary),
    ("Asin", unary),
    ("Asinh", unary),
    ("Atan", unary),
    ("Atanh", unary),
    ("BitwiseNot", unary),
    ("Ceil", unary),
    ("Celu", unary),
    ("Cos", unary),
    ("Cosh", unary),
    ("Elu", unary),
    ("Erf", unary),
    ("Exp", unary),
    ("Floor", unary),
    ("Gelu", unary),
    ("HardSigmoid", unary),
    ("HardSwish", unary),
    ("IsInf", unary),
    ("IsNaN", unary),
    ("LeakyRelu", unary),
    ("Log", unary),
    ("Mish", unary),
    ("Neg", unary),
    ("Not", unary),
    ("Reciprocal", unary),
    ("Relu", unary),
    ("Round", unary),
    ("Selu", unary),
    ("Sigmoid", unary),
    ("Sign", unary),
    ("Sin", unary),
    ("Sinh", unary),
    ("Softplus", unary),
    ("Softsign", unary),
    ("Sqrt", unary),
    ("Tan", unary),
    ("Tanh", unary),
    ("ThresholdedRelu", unary),
    ("Swish", swish),
    ("Shrink", shrink),
    ("Add", binary),
    ("And", binary),
    ("BitShift", binary),
    ("BitwiseAnd", binary),
    ("BitwiseOr", binary),
    ("BitwiseXor", binary),
    ("Div", binary),
    ("Mod", binary),
    ("Mul", binary),
    ("Or", binary),
    ("Pow", binary),
    ("PRelu", binary),
    ("Sub", binary),
    ("Xor", binary),
    ("Equal", compare),
    ("Greater", compare),
    ("GreaterOrEqual", compare),
    ("Less", compare),
    ("LessOrEqual", compare),
    ("Max", variadic),
    ("Min", variadic),
    ("Sum", variadic),
    ("Mean", variadic),
    ("Where", choose),
    ("Clip", clip),
    ("Cast", cast),
    ("CastLike", cast_like),
    ("BitCast", bit_cast),
    ("Identity", identity),
    ("Dropout", dropout),
    ("Constant", constant),
    ("SwiGLU", swiglu),
];

#[expect(clippy::unnecessary_wraps, reason = "the end of functions that may fail")]
fn one(tensor: Tensor) -> Result<Vec<Tensor>> {
    Ok(vec![tensor])
}

fn unary(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let float = |name: &str, default: f32| f64::from(call.float(name, default));
    let op = match call.node.op {
        "Abs" => Unary::Abs,
        "Acos" => Unary::Acos,
        "Acosh" => Unary::Acosh,
        "Asin" => Unary::Asin,
        "Asinh" => Unary::Asinh,
        "Atan" => Unary::Atan,
        "Atanh" => Unary::Atanh,
        "BitwiseNot" => Unary::BitNot,
        "Ceil" => Unary::Ceil,
        "Celu" => Unary::Celu {
            alpha: float("alpha", 1.0),
        },
        "Cos" => Unary::Cos,
        "Cosh" => Unary::Cosh,
        "Elu" => Unary::Elu {
            alpha: float("alpha", 1.0),
        },
        "Erf" => Unary::Erf,
        "Exp" => Unary::Exp,
        "Floor" => Unary::Floor,
        "Gelu" if call.text("approximate", "none") == "tanh" => Unary::GeluTanh,
        "Gelu" => Unary::Gelu,
        "HardSigmoid" => Unary::HardSigmoid {
            alpha: float("alpha", 0.2),
            beta: float("beta", 0.5),
        },
        "HardSwish" => Unary::HardSwish,
        "IsInf" => Unary::IsInf {
            negative: call.int("detect_negative", 1) != 0,
            positive: call.int("detect_positive", 1) != 0,
        },
        "IsNaN" => Unary::IsNan,
        "LeakyRelu" => Unary::LeakyRelu {
            alpha: float("alpha", 0.01),
        },
        "Log" => Unary::Log,
        "Mish" => Unary::Mish,
        "Neg" => Unary::Neg,
        "Not" => Unary::Not,
        "Reciprocal" => Unary::Reciprocal,
        "Relu" => Unary::Relu,
        "Round" => Unary::Round,
        "Selu" => Unary::Selu {
            alpha: float("alpha", 1.673_263_2),
            gamma: float("gamma", 1.050_701),
        },
        "Sigmoid" => Unary::Sigmoid,
        "Sign" => Unary::Sign,
        "Sin" => Unary::Sin,
        "Sinh" => Unary::Sinh,
        "Softplus" => Unary::Softplus,
        "Softsign" => Unary::Softsign,
        "Sqrt" => Unary::Sqrt,
        "Tan" => Unary::Tan,
        "Tanh" => Unary::Tanh,
        "ThresholdedRelu" => Unary::ThresholdedRelu {
            alpha: float("alpha", 1.0),
        },
        other => return Err(call.wrong(format!("{other} is no operator of one tensor"))),
    };
    one(call.unary(op, call.arg(0)?)?)
}

fn binary(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let op = match call.node.op {
        "Add" => Binary::Add,
        "And" => Binary::And,
        "BitShift" if call.text("direction", "") == "LEFT" => Binary::ShiftLeft,
        "BitShift" => Binary::ShiftRight,
        "BitwiseAnd" => Binary::BitAnd,
        "BitwiseOr" => Binary::BitOr,
        "BitwiseXor" => Binary::BitXor,
        "Div" => Binary::Div,
        "Mod" if call.flag("fmod") => Binary::Fmod,
        "Mod" => Binary::Mod,
        "Mul" => Binary::Mul,
        "Or" => Binary::Or,
        "Pow" => Binary::Pow,
        "PRelu" => Binary::PRelu,
        "Sub" => Binary::Sub,
        "Xor" => Binary::Xor,
        other => return Err(call.wrong(format!("{other} is no operator of two tensors"))),
    };
    one(call.binary(op, call.arg(0)?, call.arg(1)?)?)
}

fn compare(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let op = match call.node.op {
        "Equal" => Compare::Equal,
        "Greater" => Compare::Greater,
        "GreaterOrEqual" => Compare::GreaterOrEqual,
        "Less" => Compare::Less,
        "LessOrEqual" => Compare::LessOrEqual,
        other => return Err(call.wrong(format!("{other} is no comparison"))),
    };
    one(call.one(&Op::Compare(op), &[call.arg(0)?, call.arg(1)?])?)
}

fn variadic(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let op = match call.node.op {
        "Max" => Binary::Max,
        "Min" => Binary::Min,
        _ => Binary::Add,
    };
    let mut result = call.arg(0)?.clone();
    for next in call.all().into_iter().skip(1) {
        result = call.binary(op, &result, next)?;
    }
    if call.node.op == "Mean" {
        let count = call.number(call.all().len() as f64, result.dtype())?;
        result = call.binary(Binary::Div, &result, &count)?;
    }
    one(result)
}

fn choose(call: &Call<'_>) -> Result<Vec<Tensor>> {
    one(call.one(&Op::Where, &[call.arg(0)?, call.arg(1)?, call.arg(2)?])?)
}

fn clip(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let attribute = |name: &str| match call.attr(name) {
        Some(Attr::Float(value)) => Some(f64::from(*value)),
        _ => None,
    };
    if x.dtype().is_float() {
        let min = call.scalar_arg(1)?.or(attribute("min"));
        let max = call.scalar_arg(2)?.or(attribute("max"));
        return one(call.one(&Op::Clamp { min, max }, &[x])?);
    }
    // Whole numbers may not fit a double.
    let mut result = x.clone();
    if let Some(min) = call.opt(1) {
        result = call.binary(Binary::Max, &result, min)?;
    }
    if let Some(max) = call.opt(2) {
        result = call.binary(Binary::Min, &result, max)?;
    }
    one(result)
}

fn cast(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let to = dtype_of(call.int("to", 0)).map_err(|why| call.wrong(why))?;
    one(call.cast(call.arg(0)?, to)?)
}

fn cast_like(call: &Call<'_>) -> Result<Vec<Tensor>> {
    one(call.cast(call.arg(0)?, call.arg(1)?.dtype())?)
}

fn bit_cast(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let to = dtype_of(call.int("to", 0)).map_err(|why| call.wrong(why))?;
    if to == DType::Text || x.dtype() == DType::Text || to.size() != x.dtype().size() {
        return Err(call.misfit(format!("{} and {to} are not of one size", x.dtype())));
    }
    call.charge(0, x.len())?;
    let (_, lease) = call.session.lease_for(call.node.op, x.shape(), to)?;
    let _scratch = call.session.lease((x.len() * to.size()) as u64)?;
    let bytes = x.to_le_bytes().ok_or_else(|| call.mistyped(x))?;
    one(Tensor::from_le_bytes(to, x.shape(), &bytes, Some(lease))?)
}

fn identity(call: &Call<'_>) -> Result<Vec<Tensor>> {
    one(call.arg(0)?.clone())
}

/// In inference: the operand, and a mask that is true everywhere. Training with a ratio other than 0 would be random.
fn dropout(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.arg(0)?;
    let training = call
        .opt(2)
        .and_then(|flag| flag.try_values::<bool>())
        .is_some_and(|flag| flag.first() == Some(&true));
    if training && call.scalar_arg(1)?.unwrap_or(0.5) != 0.0 {
        return Err(call.wrong("training mode draws random numbers; export the model for inference".to_owned()));
    }
    let mut results = vec![x.clone()];
    if call.wants(1) {
        call.charge(0, x.len())?;
        results.push(call.session.make::<bool>(call.node.op, x.shape(), |mask| {
            mask.fill(true);
            Ok(())
        })?);
    }
    Ok(results)
}

fn constant(call: &Call<'_>) -> Result<Vec<Tensor>> {
    for name in [
        "value",
        "value_float",
        "value_int",
        "value_string",
        "value_floats",
        "value_ints",
        "value_strings",
    ] {
        return one(match call.attr(name) {
            None => continue,
            Some(Attr::Tensor(tensor)) => tensor.clone(),
            Some(Attr::Float(value)) => call.numbers(&[], vec![*value])?,
            Some(Attr::Int(value)) => call.numbers(&[], vec![*value])?,
            Some(Attr::Text(value)) => call.numbers(&[], vec![value.clone()])?,
            Some(Attr::Floats(values)) => call.numbers(&[values.len()], values.clone())?,
            Some(Attr::Ints(values)) => call.numbers(&[values.len()], values.clone())?,
            Some(Attr::Texts(values)) => call.numbers(&[values.len()], values.clone())?,
        });
    }
    Err(call.wrong("it has no value".to_owned()))
}

fn swish_of(call: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let alpha = call.float("alpha", 1.0);
    if alpha == 1.0 {
        return call.unary(Unary::Silu, x);
    }
    let scaled = call.mul(x, &call.number(f64::from(alpha), x.dtype())?)?;
    call.mul(x, &call.unary(Unary::Sigmoid, &scaled)?)
}

fn swish(call: &Call<'_>) -> Result<Vec<Tensor>> {
    one(swish_of(call, call.arg(0)?)?)
}

/// `swish(a) * b`.
fn swiglu(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let gate = swish_of(call, call.arg(0)?)?;
    one(call.mul(&gate, call.arg(1)?)?)
}

fn shrink(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (limit, bias) = (f64::from(call.float("lambd", 0.5)), f64::from(call.float("bias", 0.0)));
    one(map_wide(call, call.arg(0)?, |x| {
        if x < -limit {
            x + bias
        } else if x > limit {
            x - bias
        } else {
            0.0
        }
    })?)
}

/// A function in double precision over every element; the result has the type of the operand.
pub fn map_wide(call: &Call<'_>, x: &Tensor, f: impl Fn(f64) -> f64) -> Result<Tensor> {
    call.charge(x.len(), 2 * x.len())?;
    let wide = call.wide(x)?;
    let values = wide.values::<f64>(call.node.op)?;
    let result = call.session.make::<f64>(call.node.op, x.shape(), |out| {
        for (to, from) in out.iter_mut().zip(values) {
            *to = f(*from);
        }
        Ok(())
    })?;
    call.cast(&result, x.dtype())
}
