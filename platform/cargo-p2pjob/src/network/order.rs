//! What `up` tells a child, and what the child answers: one JSON line each.

use crate::error::{CliError, Exit};
use job_model::NodeId;
use node::config::{Faults, NodeConfig};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The first line of a child's stdin.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// What to start with.
    pub config: NodeConfig,
    /// How to misbehave.
    pub faults: FaultOrder,
}

/// The serialisable twin of [`Faults`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FaultOrder {
    /// Report a wrong output for every replica.
    pub lie: bool,
    /// Accept replicas and never answer.
    pub stall: bool,
    /// Delay every outgoing frame, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Round floats of class fast differently than other nodes do.
    pub jitter: bool,
}

impl FaultOrder {
    /// The word for the node's role in tables.
    pub fn role(&self) -> &'static str {
        match (self.lie, self.stall) {
            (true, _) => "liar",
            (false, true) => "stalled",
            (false, false) => "honest",
        }
    }
}

impl From<FaultOrder> for Faults {
    fn from(order: FaultOrder) -> Self {
        let FaultOrder {
            lie,
            stall,
            latency_ms,
            jitter,
        } = order;
        Self {
            lie,
            latency_ms,
            stall,
            jitter,
        }
    }
}

/// The only line of a child's stdout.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// The node's key.
    pub node_id: NodeId,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// Its HTTP address, if it serves HTTP.
    pub http: Option<String>,
}

/// Refuses unless the parent process runs this same program: nobody can order a lie from a shell.
pub fn parent_must_be_us() -> Result<(), CliError> {
    let parent = std::os::unix::process::parent_id();
    let program_of = |process: &str| std::fs::read_link(format!("/proc/{process}/exe")).ok();
    let ours = program_of("self");
    if ours.is_some() && ours == program_of(&parent.to_string()) {
        return Ok(());
    }
    Err(CliError::new(
        Exit::Usage,
        "__node is started by `p2pjob up` only",
        "run a node with `p2pjob node`",
    ))
}
