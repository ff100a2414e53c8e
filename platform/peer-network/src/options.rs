//! What a network is started with, and why it may not start. Plain data; owned by the caller until [`crate::start`].

use job_model::NodeId;
use job_model::sign::NodeKey;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Silence after which a peer is dead: the largest that still gives "about two seconds".
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(2);
/// A third of the idle timeout leaves 1.3 s for an answer, lost packets included (the transport sends them again).
/// Probes are most of what an idle node costs: with four peers 0.25 % of a core, at 500 ms it was 0.35 %.
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_millis(700);
/// Connections at the same time: each costs a few wake-ups a second and up to some MiB of queues.
const DEFAULT_MAX_PEERS: usize = 64;

/// A peer that is known from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootstrapPeer {
    /// Its key.
    pub node: NodeId,
    /// Where it listens.
    pub addr: SocketAddr,
}

/// Options of [`crate::start`].
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// The node's key: its identity on the wire.
    pub key: NodeKey,
    /// UDP address to listen on. Port 0 takes a free one. Default `127.0.0.1:0`: this machine only.
    pub bind: SocketAddr,
    /// Peers known from the start; redialled for ever.
    pub bootstrap: Vec<BootstrapPeer>,
    /// If set, only these nodes may connect, and only these are dialled.
    pub allow: Option<BTreeSet<NodeId>>,
    /// These nodes may never connect. Stronger than `allow`.
    pub deny: BTreeSet<NodeId>,
    /// Networks of different names do not hear each other's gossip.
    pub network_name: String,
    /// Name and version of the program, shown to peers.
    pub agent: String,
    /// Silence after which a peer counts as dead.
    pub idle_timeout: Duration,
    /// How often a quiet connection is probed; below half of `idle_timeout`.
    pub keep_alive: Duration,
    /// Fault injection: every outgoing frame is held this long. Order and throughput stay.
    pub added_latency: Option<Duration>,
    /// Most connections at the same time.
    pub max_peers: usize,
}

impl NetworkOptions {
    /// A network on this machine only, with no peer known.
    pub fn new(key: NodeKey) -> Self {
        Self {
            key,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            bootstrap: Vec::new(),
            allow: None,
            deny: BTreeSet::new(),
            network_name: "p2pjob".to_owned(),
            agent: concat!("p2pjob/", env!("CARGO_PKG_VERSION")).to_owned(),
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            keep_alive: DEFAULT_KEEP_ALIVE,
            added_latency: None,
            max_peers: DEFAULT_MAX_PEERS,
        }
    }
}

/// Why the network does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process listens there.
    #[error("UDP port {} of {} is in use by another process; stop that process, choose another port, or use port 0 for a free one", addr.port(), addr.ip())]
    PortInUse {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address cannot be bound for another reason.
    #[error(
        "cannot listen on {addr}: {why}; check that the address belongs to this machine and that the port is allowed"
    )]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// The reason given by the system or the transport.
        why: String,
    },
    /// The options contradict each other.
    #[error("the network options are not usable: {0}")]
    Options(&'static str),
    /// The gossip topic cannot be joined.
    #[error("gossip does not start: {0}")]
    Gossip(String),
}
