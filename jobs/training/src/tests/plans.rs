//! What is wrong with parameters and samples is found before anything runs, or named with its sample.

use super::{Line, error, golden, npy, task};
use p2pjob::testing::{Task, manifest};
use serde_json::{Value, json};

fn expect(error: &str, text: &str) {
    assert!(error.starts_with("plan: ") && error.contains(text), "{error}");
}

#[test]
fn parameters_are_checked_together() {
    let refused = |params: Value, text: &str| expect(&error(&task("linear", &params)), text);
    refused(json!({"loss": "cross_entropy"}), "needs classes");
    refused(json!({"loss": "mse", "classes": 3}), "belongs to loss cross_entropy");
    refused(json!({"classes": 3}), "one class number for each sample");
    refused(json!({"learning_rate": -1}), "learning_rate is -1");
    refused(json!({"beta_1": 1}), "beta_1 is 1");
    refused(json!({"model": "lstm_encoder"}), "takes x of shape");
    refused(json!({"hidden": [65536, 65536]}), "weights; at most");
    refused(json!({"mode": "predict"}), "needs a model");
    refused(json!({"optimiser": "rmsprop"}), "rmsprop");
    refused(json!({"optimizer": "adam"}), "optimizer");
    let sequence = |params: Value| error(&task("lstm_encoder", &params));
    expect(
        &sequence(json!({"model": "lstm_encoder", "hidden": [6]})),
        "multiple of heads",
    );
    expect(
        &sequence(json!({"model": "lstm_encoder", "hidden": [8, 8]})),
        "one width",
    );
}

#[test]
fn samples_and_targets_belong_together() {
    let (x, y) = (golden("linear.x.npy"), golden("linear.y.npy"));
    let plain = json!({"hidden": []});
    let of = |x: &[u8], y: &[u8]| Task::new(&plain.to_string()).input("x", x).input("y", y);
    let refused = |x: &[u8], y: &[u8], text: &str| expect(&error(&of(x, y)), text);
    refused(&x[..x.len() - 1], &y, "x: the .npy file is cut off");
    refused(&x, &npy("<f4", &[23, 2], &[0; 184]), "x has 24 samples and y has 23");
    refused(&x, &npy("<f4", &[24, 0], &[]), "y: its rows are without numbers");
    refused(&npy("<f4", &[], &[0; 4]), &y, "must count the samples");
    refused(&npy("<f4", &[0, 3], &[]), &y, "no samples");
    refused(&npy("<f4", &[24, 0], &[]), &y, "1 to 16777216 are allowed");
    refused(&npy("<U4", &[24], &[0; 384]), &y, "texts");
    refused(b"raw", &y, "say the shape");
    let missing = Task::new("{}").input("x", x.clone());
    expect(&error(&missing), "add --input y=PATH");
    let mut fortran = arrays::npy_header(arrays::ElementType::F32, true, &[24, 3]);
    fortran.extend([0; 288]);
    refused(&fortran, &y, "Fortran order");
}

#[test]
fn numbers_that_are_none_are_named_with_their_sample() {
    let y = golden("linear.y.npy");
    let mut x = golden("linear.x.npy");
    let from = x.len() - 24 * 12;
    x[from + 13 * 12..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let params = json!({"hidden": [], "shard_size": 10}).to_string();
    let found = error(&Task::new(&params).input("x", x).input("y", y));
    assert!(
        found.starts_with("run of chunk 2: ") && found.contains("NaN in sample 13"),
        "{found}"
    );
}

#[test]
fn raw_and_big_endian_samples_are_the_same_samples() {
    let numbers: Vec<f32> = (0..72).map(|at| at as f32 / 50.0).collect();
    let little: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let big: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    let doubles: Vec<u8> = numbers
        .iter()
        .flat_map(|number| f64::from(*number).to_le_bytes())
        .collect();
    let step = |params: &str, x: Vec<u8>| {
        let task = Task::new(params).input("x", x).input("y", golden("linear.y.npy"));
        task.run::<Line>().unwrap().output
    };
    let raw = step(r#"{"hidden": [], "x_shape": [24, 3]}"#, little.clone());
    for file in [
        npy("<f4", &[24, 3], &little),
        npy(">f4", &[24, 3], &big),
        npy("<f8", &[24, 3], &doubles),
    ] {
        assert!(step(r#"{"hidden": []}"#, file) == raw);
    }
    let wrong = Task::new(r#"{"x_shape": [25, 3]}"#)
        .input("x", little)
        .input("y", golden("linear.y.npy"));
    expect(&error(&wrong), "have 300 bytes, the input has 288");
}

#[test]
fn shards_have_a_limit() {
    let params = json!({"hidden": [], "shard_size": 1}).to_string();
    let x = npy("<i1", &[20_000, 1], &[1; 20_000]);
    let y = npy("<i1", &[20_000], &[1; 20_000]);
    let found = error(&Task::new(&params).input("x", x).input("y", y));
    expect(&found, "use at least 3");
}

#[test]
fn the_manifest_names_inputs_and_parameters() {
    let manifest = manifest::<Line>();
    for name in ["\"x\"", "\"model\"", "lstm_encoder", "shard_size", "adamw", "predict"] {
        assert!(manifest.contains(name), "{manifest}");
    }
}
