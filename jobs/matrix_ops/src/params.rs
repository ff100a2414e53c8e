//! The parameters of the job.

use arrays::{ElementType, Nested};
use p2pjob::prelude::*;

/// What is computed.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, p2pjob::serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `a + b`, element by element.
    Add,
    /// `a - b`, element by element.
    Subtract,
    /// The matrix product `a b`.
    Multiply,
    /// Rows become columns.
    Transpose,
    /// Of a square matrix, with its sign and logarithm.
    Determinant,
    /// Of a square matrix.
    Inverse,
    /// Of a square matrix, sorted by real, then imaginary part.
    Eigenvalues,
    /// The `x` with `a x = b`.
    Solve,
    /// Largest first.
    SingularValues,
    /// A norm; see `norm`.
    Norm,
}

impl Operation {
    /// The name as users write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Transpose => "transpose",
            Self::Determinant => "determinant",
            Self::Inverse => "inverse",
            Self::Eigenvalues => "eigenvalues",
            Self::Solve => "solve",
            Self::SingularValues => "singular_values",
            Self::Norm => "norm",
        }
    }

    /// Whether it takes a second matrix.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Add | Self::Subtract | Self::Multiply | Self::Solve)
    }

    /// Whether it is cut by rows of the result.
    pub const fn is_blockwise(self) -> bool {
        matches!(self, Self::Add | Self::Subtract | Self::Multiply | Self::Transpose)
    }

    /// Whether it wants as many rows as columns.
    pub const fn is_of_squares(self) -> bool {
        matches!(
            self,
            Self::Determinant | Self::Inverse | Self::Eigenvalues | Self::Solve
        )
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Which norm.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, p2pjob::serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormKind {
    /// Root of the sum of squares.
    #[default]
    Frobenius,
    /// Largest column sum of absolute values.
    One,
    /// Largest row sum of absolute values.
    Infinity,
    /// Largest absolute value.
    Maximum,
    /// Largest singular value.
    Two,
    /// Sum of the singular values.
    Nuclear,
}

/// How the result is written.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum OutputForm {
    /// `.npy` if a matrix is an input, else JSON; JSON for `determinant` and `norm`.
    #[default]
    Auto,
    /// Nested lists.
    Json,
    /// A NumPy file.
    Npy,
    /// Bare elements, row after row, little-endian.
    Raw,
}

/// The matrices and what to do with them.
#[params]
pub struct Params {
    /// What is computed.
    pub(crate) operation: Operation,
    /// The first matrix as a list of rows, where it is small; otherwise bind the input `a`.
    #[serde(default)]
    pub(crate) matrix1: Option<Nested>,
    /// The second matrix as a list of rows, where it is small; otherwise bind the input `b`.
    #[serde(default)]
    pub(crate) matrix2: Option<Nested>,
    /// How the result is written.
    #[serde(default)]
    pub(crate) output: OutputForm,
    /// Which norm, for operation `norm`.
    #[serde(default)]
    pub(crate) norm: NormKind,
    /// Type of the elements of raw inputs. A `.npy` file says its own.
    #[serde(default)]
    pub(crate) dtype: Option<ElementType>,
    /// Rows of the raw input `a`. Those of `b` follow from the operation.
    #[serde(default)]
    pub(crate) rows: Option<u64>,
    /// Columns of the raw input `a`.
    #[serde(default)]
    pub(crate) cols: Option<u64>,
    /// Rows of the result that a chunk makes; overrides the task's chunk size.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) chunk_size: Option<u64>,
}
