//! Right answers: the built-in jobs over several nodes against plain Rust, results fetched by hash from any node, equal
//! output and fuel on all of them.

use job_model::BlobHash;
use p2pjob_tests::{Cluster, Node, Report, check_settled, count_words, text};
use std::collections::BTreeMap;

/// Bytes of the text: many chunks, and more words than one result message holds.
const TEXT_BYTES: usize = 3 << 20;

fn result_of(report: &Report) -> &str {
    report.text("result_text").trim_end()
}

fn job(node: &Node, job: &str, params: &[&str]) -> String {
    let flags: Vec<&str> = params.iter().flat_map(|param| ["--param", param]).collect();
    result_of(&node.complete(job, &flags)).to_owned()
}

#[test]
fn words_are_counted_and_the_result_is_fetched_from_another_node() {
    let cluster = Cluster::start(3);
    let words = text(1, TEXT_BYTES);
    let input = format!("text={}", cluster.file("text", words.as_bytes()).display());
    let report = cluster.node(0).complete("word_count", &["--input", &input]);
    assert!(
        report.number("chunks") > 1 && report.number("replicas") >= 2 * report.number("chunks"),
        "{report}"
    );

    let hash = report.text("result_hash");
    let fetch = |node: usize, name: &str| {
        let path = cluster.folder().join(name).display().to_string();
        let fetched = cluster.node(node).ask(&["fetch", hash, "-o", &path]);
        (
            std::fs::read(&path).expect("the fetched file"),
            fetched.number("transferred"),
        )
    };
    let (first, moved) = fetch(2, "first");
    let found: BTreeMap<String, u64> = serde_json::from_slice(&first).expect("one JSON object");
    assert_eq!(found, count_words(&words));
    assert_eq!(BlobHash::of(&first).to_string(), hash);
    assert!(moved > 0, "node 2 did not have the result yet");
    // Once here, it stays here; and it is the same for everybody.
    assert_eq!(fetch(2, "again"), (first.clone(), 0));
    assert_eq!(fetch(1, "elsewhere").0, first);
    assert_eq!(fetch(0, "at-home"), (first, 0));
    check_settled(cluster.nodes());
}

#[test]
fn a_large_blob_comes_from_all_who_have_it_and_from_those_who_are_left() {
    let mut cluster = Cluster::start(4);
    let bytes = text(7, 40 << 20).into_bytes();
    let file = cluster.file("large", &bytes).display().to_string();
    let hash = BlobHash::of(&bytes).to_string();
    for holder in [0, 1] {
        assert_eq!(cluster.node(holder).ask(&["import", &file]).text("hash"), hash);
    }
    let fetch = |cluster: &Cluster, node: usize| {
        let path = cluster.folder().join(format!("from-{node}")).display().to_string();
        let fetched = cluster.node(node).ask(&["fetch", &hash, "-o", &path]);
        assert!(
            std::fs::read(&path).expect("the fetched file") == bytes,
            "node {node} wrote something else"
        );
        fetched.number("transferred")
    };
    assert_eq!(fetch(&cluster, 2), bytes.len() as i64, "every byte comes once");
    cluster.kill(0);
    assert_eq!(fetch(&cluster, 3), bytes.len() as i64);
}

#[test]
fn ranges_are_reduced_exactly_at_any_size() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    let range = |end: &str, operation: &str| {
        let (end, operation) = (format!("end={end}"), format!("operation={operation}"));
        job(node, "range_reduce", &["start=1", &end, &operation])
    };
    assert_eq!(range("1000", "sum"), "500500");
    let product = range("1000", "product");
    assert_eq!(product.len(), 2568, "digits of 1000!");
    assert!(
        product.starts_with("402387260077093773543702433923003985719374864210714632543799910429938512398629020592044")
    );
    assert!(product.ends_with(&"0".repeat(249)) && !product.ends_with(&"0".repeat(250)));
    assert_eq!(
        range("1000000000000000000", "sum"),
        "500000000000000000500000000000000000"
    );
    assert_eq!(range("1000", "average"), "500.5");
    assert_eq!(range("1000", "min"), "1");
    assert_eq!(range("1000", "max"), "1000");
    let custom = ["start=1", "end=1000", "operation=custom", "expression=x ** 2"];
    assert_eq!(job(node, "range_reduce", &custom), "333833500");
    let sevens = [
        "start=1",
        "end=700",
        "operation=custom",
        "expression=x % 7 == 0",
        "combine=count",
    ];
    assert_eq!(
        job(node, "range_reduce", &sevens),
        "700",
        "count counts values, whatever they are"
    );
    check_settled(cluster.nodes());
}

#[test]
fn expressions_map_and_fold_values_in_order() {
    let cluster = Cluster::start(2);
    let node = cluster.node(0);
    let map =
        |function: &str, data: &str| job(node, "map", &[&format!("function={function}"), &format!("data={data}")]);
    assert_eq!(map("x * 2", "[1, 2.5, -3]"), "[2,5.0,-6]");
    assert_eq!(map("x + 10", "[1, 2, 3]"), "[11,12,13]");
    assert_eq!(map("x ** 2", "[12, 100000000000]"), "[144,10000000000000000000000]");
    assert_eq!(map("sqrt(x)", "[4, 2.25]"), "[2.0,1.5]");
    assert_eq!(map("str(x).upper()", "[\"abc\", \"straße\"]"), "[\"ABC\",\"STRASSE\"]");
    assert_eq!(map("len(str(x))", "[12345, \"ab\"]"), "[5,2]");
    assert_eq!(map("x > 5", "[5, 6]"), "[false,true]");
    assert_eq!(map("x % 2 == 0", "[1, 2]"), "[false,true]");

    // Many chunks over a file: the order is that of the file.
    let lines: String = (0..5_000).map(|n| format!("{n}\n")).collect();
    let data = format!("data={}", cluster.file("numbers.jsonl", lines.as_bytes()).display());
    let mapped = node.complete(
        "map",
        &["--param", "function=x * 2", "--input", &data, "--chunk-size", "500"],
    );
    let values: Vec<u64> = serde_json::from_str(mapped.text("result_text")).expect("a JSON array");
    assert!(values.iter().copied().eq((0..5_000).map(|n| 2 * n)));
    assert!(mapped.number("chunks") > 1, "{mapped}");

    let sum = ["map_function=x ** 2", "reduce_function=sum", "data=[1, 2, 3]"];
    assert_eq!(job(node, "map_reduce", &sum), "14");
    let keyed = [
        "--param",
        "reduce_function=sum",
        "--param",
        "key_function=x % 3",
        "--input",
        &data,
        "--chunk-size",
        "500",
    ];
    let groups: BTreeMap<String, u64> =
        serde_json::from_str(node.complete("map_reduce", &keyed).text("result_text")).expect("a JSON object");
    let expected = |rest: u64| (0..5_000).filter(|n| n % 3 == rest).sum::<u64>();
    assert_eq!(groups, (0..3).map(|rest| (rest.to_string(), expected(rest))).collect());
}

#[test]
fn the_same_task_again_recalls_every_chunk() {
    let cluster = Cluster::start(3);
    let args = [
        "--param",
        "start=1",
        "--param",
        "end=5000",
        "--param",
        "operation=custom",
        "--param",
        "expression=x % 7",
    ];
    let first = cluster.node(0).complete("range_reduce", &args);
    assert_eq!(first.number("recalled"), 0);
    let second = cluster.node(0).complete("range_reduce", &args);
    assert_eq!(second.number("recalled"), second.number("chunks"), "{second}");
    assert_eq!((second.number("replicas"), second.number("price")), (0, 0), "{second}");
    assert_eq!(second.text("result_hash"), first.text("result_hash"));
    let fresh = cluster
        .node(0)
        .complete("range_reduce", &[&args[..], &["--no-memo"]].concat());
    assert_eq!(fresh.number("recalled"), 0);
    assert!(fresh.number("replicas") >= 2 * fresh.number("chunks"), "{fresh}");
    assert_eq!(fresh.text("result_hash"), first.text("result_hash"));
    // What three nodes agreed on is more than what two did, not less: a stricter policy runs again.
    let strict = cluster
        .node(0)
        .complete("range_reduce", &[&args[..], &["--verify", "quorum:3"]].concat());
    assert_eq!(
        strict.number("recalled"),
        0,
        "two confirmations are no quorum of three: {strict}"
    );
    check_settled(cluster.nodes());
}

#[test]
fn two_nodes_give_equal_output_and_fuel() {
    let cluster = Cluster::start(3);
    let args = [
        "--param",
        "start=1",
        "--param",
        "end=2000",
        "--param",
        "operation=custom",
        "--param",
        "expression=x ** 3",
    ];
    let report = cluster
        .node(0)
        .complete("range_reduce", &[&args[..], &["--verify", "quorum:3"]].concat());
    let task = report.text("task_id");
    for chunk in 0..report.number("chunks") {
        let chunk = chunk.to_string();
        let replicas = cluster.node(0).ask(&["logs", task, "--chunk", &chunk]).list("replicas");
        assert_eq!(replicas.len(), 3, "{replicas:?}");
        let workers: std::collections::BTreeSet<&str> = replicas.iter().map(|replica| replica.text("worker")).collect();
        assert_eq!(
            workers.len(),
            3,
            "replicas of one chunk are on distinct nodes: {replicas:?}"
        );
        for replica in &replicas {
            assert_eq!(replica.at("result.outcome"), replicas[0].at("result.outcome"));
            assert_eq!(
                replica.number("result.usage.fuel"),
                replicas[0].number("result.usage.fuel")
            );
        }
        let replayed = cluster.node(0).ask(&["replay", task, &chunk]);
        assert!(
            replayed.flag("same_outcome") && replayed.flag("same_fuel"),
            "{replayed}"
        );
    }
}

#[test]
fn a_worker_fetches_only_the_bytes_of_its_chunks() {
    let cluster = Cluster::start(3);
    let words = text(9, TEXT_BYTES);
    let input = format!("text={}", cluster.file("text", words.as_bytes()).display());
    let stored = || -> Vec<i64> {
        let bytes = |node: &Node| node.status().number("node.store_bytes");
        cluster.nodes().iter().map(bytes).collect()
    };
    let before = stored();
    let args = ["--input", &input, "--verify", "none", "--placement", "round_robin"];
    let report = cluster
        .node(0)
        .complete("word_count", &[&args[..], &["--chunk-size", "65536"]].concat());
    assert_eq!(report.texts("workers").len(), 3, "{report}");
    let after = stored();
    for worker in [1, 2] {
        let came = after[worker] - before[worker];
        let most = words.len() as i64 * 2 / 3;
        assert!(
            came > 0 && came < most,
            "node {worker} holds {came} more bytes of {}",
            words.len()
        );
    }
}
