//! A network of node processes that are started, killed and started again one by one.

use crate::folder::Folder;
use crate::node::Node;
use crate::program::Program;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

/// Networks that run at the same time, over all tests of this binary: more would only slow each other down.
const MAX_NETWORKS: usize = 2;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// The right to run a network.
pub struct Permit(());

impl Permit {
    /// Waits for its turn.
    pub fn take() -> Self {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = ENDED
            .wait_while(running, |running| *running >= MAX_NETWORKS)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}

/// How a network is made.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// How many nodes; each knows node 0 and finds the others through it.
    pub nodes: usize,
    /// Further flags of `p2pjob node` for all of them, such as `--set scheduler.hedge_min_ms=500`.
    pub flags: Vec<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        // One sandbox per node keeps work spread over all of them.
        Self {
            nodes: 3,
            flags: vec!["--slots".to_owned(), "1".to_owned()],
        }
    }
}

/// Node processes on loopback. All are killed when it is dropped.
pub struct Cluster {
    // In the order of their end: first the processes, then the files, then the next test's turn.
    nodes: Vec<Node>,
    program: Program,
    folder: Folder,
    _permit: Permit,
}

impl Cluster {
    /// So many nodes that all know each other.
    #[track_caller]
    pub fn start(nodes: usize) -> Self {
        Self::start_with(&ClusterOptions {
            nodes,
            ..ClusterOptions::default()
        })
    }

    /// Nodes as wished, that all know each other.
    #[track_caller]
    pub fn start_with(options: &ClusterOptions) -> Self {
        let permit = Permit::take();
        let folder = Folder::new();
        let program = Program::new(folder.path());
        let mut cluster = Self {
            nodes: Vec::new(),
            program,
            folder,
            _permit: permit,
        };
        for _ in 0..options.nodes {
            cluster.add(&options.flags);
        }
        cluster.await_mesh();
        cluster
    }

    /// Starts one more node, which knows node 0. Its number.
    pub fn add(&mut self, flags: &[String]) -> usize {
        let number = self.nodes.len();
        let mut all = flags.to_vec();
        if let Some(first) = self.nodes.first() {
            all.extend(["--bootstrap".to_owned(), first.bootstrap()]);
        }
        let data_dir = self.folder.path().join(format!("node-{number}"));
        self.nodes.push(Node::start(&self.program, &data_dir, &all));
        number
    }

    /// Waits until every node is connected to every other.
    #[track_caller]
    pub fn await_mesh(&self) {
        let others = self.nodes.len().saturating_sub(1);
        self.nodes.iter().for_each(|node| node.await_peers(others));
    }

    /// A node.
    #[track_caller]
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }

    /// All nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Ends a node at once.
    #[track_caller]
    pub fn kill(&mut self, number: usize) {
        self.nodes[number].kill();
    }

    /// Starts a killed node again, with its data and its address; it dials the others that run.
    #[track_caller]
    pub fn restart(&mut self, number: usize) {
        let running = self.nodes.iter().filter(|node| node.pid().is_some());
        let peers: Vec<String> = running.map(Node::bootstrap).collect();
        self.nodes[number].restart(&peers);
    }

    /// The program, for commands that belong to no node.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The test's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the test's folder.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        self.folder.file(name, content)
    }
}
