//! `kill -9` of the requester or of a worker at random moments: no task is lost, no credit is lost, nothing wrong is
//! accepted. A seed draws the moment; `P2PJOB_CRASH_SEED=N` runs only that seed, `P2PJOB_CRASH_SEEDS=N` so many.

use p2pjob_tests::sim::random::Random;
use p2pjob_tests::{Cluster, check_settled, count_words, text};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Seeds of a quick run, half of them for each side.
const SEEDS: u64 = 20;
/// The kill comes within this many per mille of the time that a task takes undisturbed: planning, running, reducing and
/// settling are all hit, and sometimes nothing is left to do.
const MOMENT_PER_MILLE_MAX: u64 = 1_300;
/// One seed in so many also cuts the power of all nodes at once.
const POWER_CUT_EVERY: usize = 4;
/// Bytes of a text; its pieces are so large that their counts travel as blobs.
const TEXT_BYTES: usize = 2 << 20;

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

/// What is computed while somebody crashes. The seed keeps one task's chunks from being recalled for another.
enum Work {
    /// Small outputs, many chunks, no input.
    Numbers,
    /// An input in slices, outputs as blobs.
    Words,
}

impl Work {
    /// The last number; close to the same for all seeds.
    fn end(seed: u64) -> u64 {
        6_000 + seed % 1_000
    }

    fn submit(&self, cluster: &Cluster, seed: u64) -> String {
        match self {
            Self::Numbers => {
                let (end, expression) = (format!("end={}", Self::end(seed)), format!("expression=x * {seed}"));
                let params = ["start=1", &end, "operation=custom", &expression];
                let mut args = vec!["--chunk-size", "40"];
                args.extend(params.iter().flat_map(|param| ["--param", param]));
                cluster.node(0).submit("range_reduce", &args)
            }
            Self::Words => {
                let file = cluster.file("text", text(seed, TEXT_BYTES).as_bytes());
                let input = format!("text={}", file.display());
                let args = ["--input", &input, "--chunk-size", "262144"];
                cluster.node(0).submit("word_count", &args)
            }
        }
    }

    fn check(&self, result: &[u8], seed: u64) {
        match self {
            Self::Numbers => {
                let end = u128::from(Self::end(seed));
                let expected = format!("{}\n", end * (end + 1) / 2 * u128::from(seed));
                assert_eq!(String::from_utf8_lossy(result), expected, "seed {seed}");
            }
            Self::Words => {
                let found: BTreeMap<String, u64> = serde_json::from_slice(result).expect("one JSON object");
                assert_eq!(found, count_words(&text(seed, TEXT_BYTES)), "seed {seed}");
            }
        }
    }
}

/// How long a task takes when nobody crashes.
fn calm(cluster: &Cluster, work: &Work, salt: u64) -> Duration {
    let task = work.submit(cluster, salt);
    let started = Instant::now();
    cluster.node(0).watch(&task, 0);
    started.elapsed()
}

/// The moment of a fault after submit: drawn, not waited for.
fn moment(span: Duration, seed: u64) -> Duration {
    span * Random::new(seed).below(MOMENT_PER_MILLE_MAX) as u32 / 1_000
}

/// One task with one crash in it.
fn crash(cluster: &mut Cluster, victim: usize, (work, span): (&Work, Duration), seed: u64) {
    let task = work.submit(cluster, seed);
    let moment = moment(span, seed);
    std::thread::sleep(moment);
    cluster.kill(victim);
    if victim != 0 {
        // The others end it meanwhile.
        cluster.node(0).watch(&task, 0);
    }
    cluster.restart(victim);
    println!("seed {seed}: node {victim} killed after {moment:?}");
    check_end(cluster, &task, work, seed);
}

/// The task of a crash comes to its right end, and the books are right.
fn check_end(cluster: &Cluster, task: &str, work: &Work, seed: u64) {
    let report = cluster.node(0).watch(task, 0);
    let (chunks, replicas) = (report.number("chunks"), report.number("replicas"));
    println!("seed {seed}: {chunks} chunks, {replicas} replicas");
    assert_eq!(report.text("status"), "completed", "seed {seed}: {report}");
    assert_eq!(report.number("accepted"), chunks, "seed {seed}: {report}");
    assert!(
        report.list("liars").is_empty(),
        "seed {seed}: a crash is no lie: {report}"
    );
    let path = cluster.folder().join("result").display().to_string();
    cluster.node(0).ask(&["fetch", report.text("result_hash"), "-o", &path]);
    work.check(&std::fs::read(&path).expect("the fetched result"), seed);
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

/// How long each kind of work takes when nobody crashes.
fn spans(cluster: &Cluster, works: &[Work]) -> Vec<Duration> {
    // Compiled before, so that the measured time is that of the task.
    let salts = [1_000_001, 1_000_002];
    works.iter().for_each(|work| {
        calm(cluster, work, salts[0]);
    });
    works.iter().map(|work| calm(cluster, work, salts[1])).collect()
}

/// Runs the seeds of one parity; `victim` names the node that is killed for each.
fn crash_again_and_again(parity: u64, victim: impl Fn(u64) -> usize) {
    let mut cluster = Cluster::start(3);
    let works = [Work::Numbers, Work::Words];
    let spans = spans(&cluster, &works);
    for seed in seeds().into_iter().filter(|seed| seed % 2 == parity) {
        let kind = (seed / 2 % 2) as usize;
        crash(&mut cluster, victim(seed), (&works[kind], spans[kind]), seed);
    }
    restart_everybody(&mut cluster);
}

#[test]
fn a_requester_that_is_killed_goes_on() {
    crash_again_and_again(0, |_| 0);
}

#[test]
fn a_worker_that_is_killed_loses_nothing() {
    crash_again_and_again(1, |seed| 1 + (seed as usize / 4) % 2);
}

#[test]
fn a_power_cut_of_everybody_loses_nothing() {
    let mut cluster = Cluster::start(3);
    let works = [Work::Numbers, Work::Words];
    let spans = spans(&cluster, &works);
    let count = cluster.nodes().len();
    for seed in seeds().into_iter().step_by(POWER_CUT_EVERY) {
        let kind = (seed / POWER_CUT_EVERY as u64 % 2) as usize;
        // Other tasks than those of the seeds of the other tests, and other moments.
        let seed = seed + 500;
        let task = works[kind].submit(&cluster, seed);
        std::thread::sleep(moment(spans[kind], seed));
        (0..count).for_each(|number| cluster.kill(number));
        (0..count).for_each(|number| cluster.restart(number));
        check_end(&cluster, &task, &works[kind], seed);
    }
}
