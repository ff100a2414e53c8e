//! In a sandbox the contract's imports compute.

use super::Matrices;
use super::convert::{dtype_of, error, port, to_dtype, to_op};
use crate::bindings::p2pjob::job::{burn_zero_twentytwo, linalg, models, tensors};
use crate::linalg::{Determinant, Factorisation, Norm};
use crate::models::Port;
use crate::tensors::{DType, Op, TensorError};

pub use burn_zero_twentytwo::Session as BurnSession;
pub use models::Model;
pub use tensors::Tensor;

type Made<T> = Result<T, TensorError>;

pub fn from_bytes(dtype: DType, shape: &[u64], bytes: &[u8]) -> Made<Tensor> {
    Tensor::from_bytes(to_dtype(dtype), shape, bytes).map_err(error)
}

pub fn from_input(index: u32, offset: u64, dtype: DType, shape: &[u64]) -> Made<Tensor> {
    Tensor::from_input(index, offset, to_dtype(dtype), shape).map_err(error)
}

pub fn from_partial(offset: u64, dtype: DType, shape: &[u64]) -> Made<Tensor> {
    Tensor::from_partial(offset, to_dtype(dtype), shape).map_err(error)
}

pub fn filled(dtype: DType, shape: &[u64], value: f64) -> Made<Tensor> {
    Tensor::filled(to_dtype(dtype), shape, value).map_err(error)
}

pub fn shape(tensor: &Tensor) -> Vec<u64> {
    tensor.shape()
}

pub fn dtype(tensor: &Tensor) -> DType {
    dtype_of(tensor.element_type())
}

pub fn read(tensor: &Tensor, offset: u64, length: u32) -> Made<Vec<u8>> {
    tensor.read(offset, length).map_err(error)
}

pub fn texts(tensor: &Tensor) -> Made<Vec<String>> {
    tensor.texts().map_err(error)
}

pub fn write_output(tensor: &Tensor) -> Made<()> {
    tensor.write_output().map_err(error)
}

pub fn apply(op: &Op, operands: &[&Tensor]) -> Made<Tensor> {
    tensors::apply(&to_op(op), operands).map_err(error)
}

pub fn matrices(of: Matrices, a: &Tensor, b: Option<&Tensor>) -> Made<Tensor> {
    let made = match (of, b) {
        (Matrices::Add, Some(b)) => linalg::add(a, b),
        (Matrices::Subtract, Some(b)) => linalg::subtract(a, b),
        (Matrices::Multiply, Some(b)) => linalg::multiply(a, b),
        (Matrices::Solve, Some(b)) => linalg::solve(a, b),
        (Matrices::Transpose, _) => linalg::transpose(a),
        (Matrices::Inverse, _) => linalg::inverse(a),
        (Matrices::Eigenvalues, _) => linalg::eigenvalues(a),
        (Matrices::SingularValues, _) => linalg::singular_values(a),
        (_, None) => return Err(TensorError::Argument("a second matrix is missing".to_owned())),
    };
    made.map_err(error)
}

pub fn determinant(a: &Tensor, by: Factorisation) -> Made<Determinant> {
    let by = match by {
        Factorisation::Lu => linalg::Factorisation::Lu,
        Factorisation::Qr => linalg::Factorisation::Qr,
    };
    let found = linalg::determinant(a, by).map_err(error)?;
    Ok(Determinant {
        value: found.value,
        sign: found.sign,
        log_abs: found.log_absolute,
    })
}

pub fn norm(a: &Tensor, kind: Norm) -> Made<f64> {
    let kind = match kind {
        Norm::Frobenius => linalg::NormKind::Frobenius,
        Norm::One => linalg::NormKind::One,
        Norm::Infinity => linalg::NormKind::Infinity,
        Norm::Max => linalg::NormKind::Maximum,
        Norm::Two => linalg::NormKind::Two,
        Norm::Nuclear => linalg::NormKind::Nuclear,
    };
    linalg::norm(a, kind).map_err(error)
}

pub fn load_model(index: u32) -> Made<Model> {
    Model::load(index).map_err(error)
}

pub fn model_inputs(model: &Model) -> Vec<Port> {
    model.inputs().into_iter().map(port).collect()
}

pub fn model_outputs(model: &Model) -> Vec<Port> {
    model.outputs().into_iter().map(port).collect()
}

pub fn run_model(model: &Model, inputs: &[(&str, &Tensor)]) -> Made<Vec<Tensor>> {
    let inputs: Vec<(String, &Tensor)> = inputs
        .iter()
        .map(|(name, tensor)| ((*name).to_owned(), *tensor))
        .collect();
    model.run(&inputs).map_err(error)
}

pub fn burn_open() -> BurnSession {
    BurnSession::new()
}

pub fn burn_hello(session: &BurnSession) -> Vec<u8> {
    session.hello()
}

pub fn burn_submit(session: &BurnSession, batch: &[u8]) -> Result<(), String> {
    session.submit(batch)
}

pub fn burn_upload(session: &BurnSession, id: u64, shape: &[u64], (ty, bytes): (&[u8], &[u8])) -> Result<(), String> {
    session.upload(id, shape, ty, bytes)
}

pub fn burn_read(session: &BurnSession, tensor: &[u8]) -> Result<Vec<u8>, String> {
    session.read(tensor)
}
