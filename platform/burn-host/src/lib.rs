//! Everything that touches burn: sessions of the guest backend, float class fast on CPU and GPU, the compute process.
//!
//! A job written with burn runs burn's own code in its sandbox; only operations on tensors come here, as the
//! `OperationIr` of `burn-ir` in postcard ([`wire`]). [`ExactHost`] runs them on the kernels of `tensor-compute`, so that
//! replicas on unlike processors give the same bits.

mod exact;
pub mod wire;

pub use exact::{ExactHost, ExactSession};
