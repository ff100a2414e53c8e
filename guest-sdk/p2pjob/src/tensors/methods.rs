//! The common operations as methods and operators: `(&a + &b)?`, `a.matmul(&b)?`.

use super::{Binary, Compare, DType, Fold, Op, SliceRange, Tensor, TensorError, Unary};
use std::ops::{Add, Div, Mul, Neg, Range, Sub};

type Made = Result<Tensor, TensorError>;

macro_rules! unary {
    ($($(#[doc = $doc:literal])* $name:ident: $op:ident),* $(,)?) => {
        impl Tensor {$(
            $(#[doc = $doc])*
            pub fn $name(&self) -> Made {
                Self::apply(&Op::Unary(Unary::$op), &[self])
            }
        )*}
    };
}

unary! {
    /// `-x`.
    negate: Negate,
    /// Absolute values.
    abs: Absolute,
    /// Square roots; NaN of negative numbers.
    sqrt: Sqrt,
    /// Powers of e.
    exp: Exp,
    /// Natural logarithms.
    log: Log,
    /// `x * x`.
    square: Square,
    /// `1 / x`.
    reciprocal: Reciprocal,
    /// Hyperbolic tangents.
    tanh: Tanh,
    /// `1 / (1 + exp(-x))`.
    sigmoid: Sigmoid,
    /// `max(x, 0)`.
    relu: Relu,
    /// Gaussian error linear unit, by erf.
    gelu: Gelu,
    /// Of booleans.
    not: Not,
}

macro_rules! binary {
    ($($(#[doc = $doc:literal])* $name:ident: $op:expr),* $(,)?) => {
        impl Tensor {$(
            $(#[doc = $doc])*
            pub fn $name(&self, other: &Tensor) -> Made {
                Self::apply(&$op, &[self, other])
            }
        )*}
    };
}

binary! {
    /// Sums, broadcast. Also `&a + &b`.
    add: Op::Binary(Binary::Add),
    /// Differences, broadcast. Also `&a - &b`.
    sub: Op::Binary(Binary::Sub),
    /// Products element by element, broadcast. Also `&a * &b`.
    mul: Op::Binary(Binary::Mul),
    /// Quotients, broadcast. Also `&a / &b`.
    div: Op::Binary(Binary::Div),
    /// Powers, broadcast.
    pow: Op::Binary(Binary::Pow),
    /// The smaller one, broadcast; NaN wins.
    minimum: Op::Binary(Binary::Min),
    /// The larger one, broadcast; NaN wins.
    maximum: Op::Binary(Binary::Max),
    /// Remainders with the sign of the divisor, broadcast.
    remainder: Op::Binary(Binary::Remainder),
    /// Whether elements are equal, broadcast.
    equal: Op::Compare(Compare::Equal),
    /// Whether elements are smaller, broadcast.
    less: Op::Compare(Compare::Less),
    /// Whether elements are larger, broadcast.
    greater: Op::Compare(Compare::Greater),
    /// The matrix product of the last two dimensions, the others broadcast.
    matmul: Op::MatMul,
}

impl Tensor {
    /// Each element times a number.
    pub fn scale(&self, factor: f64) -> Made {
        self.mul(&Self::filled(self.dtype(), &[], factor)?)
    }

    /// `then` where this (booleans) is true, `otherwise` elsewhere; broadcast.
    pub fn choose(&self, then: &Tensor, otherwise: &Tensor) -> Made {
        Self::apply(&Op::Choose, &[self, then, otherwise])
    }

    /// In another type.
    pub fn cast(&self, dtype: DType) -> Made {
        Self::apply(&Op::Cast(dtype), &[self])
    }

    /// The same elements in another shape.
    pub fn reshape(&self, shape: &[usize]) -> Made {
        Self::apply(&Op::Reshape(shape.to_vec()), &[self])
    }

    /// All dimensions in reverse order: rows become columns.
    pub fn transpose(&self) -> Made {
        self.permute(&(0..self.shape().len()).rev().collect::<Vec<_>>())
    }

    /// Dimension `i` of the result is dimension `perm[i]` of this.
    pub fn permute(&self, perm: &[usize]) -> Made {
        Self::apply(&Op::Transpose(perm.to_vec()), &[self])
    }

    /// Broadcast to a shape.
    pub fn expand(&self, shape: &[usize]) -> Made {
        Self::apply(&Op::Expand(shape.to_vec()), &[self])
    }

    /// All tensors one after the other along an axis.
    pub fn concat(tensors: &[&Tensor], axis: usize) -> Made {
        Self::apply(&Op::Concat(axis), tensors)
    }

    /// A range of each dimension; a range that is missing takes all.
    pub fn slice(&self, ranges: &[Range<usize>]) -> Made {
        let shape = self.shape();
        let named = ranges.iter().cloned();
        let rest = shape.iter().skip(ranges.len()).map(|length| 0..*length);
        let range = |range: Range<usize>| SliceRange {
            start: range.start,
            count: range.end.saturating_sub(range.start),
            step: 1,
        };
        Self::apply(&Op::Slice(named.chain(rest).map(range).collect()), &[self])
    }

    /// Folds axes (all, if none are named), which disappear.
    pub fn fold(&self, fold: Fold, axes: &[usize]) -> Made {
        let op = Op::Reduce {
            fold,
            axes: axes.to_vec(),
            keep: false,
        };
        Self::apply(&op, &[self])
    }

    /// Sums over axes (all, if none are named), which disappear.
    pub fn sum(&self, axes: &[usize]) -> Made {
        self.fold(Fold::Sum, axes)
    }

    /// Means over axes (all, if none are named), which disappear.
    pub fn mean(&self, axes: &[usize]) -> Made {
        self.fold(Fold::Mean, axes)
    }

    /// The largest elements over axes (all, if none are named), which disappear.
    pub fn max(&self, axes: &[usize]) -> Made {
        self.fold(Fold::Max, axes)
    }

    /// The smallest elements over axes (all, if none are named), which disappear.
    pub fn min(&self, axes: &[usize]) -> Made {
        self.fold(Fold::Min, axes)
    }

    /// Index (`i64`) of the largest element along an axis, the first of equal ones.
    pub fn arg_max(&self, axis: usize) -> Made {
        Self::apply(&Op::ArgMax(axis), &[self])
    }

    /// `exp(x - max) / sum` along an axis.
    pub fn softmax(&self, axis: usize) -> Made {
        Self::apply(&Op::Softmax(axis), &[self])
    }

    /// The logarithm of `softmax` along an axis.
    pub fn log_softmax(&self, axis: usize) -> Made {
        Self::apply(&Op::LogSoftmax(axis), &[self])
    }

    /// The slices of these indices (`i64`) along an axis.
    pub fn gather(&self, indices: &Tensor, axis: usize) -> Made {
        Self::apply(&Op::Gather(axis), &[self, indices])
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident),*) => {$(
        impl $operator<&Tensor> for &Tensor {
            type Output = Made;
            fn $method(self, other: &Tensor) -> Made {
                Tensor::$method(self, other)
            }
        }
    )*};
}

operators!(Add add, Sub sub, Mul mul, Div div);

impl Neg for &Tensor {
    type Output = Made;
    fn neg(self) -> Made {
        self.negate()
    }
}
