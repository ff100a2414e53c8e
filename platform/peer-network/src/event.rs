//! What the network tells its node. The node owns the receiving end of the bounded channel; a node that does not read
//! it slows its peers down, it never makes memory grow.

use job_model::message::{Advert, JobAdvert};
use job_model::{Fork, Message, NodeId};
use std::net::SocketAddr;

/// Something happened between us and another node.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerEvent {
    /// A connection is up. Comes before every message of that connection.
    Up {
        /// The peer.
        peer: NodeId,
        /// Name and version of its program.
        agent: String,
        /// Where it was reached, if that is known.
        addr: Option<SocketAddr>,
        /// Round-trip time in microseconds, this node's added latency included.
        rtt_us: u64,
        /// What it says of itself, signature checked.
        advert: Advert,
    },
    /// A connection has ended. Comes after every message of that connection; messages still on their way are lost.
    Down {
        /// The peer.
        peer: NodeId,
        /// Why, for people.
        why: String,
    },
    /// A peer sent a message.
    Message {
        /// The peer, authenticated.
        from: NodeId,
        /// What it said.
        message: Message,
        /// Size of the frame in bytes.
        bytes: usize,
    },
    /// A node, connected or not, says something new of itself.
    Advert {
        /// The author, signature checked.
        node: NodeId,
        /// Its newest advert.
        advert: Advert,
    },
    /// A node has published a job. Repeated now and then: newcomers must learn of it.
    Job {
        /// The author, signature checked.
        publisher: NodeId,
        /// The job.
        advert: JobAdvert,
    },
    /// Somebody brought proof that a node forked its chain. Comes once per author and process.
    Fork {
        /// Who forked, by the proof.
        author: NodeId,
        /// The proof, checked.
        fork: Box<Fork>,
    },
    /// A peer broke the rules. It was disconnected and is held off for a while.
    Misbehaved {
        /// The peer.
        peer: NodeId,
        /// What it did.
        why: String,
    },
    /// A peer and we cannot talk although both are reachable: another protocol version, not on an allow-list, full.
    /// Comes once per reason, not once per attempt.
    Refused {
        /// The peer.
        peer: NodeId,
        /// Who refused and why.
        why: String,
    },
}
