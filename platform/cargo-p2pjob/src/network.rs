//! A local network: real child processes of this very program, started and stopped by `up`.
//!
//! Each child is `p2pjob __node`. It gets its [`order`] as one JSON line on stdin, answers with one JSON line on stdout
//! when it is ready, and treats the end of stdin as the end of its parent: however `up` dies, its children follow. A
//! child that dies is told to the loop by the end of its stdout; the others go on. Faults (lies, latency, stalls) can be
//! ordered only here: a child refuses to start unless its parent is this same program.

mod child;
pub mod order;

pub use child::Child;

use crate::error::{CliError, Exit};
use job_model::NodeId;
use node::config::{NodeConfig, PeerAddress};
use order::{FaultOrder, Order, Ready};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// Most nodes of a local network: each is a process with its own threads and sockets.
pub const MAX_NODES: usize = 64;
/// Room for events of children and signals: a few per child.
const EVENT_CAP: usize = 4 * MAX_NODES;
/// How long a child may take from its start until it is ready; a cold compile cache and a busy machine included.
const READY_WAIT: Duration = Duration::from_secs(60);
/// How long all children together may take to stop before they are killed.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// What the loop of `up` is told.
#[derive(Debug)]
pub enum NetworkEvent {
    /// A child listens.
    Ready(usize, Ready),
    /// A child's process has ended.
    Ended(usize),
    /// SIGINT or SIGTERM.
    Signal,
}

/// The wishes of `up`.
pub struct Plan {
    /// What all nodes share; the data directory and the listen address are set per node.
    pub base: NodeConfig,
    /// Folder of the nodes' data directories.
    pub folder: PathBuf,
    /// How many nodes.
    pub nodes: usize,
    /// How many of them, the last ones, lie.
    pub liars: usize,
    /// How many of them, before the liars, accept replicas and never answer.
    pub stalled: usize,
    /// Delay of every outgoing frame, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Whether every node rounds floats of class fast in its own way.
    pub jitter: bool,
    /// What children log.
    pub log: String,
}

impl Plan {
    fn faults(&self, number: usize) -> FaultOrder {
        let from_end = self.nodes - 1 - number;
        let lie = from_end < self.liars;
        FaultOrder {
            lie,
            stall: !lie && from_end < self.liars + self.stalled,
            latency_ms: self.latency_ms,
            jitter: self.jitter,
        }
    }

    fn order(&self, number: usize, bootstrap: &[PeerAddress]) -> Order {
        let mut config = self.base.clone();
        config.data_dir = self.data_dir(number);
        config.network.bootstrap = bootstrap.to_vec();
        config.network.listen.set_port(0);
        Order {
            config,
            faults: self.faults(number),
        }
    }

    fn data_dir(&self, number: usize) -> PathBuf {
        self.folder.join(format!("node-{number}"))
    }
}

/// The running children.
pub struct Network {
    children: Vec<Child>,
    sender: SyncSender<NetworkEvent>,
    events: Receiver<NetworkEvent>,
}

impl Network {
    /// No children yet; signals come in as events from now on.
    pub fn new() -> Result<Self, CliError> {
        let (sender, events) = std::sync::mpsc::sync_channel(EVENT_CAP);
        let signals = sender.clone();
        crate::signals::watch(move |_| signals.send(NetworkEvent::Signal).is_ok())?;
        Ok(Self {
            children: Vec::new(),
            sender,
            events,
        })
    }

    /// Starts node 0, then the others, which find each other through it.
    pub fn start(&mut self, plan: &Plan) -> Result<(), CliError> {
        let deadline = Instant::now() + READY_WAIT;
        self.spawn(plan, 0, &[])?;
        self.await_ready(1, deadline)?;
        let first = self.children.first().and_then(|child| child.ready.as_ref());
        let bootstrap: Vec<PeerAddress> = first.map(peer_addresses).unwrap_or_default();
        for number in 1..plan.nodes {
            self.spawn(plan, number, &bootstrap)?;
        }
        self.await_ready(plan.nodes, deadline)
    }

    /// The children, by number.
    pub fn children(&self) -> &[Child] {
        &self.children
    }

    /// The data directories, by number.
    pub fn data_dirs(&self) -> Vec<PathBuf> {
        self.children.iter().map(|child| child.data_dir.clone()).collect()
    }

    /// Reports children that die, until a signal comes or none is left.
    pub fn attend(&mut self, mut report: impl FnMut(&Child, &str)) -> Result<(), CliError> {
        loop {
            // The channel cannot end: this struct holds a sender.
            match self.events.recv() {
                Ok(NetworkEvent::Ended(number)) => {
                    let Some(child) = self.children.get_mut(number) else {
                        continue;
                    };
                    let end = child.reap();
                    report(child, &end);
                    if self.children.iter().all(|child| child.ended) {
                        return Err(CliError::new(
                            Exit::Unavailable,
                            "every node of the network has ended",
                            "see their logs",
                        ));
                    }
                }
                Ok(NetworkEvent::Ready(..)) => {}
                Ok(NetworkEvent::Signal) | Err(_) => return Ok(()),
            }
        }
    }

    /// Stops all children: first by the end of their stdin, then, late or at a further signal, by force.
    pub fn stop(&mut self) {
        for child in &mut self.children {
            child.ask_to_stop();
        }
        let deadline = Instant::now() + STOP_WAIT;
        while self.children.iter().any(|child| !child.ended) {
            match self
                .events
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(NetworkEvent::Ended(number)) => {
                    if let Some(child) = self.children.get_mut(number) {
                        child.reap();
                    }
                }
                Ok(NetworkEvent::Ready(..)) => {}
                Ok(NetworkEvent::Signal) | Err(_) => break,
            }
        }
        for child in &mut self.children {
            child.kill();
        }
    }

    fn spawn(&mut self, plan: &Plan, number: usize, bootstrap: &[PeerAddress]) -> Result<(), CliError> {
        let order = plan.order(number, bootstrap);
        self.children
            .push(Child::spawn(number, &order, &plan.log, self.sender.clone())?);
        Ok(())
    }

    /// Waits until this many children are ready.
    fn await_ready(&mut self, wanted: usize, deadline: Instant) -> Result<(), CliError> {
        while self.children.iter().filter(|child| child.ready.is_some()).count() < wanted {
            match self
                .events
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(NetworkEvent::Ready(number, ready)) => {
                    if let Some(child) = self.children.get_mut(number) {
                        child.ready = Some(ready);
                    }
                }
                Ok(NetworkEvent::Ended(number)) => return Err(self.did_not_start(number)),
                Ok(NetworkEvent::Signal) => {
                    return Err(CliError::new(
                        Exit::Interrupted,
                        "interrupted while the network started",
                        "",
                    ));
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let seconds = READY_WAIT.as_secs();
                    let message = format!("the network was not ready after {seconds} s");
                    return Err(CliError::new(
                        Exit::Unavailable,
                        message,
                        "see node.log in the nodes' folders",
                    ));
                }
            }
        }
        Ok(())
    }

    fn did_not_start(&mut self, number: usize) -> CliError {
        let Some(child) = self.children.get_mut(number) else {
            return CliError::new(
                Exit::Internal,
                format!("node {number} is not known"),
                "please report this",
            );
        };
        let end = child.reap();
        let message = format!("node {number} did not start: {end}\n{}", child.last_words());
        CliError::new(
            Exit::Unavailable,
            message,
            format!("its log is {}", child.log.display()),
        )
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill();
        }
    }
}

fn peer_addresses(ready: &Ready) -> Vec<PeerAddress> {
    let node: NodeId = ready.node_id;
    ready
        .addresses
        .iter()
        .map(|address| PeerAddress {
            node,
            address: *address,
        })
        .collect()
}

/// Makes the folder of a network, private to this user.
pub fn private_folder(path: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| CliError::file("create", path, &error))
}

#[cfg(test)]
mod tests;
