//! Linear algebra on matrices of `f32` or `f64`, in both float classes.
//!
//! `exact`: plain loops in one fixed order on top of the kernels' matrix product. `fast`: faer, tuned for the processor.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;

/// How floating-point results may be made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloatClass {
    /// The same bits on every processor; compared by hash.
    #[default]
    Exact,
    /// As fast as the device can; compared by tolerance or a job's check.
    Fast,
}

/// A determinant that does not overflow: `value = sign * exp(log_abs)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Determinant {
    /// The determinant; infinite or 0 where it leaves the range of `f64`.
    pub value: f64,
    /// -1, 0 or 1.
    pub sign: f64,
    /// Natural logarithm of the absolute value; -infinity for 0.
    pub log_abs: f64,
}

/// Which factorisation gives a determinant: a check uses another than the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Factorisation {
    /// LU with partial pivoting.
    Lu,
    /// Householder QR.
    Qr,
}

/// Norms of a matrix (or of a vector as one column).
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

fn later<T>(what: &str) -> Result<T> {
    Err(ComputeError::Device(format!("{what} is not written yet")))
}

/// The determinant of a square matrix.
pub fn determinant(_session: &Session, _class: FloatClass, _a: &Tensor, _by: Factorisation) -> Result<Determinant> {
    later("determinant")
}

/// The inverse of a square matrix.
pub fn inverse(_session: &Session, _class: FloatClass, _a: &Tensor) -> Result<Tensor> {
    later("inverse")
}

/// `x` with `a x = b`; `b` is a vector or a matrix of columns.
pub fn solve(_session: &Session, _class: FloatClass, _a: &Tensor, _b: &Tensor) -> Result<Tensor> {
    later("solve")
}

/// Eigenvalues of a square real matrix as `(n, 2)`: real and imaginary part, sorted by real part, then imaginary part.
pub fn eigenvalues(_session: &Session, _class: FloatClass, _a: &Tensor) -> Result<Tensor> {
    later("eigenvalues")
}

/// Singular values, largest first.
pub fn singular_values(_session: &Session, _class: FloatClass, _a: &Tensor) -> Result<Tensor> {
    later("singular values")
}

/// A norm.
pub fn norm(_session: &Session, _class: FloatClass, _a: &Tensor, _norm: Norm) -> Result<f64> {
    later("norm")
}
