//! Nodes that fall silent and come back.

use p2pjob_tests::{Cluster, Node, PATIENCE, check_settled, wait_until};

/// A task of many chunks that no earlier one can answer.
fn many_chunks(node: &Node, salt: u32, flags: &[&str]) -> p2pjob_tests::Report {
    let salt = format!("salt={salt}");
    let args = ["--param", "chunks=300", "--param", &salt, "--verify", "quorum:2"];
    node.complete("bench_empty", &[&args[..], flags].concat())
}

#[test]
fn a_paused_worker_holds_nothing_up_and_comes_back() {
    let cluster = Cluster::start(3);
    let task = cluster
        .node(0)
        .submit("bench_empty", &["--param", "chunks=400", "--verify", "quorum:2"]);
    cluster.node(2).pause();
    // It completes while node 2 knows nothing of the world.
    let report = cluster.node(0).watch(&task, 0);
    assert_eq!(report.number("accepted"), 400);
    cluster.node(0).await_peers(1);
    let later = many_chunks(cluster.node(0), 1, &[]);
    assert!(!later.texts("workers").contains(&cluster.node(2).name()), "{later}");
    cluster.node(2).resume();
    cluster.await_mesh();
    use_everybody(&cluster, 2);
    check_settled(cluster.nodes());
}

#[test]
fn a_network_that_was_cut_in_two_heals() {
    let cluster = Cluster::start(5);
    let away = [cluster.node(3), cluster.node(4)];
    away.iter().for_each(|node| node.pause());
    // Longer than a silent peer is believed to be there (network.idle_timeout_ms).
    (0..3).for_each(|node| cluster.node(node).await_peers(2));
    let report = many_chunks(cluster.node(0), 1, &[]);
    assert!(
        away.iter().all(|node| !report.texts("workers").contains(&node.name())),
        "{report}"
    );
    away.iter().for_each(|node| node.resume());
    cluster.await_mesh();
    use_everybody(&cluster, 2);
    check_settled(cluster.nodes());
}

/// Every node gets work again, in one task.
fn use_everybody(cluster: &Cluster, first_salt: u32) {
    let mut salt = first_salt;
    wait_until("a task uses every node", PATIENCE, || {
        salt += 1;
        let report = many_chunks(cluster.node(0), salt, &["--placement", "round_robin"]);
        let workers = report.texts("workers");
        if cluster.nodes().iter().all(|node| workers.contains(&node.name())) {
            Ok(())
        } else {
            Err(report)
        }
    });
}
