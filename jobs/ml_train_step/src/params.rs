//! The parameters of a step, and what they mean together.

use crate::data::Layout;
use crate::nets::Net;
use p2pjob::prelude::*;
use p2pjob::serde::de::Visitor;
use p2pjob::serde::{Deserializer, Serialize};
use p2pjob_burn::optimiser::{Optimiser, Rule};

/// What is trained.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Linear layers with an activation between them.
    #[default]
    Mlp,
    /// An LSTM, a transformer encoder on its outputs, and a linear layer on the last step.
    LstmEncoder,
}

/// Between the layers of an MLP.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    #[default]
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// x times the normal distribution at x.
    Gelu,
    /// 1 / (1 + exp(-x))
    Sigmoid,
}

/// What is made small.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Mean squared difference from rows of numbers.
    #[default]
    Mse,
    /// Minus the logarithm of the share that softmax gives the right class.
    CrossEntropy,
}

/// How weights move.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimiserName {
    /// Straight down the gradient.
    #[default]
    Sgd,
    /// With a share of the last movement.
    Momentum,
    /// Scaled by running means of the gradient and its square.
    Adam,
    /// Adam with decay that is not scaled.
    Adamw,
}

/// The step.
#[params]
pub struct Params {
    /// What is trained.
    #[serde(default)]
    model: Model,
    /// Sizes of the hidden layers of an MLP; the first one is the width of an LSTM with encoder.
    #[serde(default = "default_hidden")]
    #[schemars(length(min = 1, max = 32), inner(range(min = 1, max = 65536)))]
    hidden: Vec<u32>,
    /// Between the layers of an MLP.
    #[serde(default)]
    activation: Activation,
    /// Heads of the encoder's attention; the width is a multiple of it.
    #[serde(default = "four")]
    #[schemars(range(min = 1, max = 64))]
    heads: u32,
    /// Layers of the encoder.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 32))]
    layers: u32,
    /// What is made small.
    #[serde(default)]
    loss: Loss,
    /// Classes, for cross_entropy.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1_000_000))]
    classes: Option<u32>,
    /// How weights move.
    #[serde(default)]
    optimiser: OptimiserName,
    /// Step length.
    #[serde(default = "default_rate", deserialize_with = "number")]
    #[schemars(with = "f64")]
    learning_rate: f32,
    /// Pull of the weights towards zero.
    #[serde(default, deserialize_with = "number")]
    #[schemars(with = "f64")]
    weight_decay: f32,
    /// Share of the last movement, for momentum.
    #[serde(default = "default_momentum", deserialize_with = "number")]
    #[schemars(with = "f64")]
    momentum: f32,
    /// Share of the mean gradient that is kept, for adam and adamw.
    #[serde(default = "default_momentum", deserialize_with = "number")]
    #[schemars(with = "f64")]
    beta_1: f32,
    /// Share of the mean square that is kept, for adam and adamw.
    #[serde(default = "default_beta_2", deserialize_with = "number")]
    #[schemars(with = "f64")]
    beta_2: f32,
    /// Added to a divisor, for adam and adamw.
    #[serde(default = "default_epsilon", deserialize_with = "number")]
    #[schemars(with = "f64")]
    epsilon: f32,
    /// Samples of a step; all, if not given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    batch_size: Option<u64>,
    /// Which batch, from 0; after the last one follows the first.
    #[serde(default)]
    batch: u64,
    /// Samples of a chunk. Sums are made shard by shard, so it belongs to the result.
    #[serde(default = "default_shard")]
    #[schemars(range(min = 1, max = 1_048_576))]
    shard_size: u64,
    /// Of the first weights, where no model is given.
    #[serde(default)]
    pub seed: u64,
    /// Shape of a raw x, samples first.
    #[serde(default)]
    pub x_shape: Option<Vec<u64>>,
    /// Numbers for each sample of a raw y; 1 if not given.
    #[serde(default)]
    pub y_width: Option<u64>,
}

/// A number, whole or not: parameters travel as 64-bit integers and floats.
fn number<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<f32, D::Error> {
    struct Number;
    impl Visitor<'_> for Number {
        type Value = f32;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a number")
        }

        fn visit_f64<E>(self, number: f64) -> std::result::Result<f32, E> {
            Ok(number as f32)
        }

        fn visit_f32<E>(self, number: f32) -> std::result::Result<f32, E> {
            Ok(number)
        }

        fn visit_u64<E>(self, number: u64) -> std::result::Result<f32, E> {
            Ok(number as f32)
        }

        fn visit_i64<E>(self, number: i64) -> std::result::Result<f32, E> {
            Ok(number as f32)
        }
    }
    from.deserialize_any(Number)
}

fn default_hidden() -> Vec<u32> {
    vec![64]
}
fn four() -> u32 {
    4
}
fn one() -> u32 {
    1
}
fn default_rate() -> f32 {
    0.01
}
fn default_momentum() -> f32 {
    0.9
}
fn default_beta_2() -> f32 {
    0.999
}
fn default_epsilon() -> f32 {
    1e-8
}
fn default_shard() -> u64 {
    64
}

impl Params {
    /// An error for what cannot be right whatever the data.
    pub fn check(&self) -> Result<()> {
        let numbers = [
            ("learning_rate", self.learning_rate),
            ("weight_decay", self.weight_decay),
            ("epsilon", self.epsilon),
        ];
        for (name, value) in numbers {
            if !(value.is_finite() && value >= 0.0) {
                bail!("{name} is {value}; it is a number that is not negative");
            }
        }
        for (name, value) in [
            ("momentum", self.momentum),
            ("beta_1", self.beta_1),
            ("beta_2", self.beta_2),
        ] {
            if !(0.0..1.0).contains(&value) {
                bail!("{name} is {value}; it is at least 0 and below 1");
            }
        }
        if self.model == Model::LstmEncoder && !self.hidden[0].is_multiple_of(self.heads) {
            bail!(
                "hidden[0] is {}; it is a multiple of heads ({})",
                self.hidden[0],
                self.heads
            );
        }
        match (self.loss, self.classes) {
            (Loss::CrossEntropy, None) => bail!("loss cross_entropy needs classes, the number of classes"),
            (Loss::Mse, Some(_)) => bail!("classes belongs to loss cross_entropy"),
            _ => Ok(()),
        }
    }

    /// What the loss compares.
    pub const fn loss(&self) -> Loss {
        self.loss
    }

    /// The network for data of this layout.
    pub fn net(&self, layout: &Layout) -> Result<Net> {
        let outputs = match self.loss {
            Loss::CrossEntropy => u64::from(self.classes.unwrap_or_default()),
            Loss::Mse => layout.y.width(),
        };
        let outputs = u32::try_from(outputs).map_err(|_| Error::new("y has rows of more than 4294967295 numbers"))?;
        let (steps, features) = match (self.model, layout.x.row.as_slice()) {
            (Model::Mlp, _) => (1, layout.x.width()),
            (Model::LstmEncoder, [steps, features]) => (*steps, *features),
            (Model::LstmEncoder, other) => {
                bail!("lstm_encoder takes x of shape (samples, steps, features); a sample here has shape {other:?}")
            }
        };
        if features == 0 || steps == 0 || features.saturating_mul(steps) > 1 << 24 {
            bail!("a sample has {steps} x {features} numbers; 1 to 16777216 are allowed");
        }
        Ok(Net {
            model: self.model,
            steps,
            features,
            hidden: self.hidden.clone(),
            activation: self.activation,
            heads: self.heads,
            layers: self.layers,
            outputs,
            loss: self.loss,
        })
    }

    /// The shards of the step's batch: first sample and number of samples.
    pub fn shards(&self, samples: u64, hint: &PlanHint) -> Result<Vec<(u64, u64)>> {
        if samples == 0 {
            bail!("x has no samples");
        }
        let size = self.batch_size.unwrap_or(samples).min(samples);
        let batches = samples.div_ceil(size);
        let from = (self.batch % batches) * size;
        let until = (from + size).min(samples);
        let count = (until - from).div_ceil(self.shard_size);
        if count + 1 > u64::from(hint.max_chunks) {
            bail!(
                "shard_size {} makes {count} chunks, at most {} are allowed; use at least {}",
                self.shard_size,
                hint.max_chunks - 1,
                (until - from).div_ceil(u64::from(hint.max_chunks.max(2) - 1))
            );
        }
        let shard = |at: u64| {
            let first = from + at * self.shard_size;
            (first, self.shard_size.min(until - first))
        };
        Ok((0..count).map(shard).collect())
    }

    /// The optimiser.
    pub const fn optimiser(&self) -> Optimiser {
        Optimiser {
            rule: match self.optimiser {
                OptimiserName::Sgd => Rule::Sgd,
                OptimiserName::Momentum => Rule::Momentum,
                OptimiserName::Adam => Rule::Adam,
                OptimiserName::Adamw => Rule::AdamW,
            },
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            momentum: self.momentum,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
        }
    }
}
