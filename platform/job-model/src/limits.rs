//! Every limit that two nodes must agree on, with its unit and the reason for its size.

use std::time::Duration;

/// Largest frame on a connection, in bytes: a batch of about a thousand small chunks, and little enough that a
/// stranger cannot make us buffer much.
pub const MAX_FRAME_BYTES: usize = 1 << 20;
/// Largest gossip message, in bytes.
pub const MAX_GOSSIP_BYTES: usize = 16 << 10;
/// Largest component, in bytes: a Python job takes about 20 MB; compile time grows with size.
pub const MAX_COMPONENT_BYTES: u64 = 64 << 20;
/// Largest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 256 << 10;
/// Largest parameters of a task, in bytes of CBOR. Larger data belongs into inputs.
pub const MAX_PARAMS_BYTES: usize = 256 << 10;
/// Most inputs of a task.
pub const MAX_INPUTS: usize = 256;
/// Most chunks a plan may have: what the requester can hold in memory and explain.
pub const MAX_CHUNKS: u32 = 1_000_000;
/// Largest body of a chunk, in bytes.
pub const MAX_CHUNK_BODY_BYTES: usize = 64 << 10;
/// Most slices of a chunk.
pub const MAX_CHUNK_SLICES: usize = 64;
/// Largest output that travels inside a result message, in bytes; a larger one becomes a blob.
pub const MAX_INLINE_OUTPUT_BYTES: usize = 4 << 10;
/// Most replicas in one message: bounds the work one message can cause.
pub const MAX_BATCH_REPLICAS: usize = 1024;
/// Largest guest error message or log line kept, in bytes.
pub const MAX_TEXT_BYTES: usize = 8 << 10;
/// Most log lines kept of one call; the rest is counted.
pub const MAX_LOG_LINES: usize = 1000;
/// Most bytes one `inputs.read` returns.
pub const MAX_READ_BYTES: u32 = 1 << 20;
/// Most bytes one `entropy.bytes` returns.
pub const MAX_ENTROPY_BYTES: u32 = 64 << 10;
/// Default memory of a sandbox, in bytes.
pub const DEFAULT_MEMORY_BYTES: u64 = 256 << 20;
/// What a node offers one sandbox unless its operator says otherwise, in bytes. A sandbox costs what its job touches.
pub const DEFAULT_OFFERED_MEMORY_BYTES: u64 = 1 << 30;
/// Default fuel of one replica: about a minute of integer code.
pub const DEFAULT_FUEL: u64 = 600_000_000_000;
/// Default limit of the output of one replica, in bytes.
pub const DEFAULT_OUTPUT_BYTES: u64 = 64 << 20;
/// Default limit of wall time for one replica.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// Most executions of one chunk, failures included, before the task gives up.
pub const MAX_ATTEMPTS: u32 = 8;
/// Most half blocks in one exchange of records: a peer checks their signatures in about a millisecond.
pub const MAX_RECORDS: usize = 16;
/// Most names of numbers that one call of a job, or one task, may report (H4): a dashboard's worth.
pub const MAX_METRICS: usize = 32;
/// Longest name of such a number, in bytes.
pub const MAX_METRIC_NAME_BYTES: usize = 64;
