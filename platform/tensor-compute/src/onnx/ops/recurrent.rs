//! Recurrent networks: `LSTM`, `GRU`, `RNN`. The input is multiplied with its weights once for all steps; what is left per
//! step is the product with the state. A plain LSTM (gates of `Sigmoid` and `Tanh`, nothing clipped or peeped at, samples of
//! one length) goes through a kernel of its own.

use super::super::call::{Call, Run};
use super::slices::part;
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::{Lstm, lstm};
use crate::op::{Binary, Compare, Op, Unary};
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[("LSTM", recurrent), ("GRU", recurrent), ("RNN", recurrent)];

/// What holds for one direction.
struct Direction<'a> {
    call: &'a Call<'a>,
    gates: usize,
    hidden: usize,
    /// Weights of the state, transposed: `(hidden, gates * hidden)`.
    state_weights: Tensor,
    /// Biases of the state, where they are needed apart.
    state_bias: Option<Tensor>,
    peepholes: Option<Tensor>,
    activations: Vec<Unary>,
    reverse: bool,
}

fn activation(call: &Call<'_>, name: &str, alpha: Option<f32>, beta: Option<f32>) -> Result<Unary> {
    let alpha = |default: f64| alpha.map_or(default, f64::from);
    Ok(match name.to_ascii_lowercase().as_str() {
        "sigmoid" => Unary::Sigmoid,
        "tanh" => Unary::Tanh,
        "relu" => Unary::Relu,
        "softsign" => Unary::Softsign,
        "softplus" => Unary::Softplus,
        "leakyrelu" => Unary::LeakyRelu { alpha: alpha(0.01) },
        "thresholdedrelu" => Unary::ThresholdedRelu { alpha: alpha(1.0) },
        "elu" => Unary::Elu { alpha: alpha(1.0) },
        "hardsigmoid" => Unary::HardSigmoid {
            alpha: alpha(0.2),
            beta: beta.map_or(0.5, f64::from),
        },
        other => return Err(call.wrong(format!("the activation {other:?} is not supported"))),
    })
}

/// One direction's part of a tensor that has directions first.
fn own(call: &Call<'_>, at: usize, direction: usize) -> Result<Option<Tensor>> {
    let Some(tensor) = call.opt(at) else { return Ok(None) };
    let tensor = call.at_least_single(tensor)?;
    if tensor.shape().first().is_none_or(|count| direction >= *count) {
        return Err(call.misfit(format!("input {at} has the shape {:?}", tensor.shape())));
    }
    let slice = part(call, &tensor, 0, direction, 1)?;
    call.reshape(&slice, &tensor.shape()[1..]).map(Some)
}

impl Direction<'_> {
    /// Whether it is what the kernel computes.
    fn is_plain(&self) -> bool {
        let usual = [Unary::Sigmoid, Unary::Tanh, Unary::Tanh];
        let clipped = self.call.float("clip", 0.0) > 0.0;
        self.gates == 4
            && self.activations == usual
            && self.peepholes.is_none()
            && !clipped
            && !self.call.flag("input_forget")
    }

    /// Columns of gate `first` to `first + count`.
    fn gate(&self, x: &Tensor, first: usize, count: usize) -> Result<Tensor> {
        part(self.call, x, x.rank() - 1, first * self.hidden, count * self.hidden)
    }

    fn activate(&self, which: usize, x: &Tensor) -> Result<Tensor> {
        let clip = f64::from(self.call.float("clip", 0.0));
        let op = self.activations.get(which).copied().unwrap_or(Unary::Tanh);
        if clip > 0.0 {
            let kept = self.call.one(
                &Op::Clamp {
                    min: Some(-clip),
                    max: Some(clip),
                },
                &[x],
            )?;
            return self.call.unary(op, &kept);
        }
        self.call.unary(op, x)
    }

    fn peep(&self, gate: &Tensor, which: usize, cell: &Tensor) -> Result<Tensor> {
        match &self.peepholes {
            Some(weights) => self
                .call
                .add(gate, &self.call.mul(cell, &self.gate(weights, which, 1)?)?),
            None => Ok(gate.clone()),
        }
    }

    /// `x` is the step's input times its weights; gates in the order input, output, forget, cell.
    fn lstm(&self, x: &Tensor, h: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
        let call = self.call;
        let sums = call.add(x, &call.matmul(h, &self.state_weights)?)?;
        let (input, forget) = if self.peepholes.is_none() {
            let both = self.activate(0, &self.gate(&sums, 0, 3)?)?;
            (self.gate(&both, 0, 1)?, self.gate(&both, 2, 1)?)
        } else {
            let input = self.activate(0, &self.peep(&self.gate(&sums, 0, 1)?, 0, c)?)?;
            (input, self.activate(0, &self.peep(&self.gate(&sums, 2, 1)?, 2, c)?)?)
        };
        let forget = if call.flag("input_forget") {
            call.binary(Binary::Sub, &call.number(1.0, input.dtype())?, &input)?
        } else {
            forget
        };
        let fresh = self.activate(1, &self.gate(&sums, 3, 1)?)?;
        let cell = call.add(&call.mul(&forget, c)?, &call.mul(&input, &fresh)?)?;
        let output = self.activate(0, &self.peep(&self.gate(&sums, 1, 1)?, 1, &cell)?)?;
        let shown = call.unary(self.activations.get(2).copied().unwrap_or(Unary::Tanh), &cell)?;
        Ok((call.mul(&output, &shown)?, cell))
    }

    /// Gates in the order update, reset, hidden.
    fn gru(&self, x: &Tensor, h: &Tensor) -> Result<Tensor> {
        let call = self.call;
        let gate_bias = |first, count| {
            self.state_bias
                .as_ref()
                .map(|bias| self.gate(bias, first, count))
                .transpose()
        };
        let plus = |x: Tensor, bias: Option<Tensor>| bias.map_or(Ok(x.clone()), |bias| call.add(&x, &bias));
        let linear = call.flag("linear_before_reset");
        let weights = |first, count| self.gate(&self.state_weights, first, count);
        let (gates, last) = if linear {
            let all = plus(call.matmul(h, &self.state_weights)?, self.state_bias.clone())?;
            (self.gate(&all, 0, 2)?, Some(self.gate(&all, 2, 1)?))
        } else {
            (plus(call.matmul(h, &weights(0, 2)?)?, gate_bias(0, 2)?)?, None)
        };
        let gates = self.activate(0, &call.add(&self.gate(x, 0, 2)?, &gates)?)?;
        let (update, reset) = (self.gate(&gates, 0, 1)?, self.gate(&gates, 1, 1)?);
        let state = match last {
            Some(state) => call.mul(&reset, &state)?,
            None => plus(call.matmul(&call.mul(&reset, h)?, &weights(2, 1)?)?, gate_bias(2, 1)?)?,
        };
        let fresh = self.activate(1, &call.add(&self.gate(x, 2, 1)?, &state)?)?;
        let one = call.number(1.0, fresh.dtype())?;
        let taken = call.mul(&call.binary(Binary::Sub, &one, &update)?, &fresh)?;
        call.add(&taken, &call.mul(&update, h)?)
    }

    fn step(&self, x: &Tensor, h: &Tensor, c: &Tensor) -> Result<(Tensor, Tensor)> {
        match self.gates {
            4 => self.lstm(x, h, c),
            3 => Ok((self.gru(x, h)?, c.clone())),
            _ => {
                let sums = self.call.add(x, &self.call.matmul(h, &self.state_weights)?)?;
                Ok((self.activate(0, &sums)?, c.clone()))
            }
        }
    }

    /// All steps: outputs in the order of time, last state, last cell. `x` is (time, batch, gates * hidden).
    fn run(
        &self,
        x: &Tensor,
        (mut h, mut c): (Tensor, Tensor),
        ends: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor, Tensor)> {
        let call = self.call;
        let [steps, batch, columns] = *x.shape() else {
            return Err(call.misfit("no steps".to_owned()));
        };
        let mut shown = Vec::with_capacity(steps);
        let order: Vec<usize> = if self.reverse {
            (0..steps).rev().collect()
        } else {
            (0..steps).collect()
        };
        for at in order {
            let now = call.reshape(&part(call, x, 0, at, 1)?, &[batch, columns])?;
            let (mut next, mut cell) = self.step(&now, &h, &c)?;
            let mut output = next.clone();
            if let Some(ends) = ends {
                // A sample that has ended keeps its state and shows zeros.
                let place = Tensor::new(&[], vec![at as i64])?;
                let live = call.one(&Op::Compare(Compare::Less), &[&place, ends])?;
                output = call.one(&Op::Where, &[&live, &next, &call.number(0.0, next.dtype())?])?;
                next = call.one(&Op::Where, &[&live, &next, &h])?;
                cell = call.one(&Op::Where, &[&live, &cell, &c])?;
            }
            (h, c) = (next, cell);
            shown.push(call.reshape(&output, &[1, 1, batch, self.hidden])?);
        }
        if self.reverse {
            shown.reverse();
        }
        if shown.is_empty() {
            shown.push(
                call.session
                    .make::<f32>(call.node.op, &[0, 1, batch, self.hidden], |_| Ok(()))?,
            );
        }
        let all = call.one(&Op::Concat { axis: 0 }, &shown.iter().collect::<Vec<_>>())?;
        Ok((all, h, c))
    }
}

fn direction<'a>(call: &'a Call<'a>, at: usize, hidden: usize) -> Result<(Direction<'a>, Tensor, Option<Tensor>)> {
    let (gates, defaults): (usize, &[&str]) = match call.node.op {
        "LSTM" => (4, &["Sigmoid", "Tanh", "Tanh"]),
        "GRU" => (3, &["Sigmoid", "Tanh"]),
        _ => (1, &["Tanh"]),
    };
    let missing = || call.wrong("the weights are missing".to_owned());
    let (w, r) = (
        own(call, 1, at)?.ok_or_else(missing)?,
        own(call, 2, at)?.ok_or_else(missing)?,
    );
    let width = gates * hidden;
    if w.rank() != 2 || w.shape()[0] != width || r.shape() != [width, hidden] {
        return Err(call.misfit(format!(
            "weights {:?} and {:?} for {hidden} features",
            w.shape(),
            r.shape()
        )));
    }
    let bias = own(call, 3, at)?;
    if bias.as_ref().is_some_and(|bias| bias.shape() != [2 * width]) {
        return Err(call.misfit(format!("{} biases are needed", 2 * width)));
    }
    let (mut input_bias, mut state_bias) = (None, None);
    if let Some(bias) = &bias {
        let halves = (part(call, bias, 0, 0, width)?, part(call, bias, 0, width, width)?);
        if gates == 3 {
            (input_bias, state_bias) = (Some(halves.0), Some(halves.1));
        } else {
            input_bias = Some(call.add(&halves.0, &halves.1)?);
        }
    }
    let names = call.texts("activations");
    let mut activations = Vec::new();
    for (which, default) in defaults.iter().enumerate() {
        let place = at * defaults.len() + which;
        let name = names.get(place).map_or(*default, String::as_str);
        let pick = |list: &str| call.floats(list).get(place).copied();
        activations.push(activation(
            call,
            name,
            pick("activation_alpha"),
            pick("activation_beta"),
        )?);
    }
    let reverse = at == 1 || call.text("direction", "forward") == "reverse";
    let state_weights = call.transpose(&r, &[1, 0])?;
    let peepholes = if gates == 4 { own(call, 7, at)? } else { None };
    let made = Direction {
        call,
        gates,
        hidden,
        state_weights,
        state_bias,
        peepholes,
        activations,
        reverse,
    };
    Ok((made, call.transpose(&w, &[1, 0])?, input_bias))
}

/// A direction, its sums, first state and first cell.
type Ready<'a> = (Direction<'a>, Tensor, Tensor, Tensor);

/// For each direction: states in the order of time, last state, last cell.
fn run_all(call: &Call<'_>, runs: Vec<Ready<'_>>, ends: Option<&Tensor>) -> Result<Vec<[Tensor; 3]>> {
    let single = |(direction, sums, state, cell): &Ready<'_>| {
        direction.is_plain() && [sums, state, cell, &direction.state_weights].map(Tensor::dtype) == [DType::F32; 4]
    };
    if ends.is_none() && runs.iter().all(single) && runs.iter().all(|(_, sums, ..)| !sums.is_empty()) {
        let directions = runs.into_iter().map(|(direction, sums, state, cell)| Lstm {
            sums,
            weights: direction.state_weights,
            state,
            cell,
            reverse: direction.reverse,
        });
        return lstm(call.session, &directions.collect::<Vec<_>>());
    }
    let run = |(direction, sums, state, cell): Ready<'_>| {
        let (y, h, c) = direction.run(&sums, (state, cell), ends)?;
        Ok([y, h, c])
    };
    runs.into_iter().map(run).collect()
}

fn recurrent(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let given = call.arg(0)?;
    let dtype = given.dtype();
    let batch_first = call.flag("layout");
    let mut x = call.at_least_single(given)?;
    if x.rank() != 3 {
        return Err(call.misfit(format!("takes (time, batch, features), not {:?}", x.shape())));
    }
    if batch_first {
        x = call.transpose(&x, &[1, 0, 2])?;
    }
    let (steps, batch) = (x.shape()[0], x.shape()[1]);
    let state_shape = call.arg(2)?.shape();
    let hidden = state_shape.last().copied().unwrap_or(0);
    let directions = if call.text("direction", "forward") == "bidirectional" {
        2
    } else {
        1
    };
    let ends = match call.ints_arg(4)? {
        Some(ends) if ends.len() != batch => {
            return Err(call.misfit(format!("{} lengths for {batch} samples", ends.len())));
        }
        Some(ends) if ends.iter().any(|end| *end != steps as i64) => Some(call.numbers(&[batch, 1], ends)?),
        _ => None,
    };
    let mut runs = Vec::with_capacity(directions);
    for at in 0..directions {
        let (own_direction, weights, bias) = direction(call, at, hidden)?;
        let mut sums = call.matmul(&x, &weights)?;
        if let Some(bias) = bias {
            sums = call.add(&sums, &bias)?;
        }
        let initial = |input: usize| -> Result<Tensor> {
            if call.opt(input).is_none() {
                let zeros = call.number(0.0, x.dtype())?;
                return call.one(&Op::Expand(vec![batch, hidden]), &[&zeros]);
            }
            let state = if batch_first {
                let turned = call.transpose(call.arg(input)?, &[1, 0, 2])?;
                let slice = part(call, &call.at_least_single(&turned)?, 0, at, 1)?;
                call.reshape(&slice, &[batch, hidden])?
            } else {
                own(call, input, at)?.ok_or_else(|| call.wrong("no state".to_owned()))?
            };
            call.reshape(&state, &[batch, hidden])
        };
        let cell = if call.node.op == "LSTM" {
            initial(6)?
        } else {
            initial(5)?
        };
        runs.push((own_direction, sums, initial(5)?, cell));
    }
    let (mut shown, mut states, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for [y, h, c] in run_all(call, runs, ends.as_ref())? {
        shown.push(y);
        states.push(call.reshape(&h, &[1, batch, hidden])?);
        cells.push(call.reshape(&c, &[1, batch, hidden])?);
    }
    let join = |parts: &[Tensor], axis: usize, perm: &[usize]| -> Result<Tensor> {
        let joined = call.one(&Op::Concat { axis }, &parts.iter().collect::<Vec<_>>())?;
        let turned = if batch_first {
            call.transpose(&joined, perm)?
        } else {
            joined
        };
        call.cast(&turned, dtype)
    };
    let y = join(&shown, 1, &[2, 0, 1, 3])?;
    Ok(vec![y, join(&states, 0, &[1, 0, 2])?, join(&cells, 0, &[1, 0, 2])?])
}
