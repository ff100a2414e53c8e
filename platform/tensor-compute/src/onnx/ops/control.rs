//! Control flow: `If`, `Loop`, `Scan`, and functions of the model. Every iteration costs fuel, so none goes on for ever.

use super::super::call::{Call, Run};
use super::slices::part;
use crate::error::Result;
use crate::op::Op;
use crate::tensor::Tensor;

pub const TABLE: &[(&str, Run)] = &[("If", branch), ("Loop", repeat), ("Scan", scan)];

/// A function of the model: a graph that sees its arguments only.
pub fn call_function(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (body, captured) = call.graph("body")?;
    let inputs: Vec<Tensor> = call.all().into_iter().cloned().collect();
    body.run(call.session, &captured, &inputs)
}

fn truth(call: &Call<'_>, tensor: &Tensor) -> Result<bool> {
    match tensor.try_values::<bool>() {
        Some([value]) => Ok(*value),
        _ => Err(call.wrong(format!(
            "a condition is one boolean, not {} {:?}",
            tensor.dtype(),
            tensor.shape()
        ))),
    }
}

fn branch(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (graph, captured) = call.graph(if truth(call, call.arg(0)?)? {
        "then_branch"
    } else {
        "else_branch"
    })?;
    graph.run(call.session, &captured, &[])
}

/// One tensor out of those that the iterations gave, along a new first axis (or another one).
fn stack(call: &Call<'_>, parts: &[Tensor], axis: i64) -> Result<Tensor> {
    let Some(first) = parts.first() else {
        return call.numbers(&[0], Vec::<f32>::new());
    };
    let axis = call.resolve(axis, first.rank() + 1)?;
    let mut shape = first.shape().to_vec();
    shape.insert(axis, 1);
    let parts: Vec<Tensor> = parts
        .iter()
        .map(|part| call.reshape(part, &shape))
        .collect::<Result<_>>()?;
    call.one(&Op::Concat { axis }, &parts.iter().collect::<Vec<_>>())
}

fn repeat(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (body, captured) = call.graph("body")?;
    let limit = match call.ints_arg(0)?.as_deref() {
        Some([limit]) => *limit,
        _ => i64::MAX,
    };
    let mut go_on = match call.opt(1) {
        Some(condition) => truth(call, condition)?,
        None => true,
    };
    let carried = body.inputs.len().saturating_sub(2);
    let scanned = body.outputs.len().checked_sub(1 + carried);
    let mut state: Vec<Tensor> = call.args.iter().skip(2).flatten().cloned().collect();
    let Some(scanned) = scanned.filter(|_| state.len() == carried && body.inputs.len() >= 2) else {
        return Err(call.wrong("the body's inputs and outputs do not fit the loop".to_owned()));
    };
    let mut collected: Vec<Vec<Tensor>> = vec![Vec::new(); scanned];
    let mut iteration = 0;
    while go_on && iteration < limit {
        call.charge(0, 0)?;
        let mut inputs = vec![Tensor::new(&[], vec![iteration])?, Tensor::new(&[], vec![go_on])?];
        inputs.append(&mut state);
        let mut outputs = body.run(call.session, &captured, &inputs)?.into_iter();
        if let Some(condition) = outputs.next() {
            go_on = truth(call, &condition)?;
        }
        state = outputs.by_ref().take(carried).collect();
        for (list, part) in collected.iter_mut().zip(outputs) {
            list.push(part);
        }
        iteration += 1;
    }
    for parts in &collected {
        state.push(stack(call, parts, 0)?);
    }
    Ok(state)
}

/// The scan of operator set 9 and later (8 had a batch dimension, which nothing exports any more).
fn scan(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (body, captured) = call.graph("body")?;
    let scans = usize::try_from(call.int("num_scan_inputs", 0)).unwrap_or(0);
    let batched = call.node.opset < 9;
    let args: Vec<Tensor> = call.args.iter().skip(usize::from(batched)).flatten().cloned().collect();
    let states = args.len().checked_sub(scans);
    let Some(states) =
        states.filter(|states| scans > 0 && body.inputs.len() == args.len() && body.outputs.len() >= *states)
    else {
        return Err(call.wrong("the body's inputs and outputs do not fit the scan".to_owned()));
    };
    if batched {
        return scan_batches(call, &args, states);
    }
    let option = |name: &str, at: usize| call.ints(name).and_then(|list| list.get(at)).copied().unwrap_or(0);
    let mut axes = Vec::new();
    for (at, tensor) in args[states..].iter().enumerate() {
        axes.push(call.resolve(option("scan_input_axes", at), tensor.rank())?);
    }
    let steps = args[states].shape()[axes[0]];
    if args[states..]
        .iter()
        .zip(&axes)
        .any(|(tensor, axis)| tensor.shape()[*axis] != steps)
    {
        return Err(call.misfit("the scanned inputs are not of one length".to_owned()));
    }
    let mut state = args[..states].to_vec();
    let mut collected: Vec<Vec<Tensor>> = vec![Vec::new(); body.outputs.len() - states];
    for step in 0..steps {
        call.charge(0, 0)?;
        let mut inputs = std::mem::take(&mut state);
        for (at, (tensor, axis)) in args[states..].iter().zip(&axes).enumerate() {
            let step = if option("scan_input_directions", at) == 1 {
                steps - 1 - step
            } else {
                step
            };
            let slice = part(call, tensor, *axis, step, 1)?;
            let mut shape = slice.shape().to_vec();
            shape.remove(*axis);
            inputs.push(call.reshape(&slice, &shape)?);
        }
        let mut outputs = body.run(call.session, &captured, &inputs)?.into_iter();
        state = outputs.by_ref().take(states).collect();
        for (list, part) in collected.iter_mut().zip(outputs) {
            list.push(part);
        }
    }
    for (at, parts) in collected.iter_mut().enumerate() {
        if option("scan_output_directions", at) == 1 {
            parts.reverse();
        }
        state.push(stack(call, parts, option("scan_output_axes", at))?);
    }
    Ok(state)
}

/// Operator set 8: every argument has a first dimension of batches, each of which is scanned along its second.
fn scan_batches(call: &Call<'_>, args: &[Tensor], states: usize) -> Result<Vec<Tensor>> {
    let (body, captured) = call.graph("body")?;
    let shape = |tensor: &Tensor| tensor.shape().get(..2).map(<[usize]>::to_vec);
    let Some([batches, steps]) = args
        .get(states)
        .and_then(shape)
        .as_deref()
        .and_then(|s| <[usize; 2]>::try_from(s).ok())
    else {
        return Err(call.misfit("the scanned inputs have no batch and time".to_owned()));
    };
    let row = |tensor: &Tensor, at: usize| -> Result<Tensor> {
        let slice = part(call, tensor, 0, at, 1)?;
        call.reshape(&slice, tensor.shape().get(1..).unwrap_or_default())
    };
    let mut results: Vec<Vec<Tensor>> = vec![Vec::new(); body.outputs.len()];
    for batch in 0..batches {
        let own: Vec<Tensor> = args.iter().map(|tensor| row(tensor, batch)).collect::<Result<_>>()?;
        let mut state = own[..states].to_vec();
        let mut collected: Vec<Vec<Tensor>> = vec![Vec::new(); body.outputs.len() - states];
        for step in 0..steps {
            call.charge(0, 0)?;
            let mut inputs = std::mem::take(&mut state);
            for tensor in &own[states..] {
                inputs.push(row(tensor, step)?);
            }
            let mut outputs = body.run(call.session, &captured, &inputs)?.into_iter();
            state = outputs.by_ref().take(states).collect();
            for (list, part) in collected.iter_mut().zip(outputs) {
                list.push(part);
            }
        }
        for parts in &collected {
            state.push(stack(call, parts, 0)?);
        }
        for (list, tensor) in results.iter_mut().zip(state) {
            list.push(tensor);
        }
    }
    results.iter().map(|parts| stack(call, parts, 0)).collect()
}
