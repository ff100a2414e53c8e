//! Errors of computations on their way from child to parent.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tensor_compute::ComputeError;

/// Most names of operations that a process remembers. There are some two hundred.
const NAMES_MAX: usize = 1024;
/// Longest such name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// What an operation is called when its name is not to be believed.
const NAMELESS: &str = "operation";

/// A [`ComputeError`] whose names are texts of its own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in ComputeError")]
pub enum WireError {
    Shape {
        op: String,
        why: String,
    },
    DType {
        op: String,
        why: String,
    },
    Argument {
        op: String,
        why: String,
    },
    Singular {
        op: String,
        reciprocal_condition: f64,
    },
    NoConvergence {
        op: String,
        iterations: u32,
    },
    Model {
        why: String,
    },
    Unsupported {
        operators: Vec<String>,
    },
    Memory {
        wanted_bytes: u64,
        live_bytes: u64,
        limit_bytes: u64,
    },
    OutOfFuel,
    Cancelled,
    Device(String),
}

impl From<ComputeError> for WireError {
    fn from(error: ComputeError) -> Self {
        match error {
            ComputeError::Shape { op, why } => Self::Shape { op: op.to_owned(), why },
            ComputeError::DType { op, why } => Self::DType { op: op.to_owned(), why },
            ComputeError::Argument { op, why } => Self::Argument { op: op.to_owned(), why },
            ComputeError::Singular {
                op,
                reciprocal_condition,
            } => Self::Singular {
                op: op.to_owned(),
                reciprocal_condition,
            },
            ComputeError::NoConvergence { op, iterations } => Self::NoConvergence {
                op: op.to_owned(),
                iterations,
            },
            ComputeError::Model { why } => Self::Model { why },
            ComputeError::Unsupported { operators } => Self::Unsupported { operators },
            ComputeError::Memory {
                wanted_bytes,
                live_bytes,
                limit_bytes,
            } => Self::Memory {
                wanted_bytes,
                live_bytes,
                limit_bytes,
            },
            ComputeError::OutOfFuel => Self::OutOfFuel,
            ComputeError::Cancelled => Self::Cancelled,
            ComputeError::Device(why) => Self::Device(why),
        }
    }
}

impl From<WireError> for ComputeError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Shape { op, why } => Self::Shape { op: name(&op), why },
            WireError::DType { op, why } => Self::DType { op: name(&op), why },
            WireError::Argument { op, why } => Self::Argument { op: name(&op), why },
            WireError::Singular {
                op,
                reciprocal_condition,
            } => Self::Singular {
                op: name(&op),
                reciprocal_condition,
            },
            WireError::NoConvergence { op, iterations } => Self::NoConvergence {
                op: name(&op),
                iterations,
            },
            WireError::Model { why } => Self::Model { why },
            WireError::Unsupported { operators } => Self::Unsupported { operators },
            WireError::Memory {
                wanted_bytes,
                live_bytes,
                limit_bytes,
            } => Self::Memory {
                wanted_bytes,
                live_bytes,
                limit_bytes,
            },
            WireError::OutOfFuel => Self::OutOfFuel,
            WireError::Cancelled => Self::Cancelled,
            WireError::Device(why) => Self::Device(why),
        }
    }
}

/// The name of an operation, kept for good: operations are few, and a child that invents names gets one.
fn name(op: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(op) {
        return known;
    }
    if op.len() > NAME_BYTES_MAX || names.len() >= NAMES_MAX {
        return NAMELESS;
    }
    let kept: &'static str = Box::leak(op.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}
