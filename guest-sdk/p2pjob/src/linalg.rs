//! Linear algebra on matrices (rank 2, `f32` or `f64`) that stay with the node. Costs and errors as in [`crate::tensors`].
//!
//! ```no_run
//! use p2pjob::linalg;
//! use p2pjob::tensors::Tensor;
//!
//! # fn example() -> p2pjob::Result<()> {
//! let a = Tensor::from_f64(&[2, 2], &[2.0, 1.0, 1.0, 3.0])?;
//! let b = Tensor::from_f64(&[2], &[3.0, 5.0])?;
//! let x = linalg::solve(&a, &b)?;
//! assert_eq!(x.shape(), [2]);
//! let det = linalg::determinant(&a)?;
//! p2pjob::log::info(&format!("determinant {}, its logarithm {}", det.value, det.log_abs));
//! # Ok(())
//! # }
//! ```

use crate::host::compute::{self, Matrices};
use crate::tensors::{Tensor, TensorError};

/// A determinant that does not overflow: `sign * exp(log_abs)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Determinant {
    /// The determinant; infinite or 0 where it leaves the range of `f64`.
    pub value: f64,
    /// -1, 0 or 1.
    pub sign: f64,
    /// Natural logarithm of the absolute value; -infinity for 0.
    pub log_abs: f64,
}

/// What a determinant is taken from: a job's check takes another than its run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Factorisation {
    /// LU with partial pivoting.
    Lu,
    /// Householder QR.
    Qr,
}

/// Norms of a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Norm {
    /// Root of the sum of squares.
    Frobenius,
    /// Largest column sum of absolute values.
    One,
    /// Largest row sum of absolute values.
    Infinity,
    /// Largest absolute value.
    Max,
    /// Largest singular value.
    Two,
    /// Sum of singular values.
    Nuclear,
}

/// `a + b`, of equal shapes.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::Add, &a.0, Some(&b.0)).map(Tensor)
}

/// `a - b`, of equal shapes.
pub fn subtract(a: &Tensor, b: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::Subtract, &a.0, Some(&b.0)).map(Tensor)
}

/// The matrix product `a b`. Whole numbers wrap.
pub fn multiply(a: &Tensor, b: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::Multiply, &a.0, Some(&b.0)).map(Tensor)
}

/// Rows become columns.
pub fn transpose(a: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::Transpose, &a.0, None).map(Tensor)
}

/// The inverse of a square matrix; [`TensorError::Singular`] where there is none.
pub fn inverse(a: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::Inverse, &a.0, None).map(Tensor)
}

/// `x` with `a x = b`; `b` is a vector or a matrix of columns.
pub fn solve(a: &Tensor, b: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::Solve, &a.0, Some(&b.0)).map(Tensor)
}

/// Eigenvalues of a square matrix as `(n, 2)`: real and imaginary part, sorted by real, then imaginary part.
pub fn eigenvalues(a: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::Eigenvalues, &a.0, None).map(Tensor)
}

/// Singular values, largest first.
pub fn singular_values(a: &Tensor) -> Result<Tensor, TensorError> {
    compute::matrices(Matrices::SingularValues, &a.0, None).map(Tensor)
}

/// The determinant of a square matrix, from LU.
pub fn determinant(a: &Tensor) -> Result<Determinant, TensorError> {
    determinant_by(a, Factorisation::Lu)
}

/// The determinant of a square matrix, from a factorisation of one's choice.
pub fn determinant_by(a: &Tensor, by: Factorisation) -> Result<Determinant, TensorError> {
    compute::determinant(&a.0, by)
}

/// A norm.
pub fn norm(a: &Tensor, kind: Norm) -> Result<f64, TensorError> {
    compute::norm(&a.0, kind)
}
