//! Tensors that stay with the node: the job names them and says what to do, the node computes, on all its cores.
//!
//! Data crosses the sandbox's border once, or never: [`Tensor::from_input`] reads an input and [`Tensor::write_output`]
//! writes the output without it. Every operation gives the same bits on every node, and costs fuel by its arithmetic (one
//! per 8 floating-point operations, one per 4 bytes). Tensors count against the chunk's memory until they are dropped.
//!
//! ```no_run
//! use p2pjob::tensors::{DType, Tensor};
//!
//! # fn example() -> p2pjob::Result<()> {
//! // A layer: weights from slice 0 of the chunk, 64 rows of samples from slice 1.
//! let weights = Tensor::from_input(0, 0, DType::F32, &[784, 10])?;
//! let samples = Tensor::from_input(1, 0, DType::F32, &[64, 784])?;
//! let bias = Tensor::from_f32(&[10], &[0.1; 10])?;
//! let scores = (&samples.matmul(&weights)? + &bias)?.softmax(1)?;
//! scores.write_output()?;
//! # Ok(())
//! # }
//! ```
//!
//! In a native unit test there is no node: every function here panics and says so. Test such a job by `cargo p2pjob test`.

mod error;
mod methods;
mod numbers;
mod op;

pub use error::TensorError;
pub use op::{Binary, Compare, Fold, Op, SliceRange, Unary, Windows};

use crate::host::compute;

/// Most bytes that are handed to the node in one piece.
const PIECE_BYTES: usize = 8 << 20;

/// Type of a tensor's elements. Booleans are bytes, 0 or 1. Texts only come from models.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum DType {
    F16,
    BF16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    Text,
}

impl DType {
    /// Bytes of one element; 0 for texts, which have no fixed size.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::Text => 0,
        }
    }
}

impl std::fmt::Display for DType {
    /// NumPy's name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
            Self::Text => "text",
        })
    }
}

/// A tensor at the node, row-major. It cannot be changed; operations make new ones. Dropping it frees its memory.
pub struct Tensor(pub(crate) compute::Tensor);

impl Tensor {
    /// From little-endian bytes: as many as shape and type need. Over 8 MiB it needs twice its memory for a moment.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Self, TensorError> {
        if bytes.len() <= PIECE_BYTES || dtype.size() == 0 {
            return compute::from_bytes(dtype, &wide(shape), bytes).map(Self);
        }
        let mut parts = Vec::with_capacity(bytes.len().div_ceil(PIECE_BYTES));
        for piece in bytes.chunks(PIECE_BYTES) {
            // A piece that ends within an element is an error of the last one only: eight divides the others.
            let length = (piece.len() / dtype.size()) as u64;
            parts.push(Self(compute::from_bytes(dtype, &[length], piece)?));
        }
        Self::concat(&parts.iter().collect::<Vec<_>>(), 0)?.reshape(shape)
    }

    /// From double-precision numbers.
    pub fn from_f64(shape: &[usize], values: &[f64]) -> Result<Self, TensorError> {
        Self::from_bytes(
            DType::F64,
            shape,
            &bytes_of(values.iter().map(|value| value.to_le_bytes())),
        )
    }

    /// From single-precision numbers.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Result<Self, TensorError> {
        Self::from_bytes(
            DType::F32,
            shape,
            &bytes_of(values.iter().map(|value| value.to_le_bytes())),
        )
    }

    /// From whole numbers: indices, labels.
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Result<Self, TensorError> {
        Self::from_bytes(
            DType::I64,
            shape,
            &bytes_of(values.iter().map(|value| value.to_le_bytes())),
        )
    }

    /// From an input (in `run`: a slice of the chunk), from byte `offset` on. The bytes never enter the sandbox.
    pub fn from_input(index: u32, offset: u64, dtype: DType, shape: &[usize]) -> Result<Self, TensorError> {
        compute::from_input(index, offset, dtype, &wide(shape)).map(Self)
    }

    /// From the open partial: see [`OpenPartial::tensor`](crate::OpenPartial::tensor).
    pub(crate) fn from_partial(offset: u64, dtype: DType, shape: &[usize]) -> Result<Self, TensorError> {
        compute::from_partial(offset, dtype, &wide(shape)).map(Self)
    }

    /// The same number everywhere, rounded to the type. The shape `[]` makes a scalar, which fits every other shape.
    pub fn filled(dtype: DType, shape: &[usize], value: f64) -> Result<Self, TensorError> {
        compute::filled(dtype, &wide(shape), value).map(Self)
    }

    /// Length of each dimension.
    pub fn shape(&self) -> Vec<usize> {
        compute::shape(&self.0)
            .into_iter()
            .map(|length| length as usize)
            .collect()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        compute::dtype(&self.0)
    }

    /// Little-endian bytes of all elements, row-major. They must fit in the sandbox's memory.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TensorError> {
        let total = self.len() * self.dtype().size();
        if total <= PIECE_BYTES {
            return self.read(0, total as u32);
        }
        let mut bytes = Vec::with_capacity(total);
        while bytes.len() < total {
            let length = (total - bytes.len()).min(PIECE_BYTES);
            bytes.extend_from_slice(&self.read(bytes.len() as u64, length as u32)?);
        }
        Ok(bytes)
    }

    /// The bytes `offset .. offset + length`, at most 16 MiB.
    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, TensorError> {
        compute::read(&self.0, offset, length)
    }

    /// The elements of a tensor of texts (labels of a classifier).
    pub fn to_texts(&self) -> Result<Vec<String>, TensorError> {
        compute::texts(&self.0)
    }

    /// Appends all bytes to the output of the running function; they never enter the sandbox. What is in the buffer of an
    /// [`OutputWriter`](crate::OutputWriter) is written later: flush it first. The function then returns
    /// [`Written`](crate::Written).
    pub fn write_output(&self) -> Result<(), TensorError> {
        compute::write_output(&self.0)
    }

    /// Runs any operation. For the common ones there are methods.
    pub fn apply(op: &Op, operands: &[&Tensor]) -> Result<Self, TensorError> {
        let operands: Vec<&compute::Tensor> = operands.iter().map(|tensor| &tensor.0).collect();
        compute::apply(op, &operands).map(Self)
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tensor")
            .field("dtype", &self.dtype())
            .field("shape", &self.shape())
            .finish()
    }
}

fn wide(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|length| *length as u64).collect()
}

fn bytes_of<const N: usize>(values: impl ExactSizeIterator<Item = [u8; N]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() * N);
    values.for_each(|value| bytes.extend_from_slice(&value));
    bytes
}

#[cfg(test)]
mod tests;
