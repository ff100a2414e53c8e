//! Gather and scatter.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::op::Scatter;


/// See [`crate::Op::Gather`].
pub fn gather(_session: &Session, _x: &Tensor, _indices: &Tensor, _axis: usize) -> Result<Tensor> {
    Err(ComputeError::Device("gather is not written yet".to_owned()))
}

/// See [`crate::Op::GatherElements`].
pub fn gather_elements(_session: &Session, _x: &Tensor, _indices: &Tensor, _axis: usize) -> Result<Tensor> {
    Err(ComputeError::Device("gather_elements is not written yet".to_owned()))
}

/// See [`crate::Op::GatherNd`].
pub fn gather_nd(_session: &Session, _x: &Tensor, _indices: &Tensor, _batch_dims: usize) -> Result<Tensor> {
    Err(ComputeError::Device("gather_nd is not written yet".to_owned()))
}

/// See [`crate::Op::ScatterElements`].
pub fn scatter_elements(_session: &Session, _args: &[&Tensor], _axis: usize, _reduction: Scatter) -> Result<Tensor> {
    Err(ComputeError::Device("scatter_elements is not written yet".to_owned()))
}

/// See [`crate::Op::ScatterNd`].
pub fn scatter_nd(_session: &Session, _args: &[&Tensor], _reduction: Scatter) -> Result<Tensor> {
    Err(ComputeError::Device("scatter_nd is not written yet".to_owned()))
}

