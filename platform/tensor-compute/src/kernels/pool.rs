//! Pools.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use crate::op::PoolOptions;


/// See [`crate::Op::Pool`].
pub fn pool(_session: &Session, _x: &Tensor, _options: &PoolOptions) -> Result<Vec<Tensor>> {
    Err(ComputeError::Device("pool is not written yet".to_owned()))
}

