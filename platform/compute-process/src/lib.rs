//! Float class `fast`: sessions in a child process, on a GPU where there is one.
//!
//! A node that offers class `fast` starts its own program again as a *compute process*, one for each owner of jobs
//! ([`ProcessHost`], the parent's side), which holds the tensors, models and burn sessions of that owner's sandboxes
//! ([`serve`], the child's side). Both speak frames ([`wire`]) over the child's standard input and output; what it writes to
//! standard error goes into the node's log.
//!
//! # Who owns what, and what happens on a crash
//! The parent owns the process, and nothing else: numbers of tensors are the child's. A child that dies, sends what cannot
//! be, or does not stop when it should is ended, and all of its sessions fail with [`tensor_compute::ComputeError::Device`]
//! (no verdict); the next session starts a fresh one. A child ends when its standard input does: however the node ends, no
//! child stays. Work is charged and memory leased in the child, by the kernels, within what the parent said is left.
//!
//! # Devices
//! [`Gpu`] says which: burn's CubeCL backend on wgpu (WGSL). Operations that it does not have, small tensors and other
//! element types stay on the processor, on the kernels of `tensor-compute`; linear algebra is faer's.

mod child;
mod device;
mod error;
mod parent;
pub mod wire;

pub use child::{ServeOptions, serve};
pub use device::Gpu;
pub use parent::{ProcessHost, ProcessOptions};
