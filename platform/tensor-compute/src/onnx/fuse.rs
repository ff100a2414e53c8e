//! Joins what can run as one node at load: a convolution, the normalisation with constants behind it, and a `Relu` behind
//! that. The joined node gives the same bits and pays for the same work; it saves the way of the tensors between through memory.

use super::graph::{Attr, Graph};
use super::ops::run_joined;
use crate::dtype::DType;
use crate::tensor::Tensor;

/// Attribute of a joined node: the epsilon of its normalisation, whose vectors are the inputs from the fourth on.
pub const EPSILON: &str = "joined_epsilon";
/// Attribute of a joined node: that a `Relu` follows.
pub const RELU: &str = "joined_relu";
/// Where the vectors of the normalisation stand among the inputs of a joined node.
pub const VECTORS: usize = 3;

/// Joins all that can be joined.
pub fn join(graph: &mut Graph) {
    let reads = readers(graph);
    for at in 0..graph.nodes.len() {
        if graph.nodes[at].op != "Conv" || constant(graph, at, 1).is_none_or(|weight| weight.dtype() != DType::F32) {
            continue;
        }
        let norm = next(graph, &reads, at).filter(|next| can_normalise(graph, at, *next));
        if let Some(norm) = norm {
            absorb(graph, at, norm);
        }
        let relu = next(graph, &reads, at).filter(|next| graph.nodes[*next].op == "Relu");
        if let Some(relu) = relu {
            absorb(graph, at, relu);
        }
    }
    graph.nodes.retain(|node| node.op != JOINED);
}

/// Operator of a node that another one has taken in.
const JOINED: &str = "joined";

/// For each slot the only node that reads it, if there is exactly one and nothing else does.
fn readers(graph: &Graph) -> Vec<Option<usize>> {
    let mut readers = vec![None; graph.slots];
    let mut shared = vec![false; graph.slots];
    for (at, node) in graph.nodes.iter().enumerate() {
        for slot in node.inputs.iter().flatten() {
            shared[*slot] |= readers[*slot].replace(at).is_some();
        }
        for (_, inner) in &node.graphs {
            inner.captures.iter().for_each(|(outer, _)| shared[*outer] = true);
        }
    }
    graph.outputs.iter().for_each(|slot| shared[*slot] = true);
    readers
        .into_iter()
        .zip(shared)
        .map(|(reader, shared)| reader.filter(|_| !shared))
        .collect()
}

/// The only reader of a node's only result, which reads it as its first input.
fn next(graph: &Graph, readers: &[Option<usize>], at: usize) -> Option<usize> {
    let [Some(slot)] = graph.nodes[at].outputs[..] else {
        return None;
    };
    let next = readers.get(slot).copied().flatten()?;
    let reader = &graph.nodes[next];
    let one_result = matches!(reader.outputs[..], [Some(_)]);
    (reader.inputs.first() == Some(&Some(slot)) && one_result).then_some(next)
}

fn constant(graph: &Graph, node: usize, input: usize) -> Option<&Tensor> {
    let slot = graph.nodes[node].inputs.get(input).copied().flatten()?;
    // What has a default may be given at run time.
    if graph.inputs.contains(&slot) {
        return None;
    }
    let found = graph.constants.iter().find(|(constant, _)| *constant == slot);
    found.map(|(_, tensor)| tensor)
}

/// Whether `norm` normalises the result of `conv` with constants that fit it.
fn can_normalise(graph: &Graph, conv: usize, norm: usize) -> bool {
    let node = &graph.nodes[norm];
    let trains = node
        .attrs
        .iter()
        .any(|(name, value)| matches!((name.as_str(), value), ("training_mode", Attr::Int(1))));
    let filters = constant(graph, conv, 1).and_then(|weight| weight.shape().first().copied());
    let fits = |vector: &Tensor| vector.dtype() == DType::F32 && filters.is_some_and(|n| vector.shape() == [n]);
    let inputs = &graph.nodes[conv].inputs;
    node.op == "BatchNormalization"
        && !trains
        && inputs.len() <= VECTORS
        && node.inputs.len() == 5
        && (1..5).all(|input| constant(graph, norm, input).is_some_and(fits))
}

/// Makes `later` part of `node`. What is dropped after `later` are the tensor between, which is never made, and constants.
fn absorb(graph: &mut Graph, node: usize, later: usize) {
    let taken = &mut graph.nodes[later];
    let (inputs, outputs) = (std::mem::take(&mut taken.inputs), std::mem::take(&mut taken.outputs));
    let epsilon = taken.attrs.iter().find_map(|(name, value)| match value {
        Attr::Float(value) if name == "epsilon" => Some(*value),
        _ => None,
    });
    let is_norm = taken.op == "BatchNormalization";
    taken.op = JOINED;
    let joined = &mut graph.nodes[node];
    if is_norm {
        joined.inputs.resize(VECTORS, None);
        joined.inputs.extend(inputs.into_iter().skip(1));
        joined
            .attrs
            .push((EPSILON.to_owned(), Attr::Float(epsilon.unwrap_or(1e-5))));
    } else {
        joined.attrs.push((RELU.to_owned(), Attr::Int(1)));
    }
    joined.outputs = outputs;
    joined.run = run_joined;
}
