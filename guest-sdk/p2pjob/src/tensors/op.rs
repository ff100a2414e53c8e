//! Operations as values. Meaning and broadcasting are NumPy's; both operands have one type; axes count from 0.

use super::DType;

/// One operation for [`Tensor::apply`](super::Tensor::apply); the operands stand in the comments.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// `[x]`, element by element.
    Unary(Unary),
    /// `[a, b]`, broadcast against each other.
    Binary(Binary),
    /// `[a, b]`, broadcast; gives booleans.
    Compare(Compare),
    /// `[condition, then, otherwise]`, broadcast.
    Choose,
    /// `[x]` in another type. Floats are cut towards zero and saturate; NaN becomes 0.
    Cast(DType),
    /// `[x]`, the same elements in another shape.
    Reshape(Vec<usize>),
    /// `[x]`; dimension `i` of the result is dimension `perm[i]` of the operand.
    Transpose(Vec<usize>),
    /// `[x]`, broadcast to a shape.
    Expand(Vec<usize>),
    /// All operands along an axis.
    Concat(usize),
    /// `[x]`, a part of each dimension.
    Slice(Vec<SliceRange>),
    /// `[x]`; folds the axes (all, if none are named), which stay with length 1 if `keep` says so.
    Reduce {
        /// How.
        fold: Fold,
        /// Which dimensions.
        axes: Vec<usize>,
        /// Whether they stay.
        keep: bool,
    },
    /// `[x]`: index (`i64`) of the largest element along an axis, the first of equal ones.
    ArgMax(usize),
    /// `[x]`: index (`i64`) of the smallest element along an axis, the first of equal ones.
    ArgMin(usize),
    /// `[a, b]`: matrix product of the last two dimensions.
    MatMul,
    /// `[x (n, c, spatial...), weight (m, c / groups, kernel...), bias (m)?]`.
    Conv(Windows),
    /// `[x (n, c, spatial...)]`: largest element of windows.
    MaxPool(Windows),
    /// `[x (n, c, spatial...)]`: mean of windows, padding not counted.
    AveragePool(Windows),
    /// `[x]`: along an axis.
    Softmax(usize),
    /// `[x]`: along an axis.
    LogSoftmax(usize),
    /// `[x, scale?, bias?]`: normalised over the dimensions from an axis on.
    LayerNorm {
        /// The first normalised dimension.
        axis: usize,
        /// Added to the variance.
        epsilon: f64,
    },
    /// `[x, indices (i64)]`: slices along an axis.
    Gather(usize),
    /// `[x, indices (i64)]`: one element per index.
    GatherElements(usize),
    /// `[x, indices (i64), updates]`: adds along an axis, in index order.
    ScatterAdd(usize),
}

/// Element by element. Floats only, but for `Negate`, `Absolute`, `Sign`, `Relu` (numbers) and `Not` (booleans).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Unary {
    Negate,
    Absolute,
    Sign,
    Relu,
    Not,
    Sqrt,
    Exp,
    Log,
    Reciprocal,
    Square,
    Floor,
    Ceil,
    /// Half to even.
    Round,
    Sin,
    Cos,
    Tanh,
    Erf,
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
    /// With erf.
    Gelu,
    Softplus,
}

/// Two operands. Whole numbers wrap; division by zero gives 0 for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    /// The sign of the divisor, as Python's `%`.
    Remainder,
    And,
    Or,
}

/// Comparisons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How axes are folded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "mathematics")]
pub enum Fold {
    Sum,
    Mean,
    Min,
    Max,
    Product,
    /// Sum of absolute values.
    L1,
    /// Root of the sum of squares.
    L2,
}

/// Part of one dimension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SliceRange {
    /// First index.
    pub start: usize,
    /// How many.
    pub count: usize,
    /// From one to the next; not 0, negative counts down.
    pub step: i64,
}

/// Windows; each list has one entry per spatial dimension (1 to 3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Windows {
    /// Size of a window. For pools only.
    pub kernel: Vec<u32>,
    /// Distance of windows, at least 1.
    pub strides: Vec<u32>,
    /// Padding before and after.
    pub pads: Vec<(u32, u32)>,
    /// Distance of a window's elements, at least 1.
    pub dilations: Vec<u32>,
    /// Groups of channels, at least 1. For convolutions only.
    pub groups: u32,
}

impl Windows {
    /// Windows of a convolution over `dimensions` spatial dimensions: stride 1, no padding, one group.
    pub fn plain(dimensions: usize) -> Self {
        Self::pool(&vec![1; dimensions])
    }

    /// Windows of a pool, side by side, without padding.
    pub fn pool(kernel: &[u32]) -> Self {
        Self {
            kernel: kernel.to_vec(),
            strides: kernel.to_vec(),
            pads: vec![(0, 0); kernel.len()],
            dilations: vec![1; kernel.len()],
            groups: 1,
        }
    }
}
