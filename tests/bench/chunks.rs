//! Empty chunks end to end through three node processes: what the platform itself costs.

use crate::process::{cpu_of, median};
use crate::{Row, dask};
use p2pjob_tests::{Report, UpNetwork};

/// Chunks of one run: some seconds of work.
const CHUNKS: usize = 20_000;
/// Runs per figure; the middle one counts.
const RUNS: usize = 3;
/// Chunks of the run in which every other one fails.
const FAILING_CHUNKS: usize = 100_000;

struct Figures {
    per_second: f64,
    cpu_us: f64,
}

fn run(network: &UpNetwork, verify: &str) -> Figures {
    let before = cpu_of(network.nodes());
    let count = format!("chunks={CHUNKS}");
    let report = network
        .node(0)
        .complete("bench_empty", &["--param", &count, "--verify", verify, "--no-memo"]);
    assert_eq!(report.number("accepted"), CHUNKS as i64);
    let cpu = cpu_of(network.nodes()).saturating_sub(before);
    let figures = Figures {
        per_second: CHUNKS as f64 / seconds(&report),
        cpu_us: cpu.as_secs_f64() * 1e6 / CHUNKS as f64,
    };
    figures
}

/// From submission to end, as the node saw it.
fn seconds(report: &Report) -> f64 {
    (report.number("ended_at") - report.number("submitted_at")).max(1) as f64 / 1000.0
}

fn middle(network: &UpNetwork, verify: &str) -> Figures {
    let runs: Vec<Figures> = (0..RUNS).map(|_| run(network, verify)).collect();
    Figures {
        per_second: median(runs.iter().map(|run| run.per_second).collect()),
        cpu_us: median(runs.iter().map(|run| run.cpu_us).collect()),
    }
}

/// Throughput at one replica and at quorum(2), against Dask in the same run.
pub fn measure() -> Vec<Row> {
    let network = UpNetwork::start(&["--nodes", "3"]);
    // The first run compiles the job and warms the quotes.
    run(&network, "none");
    let one = middle(&network, "none");
    let two = middle(&network, "quorum:2");
    let mut rows = vec![
        Row::judged(
            "empty chunks, 3 nodes, one replica",
            format!("{:.0} chunks/s", one.per_second),
            ">= 5000 /s",
            one.per_second >= 5000.0,
        ),
        Row::judged(
            "empty chunks, 3 nodes, quorum(2)",
            format!("{:.0} chunks/s", two.per_second),
            ">= 2500 /s",
            two.per_second >= 2500.0,
        ),
        Row::judged(
            "CPU per chunk, all processes, one replica",
            format!("{:.0} us", one.cpu_us),
            "< 150 us",
            one.cpu_us < 150.0,
        ),
        Row::plain(
            "CPU per chunk, all processes, quorum(2)",
            format!("{:.0} us", two.cpu_us),
        ),
    ];
    rows.push(failing(&network));
    drop(network);
    match dask::tasks_per_second() {
        Ok(dask) => {
            let ratio = one.per_second / dask;
            rows.push(Row::plain(
                "Dask distributed, empty tasks, 2 worker processes, same run",
                format!("{dask:.0} /s"),
            ));
            rows.push(Row::judged(
                "ratio to Dask",
                format!("{ratio:.1}x"),
                ">= 10x",
                ratio >= 10.0,
            ));
        }
        Err(why) => rows.push(Row::plain("Dask distributed", format!("not run: {why}"))),
    }
    rows
}

fn failing(network: &UpNetwork) -> Row {
    let count = format!("chunks={FAILING_CHUNKS}");
    let args = [
        "submit",
        "bench_empty",
        "--param",
        &count,
        "--param",
        "fail_every=2",
        "--verify",
        "none",
        "--no-memo",
        "--wait",
    ];
    let run = network.node(0).run(&args);
    assert_eq!(run.code, 5, "{}", run.stdout);
    let report: Report = Report(serde_json::from_str(&run.stdout).expect("one JSON object"));
    assert_eq!(report.number("failed"), FAILING_CHUNKS as i64 / 2);
    let groups = report.list("errors").len();
    Row::judged(
        format!("{FAILING_CHUNKS} chunks of which half fail: seconds, error groups"),
        format!("{:.1} s, {groups} group(s)", seconds(&report)),
        "completes, grouped",
        groups <= 2,
    )
}

/// A task whose every result is known.
pub fn measure_memo() -> Vec<Row> {
    let network = UpNetwork::start(&["--nodes", "3"]);
    let args = [
        "--param",
        "start=1",
        "--param",
        "end=100",
        "--param",
        "operation=sum",
        "--chunk-size",
        "100",
    ];
    network.node(0).complete("range_reduce", &args);
    let times = (0..5).map(|_| {
        let report = network.node(0).complete("range_reduce", &args);
        assert_eq!(report.number("recalled"), report.number("chunks"));
        (report.number("ended_at") - report.number("submitted_at")) as f64
    });
    let middle = median(times.collect());
    vec![Row::judged(
        "memo hit: a whole task, submitted to completed",
        format!("{middle:.0} ms"),
        "< 5 ms",
        middle < 5.0,
    )]
}
