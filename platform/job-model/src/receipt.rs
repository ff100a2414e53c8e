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
use crate::sign::{SignatureError, Signed, Statement};
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

/// What makes a half block a transfer of credits: it pays for no work. Its settlement names the two sides, the amount
/// that arrives and the time; everything of a task in it is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transfer {
    /// What the payer burns besides the amount.
    pub fee: MicroCredits,
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
    /// There for a transfer only; settlements of work are encoded as if this field did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Transfer>,
}

impl Statement for HalfBlock {
    const DOMAIN: &'static str = "half-block";
    const MAX_BYTES: usize = 2048;
}

/// The Merkle root over lines, as [`Settlement::lines_root`] has it.
pub fn lines_root(lines: &[ReceiptLine]) -> BlobHash {
    crate::sign::merkle_root(lines.iter().map(crate::codec::encode))
}

/// The hash that links chains: of a signed half block, signature included.
pub fn half_hash(signed: &Signed<HalfBlock>) -> BlobHash {
    BlobHash::of(&crate::codec::encode(signed))
}

/// Two signed half blocks of one author that contradict each other: a proof of fraud that anybody can check without
/// trusting who brings it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fork {
    /// One of them; the earlier one if their positions differ.
    pub first: Signed<HalfBlock>,
    /// The other.
    pub second: Signed<HalfBlock>,
}

impl Fork {
    /// Who forked, if the two blocks prove it: both are signed by the author they name, and either have one position
    /// and different statements, or are neighbours and the later one links to another block than the earlier. None:
    /// they prove nothing. The error: one of them is not signed or cannot be read.
    pub fn author(&self) -> Result<Option<NodeId>, SignatureError> {
        let (first, second) = (self.first.open()?, self.second.open()?);
        let same_place = first.seq == second.seq && first != second;
        let broken_link = first.seq.checked_add(1) == Some(second.seq) && second.previous != half_hash(&self.first);
        let by_author = [(&self.first, &first), (&self.second, &second)]
            .iter()
            .all(|(signed, half)| signed.node == half.author && half.seq > 0);
        let proven = by_author && first.author == second.author && (same_place || broken_link);
        Ok(proven.then_some(first.author))
    }
}
