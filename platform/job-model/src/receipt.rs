//! Receipts: what both sides sign after replicas were judged, chained in each side's own ledger (TrustChain's half
//! blocks: Otte, de Vos, Pouwelse 2017; ConTrib 2021).
//!
//! A [`Settlement`] covers a batch of replicas of one task on one worker. The requester proposes it in a
//! [`HalfBlock`] of its own chain; the worker answers with a half block of its chain that links back. Two different
//! half blocks of one author with one `seq` are a fork: a proof of fraud that anybody can check.

use crate::event::UnixMillis;
use crate::ids::{BlobHash, JobId, NodeId, ProfileId, TaskId};
use crate::money::MicroCredits;
use crate::outcome::VoteKey;
use crate::sign::Statement;
use serde::{Deserialize, Serialize};

/// What was decided about one replica.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaVerdict {
    /// It agreed with the accepted result and is paid.
    Accepted,
    /// It contradicted the accepted result: not paid.
    Wrong,
    /// It came after the chunk was decided, and agreed: paid.
    Late,
    /// No replica was believed: not paid.
    Undecided,
}

/// One replica in a settlement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// Chunk index.
    pub chunk: u32,
    /// Which execution of it.
    pub attempt: u32,
    /// The result it committed to.
    pub vote: VoteKey,
    /// Fuel it declared.
    pub fuel: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// What it is paid.
    pub price: MicroCredits,
    /// Why.
    pub verdict: ReplicaVerdict,
}

/// The judged replicas of one task on one worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settlement {
    /// Metering profile.
    pub profile: ProfileId,
    /// The task.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// Who pays.
    pub requester: NodeId,
    /// Who is paid.
    pub worker: NodeId,
    /// Number of the quote that sets the prices.
    pub quote: u64,
    /// Merkle root over the encoded lines.
    pub lines_root: BlobHash,
    /// How many lines.
    pub lines: u32,
    /// Sum of the lines' fuel.
    pub fuel: u64,
    /// Sum of the lines' prices.
    pub amount: MicroCredits,
    /// When the requester settled.
    pub at: UnixMillis,
}

/// One link of a node's chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HalfBlock {
    /// Whose chain.
    pub author: NodeId,
    /// Position in it, from 1.
    pub seq: u64,
    /// Hash of the author's previous signed half block; zero for the first.
    pub previous: BlobHash,
    /// The other side.
    pub peer: NodeId,
    /// Hash of the other side's signed half block this one answers; zero in a proposal.
    pub answers: BlobHash,
    /// What both sides agree on.
    pub settlement: Settlement,
    /// The author's balance with the peer after this block: positive when the peer owes.
    pub balance: MicroCredits,
}

impl Statement for HalfBlock {
    const DOMAIN: &'static str = "half-block";
    const MAX_BYTES: usize = 2048;
}

/// The Merkle root over lines, as [`Settlement::lines_root`] has it.
pub fn lines_root(lines: &[ReceiptLine]) -> BlobHash {
    crate::sign::merkle_root(lines.iter().map(crate::codec::encode))
}
