//! ONNX models, loaded at run time from an input and run by the node. Costs and errors as in [`crate::tensors`].
//!
//! ```no_run
//! use p2pjob::models::Model;
//! use p2pjob::tensors::{DType, Tensor};
//!
//! # fn example() -> p2pjob::Result<()> {
//! // Slice 0 is the model file, slice 1 a batch of 32 images.
//! let model = Model::load(0)?;
//! let batch = Tensor::from_input(1, 0, DType::F32, &[32, 3, 224, 224])?;
//! for (name, tensor) in model.run(&[("input", &batch)])? {
//!     p2pjob::log::info(&format!("{name} has the shape {:?}", tensor.shape()));
//! }
//! # Ok(())
//! # }
//! ```

use crate::host::compute;
use crate::tensors::{DType, Tensor, TensorError};

/// An input or output of a model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// Its name in the model.
    pub name: String,
    /// Type of its elements.
    pub dtype: DType,
    /// Length of each dimension; none where it is given at run time (the batch).
    pub shape: Vec<Option<usize>>,
}

/// A loaded model at the node. Dropping it frees its memory.
pub struct Model(compute::Model);

impl Model {
    /// Loads the whole input (in `run`: slice) of this index. [`TensorError::Model`] names all operators that are missing.
    pub fn load(index: u32) -> Result<Self, TensorError> {
        compute::load_model(index).map(Self)
    }

    /// What it takes, in the model's order.
    pub fn inputs(&self) -> Vec<Port> {
        compute::model_inputs(&self.0)
    }

    /// What it gives, in the model's order.
    pub fn outputs(&self) -> Vec<Port> {
        compute::model_outputs(&self.0)
    }

    /// Runs it: one tensor for every input by name; the outputs with their names, in the model's order.
    pub fn run(&self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>, TensorError> {
        let inputs: Vec<(&str, &compute::Tensor)> = inputs.iter().map(|(name, tensor)| (*name, &tensor.0)).collect();
        let tensors = compute::run_model(&self.0, &inputs)?;
        let names = self.outputs().into_iter().map(|port| port.name);
        Ok(names.zip(tensors.into_iter().map(Tensor)).collect())
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").finish_non_exhaustive()
    }
}
