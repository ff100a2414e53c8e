//! The operators, by domain and name. An operator is a function over its call; most are one operation of [`crate::Op`] with
//! the attributes of ONNX resolved.

mod attention;
mod control;
mod convolution;
mod detect;
mod index;
mod losses;
mod math;
mod ml_features;
mod ml_linear;
mod ml_svm;
mod ml_trees;
mod norms;
mod pools;
mod products;
mod quantize;
mod recurrent;
mod reduce;
mod resize;
mod rotary;
mod sample;
mod shape;
mod slices;
mod spectrum;
mod text;

use super::call::Run;
use super::graph::{Attr, Graph};
use crate::error::Result;
use crate::kernels;
use crate::op::Op;
use crate::session::Session;
pub use control::call_function;
pub use convolution::run_joined;

/// A module's operators.
type Table = &'static [(&'static str, Run)];

const DEFAULT: &[Table] = &[
    math::TABLE,
    shape::TABLE,
    slices::TABLE,
    products::TABLE,
    convolution::TABLE,
    pools::TABLE,
    norms::TABLE,
    reduce::TABLE,
    index::TABLE,
    control::TABLE,
    quantize::TABLE,
    recurrent::TABLE,
    attention::TABLE,
    rotary::TABLE,
    losses::TABLE,
    resize::TABLE,
    sample::TABLE,
    detect::TABLE,
    spectrum::TABLE,
    text::TABLE,
];

const LEARNING: &[Table] = &[ml_features::TABLE, ml_linear::TABLE, ml_svm::TABLE, ml_trees::TABLE];

/// Operators that are known and refused, and why.
const REFUSED: &[(&str, &str)] = &[
    ("Bernoulli", RANDOM),
    ("Multinomial", RANDOM),
    ("RandomNormal", RANDOM),
    ("RandomNormalLike", RANDOM),
    ("RandomUniform", RANDOM),
    ("RandomUniformLike", RANDOM),
    ("ImageDecoder", "give the decoded image as a tensor"),
    ("Optional", SEQUENCES),
    ("OptionalGetElement", SEQUENCES),
    ("OptionalHasElement", SEQUENCES),
    ("SequenceAt", SEQUENCES),
    ("SequenceConstruct", SEQUENCES),
    ("SequenceEmpty", SEQUENCES),
    ("SequenceErase", SEQUENCES),
    ("SequenceInsert", SEQUENCES),
    ("SequenceLength", SEQUENCES),
    ("SequenceMap", SEQUENCES),
    ("SplitToSequence", SEQUENCES),
    ("ConcatFromSequence", SEQUENCES),
];
const RANDOM: &str = "it draws random numbers, so replicas would not agree; give them as an input";
const SEQUENCES: &str = "sequences and optionals are not supported; use tensors";

/// The function of an operator and its name, or why there is none.
pub fn find(domain: &str, name: &str) -> Result<(&'static str, Run), String> {
    let tables = match domain {
        "" | "ai.onnx" => DEFAULT,
        "ai.onnx.ml" => LEARNING,
        other => return Err(format!("the domain {other:?} is not known here")),
    };
    if let Some(found) = tables
        .iter()
        .flat_map(|table| table.iter())
        .find(|(known, _)| *known == name)
    {
        return Ok(*found);
    }
    let refused = REFUSED.iter().find(|(known, _)| *known == name && tables == DEFAULT);
    Err(refused.map_or("not written yet", |(_, why)| why).to_owned())
}

/// Moves work from every run to the load: constant matrices that `Gemm` would transpose are transposed once, and nodes that
/// can run as one are joined.
pub fn prepare(session: &Session, graph: &mut Graph) -> Result<()> {
    for node in graph.nodes.iter_mut().filter(|node| node.op == "Gemm") {
        let Some(flag) = node
            .attrs
            .iter_mut()
            .find(|(name, value)| name == "transB" && matches!(value, Attr::Int(1)))
        else {
            continue;
        };
        let Some(slot) = node.inputs.get(1).copied().flatten() else {
            continue;
        };
        let Some((_, weight)) = graph.constants.iter().find(|(constant, _)| *constant == slot) else {
            continue;
        };
        if weight.rank() != 2 || graph.inputs.contains(&slot) {
            continue;
        }
        let Some(turned) = kernels::apply(session, &Op::Transpose(vec![1, 0]), &[weight])?.pop() else {
            continue;
        };
        graph.constants.push((graph.slots, turned));
        node.inputs[1] = Some(graph.slots);
        graph.slots += 1;
        flag.1 = Attr::Int(0);
    }
    super::fuse::join(graph);
    drop_unused(graph);
    Ok(())
}

/// Drops constants that nobody reads any more.
fn drop_unused(graph: &mut Graph) {
    let mut used = vec![false; graph.slots];
    let nodes = graph.nodes.iter();
    let read = nodes.flat_map(|node| {
        let captured = node
            .graphs
            .iter()
            .flat_map(|(_, inner)| inner.captures.iter().map(|(outer, _)| *outer));
        node.inputs.iter().flatten().copied().chain(captured)
    });
    for slot in read
        .chain(graph.outputs.iter().copied())
        .chain(graph.inputs.iter().copied())
    {
        used[slot] = true;
    }
    graph.constants.retain(|(slot, _)| used[*slot]);
}
