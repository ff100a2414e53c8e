//! Hostile jobs on a real network: each is contained, its end is told, and the nodes serve the next task.

use guest_programs::Program;
use p2pjob_tests::{Cluster, Node, check_settled};

/// Resident memory of a node that contained them, in bytes: far below what they asked for.
const RESIDENT_MAX: i64 = 600 << 20;

/// What each program's task must say of its end.
const CASES: [(Program, &str); 12] = [
    (Program::InfiniteLoop, "fuel"),
    (Program::LongError, "éé"),
    (Program::MemoryHog, "memory limit of 48000000 bytes"),
    (Program::TableHog, ""),
    (Program::DeepRecursion, "stack"),
    (Program::OutputFlood, "limit of 1000000 bytes"),
    (Program::OutputAtOnce, "more data in one piece"),
    (Program::EndlessError, "memory limit"),
    (Program::OutOfBounds, "out of bounds"),
    (Program::DivideByZero, "divide"),
    (Program::BadCall, "uninitialized"),
    (Program::Panic, "the sky is falling"),
];

fn submit(cluster: &Cluster, node: &Node, program: Program) -> p2pjob_tests::Run {
    let path = cluster
        .file(&format!("{program:?}.wasm"), &program.component())
        .display()
        .to_string();
    let job = node.ask(&["publish", &path]).text("job").to_owned();
    let limits = [
        "--fuel",
        "3G",
        "--memory",
        "48M",
        "--max-output",
        "1M",
        "--timeout",
        "60s",
        "--verify",
        "quorum:2",
    ];
    node.run(&[&["submit", &job, "--wait"][..], &limits].concat())
}

#[test]
fn hostile_jobs_are_contained_and_their_end_is_told() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    for (program, mention) in CASES {
        let run = submit(&cluster, node, program);
        if run.code == 0 {
            // A program that is only kept from taking more may end well.
            assert!(
                matches!(program, Program::MemoryHog | Program::TableHog),
                "{program:?}: {run}"
            );
            continue;
        }
        let report = run.report(5);
        assert!(
            report.text("detail").contains(mention),
            "{program:?}: {}",
            report.text("detail")
        );
        assert_eq!(report.list("liars").len(), 0, "{program:?}: {report}");
        println!("{program:?}: {}", report.text("detail"));
        let logs = node.ask(&["logs", report.text("task_id")]);
        assert!(!logs.list("replicas").is_empty(), "{program:?}: {logs}");
        if program == Program::Panic {
            assert!(
                logs.text("replicas.0.result.log").contains("the sky is falling"),
                "{logs}"
            );
            let outcome = logs.at("replicas.0.result.outcome").to_string();
            assert!(
                outcome.contains("guest::inner") && outcome.contains("guest::outer"),
                "{outcome}"
            );
        }
    }
    for node in cluster.nodes() {
        let resident = node.status().number("node.ram_bytes");
        assert!(
            resident < RESIDENT_MAX,
            "node {} has {resident} bytes resident",
            node.id().short()
        );
    }
    let good = node.complete("bench_empty", &["--param", "chunks=50", "--verify", "quorum:2"]);
    assert_eq!(good.number("accepted"), 50);
    check_settled(cluster.nodes());
}

#[test]
fn a_replica_that_takes_too_long_is_stopped_and_said_so() {
    let cluster = Cluster::start(2);
    let path = cluster
        .file("loop.wasm", &Program::InfiniteLoop.component())
        .display()
        .to_string();
    let job = cluster.node(0).ask(&["publish", &path]).text("job").to_owned();
    let limits = ["--timeout", "200ms", "--deadline", "60s", "--verify", "none"];
    let report = cluster
        .node(0)
        .run(&[&["submit", &job, "--wait"][..], &limits].concat())
        .report(5);
    assert!(report.text("detail").contains("no verdict"), "{report}");
    assert!(
        report.text("detail").contains("200 ms"),
        "the limit is not named: {report}"
    );
}
