//! Operands in `f64`, with the memory they take, and the checks that all operations share.

use super::exact::vector;
use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::session::{Lease, Session};
use crate::tensor::{Data, Tensor, element_count};
use std::sync::Arc;

/// Values in `f64` that an operation may overwrite, and the lease of their memory.
#[derive(Debug)]
pub(super) struct Work {
    /// Row-major, without gaps.
    pub(super) values: Vec<f64>,
    lease: Arc<Lease>,
}

impl Work {
    /// Zeros.
    pub(super) fn zeros(session: &Session, count: usize) -> Result<Self> {
        let (count, lease) = session.lease_for("linalg", &[count], DType::F64)?;
        Ok(Self {
            values: vec![0.0; count],
            lease,
        })
    }

    /// A copy of a tensor's elements, widened.
    pub(super) fn read(session: &Session, op: &'static str, a: &Tensor) -> Result<Self> {
        let (_, lease) = session.lease_for(op, a.shape(), DType::F64)?;
        let values = match a.data() {
            Data::F32(values) => values.iter().map(|value| f64::from(*value)).collect(),
            Data::F64(values) => values.to_vec(),
            _ => return Err(float_only(op, a)),
        };
        Ok(Self { values, lease })
    }

    /// A tensor of these values, rounded to `dtype`. The values must be as many as the shape says.
    pub(super) fn write(self, session: &Session, op: &'static str, shape: &[usize], dtype: DType) -> Result<Tensor> {
        let count = element_count(op, shape, dtype)?;
        let mut values = self.values;
        values.truncate(count);
        if dtype == DType::F64 {
            return session.adopt(shape, Data::F64(Arc::new(values)), self.lease);
        }
        session.make::<f32>(op, shape, |out| {
            out.iter_mut()
                .zip(&values)
                .for_each(|(out, value)| *out = *value as f32);
            Ok(())
        })
    }

    /// Multiplies by a power of two.
    pub(super) fn scale(&mut self, session: &Session, by: f64) {
        if by != 1.0 {
            vector::scale(session.settings().isa, &mut self.values, by);
        }
    }

    /// Brings finite elements to where squares and products do not overflow, by a power of two, which is returned.
    pub(super) fn make_safe(&mut self, session: &Session) -> f64 {
        let by = vector::safe_scale(vector::max_abs(session.settings().isa, &self.values));
        self.scale(session, by);
        by
    }

    /// An error if an element is not finite.
    pub(super) fn check_finite(&self, session: &Session, op: &'static str) -> Result<()> {
        if finite(session, &self.values) {
            return Ok(());
        }
        let at = self.values.iter().position(|value| !value.is_finite()).unwrap_or(0);
        Err(ComputeError::Argument {
            op,
            why: format!(
                "the elements of the matrix must be finite; element {at} (row by row) is {}",
                self.values[at]
            ),
        })
    }
}

/// Whether all elements are finite.
pub(super) fn finite(session: &Session, values: &[f64]) -> bool {
    vector::max_abs(session.settings().isa, values).is_finite()
}

/// The sides of a matrix of a type that linear algebra takes.
pub(super) fn matrix(op: &'static str, a: &Tensor) -> Result<(usize, usize)> {
    if !matches!(a.dtype(), DType::F32 | DType::F64) {
        return Err(float_only(op, a));
    }
    match a.shape() {
        [rows, columns] => Ok((*rows, *columns)),
        shape => Err(ComputeError::Shape {
            op,
            why: format!("takes a matrix (rank 2), not the shape {shape:?}"),
        }),
    }
}

/// The side of a square matrix.
pub(super) fn square(op: &'static str, a: &Tensor) -> Result<usize> {
    match matrix(op, a)? {
        (rows, columns) if rows == columns => Ok(rows),
        (rows, columns) => Err(ComputeError::Shape {
            op,
            why: format!("takes a square matrix, not {rows} rows by {columns} columns"),
        }),
    }
}

fn float_only(op: &'static str, a: &Tensor) -> ComputeError {
    ComputeError::DType {
        op,
        why: format!("takes float32 or float64, not {}; cast first", a.dtype()),
    }
}
