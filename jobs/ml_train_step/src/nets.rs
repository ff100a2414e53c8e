//! The networks, in burn.

use crate::lstm::Lstm;
use crate::params::{Activation, Loss, Model};
use burn::module::Module;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};
use p2pjob::prelude::*;
use p2pjob_burn::flat;

/// What a network is built from.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Net {
    /// Which architecture.
    pub model: Model,
    /// Steps of a sample; 1 for an MLP.
    pub steps: u64,
    /// Numbers of a step.
    pub features: u64,
    /// Sizes of hidden layers.
    pub hidden: Vec<u32>,
    /// Between layers.
    pub activation: Activation,
    /// Of the encoder.
    pub heads: u32,
    /// Of the encoder.
    pub layers: u32,
    /// Numbers of a prediction.
    pub outputs: u32,
    /// What is made small.
    pub loss: Loss,
}

/// Linear layers.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// First weights drawn by the device.
    pub fn new(net: &Net, device: &Device) -> Self {
        let mut width = net.features as usize;
        let sizes = net.hidden.iter().chain([&net.outputs]);
        let layers = sizes.map(|size| {
            let from = std::mem::replace(&mut width, *size as usize);
            LinearConfig::new(from, width).init(device)
        });
        Self {
            layers: layers.collect(),
        }
    }

    /// `(samples, features)` to `(samples, outputs)`.
    pub fn forward(&self, mut x: Tensor<2>, between: Activation) -> Tensor<2> {
        for (at, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if at + 1 < self.layers.len() {
                x = match between {
                    Activation::Relu => activation::relu(x),
                    Activation::Tanh => activation::tanh(x),
                    Activation::Gelu => activation::gelu(x),
                    Activation::Sigmoid => activation::sigmoid(x),
                };
            }
        }
        x
    }
}

/// An LSTM, an encoder, a linear layer.
#[derive(Module, Debug)]
pub struct LstmEncoder {
    lstm: Lstm,
    encoder: TransformerEncoder,
    head: Linear,
}

impl LstmEncoder {
    /// First weights drawn by the device.
    pub fn new(net: &Net, device: &Device) -> Self {
        let width = net.hidden.first().map_or(1, |width| *width as usize);
        let encoder = TransformerEncoderConfig::new(width, 2 * width, net.heads as usize, net.layers as usize);
        Self {
            lstm: Lstm::new(net.features as usize, width, device),
            encoder: encoder.with_dropout(0.0).init(device),
            head: LinearConfig::new(width, net.outputs as usize).init(device),
        }
    }

    /// `(samples, steps, features)` to `(samples, outputs)`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let encoded = self.encoder.forward(TransformerEncoderInput::new(self.lstm.forward(x)));
        let [samples, steps, width] = encoded.dims();
        let last = encoded.slice([0..samples, steps - 1..steps, 0..width]);
        self.head.forward(last.reshape([samples, width]))
    }
}

/// The first weights of a network: burn's own initialisation, from the seed.
pub fn initial_weights(net: &Net, seed: u64) -> Result<Vec<f32>> {
    let device = p2pjob_burn::device();
    device.seed(seed);
    match net.model {
        Model::Mlp => flat::parameters(&Mlp::new(net, &device)),
        Model::LstmEncoder => flat::parameters(&LstmEncoder::new(net, &device)),
    }
}
