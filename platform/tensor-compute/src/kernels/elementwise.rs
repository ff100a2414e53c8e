//! Element by element.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::dtype::DType;
use crate::op::{Binary, Compare, Unary};


/// See [`crate::Unary`].
pub fn unary(_session: &Session, _op: Unary, _x: &Tensor) -> Result<Tensor> {
    Err(ComputeError::Device("unary is not written yet".to_owned()))
}

/// See [`crate::Binary`].
pub fn binary(_session: &Session, _op: Binary, _a: &Tensor, _b: &Tensor) -> Result<Tensor> {
    Err(ComputeError::Device("binary is not written yet".to_owned()))
}

/// See [`crate::Compare`].
pub fn compare(_session: &Session, _op: Compare, _a: &Tensor, _b: &Tensor) -> Result<Tensor> {
    Err(ComputeError::Device("compare is not written yet".to_owned()))
}

/// See [`crate::Op::Where`].
pub fn choose(_session: &Session, _condition: &Tensor, _then: &Tensor, _other: &Tensor) -> Result<Tensor> {
    Err(ComputeError::Device("choose is not written yet".to_owned()))
}

/// See [`crate::Op::Cast`].
pub fn cast(_session: &Session, _x: &Tensor, _to: DType) -> Result<Tensor> {
    Err(ComputeError::Device("cast is not written yet".to_owned()))
}

/// See [`crate::Op::Clamp`].
pub fn clamp(_session: &Session, _x: &Tensor, _min: Option<f64>, _max: Option<f64>) -> Result<Tensor> {
    Err(ComputeError::Device("clamp is not written yet".to_owned()))
}

