//! Liars, stalled nodes, and money.

use p2pjob_tests::{PATIENCE, Report, UpNetwork, check_settled, count_words, text, wait_until};
use std::collections::BTreeMap;

#[test]
fn a_liar_of_five_is_found_unpaid_and_named() {
    let network = UpNetwork::start(&["--nodes", "5", "--liars", "1"]);
    let liar = network.of_role("liar")[0];
    let words = text(3, 1 << 20);
    let input = format!("text={}", network.file("text", words.as_bytes()).display());
    // Small chunks, so that everybody gets some.
    let report = network
        .node(0)
        .complete("word_count", &["--input", &input, "--chunk-size", "32768"]);
    let named: Vec<String> = report
        .list("liars")
        .iter()
        .map(|pair| pair.text("0").to_owned())
        .collect();
    assert_eq!(named, [liar.name()], "the liar, and nobody else, is named: {report}");
    let path = network.folder().join("result").display().to_string();
    network.node(0).ask(&["fetch", report.text("result_hash"), "-o", &path]);
    let found: BTreeMap<String, u64> = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    assert_eq!(found, count_words(&words), "nothing wrong was accepted");

    check_settled(network.nodes());
    let earned = |report: &Report| report.list("rows").iter().map(|row| row.number("earned")).sum::<i64>();
    assert_eq!(earned(&liar.ask(&["ledger"])), 0, "lies are not paid");
    let honest: i64 = network
        .of_role("honest")
        .iter()
        .map(|node| earned(&node.ask(&["ledger"])))
        .sum();
    assert_eq!(honest, report.number("price"), "the honest are");
    let peers = network.node(0).ask(&["peers"]).list("peers");
    let distrusted: Vec<&str> = peers
        .iter()
        .filter(|peer| peer.flag("distrusted"))
        .map(|peer| peer.text("node"))
        .collect();
    assert_eq!(distrusted, [liar.name()], "it gets no more work");
    let next = network
        .node(0)
        .complete("bench_empty", &["--param", "chunks=60", "--verify", "quorum:2"]);
    assert!(!next.texts("workers").contains(&liar.name()), "{next}");
}

#[test]
fn a_node_that_never_answers_is_hedged() {
    let network = UpNetwork::start(&["--nodes", "4", "--stalled", "1"]);
    let stalled = network.of_role("stalled")[0].name();
    let args = ["--param", "chunks=40", "--verify", "quorum:2"];
    let report = network.node(0).complete("bench_empty", &args);
    assert!(
        report.texts("workers").contains(&stalled),
        "the stalled node was given nothing: {report}"
    );
    assert!(
        report.number("extra_replicas") > 0,
        "its replicas were not run elsewhere: {report}"
    );
    assert_eq!(report.number("accepted"), 40);
    wait_until("credits held for the stalled node are free again", PATIENCE, || {
        let status = network.node(0).status();
        if status.number("node.held") == 0 {
            Ok(())
        } else {
            Err(status)
        }
    });
    check_settled(network.nodes());
}

#[test]
fn a_flipped_byte_in_a_ledger_is_found_offline() {
    let network = UpNetwork::start(&["--nodes", "3"]);
    network
        .node(0)
        .complete("bench_empty", &["--param", "chunks=30", "--verify", "quorum:2"]);
    check_settled(network.nodes());
    let ledger = network.node(0).ask(&["ledger"]);
    let owner = ledger.text("owner");
    let bytes = std::fs::read(ledger.text("file")).expect("the ledger file");
    let verify = |name: &str, bytes: &[u8]| {
        let file = network.file(name, bytes).display().to_string();
        network
            .program()
            .run(&["--json", "ledger", "verify", &file, "--owner", owner])
    };
    let sound = verify("sound", &bytes).report(0);
    assert_eq!(sound.number("total"), ledger.number("balance") - 100_000_000);
    for at in (0..bytes.len()).step_by((bytes.len() / 40).max(1)) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert_eq!(
            verify("flipped", &flipped).code,
            3,
            "a flipped bit in byte {at} of {} went unseen",
            bytes.len()
        );
    }
    // A file that ends within its last record is what a crash leaves; it is told, and nothing before it is doubted.
    let torn = verify("torn", &bytes[..bytes.len() - 3]).report(0);
    assert!(torn.find("torn_at").is_some_and(|at| at.is_u64()), "{torn}");
}
