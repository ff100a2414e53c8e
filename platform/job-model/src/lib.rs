//! The words of p2pjob: ids, manifest, task, chunk, outcome, quote, receipt, event, message, and their wire form.
//!
//! Nothing here waits, reads a clock or touches a disk. Every other crate speaks in these types; only the types that
//! cross a boundary (journal, wire, ledger file, command line) derive serde. Encoding is CBOR (RFC 8949) through
//! [`codec`], always under a named size limit from [`limits`].

pub mod chunk;
pub mod codec;
pub mod digits;
pub mod event;
pub mod float;
pub mod ids;
pub mod limits;
pub mod manifest;
pub mod message;
pub mod metric;
pub mod money;
pub mod outcome;
pub mod quote;
pub mod receipt;
pub mod sign;
pub mod task;

pub use chunk::{Chunk, ChunkKey, Plan, ReplicaId, Slice};
pub use event::{Event, LossReason, Recorded, UnixMillis};
pub use float::{Comparison, FloatClass, Tolerance};
pub use ids::{BlobHash, JobId, NodeId, ProfileId, TaskId};
pub use manifest::{InputDecl, JobVerify, Manifest, ReduceMode};
pub use message::Message;
pub use metric::{JobMetrics, Metric, MetricKind};
pub use money::MicroCredits;
pub use outcome::{NoVerdict, Outcome, Output, TrapKind, Usage, VoteKey};
pub use quote::{Capability, Load, Quote, Rates};
pub use receipt::{Fork, HalfBlock, ReceiptLine, Settlement, Transfer};
pub use task::{
    InputRef, Placement, Priority, Requirements, TaskConfig, TaskFailure, TaskSpec, TaskStatus, VerifyPolicy,
};

#[cfg(test)]
mod tests;
