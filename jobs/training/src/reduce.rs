//! The end of a step: the average of the shards' gradients, the optimiser, the next model's file; or the predictions in
//! one array.

use crate::model_file::{ModelFile, Told};
use crate::optimiser::State;
use crate::params::{Mode, OptimiserName, Params};
use crate::{Chunk, Net, ShardSum};
use arrays::Bytes;
use p2pjob::prelude::*;
use std::io::Write;

/// The model as one chunk passes it on.
#[wire]
#[derive(Clone, PartialEq, Debug)]
pub struct Passed {
    net: Net,
    optimiser: OptimiserName,
    steps: u64,
    weights: Bytes,
    first: Bytes,
    second: Bytes,
}

fn to_bytes(numbers: &[f32]) -> Bytes {
    Bytes(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

fn to_numbers(bytes: &Bytes) -> Vec<f32> {
    let (numbers, _) = bytes.0.as_chunks();
    numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
}

impl Passed {
    /// Steps and optimiser; weights, first and second moment.
    pub fn new(chunk: &Chunk, (steps, optimiser): (u64, OptimiserName), numbers: [Vec<f32>; 3]) -> Self {
        let [weights, first, second] = numbers;
        Self {
            net: chunk.net.clone(),
            optimiser,
            steps,
            weights: to_bytes(&weights),
            first: to_bytes(&first),
            second: to_bytes(&second),
        }
    }

    fn model(&self) -> ModelFile {
        ModelFile {
            net: self.net.clone(),
            optimiser: self.optimiser,
            weights: to_numbers(&self.weights),
            moments: State {
                steps: self.steps,
                first: to_numbers(&self.first),
                second: to_numbers(&self.second),
            },
        }
    }
}

/// The result of the task.
pub fn reduce(params: &Params, mut partials: Partials<Raw>) -> Result<Written> {
    let mut out = OutputWriter::new();
    if params.mode == Mode::Predict {
        for partial in partials {
            out.write_all(&partial?.0)?;
        }
        out.flush()?;
        return Ok(Written);
    }
    let Some(passed) = partials.next() else {
        bail!("there are no partials")
    };
    let mut model = p2pjob::from_cbor::<Passed>(&passed?.0)?.model();
    let (gradient, told) = average(partials, model.weights.len())?;
    let optimiser = params.optimiser(model.optimiser);
    optimiser.step(&mut model.moments, &mut model.weights, &gradient)?;
    if let Some(at) = model.weights.iter().position(|weight| !weight.is_finite()) {
        bail!(
            "weight {at} became {}: the training diverges; lower learning_rate",
            model.weights[at]
        );
    }
    metrics::gauge("loss", told.loss);
    p2pjob::log::info(format!(
        "step {}: loss {:.6} over {} samples",
        model.moments.steps, told.loss, told.samples
    ));
    out.write_all(&model.write(told)?)?;
    out.flush()?;
    Ok(Written)
}

/// The mean gradient, summed in shard order in `f64`, and the mean loss.
fn average(shards: Partials<Raw>, weights: usize) -> Result<(Vec<f32>, Told)> {
    let mut sum = vec![0.0f64; weights];
    let (mut loss, mut samples) = (0.0f64, 0u64);
    for shard in shards {
        let shard = ShardSum::from_bytes(&shard?.0)?;
        if shard.gradient.len() != weights {
            bail!("a shard has {} gradients for {weights} weights", shard.gradient.len());
        }
        let parts = sum.iter_mut().zip(&shard.gradient);
        parts.for_each(|(sum, part)| *sum += f64::from(*part));
        loss += shard.loss;
        samples += shard.samples;
    }
    let count = samples.max(1) as f64;
    let loss = loss / count;
    if !loss.is_finite() {
        bail!("the loss is {loss}: the training diverges; lower learning_rate, or go back to an earlier model");
    }
    let gradient = sum.iter().map(|sum| (sum / count) as f32).collect();
    Ok((gradient, Told { loss, samples }))
}
