//! The tensors of a session by the guest's ids.

use super::element_type::ours;
use super::malformed;
use burn_backend::DType;
use burn_ir::{TensorId, TensorIr, TensorStatus};
use std::collections::HashMap;
use tensor_compute::{BurnUpload, Result, Session, Tensor, element_count};

/// Most tensors at a time. Empty tensors cost no leased memory, but their entries here do.
const MAX_TENSORS: usize = 1 << 17;

/// Tensors by id.
#[derive(Debug, Default)]
pub struct Table {
    tensors: HashMap<TensorId, Tensor>,
}

impl Table {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// The tensor of this name; an error if it is not there or not what the stream says it is.
    pub fn get(&self, wanted: &TensorIr) -> Result<Tensor> {
        let Some(found) = self.tensors.get(&wanted.id) else {
            return Err(malformed(&format!("there is no tensor {}", wanted.id.value())));
        };
        same(wanted, found)?;
        Ok(found.clone())
    }

    /// Forgets a tensor, if it is there.
    pub fn remove(&mut self, id: TensorId) {
        self.tensors.remove(&id);
    }

    /// Drops a tensor on the guest's request.
    pub fn drop_tensor(&mut self, tensor: &TensorIr) -> Result<()> {
        match self.tensors.remove(&tensor.id) {
            Some(_) => Ok(()),
            None => Err(malformed(&format!("there is no tensor {} to drop", tensor.id.value()))),
        }
    }

    /// Keeps a result under the name the stream gave it, if it is what the stream expects.
    pub fn put(&mut self, expected: &TensorIr, tensor: Tensor) -> Result<()> {
        if expected.status != TensorStatus::NotInit {
            return Err(malformed(&format!(
                "tensor {} is a result and has a value already",
                expected.id.value()
            )));
        }
        same(expected, &tensor)?;
        self.insert(expected.id, tensor)
    }

    /// A second name.
    pub fn alias(&mut self, new: TensorId, source: TensorId) -> Result<()> {
        match self.tensors.get(&source).cloned() {
            Some(tensor) => self.insert(new, tensor),
            None => Err(malformed(&format!("there is no tensor {}", source.value()))),
        }
    }

    /// Takes an upload in.
    pub fn put_upload(&mut self, account: &Session, upload: BurnUpload<'_>) -> Result<()> {
        let shape: Option<Vec<usize>> = upload
            .shape
            .iter()
            .map(|length| usize::try_from(*length).ok())
            .collect();
        let shape = shape.ok_or_else(|| malformed("a dimension is longer than any memory"))?;
        let dtype: DType =
            postcard::from_bytes(upload.element_type).map_err(|error| malformed(&format!("element type: {error}")))?;
        let dtype = ours(dtype)?;
        element_count("upload", &shape, dtype)?;
        let lease = account.lease(upload.bytes.len() as u64)?;
        let tensor = Tensor::from_le_bytes(dtype, &shape, upload.bytes, Some(lease))?;
        self.insert(TensorId::new(upload.id), tensor)
    }

    fn insert(&mut self, id: TensorId, tensor: Tensor) -> Result<()> {
        if self.tensors.len() >= MAX_TENSORS {
            return Err(malformed(&format!("a session holds at most {MAX_TENSORS} tensors")));
        }
        match self.tensors.insert(id, tensor) {
            None => Ok(()),
            Some(_) => Err(malformed(&format!("the name {} is taken", id.value()))),
        }
    }
}

/// An error if a tensor has another shape or type than the stream says.
fn same(said: &TensorIr, is: &Tensor) -> Result<()> {
    let dtype = ours(said.dtype)?;
    let shape: &[usize] = &said.shape;
    if shape == is.shape() && dtype == is.dtype() {
        return Ok(());
    }
    // At most so many lengths are quoted: the stream may claim any number of dimensions.
    let quoted = shape
        .get(..shape.len().min(tensor_compute::MAX_RANK))
        .unwrap_or_default();
    Err(malformed(&format!(
        "tensor {} is {} of shape {:?}, not {dtype} of shape {quoted:?}",
        said.id.value(),
        is.dtype(),
        is.shape(),
    )))
}
