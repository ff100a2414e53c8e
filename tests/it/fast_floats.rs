//! Float class fast over real nodes: who computes it, how results that differ in their last bits are believed, who lies.

use p2pjob_tests::{Cluster, Node, PATIENCE, Report, UpNetwork, check_settled, wait_until};
use std::path::Path;

/// Rows and columns: the inverse is a small output, which nodes with jitter round in their own way.
const SIZE: usize = 20;

/// An element of a well-conditioned matrix.
fn element(row: usize, column: usize) -> f64 {
    if row == column {
        8.0 + row as f64
    } else {
        1.0 / (1.0 + (row + 2 * column) as f64)
    }
}

/// The matrix as a `.npy` file of `f64`.
fn matrix(folder: &Path) -> String {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({SIZE}, {SIZE}), }}");
    header.push_str(&" ".repeat((64 - (10 + header.len() + 1) % 64) % 64));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&u16::try_from(header.len()).expect("short").to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    let places = (0..SIZE * SIZE).map(|place| element(place / SIZE, place % SIZE));
    places.for_each(|value| file.extend_from_slice(&value.to_le_bytes()));
    let path = folder.join("a.npy");
    std::fs::write(&path, file).expect("writes");
    format!("a={}", path.display())
}

/// How far the matrix times a claimed inverse is from one.
fn residual(inverse: &[f64]) -> f64 {
    assert_eq!(inverse.len(), SIZE * SIZE);
    let product =
        |row: usize, column: usize| -> f64 { (0..SIZE).map(|k| element(row, k) * inverse[k * SIZE + column]).sum() };
    let far = |place: usize| {
        let (row, column) = (place / SIZE, place % SIZE);
        (product(row, column) - f64::from(u8::from(row == column))).abs()
    };
    (0..SIZE * SIZE).map(far).fold(0.0, f64::max)
}

fn inverse(node: &Node, input: &str, more: &[&str]) -> Report {
    let args = [&["--param", "operation=inverse", "--input", input][..], more].concat();
    node.complete("matrix_ops", &args)
}

fn chunk(node: &Node, report: &Report) -> String {
    let task = report.text("task_id");
    node.http().get(&format!("/api/v1/tasks/{task}/chunks/0")).text()
}

fn result(node: &Node, folder: &Path, report: &Report) -> Vec<f64> {
    let path = folder.join(format!("result-{}", report.text("task_id")));
    node.ask(&["fetch", report.text("result_hash"), "-o", &path.display().to_string()]);
    let file = std::fs::read(path).expect("a result");
    let header = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
    file[header..]
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| f64::from_le_bytes(*word))
        .collect()
}

#[test]
fn nodes_that_round_differently_agree_and_a_liar_is_caught() {
    let network = UpNetwork::start(&["--nodes", "4", "--liars", "1", "--jitter"]);
    let (node, liar) = (network.node(0), network.of_role("liar")[0].name());
    let input = matrix(network.folder());
    // Three equal results of three honest nodes: the liar is asked sooner or later.
    let fast = ["--float-class", "fast", "--verify", "quorum:3", "--no-memo"];
    let report = inverse(node, &input, &fast);
    let far = residual(&result(node, network.folder(), &report));
    assert!(far < 1e-9, "{far} away");
    assert!(report.number("comparisons.close") >= 2, "{report}");
    assert_eq!(report.text("float_class"), "fast");
    let told = chunk(node, &report);
    assert!(told.contains("compared by tolerance:1e-5,1e-6"), "{told}");
    let mut liars: Vec<String> = report
        .list("liars")
        .iter()
        .map(|pair| pair.text("0").to_owned())
        .collect();
    // Whoever lies is drawn into some task: until then nothing of it was accepted.
    for _ in 0..8 {
        if !liars.is_empty() {
            break;
        }
        let again = inverse(node, &input, &fast);
        let far = residual(&result(node, network.folder(), &again));
        assert!(far < 1e-9, "{far} away");
        liars.extend(again.list("liars").iter().map(|pair| pair.text("0").to_owned()));
    }
    assert_eq!(liars, [liar], "the liar, and nobody else");
    // Each worker was paid for its own bytes, and the books prove it.
    check_settled(network.nodes());
}

#[test]
fn without_a_tolerance_nodes_that_round_differently_are_refused_at_submit() {
    let cluster = Cluster::start(2);
    let input = matrix(cluster.folder());
    let submit = |words: &[&str]| {
        let args = [
            &[
                "submit",
                "matrix_ops",
                "--param",
                "operation=inverse",
                "--input",
                &input,
            ][..],
            words,
        ];
        cluster.node(0).run(&args.concat())
    };
    submit(&["--float-class", "fast", "--verify", "quorum:2", "--compare", "exact"]).fails(3, &["fast", "--compare"]);
    submit(&["--float-class", "exact", "--gpu"]).fails(3, &["exact", "GPU"]);
    submit(&["--float-class", "faster"]).fails(2, &["exact, fast"]);
    submit(&["--compare", "tolerance:2,0"]).fails(2, &["rtol from 0 to 1"]);
    // Nobody has a GPU here: the task waits, and says for what.
    let task = submit(&["--gpu"]).report(0).text("task_id").to_owned();
    let told = || cluster.node(0).ask(&["explain", &task]).to_string();
    wait_until("the task says why it waits", PATIENCE, || {
        let told = told();
        let said = told.contains("no node offers a GPU") && told.contains("gpu_missing");
        if said { Ok(()) } else { Err(told) }
    });
    cluster.node(0).ask(&["cancel", &task]);
}

#[test]
fn results_of_the_classes_are_remembered_apart_and_by_their_tolerance() {
    let cluster = Cluster::start(3);
    let input = matrix(cluster.folder());
    let recalled = |words: &[&str]| inverse(cluster.node(0), &input, words).number("recalled");
    assert_eq!(recalled(&["--verify", "quorum:2"]), 0);
    assert_eq!(recalled(&["--verify", "quorum:2"]), 1, "known");
    let fast = ["--verify", "quorum:2", "--float-class", "fast", "--compare"];
    let with = |compare: &str| recalled(&[&fast[..], &[compare]].concat());
    assert_eq!(with("tolerance:1e-4,1e-6"), 0, "another class");
    assert_eq!(with("tolerance:1e-3,1e-6"), 1, "agreed by a stricter tolerance");
    assert_eq!(with("tolerance:1e-6,1e-6"), 0, "agreed by a looser tolerance");
    // The default of the job is its own check: one replica, whatever its bits are.
    let checked = inverse(cluster.node(1), &input, &["--float-class", "fast", "--no-memo"]);
    assert_eq!(
        (checked.number("replicas"), checked.number("checks.accepted")),
        (1, 1),
        "{checked}"
    );
}
