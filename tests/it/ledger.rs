//! Credit between strangers: transfers, proofs of forks, credit lines, in real processes.

use p2pjob_tests::{Cluster, ClusterOptions, Node, PATIENCE, check_settled, wait_until};
use std::path::{Path, PathBuf};

fn give(from: &Node, to: &str, amount: &str) -> p2pjob_tests::Run {
    from.run(&["ledger", "transfer", to, amount])
}

#[test]
fn credits_are_given_signed_by_both_and_verified_offline() {
    let mut cluster = Cluster::start(2);
    let (from, to) = (cluster.node(0), cluster.node(1).name());
    let given = give(from, &to, "2.5").report(0);
    assert!(given.flag("signed"), "{given}");
    assert_eq!(given.number("received"), 2_475_000);
    assert_eq!(given.number("fee"), 25_000);
    // The beginning of a key is enough.
    assert!(give(from, &to[..8], "0.1").report(0).flag("signed"));
    let balance = |number: usize| cluster.node(number).ask(&["ledger", "show"]).number("balance");
    assert_eq!(balance(0), 97_400_000);
    assert_eq!(balance(1), 102_574_000);
    check_settled(cluster.nodes());

    // What cannot be: each with its reason, and nothing moved.
    give(from, &from.name(), "1").fails(4, &["is not connected"]);
    give(from, &to, "0.099999").fails(3, &["less than the smallest transfer of 0.1"]);
    give(from, &to, "97.400001").fails(3, &["97.4 are free"]);
    give(from, "ffffffffffff", "1").fails(3, &["no peer has a key that begins with"]);
    assert_ne!(give(from, &to, "1e300").code, 0);
    assert_ne!(give(from, &to, "NaN").code, 0);
    assert_eq!(balance(0), 97_400_000);

    // A copy for a backup, checked without any node.
    let copy = cluster.folder().join("copy.cbor");
    let copied = from.run(&["ledger", "export", &copy.display().to_string()]).report(0);
    assert_eq!(copied.number("burned"), 26_000);
    assert_eq!(copied.number("problem_count"), 0);
    from.run(&["ledger", "export", &copy.display().to_string()])
        .fails(10, &["copy.cbor"]);
    let verified = cluster
        .program()
        .run(&["--json", "ledger", "verify", &copy.display().to_string()])
        .report(0);
    assert_eq!(verified.number("total"), -2_574_000);

    // A crash right after loses nothing, and a peer that is away gets nothing.
    cluster.kill(0);
    cluster.restart(0);
    cluster.await_mesh();
    assert_eq!(cluster.node(0).ask(&["ledger"]).number("balance"), 97_400_000);
    cluster.kill(1);
    let lonely = cluster.node(0);
    wait_until("the other node is gone", PATIENCE, || {
        let gone = give(lonely, &to, "1");
        if gone.code == 4 { Ok(()) } else { Err(gone) }
    });
}

/// The files that a careless operator would put back from a backup.
fn books(node: &Node) -> [PathBuf; 2] {
    ["ledger.cbor", "journal.redb"].map(|name| node.data_dir().join(name))
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("a copy of a file of ours");
}

#[test]
fn who_signs_twice_is_proven_and_banned_by_everybody() {
    let mut cluster = Cluster::start(4);
    let (forker, backup) = (cluster.node(0).name(), cluster.folder().join("backup"));
    std::fs::create_dir_all(&backup).expect("a folder");
    let to: Vec<String> = (1..3).map(|number| cluster.node(number).name()).collect();
    // One position of its chain, spent twice: once here, once there, with the old books put back in between.
    cluster.kill(0);
    for file in books(cluster.node(0)) {
        copy(&file, &backup.join(file.file_name().expect("a name")));
    }
    cluster.restart(0);
    cluster.await_mesh();
    assert!(give(cluster.node(0), &to[0], "5").report(0).flag("signed"));
    cluster.kill(0);
    for file in books(cluster.node(0)) {
        copy(&backup.join(file.file_name().expect("a name")), &file);
    }
    cluster.restart(0);
    cluster.await_mesh();
    assert!(
        give(cluster.node(0), &to[1], "5").report(0).flag("signed"),
        "neither can know"
    );

    for number in 1..4 {
        let node = cluster.node(number);
        wait_until("the fork is proven", PATIENCE, || {
            let peers = node.ask(&["peers"]).list("peers");
            let found = peers
                .iter()
                .any(|peer| peer.text("node") == forker && peer.flag("forked"));
            if found { Ok(()) } else { Err(format!("{peers:?}")) }
        });
        let ledger = node.ask(&["ledger"]);
        assert_eq!(ledger.texts("forked"), std::slice::from_ref(&forker), "node {number}");
        // The proof is in its own file, for anybody.
        let verified = cluster
            .program()
            .run(&["--json", "ledger", "verify", ledger.text("file")])
            .report(0);
        assert_eq!(verified.texts("forked"), std::slice::from_ref(&forker), "node {number}");
    }
    // It gets nothing any more, not even after a restart of the one it asks.
    cluster.kill(1);
    cluster.restart(1);
    cluster.await_mesh();
    let refused = give(cluster.node(0), &to[0], "1").report(8);
    assert!(refused.text("refused").contains("has forked its chain"), "{refused}");
    let back = give(cluster.node(1), &forker, "1");
    back.fails(3, &["has forked its chain"]);
}

#[test]
fn a_newcomer_without_credit_runs_inside_the_reserve_only() {
    let flags = ["--slots", "1", "--set", "credits.newcomer_budget=0"].map(str::to_owned);
    let mut cluster = Cluster::start_with(&ClusterOptions {
        nodes: 1,
        flags: flags.to_vec(),
    });
    let poor = cluster.add(&["--no-worker".to_owned()]);
    cluster.await_mesh();
    let node = cluster.node(poor);
    let task = node.submit("bench_empty", &["--param", "chunks=10", "--verify", "none"]);
    wait_until("the worker says why it lends nothing", PATIENCE, || {
        let why = node.ask(&["explain", &task]);
        if why.to_string().contains("lends to newcomers") {
            Ok(())
        } else {
            Err(why)
        }
    });
    node.ask(&["cancel", &task]);
    let cheap = node.complete(
        "bench_empty",
        &["--param", "chunks=10", "--verify", "none", "--priority", "low"],
    );
    assert_eq!(cheap.number("accepted"), 10);
    check_settled(cluster.nodes());
    // What it ran is owed all the same.
    let worker = cluster.node(0).ask(&["peers"]).list("peers");
    assert!(worker.iter().all(|peer| peer.number("balance") > 0), "{worker:?}");
}
