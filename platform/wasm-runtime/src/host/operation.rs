//! The contract's operations in the terms of `tensor-compute`, with the number of tensors each takes.

use super::compute::{lengths, refused};
use crate::bindings::p2pjob::job::tensors as wit;
use std::ops::RangeInclusive;
use tensor_compute::{
    Binary, Compare, ComputeError, ConvOptions, DType, MAX_RANK, Op, PoolKind, PoolOptions, Reduce, Scatter,
    SliceRange, Unary,
};

/// One, two, or however many tensors an operation takes.
type Arity = RangeInclusive<usize>;

macro_rules! same {
    ($($function:ident: $theirs:ident to $ours:ident { $($there:ident $here:ident),* $(,)? })*) => {$(
        pub(super) fn $function(from: wit::$theirs) -> $ours {
            match from { $(wit::$theirs::$there => $ours::$here,)* }
        }
    )*};
}

same! {
    dtype: Dtype to DType {
        F16 F16, Bf16 BF16, F32 F32, F64 F64, S8 I8, S16 I16, S32 I32, S64 I64,
        U8 U8, U16 U16, U32 U32, U64 U64, Boolean Bool, Text Text,
    }
    unary: Unary to Unary {
        Negate Neg, Absolute Abs, Sign Sign, Relu Relu, LogicalNot Not, SquareRoot Sqrt, Exponential Exp, Logarithm Log,
        Reciprocal Reciprocal, Square Square, Floor Floor, Ceiling Ceil, Round Round, Sine Sin, Cosine Cos, Tanh Tanh,
        Erf Erf, Sigmoid Sigmoid, Silu Silu, Gelu Gelu, Softplus Softplus,
    }
    binary: Binary to Binary {
        Add Add, Subtract Sub, Multiply Mul, Divide Div, Power Pow, Minimum Min, Maximum Max, Remainder Mod,
        LogicalAnd And, LogicalOr Or,
    }
    compare: Compare to Compare {
        Equal Equal, NotEqual NotEqual, Less Less, LessOrEqual LessOrEqual, Greater Greater,
        GreaterOrEqual GreaterOrEqual,
    }
    fold: FoldKind to Reduce {
        Sum Sum, Mean Mean, Minimum Min, Maximum Max, Product Prod, L1 L1, L2 L2,
    }
}

/// The reverse of [`dtype`].
pub(super) fn told_dtype(dtype: DType) -> wit::Dtype {
    match dtype {
        DType::F16 => wit::Dtype::F16,
        DType::BF16 => wit::Dtype::Bf16,
        DType::F32 => wit::Dtype::F32,
        DType::F64 => wit::Dtype::F64,
        DType::I8 => wit::Dtype::S8,
        DType::I16 => wit::Dtype::S16,
        DType::I32 => wit::Dtype::S32,
        DType::I64 => wit::Dtype::S64,
        DType::U8 => wit::Dtype::U8,
        DType::U16 => wit::Dtype::U16,
        DType::U32 => wit::Dtype::U32,
        DType::U64 => wit::Dtype::U64,
        DType::Bool => wit::Dtype::Boolean,
        DType::Text => wit::Dtype::Text,
    }
}

/// The operation, once the number of tensors and the lengths of its lists are what it can have.
pub(super) fn operation(op: &wit::Op, operands: usize) -> Result<Op, ComputeError> {
    let (name, arity, list) = bounds(op);
    if !arity.contains(&operands) {
        let (least, most) = (arity.start(), arity.end());
        let takes = if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        return refused(name, format!("takes {takes} tensors, {operands} were given"));
    }
    if list > MAX_RANK {
        return refused(
            name,
            format!("a list of {list} entries; a tensor has at most {MAX_RANK} dimensions"),
        );
    }
    Ok(translated(op))
}

/// Name, number of tensors, and entries of the longest list.
fn bounds(op: &wit::Op) -> (&'static str, Arity, usize) {
    let windows = |windows: &wit::Windows| {
        let lists = [
            windows.kernel.len(),
            windows.strides.len(),
            windows.pads.len(),
            windows.dilations.len(),
        ];
        lists.into_iter().max().unwrap_or(0)
    };
    match op {
        wit::Op::Unary(_) => ("unary", 1..=1, 0),
        wit::Op::Binary(_) => ("binary", 2..=2, 0),
        wit::Op::Compare(_) => ("compare", 2..=2, 0),
        wit::Op::Choose => ("choose", 3..=3, 0),
        wit::Op::Cast(_) => ("cast", 1..=1, 0),
        wit::Op::Reshape(shape) => ("reshape", 1..=1, shape.len()),
        wit::Op::Transpose(perm) => ("transpose", 1..=1, perm.len()),
        wit::Op::Expand(shape) => ("expand", 1..=1, shape.len()),
        wit::Op::Concat(_) => ("concat", 1..=super::OPERANDS_MAX, 0),
        wit::Op::Slice(ranges) => ("slice", 1..=1, ranges.len()),
        wit::Op::Reduce(fold) => ("reduce", 1..=1, fold.axes.len()),
        wit::Op::ArgMax(_) => ("arg-max", 1..=1, 0),
        wit::Op::ArgMin(_) => ("arg-min", 1..=1, 0),
        wit::Op::Matmul => ("matmul", 2..=2, 0),
        wit::Op::Conv(of) => ("conv", 2..=3, windows(of)),
        wit::Op::MaxPool(of) => ("max-pool", 1..=1, windows(of)),
        wit::Op::AveragePool(of) => ("average-pool", 1..=1, windows(of)),
        wit::Op::Softmax(_) => ("softmax", 1..=1, 0),
        wit::Op::LogSoftmax(_) => ("log-softmax", 1..=1, 0),
        wit::Op::LayerNorm(_) => ("layer-norm", 1..=3, 0),
        wit::Op::Gather(_) => ("gather", 2..=2, 0),
        wit::Op::GatherElements(_) => ("gather-elements", 2..=2, 0),
        wit::Op::ScatterAdd(_) => ("scatter-add", 3..=3, 0),
    }
}

fn translated(op: &wit::Op) -> Op {
    match op {
        wit::Op::Unary(of) => Op::Unary(unary(*of)),
        wit::Op::Binary(of) => Op::Binary(binary(*of)),
        wit::Op::Compare(of) => Op::Compare(compare(*of)),
        wit::Op::Choose => Op::Where,
        wit::Op::Cast(to) => Op::Cast(dtype(*to)),
        wit::Op::Reshape(shape) => Op::Reshape(lengths(shape)),
        wit::Op::Transpose(perm) => Op::Transpose(small(perm)),
        wit::Op::Expand(shape) => Op::Expand(lengths(shape)),
        wit::Op::Concat(axis) => Op::Concat { axis: *axis as usize },
        wit::Op::Slice(ranges) => Op::Slice(ranges.iter().map(range).collect()),
        wit::Op::Reduce(of) => Op::Reduce {
            kind: fold(of.kind),
            axes: small(&of.axes),
            keep: of.keep,
        },
        wit::Op::ArgMax(axis) => Op::ArgMax {
            axis: *axis as usize,
            keep: false,
            last: false,
        },
        wit::Op::ArgMin(axis) => Op::ArgMin {
            axis: *axis as usize,
            keep: false,
            last: false,
        },
        wit::Op::Matmul => Op::MatMul,
        wit::Op::Conv(windows) => Op::Conv(ConvOptions {
            strides: small(&windows.strides),
            pads: pads(windows),
            dilations: small(&windows.dilations),
            groups: windows.groups as usize,
        }),
        wit::Op::MaxPool(windows) => pool(windows, PoolKind::Max { indices: false }),
        wit::Op::AveragePool(windows) => pool(windows, PoolKind::Average { count_padding: false }),
        wit::Op::Softmax(axis) => Op::Softmax { axis: *axis as usize },
        wit::Op::LogSoftmax(axis) => Op::LogSoftmax { axis: *axis as usize },
        wit::Op::LayerNorm(of) => Op::LayerNorm {
            axis: of.axis as usize,
            epsilon: of.epsilon,
        },
        wit::Op::Gather(axis) => Op::Gather { axis: *axis as usize },
        wit::Op::GatherElements(axis) => Op::GatherElements { axis: *axis as usize },
        wit::Op::ScatterAdd(axis) => Op::ScatterElements {
            axis: *axis as usize,
            reduction: Scatter::Add,
        },
    }
}

fn pool(windows: &wit::Windows, kind: PoolKind) -> Op {
    Op::Pool(PoolOptions {
        kind,
        kernel: small(&windows.kernel),
        strides: small(&windows.strides),
        pads: pads(windows),
        dilations: small(&windows.dilations),
        ceil: false,
    })
}

fn pads(windows: &wit::Windows) -> Vec<(usize, usize)> {
    windows
        .pads
        .iter()
        .map(|(before, after)| (*before as usize, *after as usize))
        .collect()
}

fn small(numbers: &[u32]) -> Vec<usize> {
    numbers.iter().map(|number| *number as usize).collect()
}

fn range(range: &wit::SliceRange) -> SliceRange {
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    SliceRange {
        start: index(range.start),
        count: index(range.count),
        step: range.step,
    }
}
