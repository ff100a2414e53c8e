//! Operations on tensors, as values: what a job's interface, a model's graph and a device's process all speak.
//!
//! Meaning, broadcasting and type rules are NumPy's where it has the operation, else those of the ONNX operator of the
//! same name (opset 22). Differences: types are never promoted (both operands have one type), whole numbers wrap.

use crate::dtype::DType;
use serde::{Deserialize, Serialize};

/// An operation with its arguments that are no tensors. Axes are counted from 0 and resolved: none is negative.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Op {
    /// One tensor, element by element.
    Unary(Unary),
    /// Two tensors of one type, broadcast against each other.
    Binary(Binary),
    /// Two tensors of one type, broadcast; gives booleans.
    Compare(Compare),
    /// `[condition (bool), then, else]`, broadcast.
    Where,
    /// To another type. Floats to whole numbers are cut towards zero and saturate; NaN is 0.
    Cast(DType),
    /// `[x]` limited to `min ..= max`; a bound that is none does not limit. NaN stays.
    Clamp {
        /// Lower bound.
        min: Option<f64>,
        /// Upper bound.
        max: Option<f64>,
    },

    /// The same elements in another shape.
    Reshape(Vec<usize>),
    /// Dimension `i` of the result is dimension `perm[i]` of the operand.
    Transpose(Vec<usize>),
    /// Broadcast to a shape (NumPy's `broadcast_to`).
    Expand(Vec<usize>),
    /// All operands one after the other along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// For each dimension: first index, count, step (not 0; negative counts down).
    Slice(Vec<SliceRange>),
    /// `[x, constant (scalar of its type)]` or `[x]` (zero): for each dimension, elements before and after.
    Pad {
        /// What the new elements are.
        mode: PadMode,
        /// New elements before and after, for each dimension. Negative cuts off.
        pads: Vec<(i64, i64)>,
    },
    /// Elements in reverse order along these axes.
    Flip(Vec<usize>),
    /// Repeated so often along each dimension.
    Tile(Vec<usize>),

    /// Folds the axes (all, if none are named).
    Reduce {
        /// How.
        kind: Reduce,
        /// Which dimensions.
        axes: Vec<usize>,
        /// Whether they stay with length 1.
        keep: bool,
    },
    /// Index (int64) of the largest element; of equal ones the first, or the last. NaN is the largest.
    ArgMax {
        /// The dimension.
        axis: usize,
        /// Whether it stays with length 1.
        keep: bool,
        /// Whether the last of equal elements counts.
        last: bool,
    },
    /// Index (int64) of the smallest element; NaN is the smallest.
    ArgMin {
        /// The dimension.
        axis: usize,
        /// Whether it stays with length 1.
        keep: bool,
        /// Whether the last of equal elements counts.
        last: bool,
    },
    /// Running sums along an axis.
    CumSum {
        /// The dimension.
        axis: usize,
        /// Whether an element's own value is left out.
        exclusive: bool,
        /// Whether to start at the end.
        reverse: bool,
    },
    /// The `k` largest (or smallest) along an axis: values, and indices (int64). Of equal elements the lower index first.
    TopK {
        /// How many.
        k: usize,
        /// The dimension.
        axis: usize,
        /// Largest or smallest.
        largest: bool,
    },

    /// Matrix product of the last two dimensions, the others broadcast (NumPy's `matmul`, its rules for vectors too). Each
    /// element is one chain of fused multiply-adds over k, from 0 upwards.
    MatMul,
    /// `[x (n, c, spatial...), weight (m, c / groups, kernel...), bias (m)?]`: cross-correlation, 1 to 3 spatial dimensions.
    Conv(ConvOptions),
    /// `[x (n, c, spatial...), weight (c, m / groups, kernel...), bias (m)?]`: the transpose of `Conv`.
    ConvTranspose {
        /// As of the convolution it transposes.
        conv: ConvOptions,
        /// Added to the end of each spatial dimension of the result.
        output_padding: Vec<usize>,
    },
    /// Pools windows over `(n, c, spatial...)`.
    Pool(PoolOptions),

    /// `exp(x - max) / sum` along an axis.
    Softmax {
        /// The dimension.
        axis: usize,
    },
    /// `x - max - log(sum(exp(x - max)))` along an axis.
    LogSoftmax {
        /// The dimension.
        axis: usize,
    },
    /// `[x, scale?, bias?]`: normalised over the dimensions from `axis` on; scale and bias broadcast.
    LayerNorm {
        /// The first normalised dimension.
        axis: usize,
        /// Added to the variance.
        epsilon: f64,
    },
    /// `[x (n, c, ...), scale (c), bias (c), mean (c), variance (c)]`: for inference.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
    },
    /// `[x (n, c, ...), scale (c), bias (c)]`: normalised per sample and group of channels.
    GroupNorm {
        /// Number of groups; `c` of them is instance normalisation.
        groups: usize,
        /// Added to the variance.
        epsilon: f64,
    },

    /// `[x, indices (int64)]`: slices of `x` along an axis. A negative index counts from the end; others out of range are an error.
    Gather {
        /// The dimension.
        axis: usize,
    },
    /// `[x, indices (int64)]`: one element per index, which replaces the coordinate of the axis.
    GatherElements {
        /// The dimension.
        axis: usize,
    },
    /// `[x, indices (int64, last dimension = coordinates)]`.
    GatherNd {
        /// Leading dimensions that both share.
        batch_dims: usize,
    },
    /// `[x, indices (int64), updates]`: the reverse of `GatherElements`, in index order.
    ScatterElements {
        /// The dimension.
        axis: usize,
        /// What happens to the element that is there.
        reduction: Scatter,
    },
    /// `[x, indices (int64), updates]`: the reverse of `GatherNd`, in index order.
    ScatterNd {
        /// What happens to the element that is there.
        reduction: Scatter,
    },
}

/// Element by element. Floats only, except `Neg`, `Abs`, `Sign`, `Relu` (numbers), `Not` (booleans), `BitNot` (whole numbers).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Unary {
    Neg,
    Abs,
    Sign,
    Relu,
    Not,
    BitNot,
    Sqrt,
    Exp,
    Expm1,
    Log,
    Log1p,
    Reciprocal,
    Square,
    Floor,
    Ceil,
    /// Half to even.
    Round,
    Trunc,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// With erf.
    Gelu,
    /// With tanh.
    GeluTanh,
    Softplus,
    Softsign,
    /// `x * tanh(softplus(x))`.
    Mish,
    /// `clamp(x / 6 + 1 / 2, 0, 1)`, ONNX's with its own alpha and beta.
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    HardSwish,
    LeakyRelu {
        alpha: f64,
    },
    Elu {
        alpha: f64,
    },
    Celu {
        alpha: f64,
    },
    Selu {
        alpha: f64,
        gamma: f64,
    },
    /// `x > alpha ? x : 0`.
    ThresholdedRelu {
        alpha: f64,
    },
    /// Gives booleans.
    IsNan,
    /// Gives booleans.
    IsInf {
        negative: bool,
        positive: bool,
    },
}

/// Two operands of one type. `And`, `Or`, `Xor` take booleans; `Bit*` and shifts whole numbers; the others numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    /// Whole numbers are cut towards zero; by zero gives 0.
    Div,
    /// `base, exponent`; exponent may have another type.
    Pow,
    Min,
    Max,
    /// The sign of the divisor (Python's `%`); by zero gives 0 for whole numbers.
    Mod,
    /// The sign of the dividend (C's `fmod`).
    Fmod,
    Atan2,
    /// `[x, slope]`: PRelu.
    PRelu,
    And,
    Or,
    Xor,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

/// Comparisons. Equality also takes booleans and texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Folds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Reduce {
    Sum,
    Mean,
    Min,
    Max,
    Prod,
    /// Sum of absolute values.
    L1,
    /// Root of the sum of squares.
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
    /// Booleans only.
    Any,
    /// Booleans only.
    All,
}

/// What new elements of a padded tensor are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PadMode {
    /// One value.
    Constant,
    /// The outermost element.
    Edge,
    /// Mirrored at the outermost element, which is not repeated.
    Reflect,
    /// From the other end.
    Wrap,
}

/// What a scattered update does to what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Scatter {
    Replace,
    Add,
    Mul,
    Min,
    Max,
}

/// Part of one dimension.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SliceRange {
    /// First index.
    pub start: usize,
    /// How many.
    pub count: usize,
    /// From one to the next; not 0.
    pub step: i64,
}

/// Windows of a convolution. Each list has one entry per spatial dimension.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConvOptions {
    /// Distance of windows, at least 1.
    pub strides: Vec<usize>,
    /// Zeros before and after.
    pub pads: Vec<(usize, usize)>,
    /// Distance of a window's elements, at least 1.
    pub dilations: Vec<usize>,
    /// Groups of channels, at least 1.
    pub groups: usize,
}

/// What a pool takes from a window.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum PoolKind {
    /// The largest element (NaN wins). With indices: a second result (int64), flat in `(n, c, spatial...)` of the operand.
    Max {
        /// Whether to give them.
        indices: bool,
    },
    /// The mean.
    Average {
        /// Whether padding counts as elements.
        count_padding: bool,
    },
    /// `(sum |x|^p)^(1/p)`.
    Lp {
        /// The exponent.
        p: f64,
    },
}

/// Windows of a pool. Each list has one entry per spatial dimension.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PoolOptions {
    /// What is taken.
    pub kind: PoolKind,
    /// Size of a window.
    pub kernel: Vec<usize>,
    /// Distance of windows, at least 1.
    pub strides: Vec<usize>,
    /// Padding before and after; never chosen by `Max`.
    pub pads: Vec<(usize, usize)>,
    /// Distance of a window's elements, at least 1.
    pub dilations: Vec<usize>,
    /// Whether a last window that is cut off counts.
    pub ceil: bool,
}
