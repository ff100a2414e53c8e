//! What an operation on tensors answers when it cannot be done.

use std::fmt;

/// Why there is no tensor. The text names the operation and the shapes; every node answers the same.
#[derive(Clone, PartialEq, Debug)]
pub enum TensorError {
    /// Shapes that do not fit.
    Shape(String),
    /// An element type that the operation does not take.
    ElementType(String),
    /// An axis, index or number out of range.
    Argument(String),
    /// A matrix without an inverse, or none worth its digits; the reciprocal condition number.
    Singular(f64),
    /// An iteration that did not end.
    NoConvergence(String),
    /// A model that is no valid file, or needs operators that are not here.
    Model(String),
}

impl fmt::Display for TensorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(text)
            | Self::ElementType(text)
            | Self::Argument(text)
            | Self::NoConvergence(text)
            | Self::Model(text) => f.write_str(text),
            Self::Singular(reciprocal_condition) => write!(
                f,
                "the matrix is singular to working precision (reciprocal condition number {reciprocal_condition:.3e})"
            ),
        }
    }
}

impl std::error::Error for TensorError {}
