//! Questions to a daemon, and which daemon is meant.

use crate::app::SharedArgs;
use crate::environment::Environment;
use crate::error::{CliError, Exit};
use crate::registry::{Kind, Registry};
use node::control::client::ControlClient;
use node::control::protocol::{Progress, Reply, Request};
use std::path::{Path, PathBuf};

/// Questions to one daemon; each on a connection of its own.
pub struct Session {
    data_dir: PathBuf,
}

impl Session {
    /// The daemon that owns a data directory; an error when none answers.
    pub fn open(data_dir: PathBuf) -> Result<Self, CliError> {
        ControlClient::connect(&data_dir)?;
        Ok(Self { data_dir })
    }

    /// Asks, and hands out what comes before the answer.
    pub fn ask_with(&self, request: Request, on_progress: &mut dyn FnMut(Progress)) -> Result<Reply, CliError> {
        Ok(ControlClient::connect(&self.data_dir)?.request(request, on_progress)?)
    }

    /// Asks.
    pub fn ask(&self, request: Request) -> Result<Reply, CliError> {
        self.ask_with(request, &mut |_| {})
    }
}

/// The data directory the user means: the flags, P2PJOB_DATA_DIR, node 0 of the newest network, the newest node.
pub fn choose(shared: &SharedArgs, environment: &Environment, registry: &Registry) -> Result<PathBuf, CliError> {
    if let Some(data_dir) = &shared.data_dir {
        return Ok(data_dir.clone());
    }
    let running = registry.running();
    let mut networks = running.iter().filter_map(|entry| match &entry.kind {
        Kind::Network { nodes } => Some(nodes),
        Kind::Node { .. } => None,
    });
    if let Some(number) = shared.node {
        let nodes = networks
            .next()
            .ok_or_else(|| nothing_runs("no `up` network runs, so there is no node {number}"))?;
        return nodes.get(number).cloned().ok_or_else(|| {
            let message = format!("the network has no node {number}");
            CliError::new(
                Exit::NotFound,
                message,
                format!("its nodes are 0 to {}", nodes.len().saturating_sub(1)),
            )
        });
    }
    if let Some(data_dir) = environment.path("P2PJOB_DATA_DIR") {
        return Ok(data_dir);
    }
    let network = networks.next().and_then(|nodes| nodes.first());
    let node = running.iter().find_map(|entry| match &entry.kind {
        Kind::Node { data_dir } => Some(data_dir),
        Kind::Network { .. } => None,
    });
    network
        .or(node)
        .cloned()
        .ok_or_else(|| nothing_runs("no node of yours runs on this machine"))
}

fn nothing_runs(message: &str) -> CliError {
    CliError::new(
        Exit::Unreachable,
        message,
        "start one with `p2pjob up` or `p2pjob node`",
    )
}

/// Makes a path absolute: the daemon's working directory is another one.
pub fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(|error| CliError::file("find", path, &error))
}

/// Like [`absolute`], for a file that must be there.
pub fn existing_file(path: &Path) -> Result<PathBuf, CliError> {
    let metadata = std::fs::metadata(path).map_err(|error| CliError::file("read", path, &error))?;
    if metadata.is_dir() {
        return Err(CliError::new(
            Exit::BadInput,
            format!("{} is a folder", path.display()),
            "name a file",
        ));
    }
    absolute(path)
}
