//! What processes used, from `/proc`.

use p2pjob_tests::Node;
use std::time::Duration;

/// Ticks of `/proc/PID/stat` per second: fixed by Linux for user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process so far.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .expect("fields after the name")
        .split(' ')
        .collect();
    let ticks: f64 = [11, 12]
        .iter()
        .map(|at| fields[*at].parse::<f64>().expect("a number"))
        .sum();
    Duration::from_secs_f64(ticks / TICKS_PER_SECOND)
}

/// A field of `/proc/PID/status` in MiB.
pub fn status_mib(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status
        .lines()
        .find(|line| line.starts_with(field))
        .unwrap_or_else(|| panic!("no {field}"));
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<f64>().ok())
        .expect("a number of KiB")
        / 1024.0
}

/// Time of all these nodes so far.
pub fn cpu_of(nodes: &[Node]) -> Duration {
    nodes.iter().filter_map(Node::pid).map(cpu).sum()
}

/// The middle one of three or five figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
