//! Loss and gradients of a shard.

use crate::Piece;
use crate::nets::{LstmEncoder, Mlp, Net, initial_weights};
use crate::params::{Loss, Model};
use crate::state::TrainingState;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use p2pjob::prelude::*;
use p2pjob_burn::flat;

/// Sums over a shard's samples.
pub struct ShardResult {
    /// Of the losses.
    pub loss: f64,
    /// How many samples.
    pub samples: u64,
    /// Of the gradients of all weights.
    pub gradient: Vec<f32>,
}

impl ShardResult {
    /// Loss, samples, gradients, all little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + 4 * self.gradient.len());
        bytes.extend(self.loss.to_le_bytes());
        bytes.extend(self.samples.to_le_bytes());
        bytes.extend(self.gradient.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// The other way.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (Some((loss, rest)), true) = (bytes.split_first_chunk(), bytes.len().is_multiple_of(4)) else {
            bail!("a shard's result is cut off");
        };
        let Some((samples, rest)) = rest.split_first_chunk() else {
            bail!("a shard's result is cut off")
        };
        let gradient = rest
            .as_chunks()
            .0
            .iter()
            .map(|chunk| f32::from_le_bytes(*chunk))
            .collect();
        Ok(Self {
            loss: f64::from_le_bytes(*loss),
            samples: u64::from_le_bytes(*samples),
            gradient,
        })
    }
}

/// Computes a shard. Slices: inputs, targets, the model if there is one.
pub fn gradients(piece: &Piece, samples: u64, slices: &Slices) -> Result<ShardResult> {
    let x = piece.layout.x.read(&slices.get(0));
    let y = piece.layout.y.read(&slices.get(1));
    let weights = if piece.has_model {
        TrainingState::read(&slices.get(2).read_all())?.weights
    } else {
        initial_weights(&piece.net, piece.seed)?
    };
    of_samples(&piece.net, samples as usize, &weights, (x, y))
}

/// The same on numbers.
pub fn of_samples(net: &Net, samples: usize, weights: &[f32], (x, y): (Vec<f32>, Vec<f32>)) -> Result<ShardResult> {
    let device = p2pjob_burn::device().autodiff();
    let (steps, features) = (net.steps as usize, net.features as usize);
    if x.len() != samples * steps * features {
        bail!(
            "the shard has {} numbers for {samples} samples of {steps} x {features}",
            x.len()
        );
    }
    let (loss, gradient) = match net.model {
        Model::Mlp => {
            let module = flat::set_parameters(Mlp::new(net, &device), weights)?;
            let x = Tensor::<2>::from_data(TensorData::new(x, [samples, features]), &device);
            let loss = total_loss(net, module.forward(x, net.activation), y, &device)?;
            differentiate(&module, loss)?
        }
        Model::LstmEncoder => {
            let module = flat::set_parameters(LstmEncoder::new(net, &device), weights)?;
            let x = Tensor::<3>::from_data(TensorData::new(x, [samples, steps, features]), &device);
            let loss = total_loss(net, module.forward(x), y, &device)?;
            differentiate(&module, loss)?
        }
    };
    Ok(ShardResult {
        loss,
        samples: samples as u64,
        gradient,
    })
}

/// The sum of the samples' losses.
fn total_loss(net: &Net, predicted: Tensor<2>, y: Vec<f32>, device: &Device) -> Result<Tensor<1>> {
    let [samples, outputs] = predicted.dims();
    match net.loss {
        Loss::Mse => {
            if y.len() != samples * outputs {
                bail!("the shard has {} targets for {samples} samples of {outputs}", y.len());
            }
            let wanted = Tensor::<2>::from_data(TensorData::new(y, [samples, outputs]), device);
            let far = predicted - wanted;
            Ok((far.clone() * far).sum().div_scalar(outputs as f64))
        }
        Loss::CrossEntropy => {
            let wrong = |class: &&f32| class.fract() != 0.0 || !(0.0..outputs as f32).contains(*class);
            if let Some(class) = y.iter().find(wrong) {
                bail!(
                    "y has the class {class}; classes are the whole numbers 0 to {}",
                    outputs - 1
                );
            }
            let classes: Vec<i32> = y.iter().map(|class| *class as i32).collect();
            let classes = Tensor::<2, Int>::from_data(TensorData::new(classes, [samples, 1]), device);
            Ok(-activation::log_softmax(predicted, 1).gather(1, classes).sum())
        }
    }
}

fn differentiate<M: Module>(module: &M, loss: Tensor<1>) -> Result<(f64, Vec<f32>)> {
    let grads = GradientsParams::from_grads(loss.backward(), module);
    let gradient = flat::gradients(&grads, module)?;
    let value = flat::values(loss)?;
    Ok((f64::from(value.first().copied().unwrap_or_default()), gradient))
}
