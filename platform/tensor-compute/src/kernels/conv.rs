//! Convolutions.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::op::ConvOptions;


/// See [`crate::Op::Conv`].
pub fn conv(_session: &Session, _x: &Tensor, _weight: &Tensor, _bias: Option<&Tensor>, _options: &ConvOptions) -> Result<Tensor> {
    Err(ComputeError::Device("conv is not written yet".to_owned()))
}

/// See [`crate::Op::ConvTranspose`].
pub fn conv_transpose(_session: &Session, _x_weight_bias: (&Tensor, &Tensor, Option<&Tensor>), _conv: &ConvOptions, _output_padding: &[usize]) -> Result<Tensor> {
    Err(ComputeError::Device("conv_transpose is not written yet".to_owned()))
}

