//! A graph made ready to run: names became slots, constants tensors, operators functions; and each node knows which slots
//! nobody needs after it, so that intermediate tensors are dropped at once.

use super::call::{Call, Run};
use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;
use std::any::Any;
use std::sync::{Arc, OnceLock};

/// An attribute's value.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Attr {
    Float(f32),
    Int(i64),
    Text(String),
    Tensor(Tensor),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

/// One use of an operator.
#[derive(Debug)]
pub struct Node {
    /// Operator.
    pub op: &'static str,
    /// For messages: the node's name, or that of its first output.
    pub name: String,
    /// Version of its operator set.
    pub opset: i64,
    /// What runs it.
    pub run: Run,
    /// Slots of the inputs.
    pub inputs: Vec<Option<usize>>,
    /// Slots of the outputs.
    pub outputs: Vec<Option<usize>>,
    /// Attributes that are no graphs.
    pub attrs: Vec<(String, Attr)>,
    /// Graphs among the attributes.
    pub graphs: Vec<(String, Graph)>,
    /// Slots that nobody reads after this node.
    pub drops: Vec<usize>,
    /// What the operator computed from its attributes at its first run, to keep.
    pub kept: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// A graph that can run.
#[derive(Debug, Default)]
pub struct Graph {
    /// Number of slots.
    pub slots: usize,
    /// Constants and their slots.
    pub constants: Vec<(usize, Tensor)>,
    /// Slots of the inputs.
    pub inputs: Vec<usize>,
    /// Slots of the outputs.
    pub outputs: Vec<usize>,
    /// Slots of the graph around it, and where their values go in this one.
    pub captures: Vec<(usize, usize)>,
    /// Nodes in the order they run.
    pub nodes: Vec<Node>,
}

impl Graph {
    /// Runs it. `captured` are the values of its captures; `inputs` those of its inputs.
    pub fn run(&self, session: &Session, captured: &[Tensor], inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut frame: Vec<Option<Tensor>> = vec![None; self.slots];
        for (slot, tensor) in &self.constants {
            put(&mut frame, *slot, tensor.clone());
        }
        for ((_, slot), tensor) in self.captures.iter().zip(captured) {
            put(&mut frame, *slot, tensor.clone());
        }
        if inputs.len() != self.inputs.len() {
            return Err(ComputeError::Model {
                why: format!("a graph with {} inputs was given {}", self.inputs.len(), inputs.len()),
            });
        }
        for (slot, tensor) in self.inputs.iter().zip(inputs) {
            put(&mut frame, *slot, tensor.clone());
        }
        for node in &self.nodes {
            node.run(session, &mut frame)?;
        }
        self.outputs.iter().map(|slot| take(&frame, *slot)).collect()
    }

    /// The values of this graph's captures in the frame of the graph around it.
    pub fn captured(&self, frame: &[Option<Tensor>]) -> Result<Vec<Tensor>> {
        self.captures.iter().map(|(outer, _)| take(frame, *outer)).collect()
    }
}

fn put(frame: &mut [Option<Tensor>], slot: usize, tensor: Tensor) {
    if let Some(place) = frame.get_mut(slot) {
        *place = Some(tensor);
    }
}

fn take(frame: &[Option<Tensor>], slot: usize) -> Result<Tensor> {
    frame.get(slot).cloned().flatten().ok_or_else(|| ComputeError::Model {
        why: "a value is read that no node has given".to_owned(),
    })
}

impl Node {
    fn run(&self, session: &Session, frame: &mut [Option<Tensor>]) -> Result<()> {
        let args: Vec<Option<Tensor>> = self
            .inputs
            .iter()
            .map(|slot| slot.map(|slot| take(frame, slot)).transpose())
            .collect::<Result<_>>()?;
        let results = {
            let call = Call {
                session,
                node: self,
                args: &args,
                frame,
            };
            (self.run)(&call).map_err(|error| self.annotate(error))?
        };
        drop(args);
        let mut results = results.into_iter();
        for slot in &self.outputs {
            match (slot, results.next()) {
                (Some(slot), Some(tensor)) => put(frame, *slot, tensor),
                (Some(_), None) => {
                    return Err(ComputeError::Model {
                        why: format!(
                            "node {:?}: {} has fewer outputs than the node names",
                            self.name, self.op
                        ),
                    });
                }
                (None, _) => {}
            }
        }
        for slot in &self.drops {
            if let Some(place) = frame.get_mut(*slot) {
                *place = None;
            }
        }
        Ok(())
    }

    /// Says in which node it happened.
    fn annotate(&self, error: ComputeError) -> ComputeError {
        let place = |why: String| format!("node {:?} ({}): {why}", self.name, self.op);
        match error {
            // Once is enough; the graph around a graph would say it again.
            ComputeError::Shape { op, why } if !why.starts_with("node ") => ComputeError::Shape { op, why: place(why) },
            ComputeError::DType { op, why } if !why.starts_with("node ") => ComputeError::DType { op, why: place(why) },
            ComputeError::Argument { op, why } if !why.starts_with("node ") => {
                ComputeError::Argument { op, why: place(why) }
            }
            other => other,
        }
    }
}
