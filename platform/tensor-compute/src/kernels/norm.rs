//! Softmax and normalisations.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;


/// See [`crate::Op::Softmax`].
pub fn softmax(_session: &Session, _x: &Tensor, _axis: usize, _log: bool) -> Result<Tensor> {
    Err(ComputeError::Device("softmax is not written yet".to_owned()))
}

/// See [`crate::Op::LayerNorm`].
pub fn layer_norm(_session: &Session, _x: &Tensor, _scale_bias: (Option<&Tensor>, Option<&Tensor>), _axis: usize, _epsilon: f64) -> Result<Tensor> {
    Err(ComputeError::Device("layer_norm is not written yet".to_owned()))
}

/// See [`crate::Op::BatchNorm`].
pub fn batch_norm(_session: &Session, _args: &[&Tensor], _epsilon: f64) -> Result<Tensor> {
    Err(ComputeError::Device("batch_norm is not written yet".to_owned()))
}

/// See [`crate::Op::GroupNorm`].
pub fn group_norm(_session: &Session, _args: &[&Tensor], _groups: usize, _epsilon: f64) -> Result<Tensor> {
    Err(ComputeError::Device("group_norm is not written yet".to_owned()))
}

