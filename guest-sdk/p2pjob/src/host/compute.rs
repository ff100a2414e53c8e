//! The node's tensors: the contract's imports in a sandbox; natively nothing, which says how to test instead.

#[cfg(target_arch = "wasm32")]
mod convert;
#[cfg(target_arch = "wasm32")]
#[path = "compute/sandboxed.rs"]
mod platform;

#[cfg(not(target_arch = "wasm32"))]
#[path = "compute/absent.rs"]
mod platform;

pub use platform::*;

/// Functions of `linalg` that give a tensor.
#[derive(Clone, Copy)]
pub enum Matrices {
    Add,
    Subtract,
    Multiply,
    Transpose,
    Inverse,
    Solve,
    Eigenvalues,
    SingularValues,
}
