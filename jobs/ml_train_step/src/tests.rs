//! Whole steps, natively with burn's own CPU backend; gradients against differences of the loss.

use crate::MlTrainStep;
use crate::nets::{Net, initial_weights};
use crate::params::{Activation, Loss, Model};
use crate::shard::of_samples;
use crate::state::TrainingState;
use p2pjob::testing::{Task, manifest};

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// An .npy file of format version 1.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    head.push_str(&" ".repeat(63 - (head.len() + 10) % 64));
    head.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((head.len() as u16).to_le_bytes());
    file.extend(head.bytes());
    file.extend(data);
    file
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// 100 points of a plane in three groups, one beside the other.
fn groups() -> (Vec<u8>, Vec<u8>) {
    let noise = numbers(200, 3);
    let classes: Vec<i32> = (0..100).map(|sample| sample % 3).collect();
    let point = |sample: usize| {
        let angle = classes[sample] as f32 * 2.1;
        [
            angle.cos() + 0.2 * noise[2 * sample],
            angle.sin() + 0.2 * noise[2 * sample + 1],
        ]
    };
    let points: Vec<f32> = (0..100).flat_map(point).collect();
    let bytes: Vec<u8> = classes.iter().flat_map(|class| class.to_le_bytes()).collect();
    (npy("<f4", "(100, 2)", &floats(&points)), npy("<i4", "(100,)", &bytes))
}

const GROUPS: &str = r#"{"loss": "cross_entropy", "classes": 3, "hidden": [8], "learning_rate": 0.1, "shard_size": 16"#;

fn said(output: &[u8], name: &str) -> String {
    let length = u64::from_le_bytes(output[..8].try_into().unwrap()) as usize;
    let head: serde_json::Value = serde_json::from_slice(&output[8..8 + length]).unwrap();
    head["__metadata__"][name].as_str().unwrap().to_owned()
}

#[test]
fn steps_make_the_loss_fall() {
    let (x, y) = groups();
    for optimiser in ["sgd", "momentum", "adam", "adamw"] {
        let mut model: Option<Vec<u8>> = None;
        let mut losses = Vec::new();
        for step in 1..=8u32 {
            let params = format!(r#"{GROUPS}, "optimiser": "{optimiser}", "weight_decay": 0.001}}"#);
            let mut task = Task::new(&params).input("x", x.clone()).input("y", y.clone());
            if let Some(model) = model {
                task = task.input("model", model);
            }
            let done = task.run::<MlTrainStep>().unwrap();
            assert_eq!(done.chunks, 8);
            assert_eq!(said(&done.output, "step"), step.to_string());
            losses.push(said(&done.output, "loss").parse::<f64>().unwrap());
            model = Some(done.output);
        }
        assert!(losses[7] < 0.8 * losses[0], "{optimiser}: {losses:?}");
    }
}

#[test]
fn a_step_in_shards_is_a_step_at_once() {
    let (x, y) = groups();
    let weights = |shard: u32| {
        let params = GROUPS.replace("16", &shard.to_string()) + "}";
        let done = Task::new(&params)
            .input("x", x.clone())
            .input("y", y.clone())
            .run::<MlTrainStep>()
            .unwrap();
        TrainingState::read(&done.output).unwrap().weights
    };
    let (one, many) = (weights(100), weights(7));
    assert_eq!(one.len(), 2 * 8 + 8 + 8 * 3 + 3);
    let far = one.iter().zip(&many).find(|(a, b)| (*a - *b).abs() > 1e-5);
    assert!(far.is_none(), "{far:?}");
}

#[test]
fn batches_follow_each_other() {
    let (x, y) = groups();
    let samples = |batch: u32| {
        let params = format!(r#"{GROUPS}, "batch_size": 40, "batch": {batch}}}"#);
        let done = Task::new(&params)
            .input("x", x.clone())
            .input("y", y.clone())
            .run::<MlTrainStep>()
            .unwrap();
        (said(&done.output, "samples"), said(&done.output, "loss"))
    };
    assert_eq!((samples(0).0, samples(2).0), ("40".to_owned(), "20".to_owned()));
    assert_eq!(samples(0), samples(3));
    assert_ne!(samples(0).1, samples(1).1);
}

fn net(model: Model, loss: Loss) -> Net {
    Net {
        model,
        steps: if model == Model::Mlp { 1 } else { 5 },
        features: 3,
        hidden: if model == Model::Mlp { vec![6, 5] } else { vec![8] },
        activation: Activation::Gelu,
        heads: 2,
        layers: 1,
        outputs: 2,
        loss,
    }
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    for (model, loss) in [
        (Model::Mlp, Loss::Mse),
        (Model::Mlp, Loss::CrossEntropy),
        (Model::LstmEncoder, Loss::Mse),
    ] {
        let net = net(model, loss);
        let weights = initial_weights(&net, 4).unwrap();
        let x = numbers(4 * (net.steps * net.features) as usize, 1);
        let y = if loss == Loss::Mse {
            numbers(8, 2)
        } else {
            vec![0.0, 1.0, 1.0, 0.0]
        };
        let run = |weights: &[f32]| of_samples(&net, 4, weights, (x.clone(), y.clone())).unwrap();
        let found = run(&weights);
        assert_eq!((found.gradient.len(), found.samples), (weights.len(), 4));
        for at in (0..weights.len()).step_by(weights.len() / 12) {
            let moved = |by: f32| {
                let mut moved = weights.clone();
                moved[at] += by;
                run(&moved).loss
            };
            let slope = (moved(0.01) - moved(-0.01)) / 0.02;
            let gradient = f64::from(found.gradient[at]);
            assert!(
                (slope - gradient).abs() < 2e-2 * (1.0 + gradient.abs()),
                "{model:?} weight {at}: {gradient} is not {slope}"
            );
        }
    }
}

#[test]
fn raw_inputs_are_read_by_their_shape() {
    let params =
        r#"{"model": "lstm_encoder", "hidden": [8], "heads": 2, "x_shape": [6, 5, 3], "y_width": 2, "shard_size": 4}"#;
    let task = Task::new(params)
        .input("x", floats(&numbers(90, 1)))
        .input("y", floats(&numbers(12, 2)));
    let done = task.run::<MlTrainStep>().unwrap();
    assert_eq!((done.chunks, said(&done.output, "samples")), (3, "6".to_owned()));
}

#[test]
fn what_is_wrong_is_found_before_anything_runs() {
    let (x, y) = groups();
    let error = |params: &str, x: &[u8], y: &[u8]| {
        Task::new(params)
            .input("x", x)
            .input("y", y)
            .run::<MlTrainStep>()
            .unwrap_err()
    };
    let good = format!("{GROUPS}}}");
    let expect = |error: String, text: &str| assert!(error.starts_with("plan: ") && error.contains(text), "{error}");
    expect(error(r#"{"loss": "cross_entropy"}"#, &x, &y), "needs classes");
    expect(error(r#"{"learning_rate": -1}"#, &x, &y), "learning_rate is -1");
    expect(error(&good, &x[..x.len() - 1], &y), "which does not fit");
    expect(
        error(&good, &x, &npy("<i4", "(99,)", &[0; 396])),
        "x has 100 samples and y has 99",
    );
    expect(
        error(&good, &npy(">f4", "(100, 2)", &[0; 800]), &y),
        "elements of type >f4",
    );
    expect(error(&good, b"raw", &y), "say its shape");
    expect(
        error(r#"{"model": "lstm_encoder", "hidden": [8]}"#, &x, &y),
        "takes x of shape",
    );
    let classes = npy("<i4", "(100,)", &7i32.to_le_bytes().repeat(100));
    let wrong = error(&good, &x, &classes);
    assert!(
        wrong.starts_with("run of chunk 1") && wrong.contains("y has the class 7"),
        "{wrong}"
    );
    let task = Task::new(&good)
        .input("x", x.clone())
        .input("y", y.clone())
        .input("model", vec![1, 2, 3]);
    expect(task.run::<MlTrainStep>().unwrap_err(), "no safetensors file");
    let other = TrainingState::read(&npy("<f4", "(1,)", &[0; 4]));
    assert!(other.is_err());
}

#[test]
fn the_manifest_names_inputs_and_parameters() {
    let manifest = manifest::<MlTrainStep>();
    for name in ["\"x\"", "\"model\"", "lstm_encoder", "shard_size", "adamw"] {
        assert!(manifest.contains(name), "{manifest}");
    }
}
