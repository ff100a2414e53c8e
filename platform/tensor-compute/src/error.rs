//! What can go wrong in a computation, in words a user can act on.

/// Why an operation gave no tensor. The text names the operation, the shapes it met and what is allowed.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ComputeError {
    /// Shapes that do not fit, or a shape nobody can hold.
    #[error("{op}: {why}")]
    Shape {
        /// The operation.
        op: &'static str,
        /// The shapes met and what is allowed.
        why: String,
    },
    /// An element type the operation does not take.
    #[error("{op}: {why}")]
    DType {
        /// The operation.
        op: &'static str,
        /// The types met and what is allowed.
        why: String,
    },
    /// An argument that is no tensor (an axis, a stride, an index) and out of range.
    #[error("{op}: {why}")]
    Argument {
        /// The operation.
        op: &'static str,
        /// The value met and what is allowed.
        why: String,
    },
    /// A matrix that has no inverse, or none worth its digits.
    #[error(
        "{op}: the matrix is singular to working precision (reciprocal condition number {reciprocal_condition:.3e}); \
         regularise it, or use singular values"
    )]
    Singular {
        /// The operation.
        op: &'static str,
        /// Estimate of 1 / (|A| |A^-1|) in the 1-norm; 0 when a pivot is exactly zero.
        reciprocal_condition: f64,
    },
    /// An iteration did not end (NaN or infinity in the matrix, in practice).
    #[error("{op}: no convergence after {iterations} iterations; are all elements finite?")]
    NoConvergence {
        /// The operation.
        op: &'static str,
        /// How many were made.
        iterations: u32,
    },
    /// A file that is no valid model.
    #[error("model: {why}")]
    Model {
        /// What is wrong and where.
        why: String,
    },
    /// A model that needs operators which are not here.
    #[error("model: {} not supported: {}", if .operators.len() == 1 { "an operator is" } else { "some operators are" }, .operators.join(", "))]
    Unsupported {
        /// `Domain::Operator` or `Operator (why)`, sorted, each once.
        operators: Vec<String>,
    },
    /// More memory than the session may use. Depends on the limit the caller set, so it is no verdict.
    #[error(
        "{wanted_bytes} bytes are needed beside {live_bytes} in use, and {limit_bytes} are allowed; ask for more memory"
    )]
    Memory {
        /// What was asked for, in bytes.
        wanted_bytes: u64,
        /// What is in use, in bytes.
        live_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// More work than was granted.
    #[error("all fuel consumed")]
    OutOfFuel,
    /// The caller gave up, or its time is over.
    #[error("cancelled")]
    Cancelled,
    /// The device or its process failed. Says nothing about the job.
    #[error("the device failed: {0}")]
    Device(String),
}

impl ComputeError {
    /// Whether every node would say the same of these arguments, so that replicas can agree on it.
    pub fn is_verdict(&self) -> bool {
        !matches!(self, Self::Memory { .. } | Self::Cancelled | Self::Device(_))
    }
}

/// What operations return.
pub type Result<T, E = ComputeError> = std::result::Result<T, E>;
