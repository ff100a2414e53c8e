//! An LSTM that multiplies the inputs of all steps at once.
//!
//! The products with the input weights do not depend on the step before, so they are one product of matrices instead of
//! one for each step. The result is cut into steps by halves: the gradient of a cut fills a tensor of the size of what was
//! cut, so halving costs `log(steps)` times the whole instead of `steps` times.

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor, activation};

/// Hochreiter and Schmidhuber's LSTM with one bias for each gate; gates in the order input, forget, cell, output.
#[derive(Module, Debug)]
pub struct Lstm {
    /// `(features, 4 * width)`
    input: Param<Tensor<2>>,
    /// `(width, 4 * width)`
    hidden: Param<Tensor<2>>,
    /// `(4 * width)`
    bias: Param<Tensor<1>>,
}

impl Lstm {
    /// Weights uniform in `-1 / sqrt(width) .. 1 / sqrt(width)`.
    pub fn new(features: usize, width: usize, device: &Device) -> Self {
        let bound = 1.0 / (width as f64).sqrt();
        let from = Distribution::Uniform(-bound, bound);
        Self {
            input: Param::from_tensor(Tensor::random([features, 4 * width], from, device)),
            hidden: Param::from_tensor(Tensor::random([width, 4 * width], from, device)),
            bias: Param::from_tensor(Tensor::random([4 * width], from, device)),
        }
    }

    /// `(samples, steps, features)` to the outputs of all steps, `(samples, steps, width)`. Starts from zeros.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [samples, steps, features] = x.dims();
        let [width, gates] = self.hidden.val().dims();
        // Steps first, so that each step is one block of memory.
        let rows = x.swap_dims(0, 1).reshape([steps * samples, features]);
        let product = rows.matmul(self.input.val()) + self.bias.val().unsqueeze();
        let mut inputs = Vec::with_capacity(steps);
        halve(product, (steps, samples, gates), &mut inputs);
        let weights = self.hidden.val();
        let mut state: Option<(Tensor<2>, Tensor<2>)> = None;
        let mut outputs = Vec::with_capacity(steps);
        for input in inputs {
            let gates = match &state {
                Some((output, _)) => input + output.clone().matmul(weights.clone()),
                None => input,
            };
            let gate = |at: usize| gates.clone().slice([0..samples, at * width..(at + 1) * width]);
            let keep = activation::sigmoid(gate(0)) * gate(2).tanh();
            let cell = match state {
                Some((_, cell)) => activation::sigmoid(gate(1)) * cell + keep,
                None => keep,
            };
            let output = activation::sigmoid(gate(3)) * cell.clone().tanh();
            outputs.push(output.clone());
            state = Some((output, cell));
        }
        Tensor::stack(outputs, 1)
    }
}

/// Cuts `(steps * samples, gates)` into its steps.
fn halve(block: Tensor<2>, (steps, samples, gates): (usize, usize, usize), out: &mut Vec<Tensor<2>>) {
    if steps <= 1 {
        out.push(block);
        return;
    }
    let middle = steps / 2;
    let (first, rest) = (middle * samples, steps * samples);
    halve(block.clone().slice([0..first, 0..gates]), (middle, samples, gates), out);
    halve(
        block.slice([first..rest, 0..gates]),
        (steps - middle, samples, gates),
        out,
    );
}
