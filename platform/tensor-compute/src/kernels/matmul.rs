//! Matrix products: each element one chain of fused multiply-adds over k.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;

/// A product of matrices as slices, for other kernels (convolutions, factorisations).
pub struct Product<'a, T> {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the left, rows of the right.
    pub k: usize,
    /// Columns of the result.
    pub n: usize,
    /// Left operand, its distance from row to row and from column to column, in elements.
    pub a: (&'a [T], usize, usize),
    /// Right operand, its distance from row to row and from column to column, in elements.
    pub b: (&'a [T], usize, usize),
}

/// `c += a b` for `f32` or `f64` (`c` row-major with `c_row` elements from row to row): every element continues its chain
/// of fused multiply-adds from what is in `c`, over k from 0 upwards. Charges nothing: its caller has.
pub fn matmul_into<T: crate::Element>(_session: &Session, _product: &Product<'_, T>, _c: &mut [T], _c_row: usize) -> Result<()> {
    Err(ComputeError::Device("matmul is not written yet".to_owned()))
}

/// See [`crate::Op::MatMul`].
pub fn matmul(_session: &Session, _a: &Tensor, _b: &Tensor) -> Result<Tensor> {
    Err(ComputeError::Device("matmul is not written yet".to_owned()))
}
