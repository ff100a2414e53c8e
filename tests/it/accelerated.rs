//! Matrices and models over real nodes: what NumPy and onnxruntime would give, one replica per chunk, liars refuted.

use p2pjob_tests::{Cluster, Report, UpNetwork, check_settled};
use std::path::{Path, PathBuf};

/// A `.npy` file of `f64` (format 1.0).
fn npy(shape: &[usize], values: &[f64]) -> Vec<u8> {
    let lengths: Vec<String> = shape.iter().map(|length| format!("{length},")).collect();
    let mut header = format!(
        "{{'descr': '<f8', 'fortran_order': False, 'shape': ({}), }}",
        lengths.join(" ")
    );
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.push_str(&" ".repeat(padding));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&u16::try_from(header.len()).expect("short").to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    values
        .iter()
        .for_each(|value| file.extend_from_slice(&value.to_le_bytes()));
    file
}

/// The elements of a `.npy` file of `f64` in C order.
fn elements(file: &[u8]) -> Vec<f64> {
    let header = usize::from(u16::from_le_bytes([file[8], file[9]]));
    let (words, rest) = file[10 + header..].as_chunks::<8>();
    assert!(rest.is_empty());
    words.iter().map(|word| f64::from_le_bytes(*word)).collect()
}

/// Numbers between -1 and 1.
fn numbers(count: usize, mut seed: u64) -> Vec<f64> {
    let mut next = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 40) as f64) / f64::from(1_u32 << 23) - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// The definition: every element one chain of fused multiply-adds.
fn product(a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)) -> Vec<f64> {
    let element = |i: usize, j: usize| (0..k).fold(0.0, |sum, p| a[i * k + p].mul_add(b[p * n + j], sum));
    (0..m * n).map(|at| element(at / n, at % n)).collect()
}

fn fetched(node: &p2pjob_tests::Node, folder: &Path, report: &Report) -> Vec<u8> {
    let path = folder.join(format!("result-{}", report.text("task_id")));
    node.ask(&["fetch", report.text("result_hash"), "-o", &path.display().to_string()]);
    std::fs::read(path).expect("a result")
}

/// Two random factors in files, and their product.
struct Product {
    args: Vec<String>,
    expected: Vec<f64>,
}

impl Product {
    fn new(folder: &Path, (m, k, n): (usize, usize, usize)) -> Self {
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let file = |name: &str, bytes: Vec<u8>| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).expect("writes");
            format!("{}={}", name.trim_end_matches(".npy"), path.display())
        };
        let inputs = [file("a.npy", npy(&[m, k], &a)), file("b.npy", npy(&[k, n], &b))];
        let words = [
            "--param",
            "operation=multiply",
            "--chunk-size",
            "16",
            "--input",
            &inputs[0],
            "--input",
            &inputs[1],
        ];
        Self {
            args: words.map(str::to_owned).to_vec(),
            expected: product(&a, &b, (m, k, n)),
        }
    }

    fn complete(&self, node: &p2pjob_tests::Node, more: &[&str]) -> Report {
        let mut args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        args.extend(more);
        node.complete("matrix_ops", &args)
    }
}

#[test]
fn a_product_is_cut_over_nodes_and_checked_instead_of_repeated() {
    let cluster = Cluster::start(3);
    let task = Product::new(cluster.folder(), (300, 200, 150));
    let report = task.complete(cluster.node(0), &[]);
    let found = elements(&fetched(cluster.node(2), cluster.folder(), &report));
    // Class exact: the bits of the definition, whatever ran where.
    assert!(found == task.expected, "the product differs from its definition");
    assert_eq!(report.number("chunks"), 19);
    assert_eq!(report.number("replicas"), 19, "one replica per chunk: {report}");
    assert!(report.texts("workers").len() > 1, "{report}");
    // By replicas the same bits come out.
    let again = task.complete(cluster.node(1), &["--no-memo", "--verify", "quorum:2"]);
    assert_eq!(again.text("result_hash"), report.text("result_hash"));
    check_settled(cluster.nodes());
}

#[test]
fn a_wrong_product_is_refuted_by_the_check() {
    let network = UpNetwork::start(&["--nodes", "4", "--liars", "1"]);
    let liar = network.of_role("liar")[0].name();
    let task = Product::new(network.folder(), (400, 64, 48));
    let report = task.complete(network.node(0), &[]);
    let found = elements(&fetched(network.node(0), network.folder(), &report));
    assert!(found == task.expected, "nothing wrong was accepted");
    let named: Vec<String> = report
        .list("liars")
        .iter()
        .map(|pair| pair.text("0").to_owned())
        .collect();
    assert_eq!(named, [liar], "{report}");
    check_settled(network.nodes());
}

fn small(cluster: &Cluster, operation: &str, matrices: &[&str]) -> serde_json::Value {
    let operation = format!("operation={operation}");
    let mut args = vec!["--param".to_owned(), operation];
    for (name, matrix) in ["matrix1", "matrix2"].iter().zip(matrices) {
        args.extend(["--param".to_owned(), format!("{name}={matrix}")]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let report = cluster.node(0).complete("matrix_ops", &args);
    let bytes = fetched(cluster.node(0), cluster.folder(), &report);
    serde_json::from_slice(&bytes).expect("JSON")
}

fn close(found: &serde_json::Value, expected: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn every_operation_works_on_small_matrices() {
    let cluster = Cluster::start(2);
    let (a, b) = ("[[1,2],[3,4]]", "[[5,6],[7,8]]");
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(small(&cluster, "multiply", &[a, b]), json("[[19,22],[43,50]]"));
    assert_eq!(small(&cluster, "add", &[a, b]), json("[[6,8],[10,12]]"));
    assert_eq!(small(&cluster, "subtract", &[b, a]), json("[[4,4],[4,4]]"));
    assert_eq!(small(&cluster, "transpose", &["[[1,2,3]]"]), json("[[1],[2],[3]]"));
    let determinant = small(&cluster, "determinant", &[a]);
    close(&determinant["value"], -2.0);
    close(&determinant["sign"], -1.0);
    close(&determinant["log_abs"], 2.0_f64.ln());
    let inverse = small(&cluster, "inverse", &["[[2,0],[0,4]]"]);
    close(&inverse[0][0], 0.5);
    close(&inverse[1][1], 0.25);
    let turned = small(&cluster, "eigenvalues", &["[[0,-1],[1,0]]"]);
    close(&turned[0]["im"], -1.0);
    close(&turned[1]["im"], 1.0);
    let solved = small(&cluster, "solve", &["[[2,0],[0,4]]", "[[2],[8]]"]);
    close(&solved[1][0], 2.0);
    let singular = small(&cluster, "singular_values", &["[[3,0],[0,4]]"]);
    close(&singular[0], 4.0);
    close(&small(&cluster, "norm", &["[[3,4]]"]), 5.0);
}

#[test]
fn what_cannot_be_computed_says_why() {
    let cluster = Cluster::start(3);
    // Before anything is paid: the plan refuses it.
    let unplanned = |args: &[&str], words: &[&str]| {
        let args = [&["submit", "matrix_ops", "--wait", "--param"], args].concat();
        cluster.node(0).run(&args).fails(3, words);
    };
    let refused = |args: &[&str], words: &[&str]| {
        let args = [&["submit", "matrix_ops", "--wait", "--param"], args].concat();
        let report = cluster.node(0).run(&args).report(5).to_string();
        for word in words {
            assert!(report.contains(word), "{args:?} does not say {word:?}: {report}");
        }
    };
    refused(
        &["operation=inverse", "--param", "matrix1=[[1,2],[2,4]]"],
        &["singular", "condition"],
    );
    unplanned(
        &[
            "operation=multiply",
            "--param",
            "matrix1=[[1,2]]",
            "--param",
            "matrix2=[[1,2]]",
        ],
        &["multiply", "1", "2"],
    );
    unplanned(
        &["operation=determinant", "--param", "matrix1=[[1,2]]"],
        &["determinant"],
    );
    let path = cluster.folder().join("texts.npy");
    let mut texts = npy(&[1, 1], &[0.0]);
    let kind = texts.windows(3).position(|word| word == b"<f8").expect("its type");
    texts[kind..kind + 3].copy_from_slice(b"<U2");
    std::fs::write(&path, texts).expect("writes");
    unplanned(
        &["operation=transpose", "--input", &format!("a={}", path.display())],
        &["npy"],
    );
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../platform/tensor-compute/tests/fixtures/models")
}

/// The first `f32` tensor of a fixture: how it is written is told in `make_models.py` of tensor-compute.
fn fixture(name: &str, skip: usize) -> (Vec<usize>, Vec<f64>) {
    let bytes = std::fs::read(models().join(name)).expect("a fixture");
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let mut at = 4;
    for tensor in 0..word(0) {
        let (kind, rank) = (word(at), word(at + 4));
        let length =
            |axis: usize| u64::from_le_bytes(bytes[at + 8 + 8 * axis..][..8].try_into().expect("eight")) as usize;
        let shape: Vec<usize> = (0..rank).map(length).collect();
        let count: usize = shape.iter().product();
        let (size, start) = (if kind == 1 { 4 } else { 8 }, at + 8 + 8 * rank);
        if tensor == skip {
            assert_eq!(kind, 1, "{name} has f32 there");
            let words = bytes[start..start + 4 * count].as_chunks::<4>().0;
            return (
                shape,
                words.iter().map(|word| f64::from(f32::from_le_bytes(*word))).collect(),
            );
        }
        at = start + size * count;
    }
    panic!("{name} has no tensor {skip}");
}

#[test]
fn a_scikit_learn_model_gives_what_onnxruntime_gives() {
    let cluster = Cluster::start(3);
    let (shape, samples) = fixture("logistic.in.bin", 0);
    let (_, expected) = fixture("logistic.out.bin", 1);
    let x = cluster.folder().join("x.npy");
    std::fs::write(&x, npy(&shape, &samples)).expect("writes");
    let model = format!("model={}", models().join("logistic.onnx").display());
    let x = format!("x={}", x.display());
    let args = [
        "--input",
        &model,
        "--input",
        &x,
        "--chunk-size",
        "8",
        "--param",
        "output=json",
    ];
    let report = cluster.node(0).complete("ml_inference", &args);
    assert_eq!(report.number("chunks"), 4, "32 samples, 8 a chunk: {report}");
    let bytes = fetched(cluster.node(1), cluster.folder(), &report);
    let text = String::from_utf8(bytes).expect("JSON");
    let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let probabilities = &found["probabilities"]["data"];
    let flat: Vec<f64> = probabilities
        .as_array()
        .unwrap_or_else(|| panic!("no probabilities in {text}"))
        .iter()
        .flat_map(|row| {
            row.as_array()
                .expect("a row")
                .iter()
                .map(|value| value.as_f64().expect("a number"))
        })
        .collect();
    assert_eq!(flat.len(), expected.len());
    let far = flat
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    assert!(far < 1e-5, "{far} away");
    check_settled(cluster.nodes());
}

#[test]
fn a_model_is_looked_at_before_anything_is_paid() {
    let cluster = Cluster::start(3);
    let node = cluster.node(0);
    let good = models().join("transformer.onnx").display().to_string();
    let report = node.ask(&["models", "check", &good]);
    assert!(report.flag("supported"), "{report}");
    assert!(report.number("parameters") > 0);
    let bytes = std::fs::read(&good).expect("a model");
    let cut = cluster.folder().join("cut.onnx");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("writes");
    node.run(&["models", "check", &cut.display().to_string()])
        .fails(3, &["model", "cut.onnx"]);
    let args = [
        "submit",
        "ml_inference",
        "--wait",
        "--param",
        "input_data=[[1.0]]",
        "--input",
    ];
    let model = format!("model={}", cut.display());
    let failed = node.run(&[&args[..], &[&model]].concat()).report(5).to_string();
    assert!(failed.contains("model"), "{failed}");
}
