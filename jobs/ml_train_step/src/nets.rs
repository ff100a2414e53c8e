//! The networks, in burn.

use crate::lstm::Lstm;
use burn::module::Module;
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData, activation};
use p2pjob::prelude::*;
use p2pjob_burn::flat;
use training::{Activation, Architecture, Net};

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
        let width = net.width() as usize;
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

/// A network with its weights.
pub enum Model {
    /// Linear layers.
    Mlp(Mlp),
    /// An LSTM, an encoder, a linear layer.
    LstmEncoder(Box<LstmEncoder>),
}

impl Model {
    /// With these weights, flat.
    pub fn with_weights(net: &Net, weights: &[f32], device: &Device) -> Result<Self> {
        Ok(match net.architecture {
            Architecture::Mlp => Self::Mlp(flat::set_parameters(Mlp::new(net, device), weights)?),
            Architecture::LstmEncoder => {
                let module = flat::set_parameters(LstmEncoder::new(net, device), weights)?;
                Self::LstmEncoder(Box::new(module))
            }
        })
    }

    /// `x`, flat, to `(samples, outputs)`.
    pub fn forward(&self, net: &Net, samples: usize, x: Vec<f32>, device: &Device) -> Tensor<2> {
        let (steps, features) = (net.steps as usize, net.features as usize);
        match self {
            Self::Mlp(module) => {
                let x = Tensor::<2>::from_data(TensorData::new(x, [samples, features]), device);
                module.forward(x, net.activation)
            }
            Self::LstmEncoder(module) => module.forward(Tensor::<3>::from_data(
                TensorData::new(x, [samples, steps, features]),
                device,
            )),
        }
    }

    /// The loss and its gradients for all weights, flat. An error of the node's device is told here.
    pub fn differentiate(&self, loss: Tensor<1>) -> Result<(f64, Vec<f32>)> {
        let gradients = loss.backward();
        let gradient = match self {
            Self::Mlp(module) => flat::gradients(&GradientsParams::from_grads(gradients, module), module)?,
            Self::LstmEncoder(module) => {
                let module = module.as_ref();
                flat::gradients(&GradientsParams::from_grads(gradients, module), module)?
            }
        };
        let value = flat::values(loss)?;
        Ok((f64::from(value.first().copied().unwrap_or_default()), gradient))
    }
}

/// The first weights of a network: burn's own initialisation, from the seed.
pub fn initial_weights(net: &Net, seed: u64) -> Result<Vec<f32>> {
    let device = p2pjob_burn::device();
    device.seed(seed);
    match net.architecture {
        Architecture::Mlp => flat::parameters(&Mlp::new(net, &device)),
        Architecture::LstmEncoder => flat::parameters(&LstmEncoder::new(net, &device)),
    }
}
