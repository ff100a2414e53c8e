//! A task's life as its owner sees it: cancelled, failed, explained, replayed.

use guest_programs::Program;
use p2pjob_tests::{Cluster, Node, PATIENCE, Report, check_settled, wait_until};
use std::time::{Duration, Instant};

/// Remote work has stopped this long after `cancel` answered.
const CANCEL_BOUND: Duration = Duration::from_secs(1);
/// Tries to keep to a bound on a machine that others load too: one must.
const TRIES: usize = 3;

/// Publishes a guest program at a node; its job id.
fn publish(cluster: &Cluster, node: usize, program: Program) -> String {
    let path = cluster
        .file(&format!("{program:?}.wasm"), &program.component())
        .display()
        .to_string();
    cluster.node(node).ask(&["publish", &path]).text("job").to_owned()
}

fn replicas_at(node: &Node) -> i64 {
    let status = node.status();
    status.number("node.running_replicas") + status.number("node.queued_replicas")
}

#[test]
fn cancel_stops_remote_work_within_a_second() {
    let cluster = Cluster::start(3);
    let job = publish(&cluster, 0, Program::InfiniteLoop);
    let mut took = Vec::new();
    for _ in 0..TRIES {
        let task = cluster.node(0).submit(&job, &["--verify", "quorum:3"]);
        for node in cluster.nodes() {
            wait_until("every node runs the chunk", PATIENCE, || {
                let status = node.status();
                if status.number("node.running_replicas") == 1 {
                    Ok(())
                } else {
                    Err(status)
                }
            });
        }
        let cancelled = cluster.node(0).ask(&["cancel", &task, "--reason", "no time for loops"]);
        let asked = Instant::now();
        assert_eq!(cancelled.text("status"), "cancelled");
        wait_until("all replicas have stopped", PATIENCE, || {
            let running: i64 = cluster.nodes().iter().map(replicas_at).sum();
            if running == 0 { Ok(()) } else { Err(running) }
        });
        took.push(asked.elapsed());
        let report = cluster.node(0).watch(&task, 6);
        assert_eq!(
            (report.text("status"), report.text("detail")),
            ("cancelled", "no time for loops")
        );
        assert_eq!(report.number("held"), 0, "{report}");
    }
    assert!(took.iter().min() < Some(&CANCEL_BOUND), "the work went on for {took:?}");
    // A task that is over cannot be cancelled again.
    let over = cluster.node(0).ask(&["status"]).text("tasks.0.task_id").to_owned();
    cluster.node(0).run(&["cancel", &over]).fails(3, &["ended"]);
    check_settled(cluster.nodes());
}

#[test]
fn failing_chunks_are_grouped_logged_and_replayed() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    let args = [
        "submit",
        "bench_empty",
        "--wait",
        "--param",
        "chunks=20",
        "--param",
        "fail_every=2",
        "--verify",
        "quorum:2",
    ];
    let report = node.run(&args).report(5);
    assert_eq!(report.text("status"), "failed");
    assert_eq!(
        (report.number("accepted"), report.number("failed")),
        (10, 10),
        "{report}"
    );
    assert!(report.text("detail").contains("10 of 20 chunks failed"), "{report}");
    let task = report.text("task_id");
    let logs = node.ask(&["logs", task]);
    assert_eq!(
        logs.list("errors")
            .iter()
            .map(|group| group.number("count"))
            .sum::<i64>(),
        10,
        "{logs}"
    );
    assert!(logs.text("errors.0.message").contains("failed on purpose"), "{logs}");
    let failed = &logs.list("replicas")[0];
    let chunk = failed.number("result.chunk").to_string();
    assert!(
        failed.find("bundle").is_some_and(|bundle| bundle.is_string()),
        "no failure bundle: {failed}"
    );
    let replayed = node.ask(&["replay", task, &chunk]);
    assert!(
        replayed.flag("same_outcome") && replayed.flag("same_fuel"),
        "{replayed}"
    );
    let message = replayed.at("replayed.outcome").to_string();
    assert!(
        message.contains(&format!("chunk {chunk} failed on purpose")),
        "{replayed}"
    );
    check_settled(cluster.nodes());
}

#[test]
fn explain_names_every_node_and_the_reason() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    let task = node.submit("bench_empty", &["--param", "chunks=7", "--verify", "quorum:5"]);
    wait_until("three nodes have done what they can", PATIENCE, || {
        let report = node.ask(&["status", &task]);
        if report.number("replicas") >= 21 && report.number("running") == 0 {
            Ok(())
        } else {
            Err(report)
        }
    });
    let run = node.run(&["explain", &task]);
    assert!(run.took < Duration::from_secs(2), "explain took {:?}", run.took);
    let explained = run.report(0);
    let group = &explained.list("groups")[0];
    assert_eq!(group.number("chunks"), 7, "{explained}");
    assert!(
        group.text("needs").contains('2'),
        "two more nodes are needed: {explained}"
    );
    let nodes = group.list("nodes");
    let named: Vec<&str> = nodes.iter().map(|reason| reason.text("node")).collect();
    assert!(
        cluster.nodes().iter().all(|node| named.contains(&node.name().as_str())),
        "{explained}"
    );
    for reason in &nodes {
        assert!(
            !reason.text("reason").is_empty() && !reason.text("remedy").is_empty(),
            "{explained}"
        );
        assert_eq!(reason.text("code"), "already_has_replica", "{explained}");
    }
    node.ask(&["cancel", &task]);
    check_settled(cluster.nodes());
}

#[test]
fn more_nodes_are_what_a_quorum_waited_for() {
    let mut cluster = Cluster::start(2);
    let task = cluster
        .node(0)
        .submit("bench_empty", &["--param", "chunks=5", "--verify", "quorum:3"]);
    cluster.add(&["--slots".to_owned(), "1".to_owned()]);
    let report = cluster.node(0).watch(&task, 0);
    assert_eq!(
        (report.number("accepted"), report.texts("workers").len()),
        (5, 3),
        "{report}"
    );
    check_settled(cluster.nodes());
}

#[test]
fn a_price_limit_stops_a_task_and_says_so() {
    let cluster = Cluster::start(3);
    let args = [
        "submit",
        "range_reduce",
        "--wait",
        "--max-price",
        "0.000001",
        "--param",
        "start=1",
    ];
    let more = [
        "--param",
        "end=20000",
        "--param",
        "operation=custom",
        "--param",
        "expression=x % 11",
    ];
    let run = cluster.node(0).run(&[&args[..], &more].concat());
    let report = run.report(5);
    assert!(report.text("detail").contains("price limit of 0.000001"), "{report}");
    assert!(
        report.text("detail").contains("--max-price"),
        "what to do is not said: {report}"
    );
    assert!(report.number("price") <= 1, "it cost more than it may: {report}");
    check_settled(cluster.nodes());
}

#[test]
fn a_deadline_ends_a_task_that_cannot_keep_it() {
    let cluster = Cluster::start(2);
    let job = publish(&cluster, 0, Program::InfiniteLoop);
    let report: Report = cluster
        .node(0)
        .run(&["submit", &job, "--wait", "--deadline", "1500ms"])
        .report(5);
    assert!(
        report.text("detail").contains("deadline passed with 0 of 1 chunks"),
        "{report}"
    );
    for node in cluster.nodes() {
        wait_until("the work has stopped", PATIENCE, || match replicas_at(node) {
            0 => Ok(()),
            running => Err(running),
        });
    }
}

#[test]
fn ctrl_c_leaves_the_task_running_and_says_how_to_come_back() {
    let cluster = Cluster::start(2);
    let node = cluster.node(0);
    let job = publish(&cluster, 0, Program::InfiniteLoop);
    let waiting = node.start_command(&["submit", &job, "--wait"]);
    wait_until("the task runs", PATIENCE, || match replicas_at(cluster.node(1)) {
        1 => Ok(()),
        other => Err(other),
    });
    waiting.interrupt();
    let run = waiting.finish();
    assert_eq!(run.code, 130, "{run}");
    assert!(
        run.stderr.contains("p2pjob watch") && run.stderr.contains("p2pjob cancel"),
        "{run}"
    );
    let task = node.status().text("tasks.0.task_id").to_owned();
    assert_eq!(node.ask(&["status", &task]).text("status"), "running");
    node.ask(&["cancel", &task]);
    check_settled(cluster.nodes());
}
