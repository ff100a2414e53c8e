//! What a network is, and how its weights, one flat vector in the order in which burn visits them, stand in a model file:
//! under the names and in the layout of PyTorch's modules.

use crate::params::{Activation, Architecture, Loss, Params};
use crate::{Head, Layout};
use p2pjob::prelude::*;

/// Most weights of a network: an average keeps about 50 bytes for each.
const MAX_WEIGHTS: u64 = 1 << 24;
/// Most layers, of an MLP or of an encoder: what is said of each tensor travels with every chunk.
const MAX_LAYERS: usize = 32;
/// Most numbers of one sample.
const MAX_SAMPLE_NUMBERS: u64 = 1 << 24;

/// What a network is built from.
#[wire]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Net {
    /// Which architecture.
    pub architecture: Architecture,
    /// Steps of a sample; 1 for an MLP.
    pub steps: u64,
    /// Numbers of a step.
    pub features: u64,
    /// Sizes of the hidden layers of an MLP; the width of an LSTM with encoder.
    pub hidden: Vec<u32>,
    /// Between the layers of an MLP.
    pub activation: Activation,
    /// Heads of the encoder's attention.
    pub heads: u32,
    /// Layers of the encoder.
    pub layers: u32,
    /// Numbers of a prediction.
    pub outputs: u32,
    /// What is made small.
    pub loss: Loss,
}

/// A part of the flat weights as a model file stores it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// Inputs by outputs in the flat weights; outputs by inputs in the file.
    Matrix {
        /// Rows in the flat weights.
        inputs: u64,
        /// Columns in the flat weights.
        outputs: u64,
    },
    /// The same in both.
    Vector(u64),
    /// A second bias that PyTorch has and burn has not: zeros in a file that is written, added to the first when read.
    SecondBias(u64),
}

/// One tensor of a model file: parts of the flat weights, the rows of one below those of the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// PyTorch's name.
    pub name: String,
    /// Where each part begins in the flat weights, and what it is.
    pub parts: Vec<(usize, Stored)>,
}

impl Piece {
    /// The shape in the file.
    pub fn shape(&self) -> Vec<u64> {
        let rows = self.parts.iter().map(|(_, stored)| match stored {
            Stored::Matrix { outputs, .. } => *outputs,
            Stored::Vector(length) | Stored::SecondBias(length) => *length,
        });
        let rows = rows.sum();
        match self.parts.first() {
            Some((_, Stored::Matrix { inputs, .. })) => vec![rows, *inputs],
            _ => vec![rows],
        }
    }

    /// Calls `each` with the index in the flat weights of every element of the tensor, in the file's order.
    pub fn indices(&self, mut each: impl FnMut(usize)) {
        for (start, stored) in &self.parts {
            match *stored {
                Stored::Matrix { inputs, outputs } => {
                    for output in 0..outputs as usize {
                        (0..inputs as usize).for_each(|input| each(start + input * outputs as usize + output));
                    }
                }
                Stored::Vector(length) | Stored::SecondBias(length) => {
                    (0..length as usize).for_each(|at| each(start + at));
                }
            }
        }
    }

    /// Whether it is a second bias.
    pub fn is_second_bias(&self) -> bool {
        matches!(self.parts.as_slice(), [(_, Stored::SecondBias(_))])
    }
}

/// Gives names to the flat weights from the front on.
#[derive(Default)]
struct Names {
    at: usize,
    pieces: Vec<Piece>,
}

impl Names {
    fn part(&mut self, stored: Stored) -> (usize, Stored) {
        let start = self.at;
        self.at += match stored {
            Stored::Matrix { inputs, outputs } => (inputs * outputs) as usize,
            Stored::Vector(length) => length as usize,
            Stored::SecondBias(_) => 0,
        };
        (start, stored)
    }

    fn piece(&mut self, name: String, stored: Stored) {
        let parts = vec![self.part(stored)];
        self.pieces.push(Piece { name, parts });
    }

    fn linear(&mut self, name: &str, inputs: u64, outputs: u64) {
        self.piece(format!("{name}.weight"), Stored::Matrix { inputs, outputs });
        self.piece(format!("{name}.bias"), Stored::Vector(outputs));
    }

    fn lstm(&mut self, name: &str, features: u64, width: u64) {
        let gates = 4 * width;
        let matrix = |inputs| Stored::Matrix { inputs, outputs: gates };
        self.piece(format!("{name}.weight_ih_l0"), matrix(features));
        self.piece(format!("{name}.weight_hh_l0"), matrix(width));
        let bias = self.at;
        self.piece(format!("{name}.bias_ih_l0"), Stored::Vector(gates));
        self.pieces.push(Piece {
            name: format!("{name}.bias_hh_l0"),
            parts: vec![(bias, Stored::SecondBias(gates))],
        });
    }

    /// A layer of an encoder. burn keeps queries, keys and values apart; PyTorch stacks them.
    fn encoder_layer(&mut self, name: &str, width: u64) {
        let square = Stored::Matrix {
            inputs: width,
            outputs: width,
        };
        let stacked: Vec<_> = (0..3)
            .map(|_| (self.part(square), self.part(Stored::Vector(width))))
            .collect();
        let (weights, biases) = stacked.into_iter().unzip();
        for (end, parts) in [("weight", weights), ("bias", biases)] {
            self.pieces.push(Piece {
                name: format!("{name}.self_attn.in_proj_{end}"),
                parts,
            });
        }
        self.linear(&format!("{name}.self_attn.out_proj"), width, width);
        self.linear(&format!("{name}.linear1"), width, 2 * width);
        self.linear(&format!("{name}.linear2"), 2 * width, width);
        for norm in ["norm1", "norm2"] {
            self.piece(format!("{name}.{norm}.weight"), Stored::Vector(width));
            self.piece(format!("{name}.{norm}.bias"), Stored::Vector(width));
        }
    }
}

impl Net {
    /// The width of an LSTM with encoder.
    pub fn width(&self) -> u64 {
        self.hidden.first().map_or(1, |width| u64::from(*width))
    }

    /// The tensors of its model file, in the order of the flat weights.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut names = Names::default();
        let outputs = u64::from(self.outputs);
        match self.architecture {
            Architecture::Mlp => {
                let mut inputs = self.features;
                let sizes = self.hidden.iter().copied().chain([self.outputs]).map(u64::from);
                for (at, size) in sizes.enumerate() {
                    names.linear(&format!("layers.{at}"), inputs, size);
                    inputs = size;
                }
            }
            Architecture::LstmEncoder => {
                names.lstm("lstm", self.features, self.width());
                for layer in 0..self.layers {
                    names.encoder_layer(&format!("encoder.layers.{layer}"), self.width());
                }
                names.linear("head", self.width(), outputs);
            }
        }
        names.pieces
    }

    /// How many weights it has.
    pub fn weights(&self) -> u64 {
        let (features, outputs) = (u128::from(self.features), u128::from(self.outputs));
        let weights = match self.architecture {
            Architecture::Mlp => {
                let mut inputs = features;
                let sizes = self.hidden.iter().copied().chain([self.outputs]).map(u128::from);
                sizes.fold(0, |sum, size| sum + (std::mem::replace(&mut inputs, size) + 1) * size)
            }
            Architecture::LstmEncoder => {
                let width = u128::from(self.width());
                let encoder = u128::from(self.layers) * (8 * width * width + 11 * width);
                4 * width * (features + width + 1) + encoder + (width + 1) * outputs
            }
        };
        u64::try_from(weights).unwrap_or(u64::MAX)
    }

    /// The network that the parameters ask for, for these samples; where there is a model, that of its file.
    pub fn of(params: &Params, layout: &Layout, head: Option<&Head>) -> Result<Self> {
        let net = match head {
            Some(head) => of_file(params, layout, head).map_err(|error| error.context("model"))?,
            None => of_params(params, layout)?,
        };
        net.check(layout)?;
        Ok(net)
    }

    fn check(&self, layout: &Layout) -> Result<()> {
        let (sample, features, steps) = (layout.x.row.as_slice(), self.features, self.steps);
        let fits = match self.architecture {
            Architecture::Mlp => layout.x.width() == features,
            Architecture::LstmEncoder => sample == [steps, features],
        };
        if !fits {
            bail!("the model takes samples of {features} numbers in each step, and a sample of x has shape {sample:?}");
        }
        if features == 0 || steps == 0 || features.saturating_mul(steps) > MAX_SAMPLE_NUMBERS {
            bail!("a sample of x has {steps} x {features} numbers; 1 to {MAX_SAMPLE_NUMBERS} are allowed");
        }
        if self.architecture == Architecture::LstmEncoder && !self.width().is_multiple_of(u64::from(self.heads)) {
            bail!(
                "hidden[0] is {}; the width of lstm_encoder is a multiple of heads ({})",
                self.width(),
                self.heads
            );
        }
        let depth = self.hidden.len().max(self.layers as usize);
        if depth > MAX_LAYERS || self.outputs == 0 || self.layers == 0 || self.hidden.contains(&0) {
            bail!("the network has {depth} layers, or one without numbers ({self:?}); 1 to {MAX_LAYERS} are allowed");
        }
        if self.weights() > MAX_WEIGHTS {
            bail!(
                "the network has {} weights; at most {MAX_WEIGHTS} are trained here: make hidden smaller",
                self.weights()
            );
        }
        Ok(())
    }
}

/// Steps and features of the samples.
fn sample_form(architecture: Architecture, layout: &Layout) -> Result<(u64, u64)> {
    Ok(match (architecture, layout.x.row.as_slice()) {
        (Architecture::Mlp, _) => (1, layout.x.width()),
        (Architecture::LstmEncoder, [steps, features]) => (*steps, *features),
        (Architecture::LstmEncoder, other) => {
            bail!("lstm_encoder takes x of shape (samples, steps, features); a sample here has shape {other:?}")
        }
    })
}

fn of_params(params: &Params, layout: &Layout) -> Result<Net> {
    let loss = params.loss();
    let outputs = match (loss, &params.classes, &layout.y) {
        (Loss::CrossEntropy, Some(classes), _) => u64::from(*classes),
        (Loss::CrossEntropy, None, _) => bail!("loss cross_entropy needs classes, the number of classes"),
        (Loss::Mse, None, Some(y)) => y.width(),
        (Loss::Mse, Some(_), _) => bail!("classes belongs to loss cross_entropy"),
        (Loss::Mse, None, None) => bail!("there is no model; add --input model=PATH, the result of a step"),
    };
    let outputs = u32::try_from(outputs).map_err(|_| Error::new("y has rows of more than 4294967295 numbers"))?;
    let architecture = params.model.unwrap_or_default();
    let (steps, features) = sample_form(architecture, layout)?;
    let hidden = params.hidden.clone().unwrap_or_else(|| vec![64]);
    if architecture == Architecture::LstmEncoder && hidden.len() != 1 {
        bail!(
            "lstm_encoder has one width, such as hidden=[64]; {} were given",
            hidden.len()
        );
    }
    Ok(Net {
        architecture,
        steps,
        features,
        hidden,
        activation: params.activation.unwrap_or_default(),
        heads: params.heads.unwrap_or(4),
        layers: params.layers.unwrap_or(1),
        outputs,
        loss,
    })
}

/// The network of a model file, from names and shapes of its tensors; what they cannot tell, from its metadata or the
/// parameters. A parameter that says something else than the file is an error.
fn of_file(params: &Params, layout: &Layout, head: &Head) -> Result<Net> {
    let (architecture, features, hidden, layers, outputs) = if head.shape("layers.0.weight").is_some() {
        let sizes = mlp_sizes(head)?;
        match sizes.as_slice() {
            [features, hidden @ .., outputs] => (Architecture::Mlp, *features, hidden.to_vec(), 1, *outputs),
            _ => bail!("the file has no layer"),
        }
    } else if head.shape("lstm.weight_ih_l0").is_some() {
        let [gates, features] = matrix(head, "lstm.weight_ih_l0")?;
        let [outputs, _] = matrix(head, "head.weight")?;
        let names = (0u32..).map(|layer| format!("encoder.layers.{layer}.linear1.weight"));
        let layers = names.take_while(|name| head.shape(name).is_some()).count() as u32;
        (Architecture::LstmEncoder, features, vec![gates / 4], layers, outputs)
    } else {
        bail!(
            "the file has neither a tensor layers.0.weight (mlp) nor lstm.weight_ih_l0 (lstm_encoder); it is the result of \
             a step, or has PyTorch's names as told in docs/ml.md"
        );
    };
    let narrow = |size: u64| u32::try_from(size).map_err(|_| Error::new("the file has a layer that is too wide"));
    let net = Net {
        architecture,
        steps: sample_form(architecture, layout)?.0,
        features,
        hidden: hidden.into_iter().map(narrow).collect::<Result<_>>()?,
        activation: said(head, "activation", params.activation)?.unwrap_or_default(),
        heads: head.number("heads")?.or(params.heads).unwrap_or(4),
        layers,
        outputs: narrow(outputs)?,
        loss: said(head, "loss_function", params.loss)?.unwrap_or_else(|| params.loss()),
    };
    let different = [
        ("model", params.model.is_some_and(|asked| asked != net.architecture)),
        (
            "hidden",
            params.hidden.as_ref().is_some_and(|asked| *asked != net.hidden),
        ),
        (
            "activation",
            params.activation.is_some_and(|asked| asked != net.activation),
        ),
        ("heads", params.heads.is_some_and(|asked| asked != net.heads)),
        ("layers", params.layers.is_some_and(|asked| asked != net.layers)),
        ("loss", params.loss.is_some_and(|asked| asked != net.loss)),
        ("classes", params.classes.is_some_and(|asked| asked != net.outputs)),
    ];
    if let Some((name, _)) = different.iter().find(|(_, differs)| *differs) {
        bail!("{name} is not what the file has ({net:?}); leave out {name}, the file says what the network is");
    }
    Ok(net)
}

/// Features, then the outputs of each layer.
fn mlp_sizes(head: &Head) -> Result<Vec<u64>> {
    let mut sizes: Vec<u64> = Vec::new();
    for layer in 0.. {
        let name = format!("layers.{layer}.weight");
        if head.shape(&name).is_none() {
            break;
        }
        let [outputs, inputs] = matrix(head, &name)?;
        match sizes.last() {
            None => sizes.push(inputs),
            Some(before) if *before != inputs => {
                bail!("{name} takes {inputs} numbers, the layer before it gives {before}")
            }
            Some(_) => {}
        }
        sizes.push(outputs);
    }
    Ok(sizes)
}

fn matrix(head: &Head, name: &str) -> Result<[u64; 2]> {
    match head.shape(name) {
        Some([rows, columns]) => Ok([*rows, *columns]),
        Some(other) => bail!("{name} has shape {other:?}; it is a matrix"),
        None => bail!("the file has no tensor {name}"),
    }
}

/// A word of the metadata; the parameter's, where the file has none.
fn said<T: Copy + p2pjob::serde::de::DeserializeOwned>(head: &Head, key: &str, asked: Option<T>) -> Result<Option<T>> {
    match head.word(key) {
        None => Ok(asked),
        Some(word) => match serde_json::from_value(serde_json::Value::String(word.to_owned())) {
            Ok(found) => Ok(Some(found)),
            Err(_) => bail!("its metadata has {key} {word:?}, which is not known here"),
        },
    }
}
