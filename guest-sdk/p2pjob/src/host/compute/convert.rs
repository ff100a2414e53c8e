//! Between the SDK's types and those that wit-bindgen makes of the contract.

use crate::bindings::p2pjob::job::{models, tensors as wit};
use crate::models::Port;
use crate::tensors::{Binary, Compare, DType, Fold, Op, SliceRange, TensorError, Unary, Windows};

macro_rules! both_ways {
    ($($here:ident $there:ident),*) => {
        pub fn to_dtype(dtype: DType) -> wit::Dtype {
            match dtype { $(DType::$here => wit::Dtype::$there,)* }
        }

        pub fn dtype_of(dtype: wit::Dtype) -> DType {
            match dtype { $(wit::Dtype::$there => DType::$here,)* }
        }
    };
}

both_ways!(
    F16 F16, BF16 Bf16, F32 F32, F64 F64, I8 S8, I16 S16, I32 S32, I64 S64,
    U8 U8, U16 U16, U32 U32, U64 U64, Bool Boolean, Text Text
);

pub fn error(error: wit::Error) -> TensorError {
    match error {
        wit::Error::Shape(text) => TensorError::Shape(text),
        wit::Error::ElementType(text) => TensorError::ElementType(text),
        wit::Error::Argument(text) => TensorError::Argument(text),
        wit::Error::Singular(reciprocal_condition) => TensorError::Singular(reciprocal_condition),
        wit::Error::NoConvergence(text) => TensorError::NoConvergence(text),
        wit::Error::Model(text) => TensorError::Model(text),
    }
}

pub fn port(port: models::Port) -> Port {
    Port {
        name: port.name,
        dtype: dtype_of(port.element_type),
        shape: port
            .shape
            .into_iter()
            .map(|length| length.map(|length| length as usize))
            .collect(),
    }
}

/// An axis in the contract's width; no tensor has one that is cut here, so the host refuses it.
fn axis(axis: usize) -> u32 {
    u32::try_from(axis).unwrap_or(u32::MAX)
}

fn lengths(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|length| *length as u64).collect()
}

fn axes(axes: &[usize]) -> Vec<u32> {
    axes.iter().map(|one| axis(*one)).collect()
}

pub fn to_op(op: &Op) -> wit::Op {
    match op {
        Op::Unary(unary) => wit::Op::Unary(to_unary(*unary)),
        Op::Binary(binary) => wit::Op::Binary(to_binary(*binary)),
        Op::Compare(compare) => wit::Op::Compare(to_compare(*compare)),
        Op::Choose => wit::Op::Choose,
        Op::Cast(dtype) => wit::Op::Cast(to_dtype(*dtype)),
        Op::Reshape(shape) => wit::Op::Reshape(lengths(shape)),
        Op::Transpose(perm) => wit::Op::Transpose(axes(perm)),
        Op::Expand(shape) => wit::Op::Expand(lengths(shape)),
        Op::Concat(along) => wit::Op::Concat(axis(*along)),
        Op::Slice(ranges) => wit::Op::Slice(ranges.iter().map(to_range).collect()),
        Op::Reduce { fold, axes: over, keep } => wit::Op::Reduce(wit::Fold {
            kind: to_fold(*fold),
            axes: axes(over),
            keep: *keep,
        }),
        Op::ArgMax(along) => wit::Op::ArgMax(axis(*along)),
        Op::ArgMin(along) => wit::Op::ArgMin(axis(*along)),
        Op::MatMul => wit::Op::Matmul,
        Op::Conv(windows) => wit::Op::Conv(to_windows(windows)),
        Op::MaxPool(windows) => wit::Op::MaxPool(to_windows(windows)),
        Op::AveragePool(windows) => wit::Op::AveragePool(to_windows(windows)),
        Op::Softmax(along) => wit::Op::Softmax(axis(*along)),
        Op::LogSoftmax(along) => wit::Op::LogSoftmax(axis(*along)),
        Op::LayerNorm { axis: from, epsilon } => wit::Op::LayerNorm(wit::Normalise {
            axis: axis(*from),
            epsilon: *epsilon,
        }),
        Op::Gather(along) => wit::Op::Gather(axis(*along)),
        Op::GatherElements(along) => wit::Op::GatherElements(axis(*along)),
        Op::ScatterAdd(along) => wit::Op::ScatterAdd(axis(*along)),
    }
}

fn to_range(range: &SliceRange) -> wit::SliceRange {
    wit::SliceRange {
        start: range.start as u64,
        count: range.count as u64,
        step: range.step,
    }
}

fn to_windows(windows: &Windows) -> wit::Windows {
    wit::Windows {
        kernel: windows.kernel.clone(),
        strides: windows.strides.clone(),
        pads: windows.pads.clone(),
        dilations: windows.dilations.clone(),
        groups: windows.groups,
    }
}

macro_rules! names {
    ($function:ident: $ours:ident to $theirs:ident; $($here:ident $there:ident),* $(,)?) => {
        fn $function(from: $ours) -> wit::$theirs {
            match from { $($ours::$here => wit::$theirs::$there,)* }
        }
    };
}

names!(to_unary: Unary to Unary;
    Negate Negate, Absolute Absolute, Sign Sign, Relu Relu, Not LogicalNot, Sqrt SquareRoot, Exp Exponential,
    Log Logarithm, Reciprocal Reciprocal, Square Square, Floor Floor, Ceil Ceiling, Round Round, Sin Sine, Cos Cosine,
    Tanh Tanh, Erf Erf, Sigmoid Sigmoid, Silu Silu, Gelu Gelu, Softplus Softplus);

names!(to_binary: Binary to Binary;
    Add Add, Sub Subtract, Mul Multiply, Div Divide, Pow Power, Min Minimum, Max Maximum, Remainder Remainder,
    And LogicalAnd, Or LogicalOr);

names!(to_compare: Compare to Compare;
    Equal Equal, NotEqual NotEqual, Less Less, LessOrEqual LessOrEqual, Greater Greater, GreaterOrEqual GreaterOrEqual);

names!(to_fold: Fold to FoldKind;
    Sum Sum, Mean Mean, Min Minimum, Max Maximum, Product Product, L1 L1, L2 L2);
