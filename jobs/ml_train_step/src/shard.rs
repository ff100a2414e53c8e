//! A shard on the node's tensors: loss and gradients, or outputs.

use crate::nets::{Model, initial_weights};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use p2pjob::prelude::*;
use p2pjob_burn::flat;
use training::{Chunk, Loss, Net, ShardSum, Work};

/// Computes a shard or predictions; the bytes are its partial.
pub fn run(chunk: &Chunk, slices: &Slices) -> Result<Vec<u8>> {
    let net = &chunk.net;
    let first_weights = || initial_weights(net, chunk.seed);
    match chunk.work {
        Work::Shard { first, samples } => {
            let x = chunk.layout.x.read("x", first, &slices.get(0))?;
            let y = match &chunk.layout.y {
                Some(y) => y.read("y", first, &slices.get(1))?,
                None => bail!("a shard has no targets"),
            };
            let weights = chunk.weights(slices, 2, first_weights)?;
            let samples = Samples {
                first,
                count: samples,
                x,
                y,
            };
            gradients(net, &weights, samples, &p2pjob_burn::device()).map(|sum| sum.to_bytes())
        }
        Work::Predict { first, samples } => {
            let x = chunk.layout.x.read("x", first, &slices.get(0))?;
            let weights = chunk.weights(slices, 1, first_weights)?;
            let device = p2pjob_burn::device();
            let module = Model::with_weights(net, &weights, &device)?;
            let outputs = flat::values(module.forward(net, samples as usize, x, &device))?;
            Ok(outputs.iter().flat_map(|value| value.to_le_bytes()).collect())
        }
        Work::PassModel { .. } | Work::Shape { .. } => bail!("this chunk needs no network"),
    }
}

/// Samples of a shard, as numbers.
pub struct Samples {
    /// Number of the first one, for messages.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Inputs.
    pub x: Vec<f32>,
    /// Targets.
    pub y: Vec<f32>,
}

/// Loss and gradients of some samples on a device, summed.
pub fn gradients(net: &Net, weights: &[f32], samples: Samples, device: &Device) -> Result<ShardSum> {
    let device = device.clone().autodiff();
    let module = Model::with_weights(net, weights, &device)?;
    let predicted = module.forward(net, samples.count as usize, samples.x, &device);
    let loss = total_loss(net, predicted, (samples.first, samples.y), &device)?;
    let (loss, gradient) = module.differentiate(loss)?;
    Ok(ShardSum {
        loss,
        samples: samples.count,
        gradient,
    })
}

/// The sum of the samples' losses.
fn total_loss(net: &Net, predicted: Tensor<2>, (first, y): (u64, Vec<f32>), device: &Device) -> Result<Tensor<1>> {
    let [samples, outputs] = predicted.dims();
    match net.loss {
        Loss::Mse => {
            let wanted = Tensor::<2>::from_data(TensorData::new(y, [samples, outputs]), device);
            let far = predicted - wanted;
            Ok((far.clone() * far).sum().div_scalar(outputs as f64))
        }
        Loss::CrossEntropy => {
            let wrong = |class: &f32| class.fract() != 0.0 || !(0.0..outputs as f32).contains(class);
            if let Some(at) = y.iter().position(wrong) {
                bail!(
                    "y has the class {} in sample {}; classes are the whole numbers 0 to {}",
                    y[at],
                    first + at as u64,
                    outputs - 1
                );
            }
            let classes: Vec<i32> = y.iter().map(|class| *class as i32).collect();
            let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [samples, 1]), device);
            Ok(-activation::log_softmax(predicted, 1).gather(1, classes).sum())
        }
    }
}
