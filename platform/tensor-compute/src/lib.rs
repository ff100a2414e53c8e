//! Tensors, linear algebra and models: what sandboxed jobs compute through their host.
//!
//! Two float classes. `exact` is here: kernels with one fixed order of operations, so that replicas on unlike processors
//! give the same bits and are compared by hash. `fast` (tuned libraries and GPUs, compared by tolerance or by a job's own
//! check) is faer in [`linalg`], and the crate `burn-host`.
//!
//! A [`Session`] owns the limits: memory, work and time. Tensors own their bytes. Nothing here waits, opens files or reads
//! a clock; a caller that goes away sets the session's stop signal. No input can make it panic: shapes are computed and
//! checked before memory is asked for.

mod burn_port;
mod dtype;
mod error;
mod isa;
pub mod kernels;
pub mod linalg;
pub mod onnx;
mod op;
mod session;
mod tensor;

pub use burn_port::{BurnHost, BurnSession, BurnUpload};
pub use dtype::{DType, Element};
pub use error::{ComputeError, Result};
pub use isa::Isa;
pub use kernels::apply;
pub use linalg::FloatClass;
pub use op::{
    Binary, Compare, ConvOptions, Op, PadMode, PoolKind, PoolOptions, Reduce, Scatter, SliceRange, Unary,
};
pub use session::{
    BYTES_PER_FUEL, FLOPS_PER_FUEL, Lease, OPERATION_FUEL, Session, Settings, StopSignal,
};
pub use tensor::{Data, MAX_RANK, MAX_TENSOR_BYTES, Tensor, element_count};
