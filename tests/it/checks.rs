//! A job's own check: one replica per chunk, and what becomes of those it refutes.

use p2pjob_tests::{Cluster, Report, UpNetwork, check_settled, checked_job};

/// Numbers of a task, and how many of them a chunk has.
const COUNT: u64 = 40_000;
const CHUNKS: i64 = 40;

fn sum() -> String {
    (0..COUNT).map(u64::isqrt).sum::<u64>().to_string()
}

/// The parameters of a task in which this goes wrong.
fn task(fault: &str) -> Vec<String> {
    let words = [
        "--param",
        &format!("count={COUNT}"),
        "--param",
        &format!("fault={fault}"),
        "--chunk-size",
        &(COUNT / CHUNKS as u64).to_string(),
    ];
    words.map(str::to_owned).to_vec()
}

fn complete(node: &p2pjob_tests::Node, job: &str, fault: &str, more: &[&str]) -> Report {
    let mut args = task(fault);
    args.extend(more.iter().map(|word| (*word).to_owned()));
    node.complete(job, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// How often the records of a task's chunks say this.
fn said(node: &p2pjob_tests::Node, task: &str, words: &str) -> usize {
    let chunk = |chunk: i64| node.http().get(&format!("/api/v1/tasks/{task}/chunks/{chunk}")).text();
    (0..CHUNKS).filter(|number| chunk(*number).contains(words)).count()
}

fn result(network_folder: &std::path::Path, node: &p2pjob_tests::Node, report: &Report) -> String {
    let path = network_folder.join("result");
    node.ask(&["fetch", report.text("result_hash"), "-o", &path.display().to_string()]);
    std::fs::read_to_string(path).expect("a result").trim().to_owned()
}

#[test]
fn a_refuted_result_is_unpaid_and_its_chunk_runs_elsewhere() {
    let network = UpNetwork::start(&["--nodes", "5", "--liars", "1"]);
    let (node, liar) = (network.node(0), network.of_role("liar")[0]);
    let job = node
        .ask(&["publish", &checked_job().display().to_string()])
        .text("job")
        .to_owned();
    // Its manifest asks for the check.
    let report = complete(node, &job, "none", &[]);
    assert_eq!(
        result(network.folder(), node, &report),
        sum(),
        "nothing wrong was accepted"
    );
    let named: Vec<String> = report
        .list("liars")
        .iter()
        .map(|pair| pair.text("0").to_owned())
        .collect();
    assert_eq!(named, [liar.name()], "the liar, and nobody else, is named: {report}");
    assert!(said(node, report.text("task_id"), "refuted by the job's check") > 0);

    check_settled(network.nodes());
    let ledger = |node: &p2pjob_tests::Node| node.ask(&["ledger"]).list("rows");
    let earned = |node: &p2pjob_tests::Node| ledger(node).iter().map(|row| row.number("earned")).sum::<i64>();
    assert_eq!(earned(liar), 0, "lies are not paid");
    let honest: i64 = network.of_role("honest").iter().map(|node| earned(node)).sum();
    assert_eq!(honest, report.number("price"), "the honest are");
    assert!(
        report.number("replicas") < 2 * CHUNKS,
        "one replica was enough for most chunks: {report}"
    );
    let next = complete(node, &job, "none", &["--no-memo", "--verify", "check"]);
    assert!(
        !next.texts("workers").contains(&liar.name()),
        "it gets no more work: {next}"
    );
    assert_eq!(
        next.number("replicas"),
        CHUNKS,
        "one replica per chunk is run and paid: {next}"
    );
}

#[test]
fn where_a_check_cannot_say_a_second_node_is_asked() {
    let cluster = Cluster::start(4);
    let node = cluster.node(0);
    let job = node
        .ask(&["publish", &checked_job().display().to_string()])
        .text("job")
        .to_owned();
    for fault in ["check_errs", "check_traps"] {
        let report = complete(node, &job, fault, &[]);
        assert_eq!(result(cluster.folder(), node, &report), sum());
        assert!(
            report.number("replicas") >= 2 * CHUNKS,
            "{fault}: every chunk has two results: {report}"
        );
        let unchecked = said(node, report.text("task_id"), "of check that was asked for");
        assert_eq!(unchecked as i64, CHUNKS, "{fault}: every chunk's record says why");
    }
    let mut args = vec!["submit".to_owned(), job, "--wait".to_owned()];
    args.extend(task("run_errs"));
    let failed = node.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let report = failed.report(5);
    assert!(
        report.to_string().contains("the error of run that was asked for"),
        "{report}"
    );
    check_settled(cluster.nodes());
}

#[test]
fn a_task_cannot_ask_for_a_check_that_the_job_does_not_have() {
    let cluster = Cluster::start(1);
    cluster
        .node(0)
        .run(&["submit", "bench_empty", "--param", "chunks=3", "--verify", "check"])
        .fails(3, &["bench_empty has no check of its own", "quorum"]);
}
