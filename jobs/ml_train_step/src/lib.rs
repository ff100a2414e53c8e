//! One data-parallel training step of a network written in burn, or the predictions of such a network.
//!
//! What is not the network itself stands in the crate `training`: parameters, samples, shards, model files, averages,
//! optimisers. `run` computes a shard's loss and the gradients of its sum, or the outputs for its samples, in burn on the
//! node's tensors. A shard that is lost is computed again.

mod lstm;
mod nets;
mod shard;

pub use nets::initial_weights;
pub use shard::{Samples, gradients};

use p2pjob::prelude::*;
use training::{Chunk, Params};

/// The job.
pub struct MlTrainStep;

impl Job for MlTrainStep {
    type Params = Params;
    type Chunk = Chunk;
    type Partial = Raw;
    type Output = Written;

    const INPUTS: &'static [InputDecl] = &[
        InputDecl::required(
            "x",
            "samples: .npy, first dimension = samples; or raw little-endian float32 with x_shape",
        ),
        InputDecl::optional(
            "y",
            "targets: .npy or raw, one row (mse) or one class number (cross_entropy) for each sample",
        ),
        InputDecl::optional(
            "model",
            "the result of the step before; or a .safetensors with PyTorch's names for such a network",
        ),
    ];
    const MEMORY_BYTES: u64 = 1 << 30;

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        training::plan(params, inputs, hint)
    }

    fn run(chunk: Chunk, slices: &Slices) -> Result<Raw> {
        let first = || nets::initial_weights(&chunk.net, chunk.seed);
        match chunk.run_plain(slices, first)? {
            Some(plain) => Ok(plain),
            None => shard::run(&chunk, slices).map(Raw),
        }
    }

    fn reduce(params: &Params, partials: Partials<Raw>) -> Result<Written> {
        training::reduce(params, partials)
    }
}

export_job!(MlTrainStep);
