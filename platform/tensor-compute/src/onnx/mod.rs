//! ONNX models, loaded at run time and run by an interpreter over the graph of `onnx-ir`.

use crate::dtype::DType;
use crate::error::{ComputeError, Result};
use crate::session::Session;
use crate::tensor::Tensor;

/// An input or output of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
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
pub struct Model {}

impl Model {
    /// Loads a model. Fails with [`ComputeError::Unsupported`] (all unknown operators at once) before anything runs.
    pub fn load(_session: &Session, _bytes: &[u8]) -> Result<Self> {
        Err(ComputeError::Device("models are not written yet".to_owned()))
    }

    /// What it takes, in the model's order.
    pub fn inputs(&self) -> &[Port] {
        &[]
    }

    /// What it gives, in the model's order.
    pub fn outputs(&self) -> &[Port] {
        &[]
    }

    /// Runs it. Inputs by name; outputs in the model's order.
    pub fn run(&self, _session: &Session, _inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>> {
        Err(ComputeError::Device("models are not written yet".to_owned()))
    }
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

/// Looks at a model file.
pub fn check(_bytes: &[u8]) -> Result<Report> {
    Err(ComputeError::Device("models are not written yet".to_owned()))
}
