//! Losses, weights and optimisers of whole steps.

use super::{Line, case, error, golden, npy, opened, task, tensor};
use serde_json::{Value, json};

#[test]
fn steps_are_those_of_numpy() {
    let case = case("linear");
    for run in case["runs"].as_array().unwrap() {
        let mut params = case["parameters"].clone();
        params["shard_size"] = json!(10);
        params["optimiser"] = run["optimiser"].clone();
        let mut model = golden("linear.safetensors");
        for (step, expected) in run["losses"].as_array().unwrap().iter().enumerate() {
            let done = task("linear", &params).input("model", model).run::<Line>().unwrap();
            assert_eq!(done.chunks, 4, "24 samples, 10 a chunk, and the model");
            model = done.output;
            let told = &opened(&model).0["__metadata__"];
            assert_eq!(told["step"], (step + 1).to_string());
            assert_eq!((&told["samples"], &told["format"]), (&json!("24"), &json!("pt")));
            let loss: f64 = told["loss"].as_str().unwrap().parse().unwrap();
            assert!((loss - expected.as_f64().unwrap()).abs() < 1e-6, "{run}: {loss}");
            // Said once, the optimiser is known from the file.
            params.as_object_mut().unwrap().remove("optimiser");
        }
        for (name, expected) in run["weights"].as_object().unwrap() {
            for (found, expected) in tensor(&model, name).iter().zip(expected.as_array().unwrap()) {
                let far = (f64::from(*found) - expected.as_f64().unwrap()).abs();
                assert!(
                    far < 1e-5,
                    "{name} after {}: {found} is not {expected}",
                    run["optimiser"]
                );
            }
        }
    }
}

#[test]
fn predictions_are_those_of_numpy() {
    let task = task("linear", &json!({"mode": "predict", "shard_size": 5}));
    let done = task.input("model", golden("linear.safetensors")).run::<Line>().unwrap();
    let case = case("linear");
    let expected: Vec<f64> = case["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|number| number.as_f64().unwrap())
        .collect();
    let head = npy("<f4", &[24, 2], &[]);
    let (found, rest) = done.output.strip_prefix(head.as_slice()).unwrap().as_chunks();
    assert!(rest.is_empty() && found.len() == expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let found = f32::from_le_bytes(*found);
        assert!((f64::from(found) - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

fn told(params: &Value) -> (String, String) {
    let done = task("linear", params).run::<Line>().unwrap();
    let head = opened(&done.output).0;
    let word = |key: &str| head["__metadata__"][key].as_str().unwrap().to_owned();
    (word("samples"), word("loss"))
}

#[test]
fn batches_follow_each_other() {
    let batch = |batch: u32| told(&json!({"hidden": [], "batch_size": 10, "batch": batch}));
    assert_eq!((batch(0).0, batch(2).0), ("10".to_owned(), "4".to_owned()));
    assert_eq!(batch(0), batch(3));
    assert_ne!(batch(0).1, batch(1).1);
}

#[test]
fn an_optimiser_is_changed_only_on_purpose() {
    let params = json!({"hidden": [], "optimiser": "adam"});
    let model = task("linear", &params).run::<Line>().unwrap().output;
    let with = |params: Value| task("linear", &params).input("model", model.clone());
    let refused = error(&with(json!({"optimiser": "sgd"})));
    assert!(
        refused.starts_with("plan: ") && refused.contains("fresh_optimiser=true"),
        "{refused}"
    );
    let fresh = with(json!({"optimiser": "sgd", "fresh_optimiser": true}))
        .run::<Line>()
        .unwrap();
    let head = opened(&fresh.output).0;
    assert!(head.get("optimiser.moment_1.layers.0.weight").is_none());
    assert_eq!(
        (&head["__metadata__"]["step"], &head["__metadata__"]["optimiser"]),
        (&json!("1"), &json!("sgd"))
    );
    let on = with(json!({})).run::<Line>().unwrap();
    assert_eq!(opened(&on.output).0["__metadata__"]["step"], "2");
}

#[test]
fn a_training_that_diverges_says_so() {
    let mut model = None;
    for _ in 0..200 {
        let params = json!({"hidden": [], "learning_rate": 1e6});
        let task = task("linear", &params);
        let task = match model {
            Some(model) => task.input("model", model),
            None => task,
        };
        match task.run::<Line>() {
            Ok(done) => model = Some(done.output),
            Err(error) => {
                assert!(error.contains("diverges; lower learning_rate"), "{error}");
                return;
            }
        }
    }
    panic!("it never diverged");
}
