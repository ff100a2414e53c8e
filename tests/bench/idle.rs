//! A node that has nothing to do, and the time until a local network is ready.

use crate::Row;
use crate::process::{cpu, status_mib};
use p2pjob_tests::UpNetwork;
use std::time::{Duration, Instant};

/// How long idle nodes are watched.
const WATCHED: Duration = Duration::from_secs(10);

/// Start-up, memory and CPU of idle nodes.
pub fn measure() -> Vec<Row> {
    // The first network of a build compiles the built-in jobs.
    let first = UpNetwork::start(&["--nodes", "5"]);
    first.nodes().iter().for_each(|node| drop(node.await_job("word_count")));
    drop(first);
    let started = Instant::now();
    let network = UpNetwork::start(&["--nodes", "5"]);
    let ready = started.elapsed().as_secs_f64();
    network.node(0).await_job("word_count");
    let pids: Vec<u32> = network.nodes().iter().filter_map(p2pjob_tests::Node::pid).collect();
    let before: Vec<Duration> = pids.iter().map(|pid| cpu(*pid)).collect();
    let watched = Instant::now();
    std::thread::sleep(WATCHED);
    let elapsed = watched.elapsed().as_secs_f64();
    let shares = pids
        .iter()
        .zip(before)
        .map(|(pid, before)| (cpu(*pid) - before).as_secs_f64() / elapsed * 100.0);
    let most_cpu = shares.fold(0.0, f64::max);
    let most_memory = pids.iter().map(|pid| status_mib(*pid, "VmRSS")).fold(0.0, f64::max);
    let anonymous = pids.iter().map(|pid| status_mib(*pid, "RssAnon")).fold(0.0, f64::max);
    vec![
        Row::judged(
            "`up --nodes 5`, from the command to ready",
            format!("{ready:.2} s"),
            "< 3 s",
            ready < 3.0,
        ),
        Row::judged(
            "idle node, resident (largest of 5)",
            format!("{most_memory:.0} MiB, {anonymous:.0} MiB of it not shared files"),
            "< 60 MB",
            most_memory < 60.0,
        ),
        Row::judged(
            "idle node, CPU (largest of 5)",
            format!("{most_cpu:.2} % of a core"),
            "< 0.5 %",
            most_cpu < 0.5,
        ),
    ]
}
