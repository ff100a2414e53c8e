//! What the job asks of its node: blocks of matrices that stay there. In a native test a plain model of the node answers
//! (`host/native.rs`), since the SDK has none.

#[cfg(target_arch = "wasm32")]
mod node;
#[cfg(target_arch = "wasm32")]
pub use node::Block;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
pub use native::Block;

/// A determinant that does not overflow: `sign * exp(log_abs)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Determinant {
    /// Infinite or 0 where it leaves the range.
    pub value: f64,
    /// -1, 0 or 1.
    pub sign: f64,
    /// Natural logarithm of the absolute value.
    pub log_abs: f64,
}

/// Why a node has no result.
#[derive(Debug)]
pub enum Refusal {
    /// The matrix is singular to working precision.
    Singular(p2pjob::Error),
    /// Anything else.
    Other(p2pjob::Error),
}

impl From<Refusal> for p2pjob::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Singular(error) | Refusal::Other(error) => error,
        }
    }
}
