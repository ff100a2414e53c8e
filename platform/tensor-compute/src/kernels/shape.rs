//! Moves elements, computes nothing.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::op::{PadMode, SliceRange};


/// See [`crate::Op::Reshape`].
pub fn reshape(_session: &Session, _x: &Tensor, _shape: &[usize]) -> Result<Tensor> {
    Err(ComputeError::Device("reshape is not written yet".to_owned()))
}

/// See [`crate::Op::Transpose`].
pub fn transpose(_session: &Session, _x: &Tensor, _perm: &[usize]) -> Result<Tensor> {
    Err(ComputeError::Device("transpose is not written yet".to_owned()))
}

/// See [`crate::Op::Expand`].
pub fn expand(_session: &Session, _x: &Tensor, _shape: &[usize]) -> Result<Tensor> {
    Err(ComputeError::Device("expand is not written yet".to_owned()))
}

/// See [`crate::Op::Concat`].
pub fn concat(_session: &Session, _args: &[&Tensor], _axis: usize) -> Result<Tensor> {
    Err(ComputeError::Device("concat is not written yet".to_owned()))
}

/// See [`crate::Op::Slice`].
pub fn slice(_session: &Session, _x: &Tensor, _ranges: &[SliceRange]) -> Result<Tensor> {
    Err(ComputeError::Device("slice is not written yet".to_owned()))
}

/// See [`crate::Op::Pad`].
pub fn pad(_session: &Session, _x: &Tensor, _value: Option<&Tensor>, _mode: PadMode, _pads: &[(i64, i64)]) -> Result<Tensor> {
    Err(ComputeError::Device("pad is not written yet".to_owned()))
}

/// See [`crate::Op::Flip`].
pub fn flip(_session: &Session, _x: &Tensor, _axes: &[usize]) -> Result<Tensor> {
    Err(ComputeError::Device("flip is not written yet".to_owned()))
}

/// See [`crate::Op::Tile`].
pub fn tile(_session: &Session, _x: &Tensor, _repeats: &[usize]) -> Result<Tensor> {
    Err(ComputeError::Device("tile is not written yet".to_owned()))
}

