//! What came of a replica: results that replicas can agree on, and the kinds that are no verdict.

use crate::ids::BlobHash;
use serde::{Deserialize, Serialize};

/// The bytes a replica produced.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Output {
    /// Small: the bytes themselves.
    Inline(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Large: a blob at the worker.
    Blob {
        /// Its hash.
        hash: BlobHash,
        /// Its size in bytes.
        size: u64,
    },
}

impl Output {
    /// The hash of the bytes, wherever they are.
    pub fn hash(&self) -> BlobHash {
        match self {
            Self::Inline(bytes) => BlobHash::of(bytes),
            Self::Blob { hash, .. } => *hash,
        }
    }
    /// The number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Blob { size, .. } => *size,
        }
    }
}

/// Traps that every honest replica meets at the same place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrapKind {
    /// `unreachable`: in Rust guests, a panic.
    Unreachable,
    /// A memory access outside linear memory.
    MemoryOutOfBounds,
    /// A table access outside the table, or a null or wrong-typed function.
    BadCall,
    /// Integer division by zero, overflow or a bad conversion.
    Arithmetic,
    /// A host function refused its arguments (a read outside the slice, output over the limit).
    Refused,
    /// Any other trap.
    Other,
}

/// Why an execution says nothing about the chunk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NoVerdict {
    /// Its depth depends on the code generator.
    #[error("the stack overflowed; use less recursion, or an explicit stack")]
    StackOverflow,
    /// The sandbox reached its memory limit.
    #[error("the memory limit of {limit_bytes} bytes was reached; ask for more with --memory")]
    MemoryLimit {
        /// The limit.
        limit_bytes: u64,
    },
    /// Wall time ran out.
    #[error("the time limit of {limit_ms} ms was reached; ask for more with --timeout, or cut smaller chunks")]
    TimedOut {
        /// The limit.
        limit_ms: u64,
    },
    /// The requester cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// An input or the component could not be had.
    #[error("input not available: {0}")]
    Unavailable(String),
    /// The node failed, not the job.
    #[error("the node failed: {0}")]
    Host(String),
    /// The node refused the assignment.
    #[error("refused by the node: {0}")]
    Refused(String),
}

/// What came of one execution.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The job wrote an output.
    Value(Output),
    /// The job returned an error.
    GuestError(String),
    /// The job trapped.
    Trap {
        /// Which trap.
        kind: TrapKind,
        /// Message and symbolised backtrace; not part of the vote.
        detail: String,
    },
    /// The fuel ran out.
    OutOfFuel,
    /// Nothing that replicas could agree on.
    NoVerdict(NoVerdict),
}

/// What is compared between replicas: equal keys are equal results (D3, `exact`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct VoteKey(pub BlobHash);

impl Outcome {
    /// The vote, or none when the execution is no verdict.
    pub fn vote(&self) -> Option<VoteKey> {
        let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 vote v1");
        match self {
            Self::Value(output) => {
                hasher.update(b"v");
                hasher.update(output.hash().as_bytes());
            }
            Self::GuestError(message) => {
                hasher.update(b"e");
                hasher.update(message.as_bytes());
            }
            Self::Trap { kind, .. } => {
                hasher.update(b"t");
                hasher.update(&[*kind as u8]);
            }
            Self::OutOfFuel => {
                hasher.update(b"f");
            }
            Self::NoVerdict(_) => return None,
        }
        Some(VoteKey(BlobHash(*hasher.finalize().as_bytes())))
    }

    /// Whether it is a value.
    pub fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    /// One line for people; empty for a value.
    pub fn error_text(&self) -> String {
        match self {
            Self::Value(_) => String::new(),
            Self::GuestError(message) => message.clone(),
            Self::Trap { kind, detail } => {
                let first = detail.lines().next().unwrap_or("");
                if first.is_empty() {
                    format!("trap: {kind:?}")
                } else {
                    format!("trap: {first}")
                }
            }
            Self::OutOfFuel => "out of fuel; give more with --fuel, or cut smaller chunks".to_owned(),
            Self::NoVerdict(why) => why.to_string(),
        }
    }
}

/// What one execution used. `fuel`, `input_bytes`, `output_bytes` and `memory_bytes` are the same on every honest node
/// and make the price; the rest is for people.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Fuel spent by the call.
    pub fuel: u64,
    /// Bytes read through `inputs`.
    pub input_bytes: u64,
    /// Bytes written through `output`.
    pub output_bytes: u64,
    /// Largest linear memory, in bytes.
    pub memory_bytes: u64,
    /// Wall time, in microseconds.
    pub wall_us: u64,
}
