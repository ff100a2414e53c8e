//! Optimisers on flat vectors, in plain `f32` arithmetic in a fixed order: the same bits in every sandbox.
//!
//! All take the gradient of the mean loss. `t` counts steps from 1; everything is per element.
//!
//! | rule | with `g = gradient + weight_decay * w` (AdamW: `g = gradient`) |
//! |---|---|
//! | [`Rule::Sgd`] | `w -= learning_rate * g` |
//! | [`Rule::Momentum`] | `m = momentum * m + g`, `w -= learning_rate * m` |
//! | [`Rule::Adam`] | `m = beta_1 * m + (1 - beta_1) * g`, `v = beta_2 * v + (1 - beta_2) * g * g`, `w -= learning_rate * (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)` (Kingma and Ba 2015) |
//! | [`Rule::AdamW`] | first `w -= learning_rate * weight_decay * w`, then as Adam (Loshchilov and Hutter 2019) |

use p2pjob::{Error, Result};

/// Which update.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the table of the module says what they are")]
pub enum Rule {
    Sgd,
    Momentum,
    Adam,
    AdamW,
}

/// A rule and its numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Optimiser {
    /// Which update.
    pub rule: Rule,
    /// Step length.
    pub learning_rate: f32,
    /// Pull towards zero.
    pub weight_decay: f32,
    /// Share of the last movement that is kept; only [`Rule::Momentum`].
    pub momentum: f32,
    /// Share of the mean gradient that is kept; only Adam and AdamW.
    pub beta_1: f32,
    /// Share of the mean square that is kept; only Adam and AdamW.
    pub beta_2: f32,
    /// Keeps divisions finite; only Adam and AdamW.
    pub epsilon: f32,
}

/// What an optimiser remembers from step to step. Empty vectors stand for zeros.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    /// Steps done.
    pub steps: u64,
    /// `m`, for rules that have one.
    pub first: Vec<f32>,
    /// `v`, for rules that have one.
    pub second: Vec<f32>,
}

impl Rule {
    /// How many vectors of the parameters' length the state has: 0 to 2.
    pub const fn moments(self) -> usize {
        match self {
            Self::Sgd => 0,
            Self::Momentum => 1,
            Self::Adam | Self::AdamW => 2,
        }
    }
}

impl Optimiser {
    /// One step on `weights` with the gradient of the mean loss.
    pub fn step(&self, state: &mut State, weights: &mut [f32], gradient: &[f32]) -> Result<()> {
        let count = weights.len();
        if gradient.len() != count {
            return Err(Error::new(format_args!(
                "{count} weights cannot take a step with {} gradients",
                gradient.len()
            )));
        }
        for (moment, wanted) in [
            (&mut state.first, self.rule.moments() > 0),
            (&mut state.second, self.rule.moments() > 1),
        ] {
            if moment.is_empty() && wanted {
                *moment = vec![0.0; count];
            }
            if moment.len() != if wanted { count } else { 0 } {
                return Err(Error::new(format_args!(
                    "the optimiser's state has {} numbers for {count} weights: it belongs to another model or rule",
                    moment.len()
                )));
            }
        }
        state.steps += 1;
        match self.rule {
            Rule::Sgd => self.sgd(weights, gradient),
            Rule::Momentum => self.with_momentum(&mut state.first, weights, gradient),
            Rule::Adam | Rule::AdamW => self.adam(state, weights, gradient),
        }
        Ok(())
    }

    fn sgd(&self, weights: &mut [f32], gradient: &[f32]) {
        for (weight, gradient) in weights.iter_mut().zip(gradient) {
            *weight -= self.learning_rate * (gradient + self.weight_decay * *weight);
        }
    }

    fn with_momentum(&self, moments: &mut [f32], weights: &mut [f32], gradient: &[f32]) {
        for ((weight, gradient), moment) in weights.iter_mut().zip(gradient).zip(moments) {
            *moment = self.momentum * *moment + (gradient + self.weight_decay * *weight);
            *weight -= self.learning_rate * *moment;
        }
    }

    fn adam(&self, state: &mut State, weights: &mut [f32], gradient: &[f32]) {
        let unbias_1 = 1.0 - power(self.beta_1, state.steps);
        let unbias_2 = 1.0 - power(self.beta_2, state.steps);
        let decoupled = self.rule == Rule::AdamW;
        let moments = state.first.iter_mut().zip(&mut state.second);
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
            let mut gradient = *gradient;
            if decoupled {
                *weight -= self.learning_rate * self.weight_decay * *weight;
            } else {
                gradient += self.weight_decay * *weight;
            }
            *first = self.beta_1 * *first + (1.0 - self.beta_1) * gradient;
            *second = self.beta_2 * *second + (1.0 - self.beta_2) * gradient * gradient;
            let scale = (*second / unbias_2).sqrt() + self.epsilon;
            *weight -= self.learning_rate * (*first / unbias_1) / scale;
        }
    }
}

/// `base^exponent` by squaring in `f64`.
fn power(base: f32, mut exponent: u64) -> f32 {
    let (mut result, mut square) = (1.0f64, f64::from(base));
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= square;
        }
        square *= square;
        exponent >>= 1;
    }
    result as f32
}
