//! The job `ml_train_step` on sessions of class exact: whole tasks, the same bits whatever the processor, the threads and
//! the order of its chunks' nodes.

use burn::tensor::Device;
use burn_backend_tests::{install, settings};
use ml_train_step::{MlTrainStep, Samples, gradients};
use p2pjob::testing::Task;
use std::time::Instant;
use tensor_compute::Isa;
use training::{Activation, Architecture, Loss, Net};

fn numbers(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).flat_map(|_| next().to_le_bytes()).collect()
}

fn loss(model: &[u8]) -> f64 {
    let text = String::from_utf8_lossy(model);
    let rest = text.split_once(r#""loss":""#).expect("a loss").1;
    rest.split_once('"').expect("its end").0.parse().expect("a number")
}

/// Trains some steps; returns the last model and the losses.
fn train(params: &str, x: &[u8], y: &[u8], steps: usize) -> (Vec<u8>, Vec<f64>) {
    let mut model: Option<Vec<u8>> = None;
    let mut losses = Vec::new();
    for _ in 0..steps {
        let mut task = Task::new(params).input("x", x).input("y", y);
        if let Some(model) = &model {
            task = task.input("model", model.clone());
        }
        let output = task.run::<MlTrainStep>().expect("a step").output;
        losses.push(loss(&output));
        model = Some(output);
    }
    (model.expect("a step was done"), losses)
}

fn same_everywhere(params: &str, x: &[u8], y: &[u8], steps: usize) {
    let mut first: Option<(Vec<u8>, Vec<f64>)> = None;
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            let _installed = install(settings(isa, threads));
            let found = train(params, x, y, steps);
            let expected = first.get_or_insert_with(|| found.clone());
            assert!(
                found == *expected,
                "other bits with {} and {threads} threads",
                isa.name()
            );
        }
    }
    let (_, losses) = first.expect("a run");
    println!("{losses:?}");
    assert!(
        losses[steps - 1] < 0.8 * losses[0],
        "the loss does not fall: {losses:?}"
    );
}

#[test]
fn an_mlp_learns_with_equal_bits() {
    let params = r#"{"hidden": [24, 12], "activation": "tanh", "optimiser": "adam", "learning_rate": 0.02,
        "x_shape": [90, 6], "shard_size": 32}"#;
    let x = numbers(90 * 6, 1);
    let values: Vec<f32> = x
        .chunks(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let y: Vec<u8> = values
        .chunks(6)
        .flat_map(|row| (row[0] * row[1] + row[2]).to_le_bytes())
        .collect();
    same_everywhere(params, &x, &y, 12);
}

#[test]
fn an_lstm_with_encoder_learns_with_equal_bits() {
    let params = r#"{"model": "lstm_encoder", "hidden": [16], "heads": 4, "optimiser": "adamw", "learning_rate": 0.003,
        "x_shape": [24, 7, 3], "shard_size": 10}"#;
    let x = numbers(24 * 7 * 3, 1);
    let values: Vec<f32> = x
        .chunks(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let y: Vec<u8> = values
        .chunks(21)
        .flat_map(|row| (row.iter().sum::<f32>() / 3.0).to_le_bytes())
        .collect();
    same_everywhere(params, &x, &y, 10);
}

/// A network of width 128, and a batch for it.
fn of_width_128(architecture: Architecture) -> (Net, Vec<f32>, Vec<f32>) {
    let sequence = architecture == Architecture::LstmEncoder;
    let (steps, features) = if sequence { (48, 8) } else { (1, 64) };
    let net = Net {
        architecture,
        steps,
        features,
        hidden: if sequence { vec![128] } else { vec![128, 128] },
        activation: Activation::Relu,
        heads: 4,
        layers: 1,
        outputs: 1,
        loss: Loss::Mse,
    };
    let floats = |bytes: Vec<u8>| -> Vec<f32> {
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|word| f32::from_le_bytes(*word))
            .collect()
    };
    (
        net,
        floats(numbers((64 * steps * features) as usize, 1)),
        floats(numbers(64, 2)),
    )
}

/// Milliseconds of one shard: the best of nine.
fn best(act: impl Fn()) -> f64 {
    let once = || {
        let start = Instant::now();
        act();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..9).map(|_| once()).fold(f64::MAX, f64::min)
}

#[test]
#[ignore = "a measurement"]
fn speed_at_width_128() {
    for architecture in [Architecture::Mlp, Architecture::LstmEncoder] {
        let (net, x, y) = of_width_128(architecture);
        let shard = |device: &Device| {
            let samples = Samples {
                first: 0,
                count: 64,
                x: x.clone(),
                y: y.clone(),
            };
            let weights = vec![0.01; net.weights() as usize];
            gradients(&net, &weights, samples, device).expect("gradients");
        };
        let flex = best(|| shard(&Device::flex()));
        for threads in [1, 2] {
            let _installed = install(settings(Isa::detect(), threads));
            let exact = best(|| shard(&p2pjob_burn::device()));
            println!(
                "{architecture:?}: Flex {flex:.2} ms, exact in process, {threads} threads {exact:.2} ms: {:.2}",
                exact / flex
            );
        }
    }
}
