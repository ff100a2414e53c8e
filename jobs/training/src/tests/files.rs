//! Model files: ours, PyTorch's, and hostile ones.

use super::{Line, error, golden, opened, safetensors, task, tensor};
use crate::{Activation, Architecture, Loss, Net};
use serde_json::json;

fn step(model: Vec<u8>) -> Result<Vec<u8>, String> {
    task("linear", &json!({}))
        .input("model", model)
        .run::<Line>()
        .map(|done| done.output)
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

const WEIGHTS: [f32; 6] = [0.5, -0.25, 1.5, 0.125, 2.0, -1.0];
const BIAS: [f32; 2] = [0.75, -0.5];

#[test]
fn a_file_is_written_in_the_layout_of_pytorch() {
    // A step of no length writes what was read.
    let file = safetensors(&[
        ("layers.0.bias", "F32", &[2], floats(&BIAS)),
        ("unknown.counter", "I64", &[1], vec![0; 8]),
        ("layers.0.weight", "F32", &[2, 3], floats(&WEIGHTS)),
    ]);
    let params = json!({"learning_rate": 0, "optimiser": "momentum"});
    let done = task("linear", &params).input("model", file).run::<Line>().unwrap();
    assert_eq!(tensor(&done.output, "layers.0.weight"), WEIGHTS);
    assert_eq!(tensor(&done.output, "layers.0.bias"), BIAS);
    let head = opened(&done.output).0;
    assert_eq!(head["optimiser.moment_1.layers.0.weight"]["shape"], json!([2, 3]));
    assert!(head.get("optimiser.moment_2.layers.0.weight").is_none());
}

#[test]
fn numbers_of_other_types_are_read() {
    let expected = step(safetensors(&[
        ("layers.0.weight", "F32", &[2, 3], floats(&WEIGHTS)),
        ("layers.0.bias", "F32", &[2], floats(&BIAS)),
    ]))
    .unwrap();
    let doubles = |values: &[f32]| {
        values
            .iter()
            .flat_map(|value| f64::from(*value).to_le_bytes())
            .collect()
    };
    let brains = |values: &[f32]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes()[2..].to_vec())
            .collect()
    };
    // binary16 of 0.75 and -0.5.
    let halves = vec![0x00, 0x3A, 0x00, 0xB8];
    let found = step(safetensors(&[
        ("layers.0.weight", "F64", &[2, 3], doubles(&WEIGHTS)),
        ("layers.0.bias", "F16", &[2], halves),
    ]));
    assert!(found.unwrap() == expected);
    let found = step(safetensors(&[
        ("layers.0.weight", "BF16", &[2, 3], brains(&WEIGHTS)),
        ("layers.0.bias", "BF16", &[2], brains(&BIAS)),
    ]));
    assert!(found.unwrap() == expected);
}

#[test]
fn files_that_do_not_fit_are_refused_before_anything_runs() {
    let refused = |file: Vec<u8>, text: &str| {
        let found = step(file).unwrap_err();
        assert!(
            found.starts_with("plan: ") && found.contains("model") && found.contains(text),
            "{found}"
        );
    };
    let weights = || {
        (
            "layers.0.weight",
            "F32",
            [2u64, 3].as_slice().to_vec(),
            floats(&WEIGHTS),
        )
    };
    let with = |bias: (&'static str, &'static str, &'static [u64], Vec<u8>)| {
        let (name, kind, shape, bytes) = weights();
        safetensors(&[(name, kind, &shape, bytes), bias])
    };
    refused(vec![1, 2, 3], "no safetensors file");
    refused(golden("linear.x.npy"), "no safetensors file");
    let mut head_only = 3u64.to_le_bytes().to_vec();
    head_only.extend(b"{,}");
    refused(head_only, "the head of the safetensors file is wrong");
    refused(with(("other", "F32", &[2], floats(&BIAS))), "no tensor layers.0.bias");
    refused(with(("layers.0.bias", "I32", &[2], vec![0; 8])), "numbers of type I32");
    refused(
        with(("layers.0.bias", "F32", &[3], vec![0; 12])),
        "layers.0.bias has shape [3]",
    );
    refused(
        with(("layers.0.bias", "F32", &[2], vec![0; 7])),
        "7 bytes for 2 numbers",
    );
    refused(
        with(("layers.0.bias", "F32", &[1 << 40, 1 << 40], vec![0; 8])),
        "malformed",
    );
    let whole = with(("layers.0.bias", "F32", &[2], floats(&BIAS)));
    refused(whole[..whole.len() - 1].to_vec(), "lies outside of the file");
    refused(
        safetensors(&[("weights", "F32", &[2], vec![0; 8])]),
        "neither a tensor layers.0.weight",
    );
    refused(golden("lstm_encoder.safetensors"), "takes x of shape");
    refused(golden("classes.safetensors"), "samples of 4 numbers");
    let asked = task("linear", &json!({"hidden": [8]})).input("model", golden("linear.safetensors"));
    assert!(error(&asked).contains("leave out hidden"), "{}", error(&asked));
    let nan = with(("layers.0.bias", "F32", &[2], floats(&[f32::NAN, 0.0])));
    let found = step(nan).unwrap_err();
    assert!(found.starts_with("run of chunk 0: model: weight 6 is NaN"), "{found}");
}

#[test]
fn names_and_sizes_agree() {
    for architecture in [Architecture::Mlp, Architecture::LstmEncoder] {
        let net = Net {
            architecture,
            steps: 5,
            features: 3,
            hidden: vec![8],
            activation: Activation::Relu,
            heads: 2,
            layers: 3,
            outputs: 4,
            loss: Loss::Mse,
        };
        let mut seen = vec![0; net.weights() as usize];
        for piece in net.pieces() {
            let mut count = 0;
            piece.indices(|at| {
                seen[at] += i32::from(!piece.is_second_bias());
                count += 1;
            });
            assert_eq!(count, piece.shape().iter().product::<u64>(), "{piece:?}");
        }
        assert!(seen.iter().all(|times| *times == 1), "every weight is stored once");
    }
}
