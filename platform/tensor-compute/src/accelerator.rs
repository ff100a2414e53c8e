//! The way to a device beside the processor, in float class `fast`: whom the kernels let compute where they can, and tensors
//! that live there.
//!
//! It stands here so that the kernels know no GPU library. Sessions of class `exact` have no accelerator, so nothing of
//! this touches their bits. A session that has one lives in a process of its own: a tensor whose bytes cannot be fetched any
//! more ends that process.
//!
//! A kernel checks its arguments, computes the result's shape, charges and leases; then the device runs it. So a device
//! changes no error, no limit and no price, and it never meets shapes or indices that nobody has looked at.

use crate::dtype::DType;
use crate::error::Result;
use crate::op::Op;
use crate::tensor::{Data, Tensor};
use std::any::Any;
use std::sync::Arc;

/// A device.
///
/// # What operations it meets
/// Those of [`Op`] on operands that a kernel has checked and prepared: a softmax or layer norm is over the last dimensions,
/// scale and bias of a layer norm have the shape of what is normalised, folded axes are neighbours, indices are `int64`, lie
/// here, and none is out of range (negative ones count from the end).
pub trait Accelerator: Send + Sync + std::fmt::Debug {
    /// Whether it takes this operation on these tensors. Costs nothing and changes nothing.
    fn offers(&self, op: &Op, args: &[&Tensor]) -> bool;

    /// Runs an operation that it offers. The result has this shape and type; what the device gives is compared with them.
    ///
    /// # Errors
    /// [`crate::ComputeError::Device`], and no other.
    fn run(&self, op: &Op, args: &[&Tensor], result: (&[usize], DType)) -> Result<Arc<dyn DeviceData>>;
}

/// A tensor's elements on a device. Dropping it frees them.
pub trait DeviceData: Any + Send + Sync + std::fmt::Debug {
    /// Brings the elements back: as many as the tensor has, of its type. A device that has failed ends the process, which
    /// is not the node's.
    fn fetch(&self) -> Data;

    /// The element type.
    fn dtype(&self) -> DType;
}
