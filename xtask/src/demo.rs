//! `cargo xtask demo`: the whole loop on real data, with a liar among the nodes.
//!
//! Starts `p2pjob up`, publishes a job made from a template, runs four jobs redundantly, compares every result with one
//! computed here natively, fetches by hash from another node, and checks the ledger. Everything goes through the same
//! commands a user types, and each is shown. The network is a child process that is stopped however the demo ends.

mod data;
pub mod network;
mod tasks;

use crate::build;
use crate::folders::Folders;
use crate::process::Failure;
use network::Network;
use std::time::Instant;

/// Nodes of the demo's network; the last one lies.
const NODES: usize = 5;
/// How many of them lie.
const LIARS: usize = 1;

/// Runs the demo. With `--exit` the network is stopped at the end; without, it runs on until Ctrl-C.
pub fn demo(folders: &Folders, arguments: &[&str]) -> Result<(), Failure> {
    let exit = match arguments {
        [] => false,
        ["--exit"] => true,
        other => return Err(Failure::new(format!("demo knows only --exit, not {}", other.join(" ")))),
    };
    build::build_all(folders)?;
    let started = Instant::now();
    let folder = folders.target.join("demo");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    let set = data::make(&folder)?;
    let network = Network::start(folders, NODES, LIARS)?;
    let job = tasks::publish_own_job(folders, &network, &folder)?;
    tasks::run_all(&network, &set, &job, &folder)?;
    tasks::show_ledger(&network)?;
    println!(
        "\ndone in {:.1} s: every result was equal to the one computed natively",
        started.elapsed().as_secs_f64()
    );
    println!("console: {}", network.console(0)?);
    if exit {
        return network.stop();
    }
    println!("\nthe network runs on; in another terminal: cargo p2pjob status, cargo p2pjob peers; Ctrl-C stops it");
    network.wait()
}
