//! How a step is cut: one chunk passes the model on, the others compute shards; or, for predictions, one chunk says the
//! shape and the others compute rows.

use crate::model_file::{Place, read_flat, span};
use crate::params::{Mode, OptimiserName, Params};
use crate::reduce::Passed;
use crate::{Head, Layout, Net};
use p2pjob::prelude::*;

/// What a chunk does.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// Passes the model on to `reduce`, or makes the first one. Slice 0: the model's file, if there is one.
    PassModel {
        /// Where the optimiser's memory lies in the file: none, one or two lists.
        moments: Vec<Vec<Option<Place>>>,
        /// Steps that were made.
        steps: u64,
        /// Who makes this one.
        optimiser: OptimiserName,
    },
    /// Loss and gradients of some samples. Slices: their inputs, their targets, the model's weights if there is one.
    Shard {
        /// The first sample.
        first: u64,
        /// How many.
        samples: u64,
    },
    /// Says the shape of the predictions.
    Shape {
        /// How many samples there are.
        samples: u64,
    },
    /// Outputs for some samples. Slices: their inputs, the model's weights.
    Predict {
        /// The first sample.
        first: u64,
        /// How many.
        samples: u64,
    },
}

/// One piece of the task.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// What it does.
    pub work: Work,
    /// The network.
    pub net: Net,
    /// Of the first weights.
    pub seed: u64,
    /// Where the samples are from.
    pub layout: Layout,
    /// Where the weights lie in the slice of the model; none: there is no model.
    pub weights: Option<Vec<Option<Place>>>,
}

impl Chunk {
    /// The weights from a slice; `first` makes those before the first step.
    pub fn weights(&self, slices: &Slices, slice: u32, first: impl FnOnce() -> Result<Vec<f32>>) -> Result<Vec<f32>> {
        match &self.weights {
            Some(places) => read_flat(&self.net, places, slices.get(slice), 0),
            None => first(),
        }
    }

    /// Runs a chunk that needs no network; none for others. `first` makes the weights before the first step.
    pub fn run_plain(&self, slices: &Slices, first: impl FnOnce() -> Result<Vec<f32>>) -> Result<Option<Raw>> {
        match &self.work {
            Work::PassModel {
                moments,
                steps,
                optimiser,
            } => {
                let weights = self.weights(slices, 0, first)?;
                let moment = |at: usize| match moments.get(at) {
                    Some(places) => read_flat(&self.net, places, slices.get(0), 0),
                    None => Ok(Vec::new()),
                };
                let passed = Passed::new(self, (*steps, *optimiser), [weights, moment(0)?, moment(1)?]);
                Ok(Some(Raw(p2pjob::to_cbor(&passed)?)))
            }
            Work::Shape { samples } => {
                let shape = [*samples, u64::from(self.net.outputs)];
                Ok(Some(Raw(arrays::npy_header(arrays::ElementType::F32, false, &shape))))
            }
            Work::Shard { .. } | Work::Predict { .. } => Ok(None),
        }
    }
}

/// Cuts the task. Everything that can be wrong with parameters and heads of files is an error here.
pub fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
    params.check()?;
    let predict = params.mode == Mode::Predict;
    let y = if predict { None } else { Some(inputs.get("y")?) };
    let (x, model) = (inputs.get("x")?, inputs.find("model"));
    let layout = Layout::read(params, x, y)?;
    if predict && model.is_none() {
        bail!("mode predict needs a model; add --input model=PATH, the result of a step");
    }
    let in_model = |error: Error| error.context("model");
    let head = model.map(Head::read).transpose().map_err(in_model)?;
    let net = Net::of(params, &layout, head.as_ref())?;
    if !predict {
        let y = layout.check_targets(net.loss)?;
        if net.loss == crate::Loss::Mse && y.width() != u64::from(net.outputs) {
            bail!(
                "the model gives {} numbers for a sample, a row of y has {}",
                net.outputs,
                y.width()
            );
        }
    }
    let pieces = net.pieces();
    let weights = head.as_ref().map(|head| head.places(&pieces, ""));
    let weights = weights.transpose().map_err(in_model)?;
    let chunk = Chunk {
        work: Work::Shape {
            samples: layout.samples,
        },
        net,
        seed: params.seed,
        layout,
        weights,
    };
    let first = if predict {
        Cut::new(chunk.clone())
    } else {
        pass_model(params, &chunk, head.as_ref().zip(model)).map_err(in_model)?
    };
    // Shards see the weights only, not the optimiser's memory.
    let (from, to) = span(&pieces, chunk.weights.as_deref().unwrap_or_default());
    let moved = |Place(kind, at): Place| Place(kind, at - from);
    let shard = Chunk {
        weights: chunk
            .weights
            .clone()
            .map(|places| places.into_iter().map(|place| place.map(moved)).collect()),
        ..chunk
    };
    let mut cuts = vec![first];
    for (first, samples) in params.shards(shard.layout.samples, hint)? {
        let rows = &shard.layout.x;
        let (offset, bytes) = (rows.offset(first), rows.bytes(samples));
        let work = if predict {
            Work::Predict { first, samples }
        } else {
            Work::Shard { first, samples }
        };
        let mut cut = Cut::new(Chunk { work, ..shard.clone() })
            .slice(x, offset, bytes)
            .weight(samples);
        if let Some((y, rows)) = y.zip(shard.layout.y.as_ref()) {
            cut = cut.slice(y, rows.offset(first), rows.bytes(samples));
        }
        if let Some(model) = model {
            cut = cut.slice(model, from, to - from);
        }
        cuts.push(cut);
    }
    Ok(cuts)
}

/// The chunk that hands weights and the optimiser's memory to `reduce`.
fn pass_model(params: &Params, chunk: &Chunk, model: Option<(&Head, Source)>) -> Result<Cut<Chunk>> {
    let mut moments = Vec::new();
    let (mut steps, mut made_by) = (0, None);
    if let Some((head, _)) = model {
        steps = head.number("step")?.unwrap_or(0);
        made_by = match head.word("optimiser") {
            Some(word) => Some(OptimiserName::of_word(word)?),
            None => None,
        };
    }
    let optimiser = params.optimiser.or(made_by).unwrap_or_default();
    if let Some((head, _)) = model.filter(|_| !params.fresh_optimiser) {
        let remembers = ["optimiser.moment_1.", "optimiser.moment_2."].map(|prefix| head.has_any(prefix));
        if made_by.is_some_and(|made_by| made_by != optimiser) {
            bail!(
                "its optimiser is {}, and {} was asked for; leave optimiser out, or add --param fresh_optimiser=true to \
                 begin with an empty memory",
                head.word("optimiser").unwrap_or_default(),
                optimiser.word()
            );
        }
        if remembers[0] || remembers[1] {
            for moment in 1..=optimiser.moments() {
                moments.push(head.places(&chunk.net.pieces(), &format!("optimiser.moment_{moment}."))?);
            }
        }
    }
    if params.fresh_optimiser {
        steps = 0;
    }
    let pass = Chunk {
        work: Work::PassModel {
            moments,
            steps,
            optimiser,
        },
        ..chunk.clone()
    };
    let cut = Cut::new(pass);
    Ok(match model {
        Some((_, file)) => cut.slice(file, 0, file.size()),
        None => cut,
    })
}
