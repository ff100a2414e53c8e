//! Messages between nodes: CBOR frames of at most [`crate::limits::MAX_FRAME_BYTES`] on one ALPN.
//!
//! The first frame of each side is [`Message::Hello`]. Batches carry many chunks: a boundary is crossed once per batch.

use crate::chunk::Slice;
use crate::event::{ReplicaResult, UnixMillis};
use crate::ids::{BlobHash, JobId, NodeId, ProfileId, TaskId};
use crate::quote::{Capability, Load, Quote};
use crate::receipt::{Fork, HalfBlock, ReceiptLine};
use crate::sign::{Signature, Signed, Statement};
use crate::task::{InputRef, Priority, Requirements};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The protocol's name on the transport. Its number changes when old and new nodes cannot talk at all.
pub const ALPN: &[u8] = b"p2pjob/node/1";
/// The version of the messages. A node refuses a peer whose version is another and says so.
pub const PROTOCOL_VERSION: u16 = 1;

/// The first frame of each side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`] of the sender.
    pub version: u16,
    /// Name and version of the sender's program.
    pub agent: String,
    /// The sender's advert: peers know each other's addresses and load before gossip arrives.
    pub advert: Signed<Advert>,
}

/// What a node says of itself to everybody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Advert {
    /// Grows with every advert of the node.
    pub seq: u64,
    /// When, by the node's clock.
    pub at: UnixMillis,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// What it can run.
    pub capability: Capability,
    /// How busy it is.
    pub load: Load,
}

impl Statement for Advert {
    const DOMAIN: &'static str = "advert";
    const MAX_BYTES: usize = 4096;
}

/// A job that a node has published under a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JobAdvert {
    /// Name from the manifest.
    pub name: String,
    /// Version from the manifest.
    pub version: String,
    /// The job.
    pub job: JobId,
    /// Component size in bytes.
    pub size: u64,
    /// When it was published.
    pub at: UnixMillis,
}

impl Statement for JobAdvert {
    const DOMAIN: &'static str = "job-advert";
    const MAX_BYTES: usize = 1024;
}

/// What is gossiped, at most [`crate::limits::MAX_GOSSIP_BYTES`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Gossip {
    /// A node's capability and load.
    Node(Signed<Advert>),
    /// A published job.
    Job(Signed<JobAdvert>),
    /// Proof that a node forked its chain. It needs no signature of who brings it.
    Fork(Box<Fork>),
}

/// One replica in an assignment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// Chunk index.
    pub chunk: u32,
    /// Which execution of it.
    pub attempt: u32,
    /// Handed to `run`.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// What it may read.
    pub slices: Vec<Slice>,
}

/// Replicas of one task for one worker, at most [`crate::limits::MAX_BATCH_REPLICAS`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AssignBatch {
    /// The task.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// Component size in bytes.
    pub job_size: u64,
    /// Number of the worker's quote that sets the price.
    pub quote: u64,
    /// The task's place in the worker's queue.
    pub priority: Priority,
    /// Limits of a sandbox.
    pub requirements: Requirements,
    /// The task's inputs.
    pub inputs: Vec<InputRef>,
    /// Nodes that hold inputs and component, besides the sender.
    pub providers: Vec<NodeId>,
    /// The replicas.
    pub replicas: Vec<Assignment>,
}

/// Results of replicas of one task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultBatch {
    /// The task.
    pub task: TaskId,
    /// The metering profile they ran under.
    pub profile: ProfileId,
    /// The results.
    pub results: Vec<ReplicaResult>,
    /// The worker's signature over [`ResultBatch::claim`], domain `result-claim`: what makes a lie provable.
    pub signature: Signature,
}

impl ResultBatch {
    /// Domain of the signature.
    pub const DOMAIN: &'static str = "result-claim";

    /// What the worker signs: task, profile and the Merkle root over (chunk, attempt, vote, fuel).
    pub fn claim(task: &TaskId, profile: &ProfileId, results: &[ReplicaResult]) -> Vec<u8> {
        let leaves = results
            .iter()
            .map(|r| crate::codec::encode(&(r.chunk, r.attempt, r.outcome.vote(), r.usage.fuel)));
        let root = crate::sign::merkle_root(leaves);
        crate::codec::encode(&(task, profile, root))
    }
}

/// What one node tells another.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// Opens a connection.
    Hello(Box<Hello>),
    /// What would this job cost?
    QuoteRequest {
        /// The job.
        job: JobId,
        /// The task's priority.
        priority: Priority,
        /// What a sandbox needs.
        requirements: Requirements,
    },
    /// An offer.
    QuoteOffer(Box<Signed<Quote>>),
    /// No offer.
    QuoteRefused {
        /// The job asked for.
        job: JobId,
        /// The priority asked for.
        priority: Priority,
        /// Why not, and what would help.
        why: String,
    },
    /// Run these.
    Assign(Box<AssignBatch>),
    /// These are done.
    Results(Box<ResultBatch>),
    /// Stop these.
    Cancel {
        /// The task.
        task: TaskId,
        /// Chunk index and attempt; empty means all of the task.
        replicas: Vec<(u32, u32)>,
        /// Why.
        reason: String,
    },
    /// The requester's half of a settlement.
    Settle {
        /// Its half block.
        half: Box<Signed<HalfBlock>>,
        /// The lines under the root.
        lines: Vec<ReceiptLine>,
    },
    /// The worker's half.
    Settled {
        /// Its half block.
        half: Box<Signed<HalfBlock>>,
    },
    /// The worker does not agree.
    SettleRefused {
        /// The requester's `seq`.
        seq: u64,
        /// Why.
        why: String,
    },
    /// Do you have this blob?
    WhoHas {
        /// The blob.
        hash: BlobHash,
    },
    /// The answer.
    Have {
        /// The blob.
        hash: BlobHash,
        /// Its size in bytes when it is complete here; none when it is not here.
        size: Option<u64>,
    },
    /// Half blocks of third parties that the sender holds, at most [`crate::limits::MAX_RECORDS`]: two nodes that hold
    /// different ones of one author find its fork. The receiver may answer with some of its own, marked as an answer.
    Records {
        /// The half blocks.
        halves: Vec<Signed<HalfBlock>>,
        /// Whether this answers records; an answer is not answered.
        answer: bool,
    },
    /// Goodbye.
    Bye {
        /// Why.
        reason: String,
    },
}
