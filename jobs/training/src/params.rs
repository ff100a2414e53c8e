//! The parameters of a step, and what they mean together.

use crate::optimiser::{Optimiser, Rule};
use p2pjob::prelude::*;
use p2pjob::serde::de::Visitor;
use p2pjob::serde::{Deserializer, Serialize};

/// What the task is.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One training step; the result is the next model.
    #[default]
    Train,
    /// The model's outputs for all samples, as `.npy`.
    Predict,
}

/// What is trained.
#[params]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
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

impl OptimiserName {
    /// The parameter's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::Adam => "adam",
            Self::Adamw => "adamw",
        }
    }

    /// The optimiser of a word.
    pub fn of_word(word: &str) -> Result<Self> {
        let all = [Self::Sgd, Self::Momentum, Self::Adam, Self::Adamw];
        match all.into_iter().find(|one| one.word() == word) {
            Some(found) => Ok(found),
            None => bail!("its metadata has optimiser {word:?}; sgd, momentum, adam and adamw are known"),
        }
    }

    /// The update.
    pub const fn rule(self) -> Rule {
        match self {
            Self::Sgd => Rule::Sgd,
            Self::Momentum => Rule::Momentum,
            Self::Adam => Rule::Adam,
            Self::Adamw => Rule::AdamW,
        }
    }

    /// How many numbers it remembers for each weight.
    pub const fn moments(self) -> usize {
        self.rule().moments()
    }
}

/// The step.
#[params]
pub struct Params {
    /// `train` makes one step, `predict` gives the outputs of a model.
    #[serde(default)]
    pub mode: Mode,
    /// What is trained; `mlp` unless given. This and what follows of the network is read from the model, where there is one.
    #[serde(default)]
    pub model: Option<Architecture>,
    /// Sizes of the hidden layers of an MLP, or the width of an LSTM with encoder; [64] unless given.
    #[serde(default)]
    #[schemars(length(max = 32), inner(range(min = 1, max = 65536)))]
    pub hidden: Option<Vec<u32>>,
    /// Between the layers of an MLP; `relu` unless given.
    #[serde(default)]
    pub activation: Option<Activation>,
    /// Heads of the encoder's attention, 4 unless given; the width is a multiple of it.
    #[serde(default)]
    #[schemars(range(min = 1, max = 64))]
    pub heads: Option<u32>,
    /// Layers of the encoder, 1 unless given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 32))]
    pub layers: Option<u32>,
    /// What is made small; `mse` unless given, `cross_entropy` where there are classes.
    #[serde(default)]
    pub loss: Option<Loss>,
    /// Classes, for cross_entropy.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1_000_000))]
    pub classes: Option<u32>,
    /// How weights move; as in the step before, or `sgd`, unless given.
    #[serde(default)]
    pub optimiser: Option<OptimiserName>,
    /// Forgets what the optimiser of the step before remembered.
    #[serde(default)]
    pub fresh_optimiser: bool,
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
    /// Samples of a step; all, unless given.
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
    /// Numbers for each sample of a raw y; 1 unless given.
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
        Ok(())
    }

    /// What the loss compares, as far as the parameters say.
    pub fn loss(&self) -> Loss {
        let of_classes = if self.classes.is_some() {
            Loss::CrossEntropy
        } else {
            Loss::Mse
        };
        self.loss.unwrap_or(of_classes)
    }

    /// The shards: first sample and number of samples. For predictions all samples, else those of the step's batch.
    pub fn shards(&self, samples: u64, hint: &PlanHint) -> Result<Vec<(u64, u64)>> {
        let (from, until) = match self.batch_size {
            Some(size) if self.mode == Mode::Train => {
                let size = size.clamp(1, samples);
                let from = (self.batch % samples.div_ceil(size)) * size;
                (from, (from + size).min(samples))
            }
            _ => (0, samples),
        };
        let shard_size = self.shard_size.max(1);
        let count = (until - from).div_ceil(shard_size);
        if count + 1 > u64::from(hint.max_chunks) {
            bail!(
                "shard_size {} makes {count} chunks, at most {} are allowed; use at least {}",
                self.shard_size,
                hint.max_chunks - 1,
                (until - from).div_ceil(u64::from(hint.max_chunks.max(2) - 1))
            );
        }
        let shard = |at: u64| {
            let first = from + at * shard_size;
            (first, shard_size.min(until - first))
        };
        Ok((0..count).map(shard).collect())
    }

    /// The optimiser of this name with these numbers.
    pub const fn optimiser(&self, name: OptimiserName) -> Optimiser {
        Optimiser {
            rule: name.rule(),
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            momentum: self.momentum,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
        }
    }
}
