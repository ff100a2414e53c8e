//! Training over real nodes: the steps that NumPy computes (`jobs/training/tests/golden`), the same bits for any number of
//! nodes and whatever a liar says, predictions, and what is told of bad input.

use p2pjob_tests::{Cluster, Node, Report, UpNetwork, check_settled};
use serde_json::Value;
use std::path::{Path, PathBuf};

const JOB: &str = "ml_train_step";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../jobs/training/tests/golden")
        .join(name)
}

/// A case of `make_golden.py`.
fn case(name: &str) -> Value {
    let text = std::fs::read(golden("steps.json")).expect("the golden file");
    let all: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
    all.into_iter().find(|case| case["name"] == name).expect("the case")
}

/// Arguments of `submit`.
struct Args(Vec<String>);

impl Args {
    fn new(inputs: &[(&str, &Path)], params: &Value) -> Self {
        let mut args = Vec::new();
        for (name, path) in inputs {
            args.extend(["--input".to_owned(), format!("{name}={}", path.display())]);
        }
        for (name, value) in params.as_object().expect("parameters") {
            args.extend(["--param".to_owned(), format!("{name}={value}")]);
        }
        Self(args)
    }

    fn complete(&self, node: &Node, more: &[&str]) -> Report {
        let mut args: Vec<&str> = self.0.iter().map(String::as_str).collect();
        args.extend(more);
        node.complete(JOB, &args)
    }
}

fn fetched(node: &Node, folder: &Path, report: &Report) -> PathBuf {
    let path = folder.join(format!("result-{}", report.text("task_id")));
    node.ask(&["fetch", report.text("result_hash"), "-o", &path.display().to_string()]);
    path
}

/// The metadata of a safetensors file, and the numbers of all its tensors.
fn opened(path: &Path) -> (Value, Vec<(String, Vec<f32>)>) {
    let bytes = std::fs::read(path).expect("a model");
    let (length, rest) = bytes.split_first_chunk().expect("a length");
    let (head, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let head: Value = serde_json::from_slice(head).expect("JSON");
    let tensors = head.as_object().expect("a head").iter();
    let numbers = |entry: &Value| {
        let end = |at: usize| entry["data_offsets"][at].as_u64().expect("an offset") as usize;
        let (words, _) = data[end(0)..end(1)].as_chunks::<4>();
        words.iter().map(|word| f32::from_le_bytes(*word)).collect()
    };
    let named = tensors.filter(|(name, _)| *name != "__metadata__");
    let named = named.map(|(name, entry)| (name.clone(), numbers(entry))).collect();
    (head["__metadata__"].clone(), named)
}

fn word(told: &Value, key: &str) -> f64 {
    told[key].as_str().expect("a word").parse().expect("a number")
}

/// The steps of one optimiser of a case, each with its loss, and the weights after the last; the last result.
fn follow(cluster: &Cluster, case: &Value, run: &Value, more: &[&str]) -> Report {
    let name = case["name"].as_str().expect("a name");
    let (x, y) = (golden(&format!("{name}.x.npy")), golden(&format!("{name}.y.npy")));
    let mut params = case["parameters"].clone();
    params["optimiser"] = run["optimiser"].clone();
    params["shard_size"] = 5.into();
    let mut model = golden(&format!("{name}.safetensors"));
    let mut last = None;
    for (step, expected) in run["losses"].as_array().expect("losses").iter().enumerate() {
        let args = Args::new(&[("x", &x), ("y", &y), ("model", &model)], &params);
        let report = args.complete(cluster.node(step % cluster.nodes().len()), more);
        model = fetched(cluster.node(0), cluster.folder(), &report);
        let (told, _) = opened(&model);
        assert_eq!(word(&told, "step"), (step + 1) as f64);
        let far = word(&told, "loss") - expected.as_f64().expect("a loss");
        assert!(far.abs() < 2e-5, "{name}, step {step}: {told}, not {expected}");
        last = Some(report);
    }
    let (_, tensors) = opened(&model);
    for (tensor, expected) in run["weights"].as_object().expect("weights") {
        let (_, found) = tensors.iter().find(|(name, _)| name == tensor).expect("the tensor");
        let expected = expected.as_array().expect("numbers");
        assert_eq!(found.len(), expected.len(), "{tensor}");
        for (found, expected) in found.iter().zip(expected) {
            let far = f64::from(*found) - expected.as_f64().expect("a number");
            assert!(far.abs() < 1e-4, "{name} {run}: {tensor} has {found}, not {expected}");
        }
    }
    last.expect("a step")
}

#[test]
fn steps_are_those_of_numpy_with_every_optimiser_and_network() {
    let cluster = Cluster::start(3);
    for name in ["mlp", "classes", "lstm_encoder"] {
        let case = case(name);
        for run in case["runs"].as_array().expect("runs") {
            follow(&cluster, &case, run, &[]);
        }
    }
    check_settled(cluster.nodes());
}

#[test]
fn a_step_has_the_same_bits_on_one_two_and_three_nodes() {
    let case = case("lstm_encoder");
    let run = &case["runs"][0];
    let hashes: Vec<String> = (1..=3)
        .map(|nodes| {
            let cluster = Cluster::start(nodes);
            let report = follow(&cluster, &case, run, &["--verify", "none"]);
            report.text("result_hash").to_owned()
        })
        .collect();
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[test]
fn the_loss_falls_though_a_node_lies() {
    let network = UpNetwork::start(&["--nodes", "4", "--liars", "1"]);
    let (x, y) = (golden("classes.x.npy"), golden("classes.y.npy"));
    let mut params: Value = serde_json::json!({
        "classes": 3, "hidden": [16], "optimiser": "adam", "learning_rate": 0.05, "shard_size": 4,
    });
    let (mut model, mut losses, mut liars) = (None::<PathBuf>, Vec::new(), Vec::new());
    for step in 0..8 {
        let mut inputs: Vec<(&str, &Path)> = vec![("x", &x), ("y", &y)];
        if let Some(model) = &model {
            inputs.push(("model", model));
        }
        let report = Args::new(&inputs, &params).complete(network.node(0), &["--verify", "quorum:2"]);
        if step == 0 {
            // The file says what the network is.
            params = serde_json::json!({"learning_rate": 0.05, "shard_size": 4});
        }
        liars.extend(report.list("liars").iter().map(|pair| pair.text("0").to_owned()));
        let path = fetched(network.node(0), network.folder(), &report);
        losses.push(word(&opened(&path).0, "loss"));
        model = Some(path);
    }
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    assert!(losses[7] < 0.8 * losses[0], "{losses:?}");
    let liar = network.of_role("liar")[0].name();
    assert!(
        !liars.is_empty() && liars.iter().all(|name| *name == liar),
        "{liars:?}, not {liar}"
    );
    check_settled(network.nodes());
}

#[test]
fn predictions_are_those_of_numpy() {
    let cluster = Cluster::start(2);
    for name in ["mlp", "classes", "lstm_encoder"] {
        let case = case(name);
        let (x, model) = (golden(&format!("{name}.x.npy")), golden(&format!("{name}.safetensors")));
        let mut params = case["parameters"].clone();
        params["mode"] = "predict".into();
        params["shard_size"] = 7.into();
        let args = Args::new(&[("x", &x), ("model", &model)], &params);
        let report = args.complete(cluster.node(0), &[]);
        let file = std::fs::read(fetched(cluster.node(1), cluster.folder(), &report)).expect("predictions");
        let head = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
        let (found, _) = file[head..].as_chunks::<4>();
        let rows = case["predictions"].as_array().expect("predictions").iter();
        let expected: Vec<f64> = rows
            .flat_map(|row| {
                row.as_array()
                    .expect("a row")
                    .iter()
                    .map(|number| number.as_f64().expect("a number"))
            })
            .collect();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(expected) {
            let found = f64::from(f32::from_le_bytes(*found));
            assert!((found - expected).abs() < 1e-5, "{name}: {found} is not {expected}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let cluster = Cluster::start(3);
    let (x, y) = (golden("classes.x.npy"), golden("classes.y.npy"));
    let model = golden("lstm_encoder.safetensors");
    let file = |name: &str, bytes: Vec<u8>| cluster.file(name, &bytes);
    let with_y = |bytes: &[u8]| {
        let mut all = std::fs::read(&y).expect("classes");
        let end = all.len();
        all[end - bytes.len()..].copy_from_slice(bytes);
        all
    };
    let wrong_class = file("wrong.npy", with_y(&9_i64.to_le_bytes()));
    let mut infinite = std::fs::read(&x).expect("samples");
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let infinite = file("infinite.npy", infinite);
    let run = |inputs: &[(&str, &Path)], params: &str| {
        let args = Args::new(inputs, &serde_json::from_str(params).expect("JSON"));
        let all: Vec<&str> = ["submit", JOB, "--wait"]
            .into_iter()
            .chain(args.0.iter().map(String::as_str))
            .collect();
        cluster.node(0).run(&all)
    };
    // Before anything is paid.
    let unplanned = |inputs: &[(&str, &Path)], params: &str, words: &[&str]| run(inputs, params).fails(3, words);
    unplanned(&[("x", &x)], r#"{"classes": 3}"#, &["input", "y"]);
    unplanned(
        &[("x", &x), ("y", &y)],
        r#"{"optimiser": "rmsprop"}"#,
        &["optimiser", "rmsprop"],
    );
    unplanned(&[("x", &y), ("y", &x)], r#"{"classes": 3}"#, &["class number"]);
    unplanned(
        &[("x", &x), ("y", &y), ("model", &model)],
        "{}",
        &["lstm_encoder takes x of shape"],
    );
    unplanned(
        &[("x", &x), ("y", &y), ("model", &x)],
        r#"{"classes": 3}"#,
        &["no safetensors file"],
    );
    // Only the data show it: all replicas agree on the error.
    let failed = |inputs: &[(&str, &Path)], words: &[&str]| {
        let report = run(inputs, r#"{"classes": 3}"#).report(5).to_string();
        for word in words {
            assert!(report.contains(word), "{report} does not say {word:?}");
        }
    };
    failed(&[("x", &x), ("y", &wrong_class)], &["class 9 in sample 23", "0 to 2"]);
    failed(&[("x", &infinite), ("y", &y)], &["inf in sample 23"]);
}
