//! Runs a trained model, an ONNX file, over a batch of any size: the samples are cut over nodes, each runs the model in
//! batches, and the outputs are joined in order.
//! A chunk that is lost is computed again; nothing else depends on it.

mod feed;
mod outputs;
mod params;
mod plan;
mod results;
mod run;

use crate::feed::Feed;
use crate::outputs::Outputs;
use p2pjob::prelude::*;
pub use params::{ModelType, OutputForm, Params, Samples};

/// The job.
pub struct MlInference;

/// One piece of the samples. Slice 0 is the model; the feeds know theirs.
#[wire]
#[derive(Clone, PartialEq, Debug)]
pub struct Chunk {
    pub(crate) feeds: Vec<Feed>,
    /// How many samples.
    pub(crate) samples: u64,
    /// Samples of one run of the model, if the user said so.
    pub(crate) batch_size: Option<u64>,
    /// Which outputs; all, if none are named.
    pub(crate) outputs: Vec<String>,
    pub(crate) top_k: Option<u32>,
}

impl Job for MlInference {
    type Params = Params;
    type Chunk = Chunk;
    type Partial = Outputs;
    type Output = Raw;
    const INPUTS: &'static [InputDecl] = &[
        InputDecl::required("model", "the model, an ONNX file"),
        InputDecl::optional(
            "x",
            "samples for the model's first input: .npy, or raw with dtype and shape",
        ),
        InputDecl::optional("x2", "samples for its second input"),
        InputDecl::optional("x3", "samples for its third input"),
        InputDecl::optional("x4", "samples for its fourth input"),
    ];
    const MEMORY_BYTES: u64 = 1 << 30;

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        plan::plan(params, inputs, hint)
    }

    fn run(chunk: Chunk, slices: &Slices) -> Result<Outputs> {
        run::run(&chunk, slices)
    }

    fn reduce(params: &Params, partials: Partials<Outputs>) -> Result<Raw> {
        let mut all: Option<Outputs> = None;
        for partial in partials {
            let partial = partial?;
            match &mut all {
                Some(all) => all.append(partial)?,
                None => all = Some(partial),
            }
        }
        let mut bytes = Vec::new();
        results::write(&all.unwrap_or_default(), params.form(), &mut bytes)?;
        Ok(Raw(bytes))
    }
}

export_job!(MlInference);

#[cfg(test)]
mod tests;
