//! Blocks at the node, through the SDK.

use super::{Determinant, Refusal};
use crate::params::NormKind;
use arrays::ElementType;
use p2pjob::linalg::{self, Factorisation, Norm};
use p2pjob::prelude::*;
use p2pjob::tensors::{DType, Fold, Tensor, TensorError};
use std::ops::Range;

/// A block of a matrix, row-major.
pub struct Block(Tensor);

/// A length that fits in the sandbox's address space.
fn length(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::new(format_args!("a block of {value} lines is too large")))
}

fn span(range: Range<u64>) -> Result<Range<usize>> {
    Ok(length(range.start)?..length(range.end)?)
}

impl Block {
    /// From a slice of the chunk, from a byte on.
    pub fn from_source(source: Source, offset: u64, element: ElementType, shape: (u64, u64)) -> Result<Self> {
        let shape = [length(shape.0)?, length(shape.1)?];
        Ok(Self(Tensor::from_input(
            source.index(),
            offset,
            element.dtype(),
            &shape,
        )?))
    }

    /// From a claimed output, from a byte on.
    pub fn from_claim(claimed: &OpenPartial, offset: u64, element: ElementType, shape: (u64, u64)) -> Result<Self> {
        let shape = [length(shape.0)?, length(shape.1)?];
        Ok(Self(claimed.tensor(offset, element.dtype(), &shape)?))
    }

    /// From little-endian bytes.
    pub fn from_bytes(element: ElementType, shape: (u64, u64), bytes: &[u8]) -> Result<Self> {
        let shape = [length(shape.0)?, length(shape.1)?];
        Ok(Self(Tensor::from_bytes(element.dtype(), &shape, bytes)?))
    }

    /// Zeros.
    pub fn zeros(element: ElementType, shape: (u64, u64)) -> Result<Self> {
        Ok(Self(Tensor::filled(
            element.dtype(),
            &[length(shape.0)?, length(shape.1)?],
            0.0,
        )?))
    }

    /// In another type.
    pub fn cast(self, from: ElementType, to: ElementType) -> Result<Self> {
        if from == to {
            Ok(self)
        } else {
            Ok(Self(self.0.cast(to.dtype())?))
        }
    }

    /// Rows become columns.
    pub fn transposed(&self) -> Result<Self> {
        Ok(Self(self.0.transpose()?))
    }

    /// Some rows and columns.
    pub fn part(&self, rows: Range<u64>, cols: Range<u64>) -> Result<Self> {
        Ok(Self(self.0.slice(&[span(rows)?, span(cols)?])?))
    }

    /// Blocks below each other (axis 0), or side by side (axis 1).
    pub fn join(blocks: &[Self], axis: usize) -> Result<Self> {
        let tensors: Vec<&Tensor> = blocks.iter().map(|block| &block.0).collect();
        Ok(Self(Tensor::concat(&tensors, axis)?))
    }

    /// The matrix product.
    pub fn multiply(&self, other: &Self) -> Result<Self> {
        Ok(Self(self.0.matmul(&other.0)?))
    }

    /// Sums.
    pub fn add(&self, other: &Self) -> Result<Self> {
        Ok(Self(self.0.add(&other.0)?))
    }

    /// Differences.
    pub fn subtract(&self, other: &Self) -> Result<Self> {
        Ok(Self(self.0.sub(&other.0)?))
    }

    /// Little-endian bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        Ok(self.0.to_bytes()?)
    }

    /// The numbers of a floating-point block.
    pub fn numbers(&self) -> Result<Vec<f64>> {
        Ok(self.0.cast(DType::F64)?.to_f64()?)
    }

    /// Appends all bytes to the output.
    pub fn write_output(&self) -> Result<()> {
        Ok(self.0.write_output()?)
    }

    /// The Euclidean norm of every row.
    pub fn row_norms(&self) -> Result<Vec<f64>> {
        Ok(self.0.fold(Fold::L2, &[1])?.cast(DType::F64)?.to_f64()?)
    }

    /// The sum of the absolute values of every row.
    pub fn row_sums(&self) -> Result<Vec<f64>> {
        Ok(self.0.fold(Fold::L1, &[1])?.cast(DType::F64)?.to_f64()?)
    }

    /// Smallest and largest element of a block of whole numbers, as bytes of their type; none where it is empty.
    pub fn extremes(&self) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        Ok(Some((self.0.min(&[])?.to_bytes()?, self.0.max(&[])?.to_bytes()?)))
    }

    /// The inverse.
    pub fn inverse(&self) -> Result<Self> {
        Ok(Self(linalg::inverse(&self.0)?))
    }

    /// The `x` with `self x = b`.
    pub fn solve(&self, b: &Self) -> Result<Self, Refusal> {
        match linalg::solve(&self.0, &b.0) {
            Ok(tensor) => Ok(Self(tensor)),
            Err(error @ TensorError::Singular(_)) => Err(Refusal::Singular(error.into())),
            Err(error) => Err(Refusal::Other(error.into())),
        }
    }

    /// Eigenvalues: rows of real and imaginary part.
    pub fn eigenvalues(&self) -> Result<Self> {
        Ok(Self(linalg::eigenvalues(&self.0)?))
    }

    /// Singular values, as a column.
    pub fn singular_values(&self) -> Result<Self> {
        let values = linalg::singular_values(&self.0)?;
        let count = values.len();
        Ok(Self(values.reshape(&[count, 1])?))
    }

    /// A norm.
    pub fn norm(&self, kind: NormKind) -> Result<f64> {
        let kind = match kind {
            NormKind::Frobenius => Norm::Frobenius,
            NormKind::One => Norm::One,
            NormKind::Infinity => Norm::Infinity,
            NormKind::Maximum => Norm::Max,
            NormKind::Two => Norm::Two,
            NormKind::Nuclear => Norm::Nuclear,
        };
        Ok(linalg::norm(&self.0, kind)?)
    }

    /// The determinant, by LU, or by QR for a check.
    pub fn determinant(&self, by_qr: bool) -> Result<Determinant> {
        let by = if by_qr { Factorisation::Qr } else { Factorisation::Lu };
        let found = linalg::determinant_by(&self.0, by)?;
        Ok(Determinant {
            value: found.value,
            sign: found.sign,
            log_abs: found.log_abs,
        })
    }
}
