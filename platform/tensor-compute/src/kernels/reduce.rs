//! Folds, in a fixed order.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::op::Reduce;


/// See [`crate::Op::Reduce`].
pub fn reduce(_session: &Session, _x: &Tensor, _kind: Reduce, _axes: &[usize], _keep: bool) -> Result<Tensor> {
    Err(ComputeError::Device("reduce is not written yet".to_owned()))
}

/// See [`crate::Op::ArgMax`].
pub fn arg_extreme(_session: &Session, _x: &Tensor, _axis_largest: (usize, bool), _keep: bool, _last: bool) -> Result<Tensor> {
    Err(ComputeError::Device("arg_extreme is not written yet".to_owned()))
}

/// See [`crate::Op::CumSum`].
pub fn cum_sum(_session: &Session, _x: &Tensor, _axis: usize, _exclusive: bool, _reverse: bool) -> Result<Tensor> {
    Err(ComputeError::Device("cum_sum is not written yet".to_owned()))
}

