//! What bad input gets: an error that names the thing and the remedy, a documented exit code, and a node that goes on.

use guest_programs::{Misfit, Program};
use p2pjob_tests::{Cluster, check_settled};
use std::fs::File;

/// 200 MB, more than a component may have; the file takes no room on disk.
const HUGE_BYTES: u64 = 200_000_000;

const BAD_INPUT: i32 = 3;
const NOT_FOUND: i32 = 4;
const UNREACHABLE: i32 = 7;
const UNAVAILABLE: i32 = 8;

#[test]
fn wrong_parameters_and_inputs_are_named_all_at_once() {
    let cluster = Cluster::start(1);
    let node = cluster.node(0);
    let wrong = ["start=x1", "operation=multiply", "bogus=1", "chunk_size=0"];
    let flags: Vec<&str> = wrong.iter().flat_map(|param| ["--param", param]).collect();
    let run = node.run(&[&["submit", "range_reduce"][..], &flags].concat());
    run.fails(
        BAD_INPUT,
        &[
            "start",
            "end",
            "operation",
            "bogus",
            "chunk_size",
            "p2pjob jobs range_reduce",
        ],
    );

    let text = cluster.file("text", b"one two").display().to_string();
    let hash = "ab".repeat(32);
    let inputs = [format!("txt={text}"), format!("other={hash}")];
    let flags: Vec<&str> = inputs.iter().flat_map(|input| ["--input", input]).collect();
    let run = node.run(&[&["submit", "word_count"][..], &flags].concat());
    run.fails(BAD_INPUT, &["\"txt\"", "\"other\"", "\"text\" is missing", "--input"]);
    node.run(&["submit", "word_count", "--input", "text=/no/such/file"])
        .fails(NOT_FOUND, &["/no/such/file"]);
    let folder = format!("text={}", cluster.folder().display());
    node.run(&["submit", "word_count", "--input", &folder])
        .fails(BAD_INPUT, &["is a folder"]);
    node.run(&["submit", "range_reduce", "--params", &text])
        .fails(BAD_INPUT, &[&text]);
    let nothing = node.run(&["submit", "bench_empty", "--param", "chunks=1", "--verify", "quorum:0"]);
    assert!([2, BAD_INPUT].contains(&nothing.code), "{nothing}");
    assert!(
        nothing.stdout.contains("quorum") || nothing.stderr.contains("quorum"),
        "{nothing}"
    );

    let expression = ["submit", "map", "--param", "function=x +* 2", "--param", "data=[1]"];
    node.run(&expression).fails(BAD_INPUT, &["function"]);
    let upwards = [
        "submit",
        "range_reduce",
        "--param",
        "start=9",
        "--param",
        "end=1",
        "--param",
        "operation=sum",
    ];
    node.run(&upwards)
        .fails(BAD_INPUT, &["start (9) is greater than end (1)"]);
    assert_eq!(node.status().number("node.active_tasks"), 0, "nothing was submitted");
}

#[test]
fn files_that_are_no_jobs_are_refused() {
    let cluster = Cluster::start(1);
    let node = cluster.node(0);
    for misfit in Misfit::ALL {
        let name = format!("{misfit:?}.wasm");
        let path = match misfit {
            Misfit::Huge => {
                let path = cluster.file(&name, &[]);
                File::options()
                    .write(true)
                    .open(&path)
                    .and_then(|file| file.set_len(HUGE_BYTES))
                    .expect("a sparse file");
                path
            }
            _ => cluster.file(&name, &misfit.bytes()),
        };
        let run = node.run(&["publish", &path.display().to_string()]);
        run.fails(BAD_INPUT, &[&name]);
        println!("{misfit:?}: {}", run.stdout);
    }
    for program in [Program::NoManifest, Program::InfiniteStart] {
        let path = cluster
            .file(&format!("{program:?}.wasm"), &program.component())
            .display()
            .to_string();
        node.run(&["publish", &path]).fails(BAD_INPUT, &[&path]);
    }
    node.run(&["publish", "/no/such/file.wasm"])
        .fails(NOT_FOUND, &["/no/such/file.wasm"]);
    let jobs = node.ask(&["jobs"]).list("jobs");
    assert!(
        jobs.iter().all(|job| job.text("origin") == "builtin"),
        "none of them became a job: {jobs:?}"
    );
    node.complete("bench_empty", &["--param", "chunks=3"]);
}

#[test]
fn plans_over_the_limit_fail_the_task() {
    let cluster = Cluster::start(2);
    let node = cluster.node(0);
    let cases = [
        (Program::PlanFlood, "at most 1000000 chunks"),
        (Program::PlanOutOfRange, "input"),
        (Program::PlanOverlap, ""),
        (Program::Misplaced, "no plan today"),
    ];
    for (program, mention) in cases {
        let path = cluster
            .file(&format!("{program:?}.wasm"), &program.component())
            .display()
            .to_string();
        let job = node.ask(&["publish", &path]).text("job").to_owned();
        node.run(&["submit", &job]).fails(BAD_INPUT, &["plan failed", mention]);
        let report = node.run(&["submit", &job, "--no-quote", "--wait"]).report(5);
        assert!(report.text("detail").contains(mention), "{program:?}: {report}");
        println!("{program:?}: {}", report.text("detail"));
    }
    node.complete("bench_empty", &["--param", "chunks=3", "--verify", "quorum:2"]);
    check_settled(cluster.nodes());
}

#[test]
fn what_nobody_has_is_said_with_who_was_asked() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    let hash = "cd".repeat(32);
    let out = cluster.folder().join("out").display().to_string();
    let asked = [cluster.node(1).id().short(), cluster.node(2).id().short()];
    node.run(&["fetch", &hash, "-o", &out])
        .fails(NOT_FOUND, &[&hash, &asked[0], &asked[1]]);
    let input = format!("text={hash}");
    node.run(&["submit", "word_count", "--input", &input])
        .fails(NOT_FOUND, &[&hash, &asked[0]]);
    node.run(&["fetch", "xyz", "-o", &out]).fails(BAD_INPUT, &["xyz"]);
    node.run(&["submit", "no_such_job"])
        .fails(NOT_FOUND, &["no_such_job", "p2pjob jobs"]);
    for command in ["status", "watch", "explain", "cancel", "logs"] {
        node.run(&[command, "abcdef99"]).fails(NOT_FOUND, &["abcdef99"]);
        node.run(&[command, "not-hex"]).fails(BAD_INPUT, &["not-hex"]);
    }
    assert!(!std::path::Path::new(&out).exists(), "nothing was written");
}

#[test]
fn a_node_that_cannot_start_says_why() {
    let cluster = Cluster::start(1);
    let program = cluster.program();
    let start = |dir: &str, flags: &[&str]| program.run(&[&["--json", "node", "--data-dir", dir][..], flags].concat());
    let fresh = cluster.folder().join("fresh").display().to_string();
    let address = cluster.node(0).address();
    let port = address.rsplit(':').next().expect("a port");
    start(&fresh, &["--listen", address]).fails(UNAVAILABLE, &[port, "in use", "choose another port"]);

    let used = cluster.node(0).data_dir().display().to_string();
    start(&used, &[]).fails(UNAVAILABLE, &[&used, "in use", "--data-dir"]);

    let future = cluster.folder().join("future");
    std::fs::create_dir(&future).expect("a folder");
    std::fs::write(future.join("VERSION"), "p2pjob-data 99\n").expect("a file");
    let future = future.display().to_string();
    start(&future, &[]).fails(BAD_INPUT, &[&future, "p2pjob-data 99", "p2pjob-data 1"]);

    start(&fresh, &["--set", "worker.slots=many"]).fails(BAD_INPUT, &["worker.slots"]);
    start(&fresh, &["--set", "worker.slot=1"]).fails(2, &["worker.slot", "worker.slots"]);
    start(&fresh, &["--bootstrap", "127.0.0.1:1"]).fails(2, &["NODE@IP:PORT"]);
    start("/proc/no/such", &[]).fails(BAD_INPUT, &["/proc/no/such"]);

    program
        .run(&["--json", "--data-dir", &fresh, "status"])
        .fails(UNREACHABLE, &["p2pjob up"]);
    // The node that runs has noticed nothing.
    assert_eq!(cluster.node(0).status().number("node.active_tasks"), 0);
}

#[test]
fn unknown_keys_of_the_configuration_are_named_with_their_path() {
    let cluster = Cluster::start(1);
    let text = "[network]\nlisen = \"127.0.0.1:0\"\n[worker]\nslots = \"two\"\n[colour]\nred = 1\n";
    let file = cluster.file("config.toml", text.as_bytes()).display().to_string();
    let run = cluster.program().run(&["--json", "config", "check", &file]);
    assert_eq!(run.code, BAD_INPUT, "{run}");
    for mention in ["network.lisen", "network.listen", "worker.slots", "colour"] {
        assert!(run.stdout.contains(mention), "{mention} is not named: {run}");
    }
    let broken = cluster.file("broken.toml", b"[network\n").display().to_string();
    let run = cluster.program().run(&["--json", "config", "check", &broken]);
    assert!(run.code == BAD_INPUT && run.stdout.contains("broken.toml"), "{run}");
    let shown = cluster.program().run(&["--json", "--config", &file, "config", "show"]);
    assert_ne!(shown.code, 1, "{shown}");
}
