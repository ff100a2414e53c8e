//! `kill -9` of the requester or of a worker at random moments: no task is lost, no credit is lost, no chunk is decided
//! twice. A seed draws the moment; `P2PJOB_CRASH_SEED=N` runs only that seed, `P2PJOB_CRASH_SEEDS=N` so many.

use p2pjob_tests::sim::random::Random;
use p2pjob_tests::{Cluster, check_settled};
use std::time::Duration;

/// Seeds of a quick run, half of them for each side.
const SEEDS: u64 = 20;
/// The kill comes at most this long after submit, in microseconds: a task takes about this long on an idle machine, so
/// planning, running, reducing and settling are all hit.
const MOMENT_US_MAX: u64 = 1_000_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

fn seeds() -> Vec<u64> {
    match number("P2PJOB_CRASH_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("P2PJOB_CRASH_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

/// One task with one crash in it.
fn crash(cluster: &mut Cluster, victim: usize, seed: u64) {
    let mut random = Random::new(seed);
    let end = 6_000 + seed;
    let args = [
        "--param".to_owned(),
        "start=1".to_owned(),
        "--param".to_owned(),
        format!("end={end}"),
        "--param".to_owned(),
        "operation=custom".to_owned(),
        "--param".to_owned(),
        // The seed keeps the chunks of one task from being recalled for the next.
        format!("expression=x * {seed}"),
        "--chunk-size".to_owned(),
        "40".to_owned(),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let task = cluster.node(0).submit("range_reduce", &args);
    // The moment of the fault, not a wait for something.
    let moment = Duration::from_micros(random.below(MOMENT_US_MAX));
    std::thread::sleep(moment);
    cluster.kill(victim);
    if victim != 0 {
        // The others end it meanwhile.
        cluster.node(0).watch(&task, 0);
    }
    cluster.restart(victim);
    let report = cluster.node(0).watch(&task, 0);
    println!(
        "seed {seed}: node {victim} killed after {moment:?}; {} chunks, {} replicas",
        report.at("chunks"),
        report.at("replicas")
    );
    assert_eq!(report.text("status"), "completed", "seed {seed}: {report}");
    assert_eq!(
        report.number("accepted"),
        report.number("chunks"),
        "seed {seed}: {report}"
    );
    assert_eq!(
        report.list("liars").len(),
        0,
        "seed {seed}: a crash is no lie: {report}"
    );
    let path = cluster.folder().join("result").display().to_string();
    cluster.node(0).ask(&["fetch", report.text("result_hash"), "-o", &path]);
    let result = std::fs::read_to_string(&path).expect("the fetched result");
    let expected = u128::from(end) * u128::from(end + 1) / 2 * u128::from(seed);
    assert_eq!(result.trim_end(), expected.to_string(), "seed {seed}");
    cluster.await_mesh();
    check_settled(cluster.nodes());
}

/// What is on disk must be enough: after a restart of everybody the books are the same, and old tasks are known.
fn restart_everybody(cluster: &mut Cluster) {
    let before = cluster.node(0).status();
    let count = cluster.nodes().len();
    (0..count).for_each(|number| cluster.kill(number));
    (0..count).for_each(|number| cluster.restart(number));
    cluster.await_mesh();
    check_settled(cluster.nodes());
    let after = cluster.node(0).status();
    assert_eq!(
        after.at("tasks"),
        before.at("tasks"),
        "the journal tells the same story again"
    );
    assert_eq!(after.at("node.credits"), before.at("node.credits"));
}

#[test]
fn a_requester_that_is_killed_goes_on() {
    let mut cluster = Cluster::start(3);
    for seed in seeds().into_iter().filter(|seed| seed % 2 == 0) {
        crash(&mut cluster, 0, seed);
    }
    restart_everybody(&mut cluster);
}

#[test]
fn a_worker_that_is_killed_loses_nothing() {
    let mut cluster = Cluster::start(3);
    for seed in seeds().into_iter().filter(|seed| seed % 2 == 1) {
        crash(&mut cluster, 1 + (seed as usize / 2) % 2, seed);
    }
    restart_everybody(&mut cluster);
}
