//! ONNX models, loaded at run time and run by an interpreter.
//!
//! The file is read by the small reader of [`wire`] and [`proto`] rather than by the crate `onnx-ir`. That one types 947 of
//! the 1200 node models of the `onnx` package and renames and fuses nodes on the way; shapes, axes and pads that are inputs
//! at run time, texts, `ai.onnx.ml` attributes and functions do not come through it whole. A file from a stranger also wants
//! bounds on every length before memory is asked for, which a reader of one's own has.
//!
//! Order of work: structures are decoded and leased, all operators are looked up (unknown ones are reported together, before
//! anything runs), names become slots, constants tensors. A run walks the nodes in the file's order, which ONNX requires to
//! be one in which they can run; tensors are dropped after their last use. Control flow costs fuel per iteration.
//!
//! Differences from onnxruntime: `ZipMap` gives the plain table of scores (one column per class, in the order of its class
//! labels); operators that draw random numbers are refused; data in other files are refused.

mod build;
mod call;
mod fuse;
mod graph;
mod ops;
mod proto;
mod weights;
mod wire;

use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::session::{Lease, Session, Settings};
use crate::tensor::Tensor;
use build::{Builder, NEWEST_OPSET};
use graph::Graph;
use proto::{GraphProto, ModelProto, Parser, ValueProto};
use std::collections::HashMap;
use std::sync::Arc;

/// What [`check`] may take while it looks at a file, in bytes.
const CHECK_BYTES: u64 = 1 << 30;

/// An input or output of a model.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Port {
    /// Its name in the model.
    pub name: String,
    /// Its element type.
    pub dtype: DType,
    /// Its shape, as far as the model fixes it; none where it is given at run time (the batch).
    pub shape: Vec<Option<usize>>,
}

/// A loaded model: every operator is known, weights are in memory.
#[derive(Clone, Debug)]
pub struct Model {
    inner: Arc<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    graph: Graph,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// Inputs that may be left out.
    defaults: HashMap<usize, Tensor>,
    _leases: Vec<Arc<Lease>>,
}

impl Model {
    /// Loads a model. Fails with [`ComputeError::Unsupported`] (all unknown operators at once) before anything runs.
    pub fn load(session: &Session, bytes: &[u8]) -> Result<Self> {
        session.charge(0, 2 * bytes.len() as u64)?;
        let mut parser = Parser::new(session);
        let proto = parser.model(bytes)?;
        // What the graph copies from the messages: names and attributes.
        let _messages = parser.into_leases();
        let main = main_graph(&proto)?;
        let operators: Vec<String> = build::survey(&proto)
            .into_iter()
            .filter_map(|(name, (_, why))| why.map(|why| format!("{name} ({why})")))
            .collect();
        if !operators.is_empty() {
            return Err(ComputeError::Unsupported { operators });
        }
        let constants: Vec<&str> = main.initializers.iter().map(|constant| constant.name).collect();
        let constants: std::collections::HashSet<&str> = constants.into_iter().collect();
        let required = main.inputs.iter().filter(|input| !constants.contains(input.name));
        let inputs = required.map(|input| port(input, true)).collect::<Result<_>>()?;
        let outputs = main
            .outputs
            .iter()
            .map(|output| port(output, false))
            .collect::<Result<_>>()?;
        let mut builder = Builder::new(session, &proto);
        let mut graph = builder.main(main)?;
        let leases = std::mem::take(&mut builder.leases);
        ops::prepare(session, &mut graph)?;
        let defaults = build::default_constants(&graph);
        Ok(Self {
            inner: Arc::new(Loaded {
                graph,
                inputs,
                outputs,
                defaults,
                _leases: leases,
            }),
        })
    }

    /// What it takes, in the model's order. Inputs that have a default are left out.
    pub fn inputs(&self) -> &[Port] {
        &self.inner.inputs
    }

    /// What it gives, in the model's order.
    pub fn outputs(&self) -> &[Port] {
        &self.inner.outputs
    }

    /// Runs it. Inputs by name; outputs in the model's order.
    pub fn run(&self, session: &Session, inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>> {
        let fail = |why: String| ComputeError::Argument { op: "model", why };
        let mut given: HashMap<String, Tensor> = HashMap::new();
        for (name, tensor) in inputs {
            if !self.inner.inputs.iter().any(|port| port.name == name) {
                let known: Vec<&str> = self.inner.inputs.iter().map(|port| port.name.as_str()).collect();
                return Err(fail(format!("there is no input {name:?}; there are {known:?}")));
            }
            if given.insert(name.clone(), tensor).is_some() {
                return Err(fail(format!("the input {name:?} is given twice")));
            }
        }
        let mut ports = self.inner.inputs.iter();
        let mut tensors = Vec::new();
        for slot in &self.inner.graph.inputs {
            if let Some(default) = self.inner.defaults.get(slot) {
                tensors.push(default.clone());
                continue;
            }
            let port = ports.next().ok_or_else(|| fail("an input has no name".to_owned()))?;
            let tensor = given
                .remove(&port.name)
                .ok_or_else(|| fail(format!("the input {:?} is missing", port.name)))?;
            port.accepts(&tensor)?;
            tensors.push(tensor);
        }
        let results = self.inner.graph.run(session, &[], &tensors)?;
        Ok(self
            .inner
            .outputs
            .iter()
            .map(|port| port.name.clone())
            .zip(results)
            .collect())
    }
}

impl Port {
    fn accepts(&self, tensor: &Tensor) -> Result<()> {
        let fits = |(fixed, length): (&Option<usize>, &usize)| fixed.is_none_or(|fixed| fixed == *length);
        if tensor.dtype() != self.dtype {
            return Err(ComputeError::DType {
                op: "model",
                why: format!("the input {:?} takes {}, not {}", self.name, self.dtype, tensor.dtype()),
            });
        }
        let shape = tensor.shape();
        // A model that says nothing of the shape looks like one that wants a scalar; both are let through.
        if self.shape.is_empty() || (self.shape.len() == shape.len() && self.shape.iter().zip(shape).all(fits)) {
            return Ok(());
        }
        let wanted: Vec<String> = self
            .shape
            .iter()
            .map(|length| length.map_or("any".to_owned(), |n| n.to_string()))
            .collect();
        Err(ComputeError::Shape {
            op: "model",
            why: format!(
                "the input {:?} takes the shape [{}], not {shape:?}",
                self.name,
                wanted.join(", ")
            ),
        })
    }
}

fn main_graph<'p, 'a>(proto: &'p ModelProto<'a>) -> Result<&'p GraphProto<'a>> {
    let graph = proto.graph.as_ref().ok_or_else(|| ComputeError::Model {
        why: "there is no graph in the file".to_owned(),
    })?;
    let opset = build::default_opset(proto);
    if opset > NEWEST_OPSET {
        return Err(ComputeError::Model {
            why: format!(
                "it uses operator set {opset}; the newest known here is {NEWEST_OPSET}: export it with an older one"
            ),
        });
    }
    Ok(graph)
}

fn port(value: &ValueProto<'_>, input: bool) -> Result<Port> {
    if value.compound && input {
        let why = "sequences, maps and optionals are no inputs here".to_owned();
        return Err(ComputeError::Unsupported {
            operators: vec![format!("input {:?} ({why})", value.name)],
        });
    }
    // Outputs without a type are those of `ZipMap`.
    let dtype = if value.kind == 0 {
        Ok(DType::F32)
    } else {
        weights::dtype_of(value.kind)
    };
    let dtype = dtype.map_err(|why| ComputeError::Unsupported {
        operators: vec![format!("{:?} ({why})", value.name)],
    })?;
    let shape = value
        .dims
        .iter()
        .map(|length| length.and_then(|length| usize::try_from(length).ok()))
        .collect();
    Ok(Port {
        name: value.name.to_owned(),
        dtype,
        shape,
    })
}

/// What a model needs, without loading it: for people, before anything is paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Version of the default operator set.
    pub opset: i64,
    /// Operators (`Domain::Name` outside the default domain), how often each occurs, and why it cannot run here, if so.
    pub operators: Vec<(String, usize, Option<String>)>,
    /// Inputs.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Number of weights.
    pub parameters: u64,
}

/// Looks at a model file. Constants that cannot be loaded stand among the operators, as `constant NAME`.
pub fn check(bytes: &[u8]) -> Result<Report> {
    let session = Session::new(Settings::default(), CHECK_BYTES);
    let mut parser = Parser::new(&session);
    let proto = parser.model(bytes)?;
    let graph = main_graph(&proto)?;
    let mut operators: Vec<(String, usize, Option<String>)> = build::survey(&proto)
        .into_iter()
        .map(|(name, (count, why))| (name, count, why))
        .collect();
    let mut parameters = 0_u64;
    for constant in &graph.initializers {
        match (weights::refusal(constant), weights::shape_of(&constant.dims)) {
            (None, Ok(shape)) => {
                let count = shape
                    .iter()
                    .fold(1_u64, |count, length| count.saturating_mul(*length as u64));
                parameters = parameters.saturating_add(count);
            }
            (why, _) => operators.push((format!("constant {:?}", constant.name), 1, why)),
        }
    }
    let constants: std::collections::HashSet<&str> = graph.initializers.iter().map(|constant| constant.name).collect();
    let required = graph.inputs.iter().filter(|input| !constants.contains(input.name));
    Ok(Report {
        opset: build::default_opset(&proto),
        operators,
        inputs: required.map(|input| port(input, true)).collect::<Result<_>>()?,
        outputs: graph
            .outputs
            .iter()
            .map(|output| port(output, false))
            .collect::<Result<_>>()?,
        parameters,
    })
}
