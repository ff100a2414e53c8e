//! Class `fast`: faer, in `f64`, on the session's threads. Matrices are row-major, and faer likes columns: it is handed the
//! transposed matrix over the same memory, whose determinant, eigenvalues and singular values are the same and whose inverse is
//! the transposed one.
//!
//! faer is handed finite matrices only, its scratch space is leased from the session, and a panic of it becomes
//! [`ComputeError::Device`].

use super::exact::{self, Solver, reciprocal_condition};
use super::pivots::PivotProduct;
use super::work::Work;
use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::lu::partial_pivoting::{factor, inverse as lu_inverse, solve as lu_solve};
use faer::linalg::{evd, svd};
use faer::perm::PermRef;
use faer::{Accum, MatMut, MatRef, Par};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The matrix product of class `fast`: `(.., m, k)` by `(k, n)`, both `f32` or both `f64`.
pub fn matmul(session: &Session, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    const OP: &str = "matmul";
    if a.dtype() != b.dtype() {
        let why = format!(
            "both operands have one element type; these have {} and {}",
            a.dtype(),
            b.dtype()
        );
        return Err(ComputeError::DType { op: OP, why });
    }
    match a.dtype() {
        DType::F32 => matmul_of::<f32>(session, a, b, 1.0),
        DType::F64 => matmul_of::<f64>(session, a, b, 1.0),
        dtype => Err(ComputeError::DType {
            op: OP,
            why: format!("takes float32 or float64 in class fast, not {dtype}"),
        }),
    }
}

fn matmul_of<T: Element + faer::traits::ComplexField>(
    session: &Session,
    a: &Tensor,
    b: &Tensor,
    one: T,
) -> Result<Tensor> {
    const OP: &str = "matmul";
    let ([leading @ .., k], [rows, n]) = (a.shape(), b.shape()) else {
        return Err(no_product(a, b));
    };
    if k != rows || leading.is_empty() {
        return Err(no_product(a, b));
    }
    let shape: Vec<usize> = leading.iter().chain([n]).copied().collect();
    let m = crate::tensor::element_count(OP, leading, DType::U8)?;
    let flops = (m as u64)
        .saturating_mul(*k as u64)
        .saturating_mul(*n as u64)
        .saturating_mul(2);
    let elements = (a.len() as u64)
        .saturating_add(b.len() as u64)
        .saturating_add((m as u64).saturating_mul(*n as u64));
    session.charge(flops, elements.saturating_mul(size_of::<T>() as u64))?;
    let (left, right) = (a.values::<T>(OP)?, b.values::<T>(OP)?);
    session.make(OP, &shape, |out| {
        if out.is_empty() {
            return Ok(());
        }
        guarded(OP, || {
            faer::linalg::matmul::matmul(
                MatMut::from_row_major_slice_mut(out, m, *n),
                Accum::Replace,
                MatRef::from_row_major_slice(left, m, *k),
                MatRef::from_row_major_slice(right, *k, *n),
                one,
                parallel(session),
            );
        })
    })
}

fn no_product(a: &Tensor, b: &Tensor) -> ComputeError {
    let why = format!(
        "takes (.., m, k) by (k, n) in class fast, not {:?} by {:?}",
        a.shape(),
        b.shape()
    );
    ComputeError::Shape { op: "matmul", why }
}

/// An LU factorisation of the transposed matrix.
struct Lu {
    /// By columns: L below the diagonal, U on and above it.
    factors: Work,
    n: usize,
    forward: Vec<usize>,
    backward: Vec<usize>,
    transpositions: usize,
    _lease: std::sync::Arc<crate::session::Lease>,
}

impl Lu {
    fn new(session: &Session, op: &'static str, a: Work, n: usize) -> Result<Self> {
        let lease = session.lease(2 * n as u64 * size_of::<usize>() as u64)?;
        let (forward, backward) = (vec![0; n], vec![0; n]);
        let mut lu = Self {
            factors: a,
            n,
            forward,
            backward,
            transpositions: 0,
            _lease: lease,
        };
        let par = parallel(session);
        let scratch = factor::lu_in_place_scratch::<usize, f64>(n, n, par, Default::default());
        with_scratch(session, op, scratch, |stack| {
            let a = MatMut::from_column_major_slice_mut(&mut lu.factors.values, n, n);
            let (info, _) = factor::lu_in_place(a, &mut lu.forward, &mut lu.backward, par, stack, Default::default());
            lu.transpositions = info.transposition_count;
        })?;
        session.go_on()?;
        Ok(lu)
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.factors.values, self.n, self.n)
    }

    fn permutation(&self) -> PermRef<'_, usize> {
        PermRef::new_checked(&self.forward, &self.backward, self.n)
    }

    fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.factors.values.iter().step_by(self.n + 1).copied()
    }

    /// `b := A^-1 b` for the matrix itself, or for the transposed one.
    fn solve_for(&self, session: &Session, b: MatMut<'_, f64>, transposed: bool, par: Par) -> Result<()> {
        let (lu, permutation) = (self.matrix(), self.permutation());
        let scratch = lu_solve::solve_in_place_scratch::<usize, f64>(self.n, b.ncols(), par);
        with_scratch(session, "solve", scratch, |stack| {
            if transposed {
                lu_solve::solve_in_place(lu, lu, permutation, b, par, stack);
            } else {
                lu_solve::solve_transpose_in_place(lu, lu, permutation, b, par, stack);
            }
        })
    }
}

/// One vector is not worth more than one thread.
impl Solver for Lu {
    fn solve(&self, session: &Session, x: &mut [f64]) -> Result<()> {
        self.solve_for(
            session,
            MatMut::from_column_major_slice_mut(x, self.n, 1),
            false,
            Par::Seq,
        )
    }

    fn solve_transposed(&self, session: &Session, x: &mut [f64]) -> Result<()> {
        self.solve_for(
            session,
            MatMut::from_column_major_slice_mut(x, self.n, 1),
            true,
            Par::Seq,
        )
    }
}

/// The determinant, by LU. None if a pivot before the last is exactly zero: faer divides by it.
pub(super) fn determinant(session: &Session, a: Work, n: usize) -> Result<Option<PivotProduct>> {
    let lu = Lu::new(session, "determinant", a, n)?;
    let mut product = PivotProduct::new();
    lu.diagonal().for_each(|pivot| product.multiply(pivot));
    if lu.transpositions % 2 == 1 {
        product.negate();
    }
    Ok((!product.is_nan()).then_some(product))
}

/// The inverse; of a singular matrix: elements that are not finite.
pub(super) fn inverse(session: &Session, a: Work, n: usize) -> Result<Work> {
    let lu = Lu::new(session, "inverse", a, n)?;
    let par = parallel(session);
    let mut out = Work::zeros(session, n.saturating_mul(n))?;
    let scratch = lu_inverse::inverse_scratch::<usize, f64>(n, par);
    with_scratch(session, "inverse", scratch, |stack| {
        let out = MatMut::from_column_major_slice_mut(&mut out.values, n, n);
        lu_inverse::inverse(out, lu.matrix(), lu.matrix(), lu.permutation(), par, stack);
    })?;
    session.go_on()?;
    Ok(out)
}

/// `x` with `a x = b` and the reciprocal condition number; see [`exact::lu::solve`].
pub(super) fn solve(session: &Session, a: Work, mut b: Work, (n, columns): (usize, usize)) -> Result<(Work, f64)> {
    let size = exact::norms::one(session, &a.values, n);
    let lu = Lu::new(session, "solve", a, n)?;
    let without_pivot = lu.diagonal().any(|pivot| pivot == 0.0);
    let reciprocal = if without_pivot {
        0.0
    } else {
        reciprocal_condition(session, &lu, n, size)?
    };
    if reciprocal.is_nan() || reciprocal == 0.0 || columns == 0 {
        return Ok((b, reciprocal));
    }
    let right = MatMut::from_row_major_slice_mut(&mut b.values, n, columns);
    lu.solve_for(session, right, false, parallel(session))?;
    session.go_on()?;
    Ok((b, reciprocal))
}

/// Writes the eigenvalues (real part, imaginary part) into `out`, in no order.
pub(super) fn eigenvalues(session: &Session, a: &[f64], n: usize, out: &mut [f64]) -> Result<()> {
    const OP: &str = "eigenvalues";
    let par = parallel(session);
    let mut parts = Work::zeros(session, n.saturating_mul(2))?;
    let (re, im) = parts.values.split_at_mut(n);
    let no = evd::ComputeEigenvectors::No;
    let scratch = evd::evd_scratch::<f64>(n, no, no, par, Default::default());
    with_scratch(session, OP, scratch, |stack| {
        let a = MatRef::from_column_major_slice(a, n, n);
        let (re, im) = (DiagMut::from_slice_mut(re), DiagMut::from_slice_mut(im));
        evd::evd_real(a, re, im, None, None, par, stack, Default::default())
    })?
    .map_err(|_| ComputeError::NoConvergence {
        op: OP,
        iterations: iterations_of(n),
    })?;
    session.go_on()?;
    for (pair, (re, im)) in out.as_chunks_mut::<2>().0.iter_mut().zip(re.iter().zip(im.iter())) {
        *pair = [*re, *im];
    }
    Ok(())
}

/// The singular values, largest first.
pub(super) fn singular_values(session: &Session, a: &[f64], (rows, columns): (usize, usize)) -> Result<Work> {
    const OP: &str = "singular_values";
    let par = parallel(session);
    let mut values = Work::zeros(session, rows.min(columns))?;
    let no = svd::ComputeSvdVectors::No;
    let scratch = svd::svd_scratch::<f64>(columns, rows, no, no, par, Default::default());
    with_scratch(session, OP, scratch, |stack| {
        let a = MatRef::from_column_major_slice(a, columns, rows);
        svd::svd(
            a,
            DiagMut::from_slice_mut(&mut values.values),
            None,
            None,
            par,
            stack,
            Default::default(),
        )
    })?
    .map_err(|_| ComputeError::NoConvergence {
        op: OP,
        iterations: iterations_of(rows.min(columns)),
    })?;
    session.go_on()?;
    Ok(values)
}

/// faer says no number; its limit is of this order.
fn iterations_of(n: usize) -> u32 {
    u32::try_from(n.saturating_mul(30)).unwrap_or(u32::MAX)
}

fn parallel(session: &Session) -> Par {
    match session.settings().threads {
        0 | 1 => Par::Seq,
        threads => Par::rayon(threads),
    }
}

/// Runs `work` with leased scratch space.
fn with_scratch<R>(
    session: &Session,
    op: &'static str,
    scratch: StackReq,
    work: impl FnOnce(&mut MemStack) -> R,
) -> Result<R> {
    let bytes = scratch.size_bytes() as u64;
    let _lease = session.lease(bytes)?;
    let mut buffer = MemBuffer::try_new(scratch)
        .map_err(|_| ComputeError::Device(format!("{op}: no memory for {bytes} bytes of scratch space")))?;
    guarded(op, || work(MemStack::new(&mut buffer)))
}

/// Runs faer; a panic of it is an error. What it was writing is dropped by the caller.
fn guarded<R>(op: &'static str, work: impl FnOnce() -> R) -> Result<R> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| ComputeError::Device(format!("{op}: faer panicked")))
}
