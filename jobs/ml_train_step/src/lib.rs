//! One data-parallel training step of a network written in burn.
//!
//! `plan` cuts the batch into shards of a fixed number of samples, whatever the number of nodes, so that sums are always
//! made in the same order. `run` computes a shard's loss and the gradients of its sum; one more chunk passes the model on.
//! `reduce` adds the gradients in shard order in `f64`, divides by the number of samples, and lets the optimiser take one
//! step in plain `f32`. The result is the next step's model. A shard that is lost is computed again.

mod data;
mod lstm;
mod nets;
mod params;
mod shard;
mod state;

use crate::data::{Layout, read_layout};
use crate::params::Params;
use crate::shard::ShardResult;
use crate::state::TrainingState;
use p2pjob::prelude::*;
use p2pjob_burn::optimiser::State as Moments;

pub use crate::params::{Activation, Loss, Model, OptimiserName};

/// The job.
pub struct MlTrainStep;

/// What a chunk does.
#[wire]
pub enum Work {
    /// Passes the model on to `reduce`, or makes the first one. Slice 0: the model, if there is one.
    PassModel,
    /// Loss and gradients of some samples. Slices: their inputs, their targets, the model if there is one.
    Shard {
        /// How many samples.
        samples: u64,
    },
}

/// One piece of the step.
#[wire]
pub struct Piece {
    work: Work,
    net: nets::Net,
    seed: u64,
    has_model: bool,
    layout: Layout,
}

impl Job for MlTrainStep {
    type Params = Params;
    type Chunk = Piece;
    type Partial = Raw;
    type Output = Raw;

    const INPUTS: &'static [InputDecl] = &[
        InputDecl::required(
            "x",
            "samples: .npy, first dimension = samples; or raw little-endian float32 with x_shape",
        ),
        InputDecl::required(
            "y",
            "targets: .npy or raw, one row (mse) or one class number (cross_entropy) for each sample",
        ),
        InputDecl::optional(
            "model",
            "the result of the step before; or any .safetensors with a float32 tensor `weights`",
        ),
    ];
    const MEMORY_BYTES: u64 = 512 << 20;

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Piece>>> {
        params.check()?;
        let (x, y, model) = (inputs.get("x")?, inputs.get("y")?, inputs.find("model"));
        let layout = read_layout(params, &x, &y)?;
        let net = params.net(&layout)?;
        if let Some(model) = model {
            state::check_head(&model)?;
        }
        let piece = |work| Piece {
            work,
            net: net.clone(),
            seed: params.seed,
            has_model: model.is_some(),
            layout: layout.clone(),
        };
        let mut first = Cut::new(piece(Work::PassModel));
        if let Some(model) = model {
            first = first.slice(model, 0, model.size());
        }
        let mut cuts = vec![first];
        for (from, samples) in params.shards(layout.samples, hint)? {
            let mut cut = Cut::new(piece(Work::Shard { samples }))
                .slice(x, layout.x.offset(from), layout.x.bytes(samples))
                .slice(y, layout.y.offset(from), layout.y.bytes(samples))
                .weight(samples.max(1));
            if let Some(model) = model {
                cut = cut.slice(model, 0, model.size());
            }
            cuts.push(cut);
        }
        Ok(cuts)
    }

    fn run(piece: Piece, slices: &Slices) -> Result<Raw> {
        match piece.work {
            Work::PassModel => {
                let state = if piece.has_model {
                    TrainingState::read(&slices.get(0).read_all())?
                } else {
                    TrainingState::first(nets::initial_weights(&piece.net, piece.seed)?)
                };
                Ok(Raw(state.write(&piece.net, None)?))
            }
            Work::Shard { samples } => shard::gradients(&piece, samples, slices).map(|result| Raw(result.to_bytes())),
        }
    }

    fn reduce(params: &Params, mut partials: Partials<Raw>) -> Result<Raw> {
        let Some(model) = partials.next() else {
            bail!("there are no partials")
        };
        let mut state = TrainingState::read(&model?.0)?;
        let mut sum = vec![0.0f64; state.weights.len()];
        let (mut loss, mut samples) = (0.0f64, 0u64);
        for partial in partials {
            let shard = ShardResult::from_bytes(&partial?.0)?;
            if shard.gradient.len() != sum.len() {
                bail!(
                    "a shard has {} gradients for {} weights",
                    shard.gradient.len(),
                    sum.len()
                );
            }
            sum.iter_mut()
                .zip(&shard.gradient)
                .for_each(|(sum, part)| *sum += f64::from(*part));
            loss += shard.loss;
            samples += shard.samples;
        }
        let count = samples.max(1) as f64;
        let gradient: Vec<f32> = sum.iter().map(|sum| (sum / count) as f32).collect();
        params
            .optimiser()
            .step(&mut state.moments, &mut state.weights, &gradient)?;
        let loss = loss / count;
        metrics::gauge("loss", loss);
        p2pjob::log::info(&format!(
            "step {}: loss {loss:.6} over {samples} samples",
            state.moments.steps
        ));
        let Some(net) = state.net.clone() else {
            bail!("the model's chunk does not say what the network is")
        };
        Ok(Raw(state.write(&net, Some((loss, samples)))?))
    }
}

export_job!(MlTrainStep);

impl TrainingState {
    /// A model before its first step.
    fn first(weights: Vec<f32>) -> Self {
        Self {
            weights,
            moments: Moments::default(),
            net: None,
        }
    }
}

#[cfg(test)]
mod tests;
