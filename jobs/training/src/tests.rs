//! Whole steps of a network without hidden layers, whose gradients need no burn, against NumPy; plans and files.

mod files;
mod plans;
mod steps;

use crate::{Chunk, Params, ShardSum, Work};
use p2pjob::prelude::*;
use p2pjob::testing::Task;
use serde_json::Value;

/// A training step of one linear layer and the squared error: what it computes, it computes by hand.
pub struct Line;

impl Job for Line {
    type Params = Params;
    type Chunk = Chunk;
    type Partial = Raw;
    type Output = Written;
    const INPUTS: &'static [InputDecl] = &[
        InputDecl::required("x", "samples"),
        InputDecl::optional("y", "targets"),
        InputDecl::optional("model", "the step before"),
    ];

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        crate::plan(params, inputs, hint)
    }

    fn run(chunk: Chunk, slices: &Slices) -> Result<Raw> {
        let first = || Ok(vec![0.25; chunk.net.weights() as usize]);
        if let Some(plain) = chunk.run_plain(slices, first)? {
            return Ok(plain);
        }
        let (features, outputs) = (chunk.net.features as usize, chunk.net.outputs as usize);
        let outputs_of = |weights: &[f32], sample: &[f32]| -> Vec<f32> {
            let product = |out: usize| {
                (0..features)
                    .map(|at| sample[at] * weights[at * outputs + out])
                    .sum::<f32>()
            };
            (0..outputs)
                .map(|out| product(out) + weights[features * outputs + out])
                .collect()
        };
        match chunk.work {
            Work::Predict { first: from, .. } => {
                let x = chunk.layout.x.read("x", from, &slices.get(0))?;
                let weights = chunk.weights(slices, 1, first)?;
                let rows = x.chunks(features).flat_map(|sample| outputs_of(&weights, sample));
                Ok(Raw(rows.flat_map(f32::to_le_bytes).collect()))
            }
            Work::Shard { first: from, samples } => {
                let x = chunk.layout.x.read("x", from, &slices.get(0))?;
                let y = chunk.layout.y.as_ref().unwrap().read("y", from, &slices.get(1))?;
                let weights = chunk.weights(slices, 2, first)?;
                let (mut loss, mut gradient) = (0.0f64, vec![0.0f32; weights.len()]);
                for (sample, wanted) in x.chunks(features).zip(y.chunks(outputs)) {
                    for (out, value) in outputs_of(&weights, sample).iter().enumerate() {
                        let far = value - wanted[out];
                        loss += f64::from(far * far) / outputs as f64;
                        let slope = 2.0 * far / outputs as f32;
                        (0..features).for_each(|at| gradient[at * outputs + out] += slope * sample[at]);
                        gradient[features * outputs + out] += slope;
                    }
                }
                let sum = ShardSum {
                    loss,
                    samples,
                    gradient,
                };
                Ok(Raw(sum.to_bytes()))
            }
            _ => unreachable!("plain"),
        }
    }

    fn reduce(params: &Params, partials: Partials<Raw>) -> Result<Written> {
        crate::reduce(params, partials)
    }
}

impl p2pjob::Package for Line {
    const NAME: &'static str = "line";
    const VERSION: &'static str = "0";
    const SUMMARY: &'static str = "A linear layer.";
}

/// A file of the golden folder.
pub fn golden(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A case of `make_golden.py`.
pub fn case(name: &str) -> Value {
    let all: Vec<Value> = serde_json::from_slice(&golden("steps.json")).unwrap();
    all.into_iter().find(|case| case["name"] == name).unwrap()
}

/// A task on the samples of a case.
pub fn task(case: &str, params: &Value) -> Task {
    Task::new(&params.to_string())
        .input("x", golden(&format!("{case}.x.npy")))
        .input("y", golden(&format!("{case}.y.npy")))
}

/// The error of a task.
pub fn error(task: &Task) -> String {
    task.run::<Line>().unwrap_err()
}

/// An `.npy` file.
pub fn npy(descr: &str, shape: &[u64], data: &[u8]) -> Vec<u8> {
    let mut file = arrays::npy_header_as(descr, false, shape);
    file.extend(data);
    file
}

/// Head and data of a safetensors file.
pub fn opened(file: &[u8]) -> (Value, &[u8]) {
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    (
        serde_json::from_slice(&file[8..8 + length]).unwrap(),
        &file[8 + length..],
    )
}

/// The numbers of a tensor of a safetensors file.
pub fn tensor(file: &[u8], name: &str) -> Vec<f32> {
    let (head, data) = opened(file);
    let end = |at: usize| head[name]["data_offsets"][at].as_u64().unwrap() as usize;
    let bytes = &data[end(0)..end(1)];
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|number| f32::from_le_bytes(*number))
        .collect()
}

/// A safetensors file of these tensors.
pub fn safetensors(tensors: &[(&str, &str, &[u64], Vec<u8>)]) -> Vec<u8> {
    let mut head = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for (name, kind, shape, bytes) in tensors {
        let from = data.len();
        data.extend(bytes);
        let entry = serde_json::json!({"dtype": kind, "shape": shape, "data_offsets": [from, data.len()]});
        head.insert((*name).to_owned(), entry);
    }
    let text = serde_json::to_vec(&head).unwrap();
    let mut file = (text.len() as u64).to_le_bytes().to_vec();
    file.extend(text);
    file.extend(data);
    file
}
