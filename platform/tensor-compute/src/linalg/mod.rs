//! Linear algebra on matrices of `f32` or `f64`, in both float classes.
//!
//! `exact`: plain loops in one fixed order on top of the kernels' matrix product. `fast`: faer, tuned for the processor.
//!
//! Both compute in `f64`: operands of `f32` are widened first and the results rounded once, at the end. Matrices have rank 2
//! (a norm also takes a vector, as one column). Empty matrices are fine: the determinant is 1, the rest is empty.
//!
//! Elements that are not finite: a determinant and the norms `Two` and `Nuclear` are NaN, the other norms are what their sums
//! give; everything else is an error, because factorisations would only spread them. A right-hand side may hold anything.
//!
//! Work is charged before it is done, in floating-point operations for n rows (m x n: n is the shorter side):
//!
//! | operation | operations |
//! |---|---|
//! | determinant by LU, by QR | 2/3 n^3, 4/3 n^3 |
//! | inverse | 2 n^3 |
//! | solve for k columns | 2/3 n^3 + 2 n^2 (k + 10) |
//! | eigenvalues | 10 n^3 |
//! | singular values (and the norms that need them) | 4 m n^2 - 4/3 n^3 + 30 n^2 |
//! | other norms | 2 m n |
//!
//! Class `exact` asks between blocks of work whether to stop. faer cannot be interrupted: class `fast` asks before and after.

mod calls;
mod exact;
pub mod fast;
mod pivots;
#[cfg(test)]
mod tests;
mod work;

use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
pub use calls::MatrixOp;
use work::{Work, finite, matrix, square};

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
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Determinant {
    /// The determinant; infinite or 0 where it leaves the range of `f64`.
    pub value: f64,
    /// -1, 0 or 1.
    pub sign: f64,
    /// Natural logarithm of the absolute value; -infinity for 0.
    pub log_abs: f64,
}

/// Which factorisation gives a determinant: a check uses another than the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Factorisation {
    /// LU with partial pivoting.
    Lu,
    /// Householder QR.
    Qr,
}

/// Norms of a matrix (or of a vector as one column).
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
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

/// The determinant of a square matrix. That of a singular matrix is 0 or, after rounding, near it: no error.
pub fn determinant(session: &Session, class: FloatClass, a: &Tensor, by: Factorisation) -> Result<Determinant> {
    const OP: &str = "determinant";
    let n = square(OP, a)?;
    let thirds = match by {
        Factorisation::Lu => 2,
        Factorisation::Qr => 4,
    };
    session.charge(cube(n).saturating_mul(thirds) / 3, bytes(a))?;
    let mut work = Work::read(session, OP, a)?;
    if !finite(session, &work.values) {
        return Ok(pivots::NOT_A_NUMBER);
    }
    let scale = work.make_safe(session);
    let mut product = match class {
        FloatClass::Exact if by == Factorisation::Lu => exact::lu::determinant(session, &mut work.values, n)?,
        FloatClass::Exact => exact::qr::determinant(session, &mut work.values, n)?,
        // faer's QR passes over columns that depend on others, so that a determinant by QR is that of class exact.
        FloatClass::Fast if by == Factorisation::Qr => exact::qr::determinant(session, &mut work.values, n)?,
        FloatClass::Fast => match fast::determinant(session, work, n)? {
            Some(product) => product,
            None => {
                let mut work = Work::read(session, OP, a)?;
                work.scale(session, scale);
                exact::lu::determinant(session, &mut work.values, n)?
            }
        },
    };
    product.shift(-i64::from(libm::ilogb(scale)).saturating_mul(n as i64));
    Ok(product.finish())
}

/// The inverse of a square matrix, in its element type. Singular to working precision (of `f64`, whatever the element type):
/// an error with the reciprocal condition number in the 1-norm, which is taken from the inverse itself.
pub fn inverse(session: &Session, class: FloatClass, a: &Tensor) -> Result<Tensor> {
    const OP: &str = "inverse";
    let n = square(OP, a)?;
    session.charge(cube(n).saturating_mul(2), bytes(a).saturating_mul(2))?;
    let mut work = Work::read(session, OP, a)?;
    work.check_finite(session, OP)?;
    let scale = work.make_safe(session);
    let size = exact::norms::one(session, &work.values, n);
    let mut inverse = match class {
        FloatClass::Exact => exact::lu::inverse(session, work, n)?,
        FloatClass::Fast => fast::inverse(session, work, n)?,
    };
    let reciprocal_condition = (1.0 / size) / exact::norms::one(session, &inverse.values, n);
    check_condition(OP, n, reciprocal_condition)?;
    inverse.scale(session, scale);
    inverse.write(session, OP, &[n, n], a.dtype())
}

/// `x` with `a x = b`; `b` is a vector or a matrix of columns, of the element type of `a`. Singular as for [`inverse`], by an
/// estimate of the condition number (Hager's, as improved by Higham: ACM Transactions on Mathematical Software 14, 1988).
pub fn solve(session: &Session, class: FloatClass, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    const OP: &str = "solve";
    let n = square(OP, a)?;
    let columns = right_side(OP, a, b)?;
    let by_columns = (columns as u64)
        .saturating_add(10)
        .saturating_mul(2)
        .saturating_mul(square_of(n));
    let flops = (cube(n).saturating_mul(2) / 3).saturating_add(by_columns);
    session.charge(flops, bytes(a).saturating_add(bytes(b).saturating_mul(2)))?;
    let mut work = Work::read(session, OP, a)?;
    work.check_finite(session, OP)?;
    let scale = work.make_safe(session);
    let right = Work::read(session, OP, b)?;
    let (mut x, reciprocal_condition) = match class {
        FloatClass::Exact => exact::lu::solve(session, work, right, (n, columns))?,
        FloatClass::Fast => fast::solve(session, work, right, (n, columns))?,
    };
    check_condition(OP, n, reciprocal_condition)?;
    x.scale(session, scale);
    x.write(session, OP, b.shape(), a.dtype())
}

/// Eigenvalues of a square real matrix as `(n, 2)`: real and imaginary part, sorted by real part, then imaginary part. In the
/// element type of `a`.
pub fn eigenvalues(session: &Session, class: FloatClass, a: &Tensor) -> Result<Tensor> {
    const OP: &str = "eigenvalues";
    let n = square(OP, a)?;
    session.charge(cube(n).saturating_mul(10), bytes(a))?;
    let mut work = Work::read(session, OP, a)?;
    work.check_finite(session, OP)?;
    let scale = work.make_safe(session);
    let mut values = Work::zeros(session, n.saturating_mul(2))?;
    match class {
        FloatClass::Exact => exact::eigen::eigenvalues(session, &mut work.values, n, &mut values.values)?,
        FloatClass::Fast => fast::eigenvalues(session, &work.values, n, &mut values.values)?,
    }
    drop(work);
    values.scale(session, 1.0 / scale);
    // Sorted as they are returned, so that values that `f32` cannot tell apart are in order too; no negative zeros.
    let single = a.dtype() == DType::F32;
    let pairs = values.values.as_chunks_mut::<2>().0;
    for part in pairs.iter_mut().flatten() {
        *part = if single { f64::from(*part as f32) } else { *part } + 0.0;
    }
    pairs.sort_unstable_by(|x, y| x[0].total_cmp(&y[0]).then(x[1].total_cmp(&y[1])));
    values.write(session, OP, &[n, 2], a.dtype())
}

/// Singular values, largest first, as many as the shorter side. In the element type of `a`.
pub fn singular_values(session: &Session, class: FloatClass, a: &Tensor) -> Result<Tensor> {
    const OP: &str = "singular_values";
    let (rows, columns) = matrix(OP, a)?;
    session.charge(singular_flops(rows, columns), bytes(a))?;
    let work = Work::read(session, OP, a)?;
    work.check_finite(session, OP)?;
    let values = singular_work(session, class, work, (rows, columns))?;
    values.write(session, OP, &[rows.min(columns)], a.dtype())
}

/// A norm. Both classes give the same bits but for `Two` and `Nuclear`. NaN if an element is NaN; infinite if one is.
pub fn norm(session: &Session, class: FloatClass, a: &Tensor, norm: Norm) -> Result<f64> {
    const OP: &str = "norm";
    let (rows, columns) = match a.shape() {
        [rows] => (*rows, 1),
        _ => matrix(OP, a)?,
    };
    let by_singular_values = matches!(norm, Norm::Two | Norm::Nuclear);
    let flops = if by_singular_values {
        singular_flops(rows, columns)
    } else {
        a.len() as u64 * 2
    };
    session.charge(flops, bytes(a))?;
    let work = Work::read(session, OP, a)?;
    if by_singular_values {
        if !finite(session, &work.values) {
            return Ok(f64::NAN);
        }
        let values = singular_work(session, class, work, (rows, columns))?.values;
        return Ok(match norm {
            Norm::Two => values.first().copied().unwrap_or(0.0),
            _ => values.iter().fold(0.0, |sum, value| sum + value),
        });
    }
    Ok(match norm {
        Norm::One => exact::norms::one(session, &work.values, columns),
        Norm::Infinity => exact::norms::infinity(session, &work.values, columns),
        Norm::Max => exact::norms::largest(session, &work.values),
        _ => exact::norms::frobenius(session, &work.values),
    })
}

fn singular_work(session: &Session, class: FloatClass, mut work: Work, shape: (usize, usize)) -> Result<Work> {
    let scale = work.make_safe(session);
    let mut values = match class {
        FloatClass::Exact => exact::svd::singular_values(session, work, shape)?,
        FloatClass::Fast => fast::singular_values(session, &work.values, shape)?,
    };
    values.scale(session, 1.0 / scale);
    Ok(values)
}

/// The number of columns of a right-hand side.
fn right_side(op: &'static str, a: &Tensor, b: &Tensor) -> Result<usize> {
    if b.dtype() != a.dtype() {
        return Err(ComputeError::DType {
            op,
            why: format!(
                "the right side has the element type of the matrix ({}), not {}",
                a.dtype(),
                b.dtype()
            ),
        });
    }
    match (a.shape(), b.shape()) {
        ([n, _], [rows]) if n == rows => Ok(1),
        ([n, _], [rows, columns]) if n == rows => Ok(*columns),
        (a, b) => Err(ComputeError::Shape {
            op,
            why: format!("the right side of a matrix {a:?} is a vector or columns of its height, not {b:?}"),
        }),
    }
}

/// An error for a matrix that has no inverse worth its digits (NaN counts: the inverse overflowed).
fn check_condition(op: &'static str, n: usize, reciprocal_condition: f64) -> Result<()> {
    if n == 0 || reciprocal_condition >= f64::EPSILON {
        return Ok(());
    }
    let reciprocal_condition = if reciprocal_condition.is_nan() {
        0.0
    } else {
        reciprocal_condition
    };
    Err(ComputeError::Singular {
        op,
        reciprocal_condition,
    })
}

fn bytes(a: &Tensor) -> u64 {
    a.len() as u64 * a.dtype().size() as u64
}

fn square_of(n: usize) -> u64 {
    (n as u64).saturating_mul(n as u64)
}

fn cube(n: usize) -> u64 {
    square_of(n).saturating_mul(n as u64)
}

fn singular_flops(rows: usize, columns: usize) -> u64 {
    let (long, short) = (rows.max(columns) as u64, rows.min(columns));
    let all = square_of(short).saturating_mul(long).saturating_mul(4);
    all.saturating_sub(cube(short) / 3 * 4)
        .saturating_add(square_of(short).saturating_mul(30))
}
