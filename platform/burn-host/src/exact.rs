//! Sessions in float class exact: burn's operations on the kernels of `tensor-compute`.
//!
//! A stream of operations is a stranger's bytes. Every operation kind is named in a match without a wildcard (those that
//! are not offered answer with their name), inputs must be what the stream says they are, results are computed first and
//! then compared with what the stream expects. Nothing here catches a panic, because nothing may raise one.

mod activation;
mod base;
mod conv;
mod element_type;
mod float;
mod indexed;
mod module;
mod numeric;
mod pool;
mod random;
mod step;
mod strided;
mod table;
#[cfg(test)]
mod tests;

use crate::wire::{DECODED_BYTES_PER_BYTE, Hello, MAX_BATCH_BYTES, Message};
use burn_backend::DType;
use burn_ir::{OperationIr, TensorIr, TensorStatus};
use burn_std::{BoolStore, DeviceSettings};
use random::Random;
use step::Step;
use table::Table;
use tensor_compute::{BurnHost, BurnSession, BurnUpload, ComputeError, Result, Session, Tensor};

/// Opens sessions in float class exact.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactHost;

impl BurnHost for ExactHost {
    fn open(&self, _account: &Session) -> Result<Box<dyn BurnSession>> {
        Ok(Box::new(ExactSession::default()))
    }
}

/// The tensors and the random numbers of one guest session.
#[derive(Debug, Default)]
pub struct ExactSession {
    table: Table,
    random: Random,
    failed: Option<ComputeError>,
}

impl BurnSession for ExactSession {
    fn hello(&mut self, _account: &Session) -> Result<Vec<u8>> {
        postcard::to_stdvec(&hello()).map_err(|error| malformed(&format!("the greeting: {error}")))
    }

    fn submit(&mut self, account: &Session, batch: &[u8]) -> Result<()> {
        self.unless_failed(|session| session.run_batch(account, batch))
    }

    fn upload(&mut self, account: &Session, tensor: BurnUpload<'_>) -> Result<()> {
        self.unless_failed(|session| session.table.put_upload(account, tensor))
    }

    fn read(&mut self, account: &Session, tensor: &[u8]) -> Result<Vec<u8>> {
        self.unless_failed(|session| {
            let tensor: TensorIr = postcard::from_bytes(tensor).map_err(|error| malformed(&error.to_string()))?;
            let found = session.table.get(&tensor)?;
            account.charge(0, byte_count(&found))?;
            let _lease = account.lease(byte_count(&found))?;
            if tensor.status == TensorStatus::ReadWrite {
                session.table.remove(tensor.id);
            }
            found
                .to_le_bytes()
                .ok_or_else(|| malformed("a text tensor cannot be read"))
        })
    }
}

impl ExactSession {
    /// How many tensors it holds.
    pub fn tensors(&self) -> usize {
        self.table.len()
    }

    fn unless_failed<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        act(self).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn run_batch(&mut self, account: &Session, mut batch: &[u8]) -> Result<()> {
        if batch.len() > MAX_BATCH_BYTES {
            return Err(malformed(&format!(
                "a batch has at most {MAX_BATCH_BYTES} bytes, {} came",
                batch.len()
            )));
        }
        let _decoded = account.lease(batch.len() as u64 * DECODED_BYTES_PER_BYTE)?;
        while !batch.is_empty() {
            let (message, rest) =
                postcard::take_from_bytes::<Message>(batch).map_err(|error| malformed(&error.to_string()))?;
            batch = rest;
            account.charge(0, 0)?;
            match message {
                Message::Operation(operation) => self.run(account, &operation)?,
                Message::Seed(seed) => self.random = Random::new(seed),
                Message::Alias { new, source } => self.table.alias(new, source)?,
            }
        }
        Ok(())
    }

    fn run(&mut self, account: &Session, operation: &OperationIr) -> Result<()> {
        match operation {
            OperationIr::Drop(tensor) => return self.table.drop_tensor(tensor),
            // Follows an upload under the same id.
            OperationIr::Init(init) => return self.table.get(&init.out).map(drop),
            _ => {}
        }
        let inputs: Vec<Tensor> = operation
            .inputs()
            .map(|input| self.table.get(input))
            .collect::<Result<_>>()?;
        // Before the operation runs, so that it may use a buffer again that nobody else holds.
        for input in operation
            .inputs()
            .filter(|input| input.status == TensorStatus::ReadWrite)
        {
            self.table.remove(input.id);
        }
        let mut step = Step {
            account,
            random: &mut self.random,
        };
        let results = dispatch(&mut step, operation, inputs)?;
        let mut expected = operation.outputs();
        for result in results {
            let tensor = expected
                .next()
                .ok_or_else(|| malformed("an operation with too few results"))?;
            self.table.put(tensor, result)?;
        }
        match expected.next() {
            Some(_) => Err(malformed("an operation with too many results")),
            None => Ok(()),
        }
    }
}

fn dispatch(step: &mut Step<'_>, operation: &OperationIr, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
    match operation {
        OperationIr::BaseFloat(op) | OperationIr::BaseInt(op) | OperationIr::BaseBool(op) => {
            base::run(step, op, inputs)
        }
        OperationIr::NumericFloat(_, op) | OperationIr::NumericInt(_, op) => numeric::run(step, op, inputs),
        OperationIr::Bool(op) => float::run_bool(step, op, inputs),
        OperationIr::Int(op) => float::run_int(step, op, inputs),
        OperationIr::Float(_, op) => float::run_float(step, op, inputs),
        OperationIr::Module(op) => module::run(step, op, inputs),
        OperationIr::Activation(op) => activation::run(step, op, inputs),
        OperationIr::Custom(_) => Err(unsupported("Custom")),
        OperationIr::Distributed(_) => Err(unsupported("Distributed")),
        // Handled before.
        OperationIr::Init(_) | OperationIr::Drop(_) => Ok(Vec::new()),
    }
}

/// As Flex has it, so that a program tested natively meets the same element types here.
fn hello() -> Hello {
    let settings = DeviceSettings::new(
        DType::F32,
        DType::I32,
        DType::Bool(BoolStore::Native),
        Default::default(),
    );
    let all = [
        DType::F64,
        DType::F32,
        DType::F16,
        DType::BF16,
        DType::I64,
        DType::I32,
        DType::I16,
        DType::I8,
        DType::U64,
        DType::U32,
        DType::U16,
        DType::U8,
        DType::Bool(BoolStore::Native),
    ];
    (settings, all.to_vec())
}

/// The error for a stream that no guest backend of ours sends.
fn malformed(why: &str) -> ComputeError {
    ComputeError::Argument {
        op: "burn session",
        why: why.to_owned(),
    }
}

/// The error for an operation that is not offered.
fn unsupported(name: &str) -> ComputeError {
    ComputeError::Argument {
        op: "burn session",
        why: format!("the operation {name} is not offered here; build it from others"),
    }
}

/// Bytes of a tensor's elements.
fn byte_count(tensor: &Tensor) -> u64 {
    tensor.len() as u64 * tensor.dtype().size() as u64
}
