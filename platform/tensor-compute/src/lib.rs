//! Tensors, linear algebra and models: what sandboxed jobs compute through their host.
//!
//! Two float classes. `exact` is here: kernels with one fixed order of operations, so that replicas on unlike processors
//! give the same bits and are compared by hash. `fast` (tuned libraries and GPUs, compared by tolerance or by a job's own
//! check) is faer in [`linalg`], and an [`Accelerator`] where the machine has one; its sessions live in a process of their
//! own, behind a [`FastHost`].
//!
//! A [`Session`] owns the limits: memory, work and time. Tensors own their bytes. Nothing here waits, opens files or reads
//! a clock; a caller that goes away sets the session's stop signal. No input can make it panic: shapes are computed and
//! checked before memory is asked for.

mod accelerator;
mod burn_port;
mod bytes;
mod dtype;
mod error;
mod fast_port;
mod isa;
pub mod kernels;
pub mod linalg;
pub mod onnx;
mod op;
pub mod probe;
mod session;
mod tensor;

pub use accelerator::{Accelerator, DeviceData};
pub use burn_port::{BurnHost, BurnSession, BurnUpload};
pub use bytes::TensorBuilder;
pub use dtype::{DType, Element};
pub use error::{ComputeError, Result};
pub use fast_port::{
    DeviceInfo, DeviceKind, FastAnswer, FastHost, FastOpening, FastReply, FastRequest, FastSession,
    MAX_FAST_PAYLOAD_BYTES, TensorInfo,
};
pub use isa::Isa;
pub use kernels::apply;
pub use linalg::FloatClass;
pub use op::{Binary, Compare, ConvOptions, Op, PadMode, PoolKind, PoolOptions, Reduce, Scatter, SliceRange, Unary};
pub use session::{BYTES_PER_FUEL, FLOPS_PER_FUEL, Lease, OPERATION_FUEL, Session, Settings, StopSignal};
pub use tensor::{Data, MAX_RANK, MAX_TENSOR_BYTES, Tensor, element_count};
