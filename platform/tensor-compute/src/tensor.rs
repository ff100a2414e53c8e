//! Tensors: a shape and a shared buffer, row-major (C order) and without gaps.
//!
//! A tensor's memory is leased from the session that made it and given back when the last clone is dropped.

use crate::accelerator::DeviceData;
use crate::dtype::{DType, Element};
use crate::error::{ComputeError, Result};
use crate::session::Lease;
use half::{bf16, f16};
use std::sync::{Arc, OnceLock};

/// Most dimensions of a tensor.
pub const MAX_RANK: usize = 16;
/// Most bytes of a tensor, in bytes: what any index of ours can address.
pub const MAX_TENSOR_BYTES: u64 = 1 << 40;

/// The elements of a tensor.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Data {
    F16(Arc<Vec<f16>>),
    BF16(Arc<Vec<bf16>>),
    F32(Arc<Vec<f32>>),
    F64(Arc<Vec<f64>>),
    I8(Arc<Vec<i8>>),
    I16(Arc<Vec<i16>>),
    I32(Arc<Vec<i32>>),
    I64(Arc<Vec<i64>>),
    U8(Arc<Vec<u8>>),
    U16(Arc<Vec<u16>>),
    U32(Arc<Vec<u32>>),
    U64(Arc<Vec<u64>>),
    Bool(Arc<Vec<bool>>),
    Text(Arc<Vec<String>>),
}

/// Runs `$body` with `$values` bound to the `Arc<Vec<_>>` of whatever type the data has.
#[macro_export]
macro_rules! with_data {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            $crate::Data::F16($values) => $body,
            $crate::Data::BF16($values) => $body,
            $crate::Data::F32($values) => $body,
            $crate::Data::F64($values) => $body,
            $crate::Data::I8($values) => $body,
            $crate::Data::I16($values) => $body,
            $crate::Data::I32($values) => $body,
            $crate::Data::I64($values) => $body,
            $crate::Data::U8($values) => $body,
            $crate::Data::U16($values) => $body,
            $crate::Data::U32($values) => $body,
            $crate::Data::U64($values) => $body,
            $crate::Data::Bool($values) => $body,
            $crate::Data::Text($values) => $body,
        }
    };
}

/// A tensor. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Vec<usize>,
    storage: Storage,
    lease: Option<Arc<Lease>>,
}

/// Where the elements are.
#[derive(Clone, Debug)]
enum Storage {
    Here(Data),
    /// On a device, and here too once somebody asked for them.
    Device(Arc<Remote>),
}

#[derive(Debug)]
struct Remote {
    device: Arc<dyn DeviceData>,
    here: OnceLock<Data>,
}

impl Tensor {
    /// From values in row-major order, outside of any session (tests, constants of the host).
    pub fn new<T: Element>(shape: &[usize], values: Vec<T>) -> Result<Self> {
        Self::from_data(shape, T::wrap(Arc::new(values)), None)
    }

    /// From a buffer, with the lease of its memory. The number of elements must be that of the shape.
    pub fn from_data(shape: &[usize], data: Data, lease: Option<Arc<Lease>>) -> Result<Self> {
        let wanted = element_count("tensor", shape, data.dtype())?;
        if wanted != data.len() {
            return Err(ComputeError::Shape {
                op: "tensor",
                why: format!("the shape {shape:?} has {wanted} elements, {} were given", data.len()),
            });
        }
        Ok(Self {
            shape: shape.to_vec(),
            storage: Storage::Here(data),
            lease,
        })
    }

    /// From elements on a device; the caller has checked that they are as many as the shape says. The lease counts them once,
    /// also while a copy is here.
    pub fn on_device(
        op: &'static str,
        shape: &[usize],
        device: Arc<dyn DeviceData>,
        lease: Arc<Lease>,
    ) -> Result<Self> {
        element_count(op, shape, device.dtype())?;
        let here = OnceLock::new();
        Ok(Self {
            shape: shape.to_vec(),
            storage: Storage::Device(Arc::new(Remote { device, here })),
            lease: Some(lease),
        })
    }

    /// The elements on the device, if that is where they are.
    pub fn device(&self) -> Option<&Arc<dyn DeviceData>> {
        match &self.storage {
            Storage::Here(_) => None,
            Storage::Device(remote) => Some(&remote.device),
        }
    }

    /// The length of each dimension; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match &self.storage {
            Storage::Here(data) => data.len(),
            // Checked when it was made, so it cannot overflow.
            Storage::Device(_) => self.shape.iter().product(),
        }
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        match &self.storage {
            Storage::Here(data) => data.dtype(),
            Storage::Device(remote) => remote.device.dtype(),
        }
    }

    /// The elements; those on a device are fetched first, once.
    pub fn data(&self) -> &Data {
        match &self.storage {
            Storage::Here(data) => data,
            Storage::Device(remote) => remote.here.get_or_init(|| remote.device.fetch()),
        }
    }

    /// The memory lease, to share it with a tensor over the same buffer.
    pub fn lease(&self) -> Option<&Arc<Lease>> {
        self.lease.as_ref()
    }

    /// The elements as `T`, or an error that names `op`.
    pub fn values<T: Element>(&self, op: &'static str) -> Result<&[T]> {
        match T::unwrap(self.data()) {
            Some(values) => Ok(values),
            None => Err(ComputeError::DType {
                op,
                why: format!("takes {} here, not {}", T::DTYPE, self.dtype()),
            }),
        }
    }

    /// The elements as `T` if they are of this type.
    pub fn try_values<T: Element>(&self) -> Option<&[T]> {
        T::unwrap(self.data()).map(|values| values.as_slice())
    }

    /// The same elements under another shape of as many.
    pub fn with_shape(&self, op: &'static str, shape: &[usize]) -> Result<Self> {
        if element_count(op, shape, self.dtype())? != self.len() {
            return Err(ComputeError::Shape {
                op,
                why: format!("a tensor of shape {:?} cannot take the shape {shape:?}", self.shape),
            });
        }
        Ok(Self {
            shape: shape.to_vec(),
            storage: self.storage.clone(),
            lease: self.lease.clone(),
        })
    }

    /// The tensor's parts, to use its buffer again.
    pub fn into_parts(self) -> (Vec<usize>, Data, Option<Arc<Lease>>) {
        let data = match self.storage {
            Storage::Here(data) => data,
            Storage::Device(remote) => remote.here.get_or_init(|| remote.device.fetch()).clone(),
        };
        (self.shape, data, self.lease)
    }

    /// From little-endian bytes in row-major order (not texts). Booleans are bytes, 0 is false.
    pub fn from_le_bytes(dtype: DType, shape: &[usize], bytes: &[u8], lease: Option<Arc<Lease>>) -> Result<Self> {
        let count = element_count("tensor", shape, dtype)?;
        if dtype == DType::Text || count * dtype.size() != bytes.len() {
            return Err(ComputeError::Shape {
                op: "tensor",
                why: format!(
                    "a {dtype} tensor of shape {shape:?} has {} bytes, {} were given",
                    count * dtype.size(),
                    bytes.len()
                ),
            });
        }
        Self::from_data(shape, decode(dtype, bytes), lease)
    }
}

fn decode(dtype: DType, bytes: &[u8]) -> Data {
    macro_rules! take {
        ($variant:ident, $rust:ty) => {{
            let chunks = bytes.as_chunks::<{ size_of::<$rust>() }>().0;
            Data::$variant(Arc::new(
                chunks.iter().map(|chunk| <$rust>::from_le_bytes(*chunk)).collect(),
            ))
        }};
    }
    match dtype {
        DType::F16 => take!(F16, f16),
        DType::BF16 => take!(BF16, bf16),
        DType::F32 => take!(F32, f32),
        DType::F64 => take!(F64, f64),
        DType::I8 => take!(I8, i8),
        DType::I16 => take!(I16, i16),
        DType::I32 => take!(I32, i32),
        DType::I64 => take!(I64, i64),
        DType::U8 => Data::U8(Arc::new(bytes.to_vec())),
        DType::U16 => take!(U16, u16),
        DType::U32 => take!(U32, u32),
        DType::U64 => take!(U64, u64),
        DType::Bool => Data::Bool(Arc::new(bytes.iter().map(|byte| *byte != 0).collect())),
        DType::Text => Data::Text(Arc::default()),
    }
}

impl Data {
    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            Self::F16(_) => DType::F16,
            Self::BF16(_) => DType::BF16,
            Self::F32(_) => DType::F32,
            Self::F64(_) => DType::F64,
            Self::I8(_) => DType::I8,
            Self::I16(_) => DType::I16,
            Self::I32(_) => DType::I32,
            Self::I64(_) => DType::I64,
            Self::U8(_) => DType::U8,
            Self::U16(_) => DType::U16,
            Self::U32(_) => DType::U32,
            Self::U64(_) => DType::U64,
            Self::Bool(_) => DType::Bool,
            Self::Text(_) => DType::Text,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        with_data!(self, values => values.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The number of elements of a shape; an error if it has too many dimensions, elements or bytes. Every shape that comes
/// from outside passes here before memory is asked for.
pub fn element_count(op: &'static str, shape: &[usize], dtype: DType) -> Result<usize> {
    let refuse = |why: String| Err(ComputeError::Shape { op, why });
    if shape.len() > MAX_RANK {
        return refuse(format!(
            "a tensor has at most {MAX_RANK} dimensions, {} were given",
            shape.len()
        ));
    }
    // An empty dimension must not hide an overflow of the others.
    let mut bytes = dtype.size() as u64;
    for length in shape.iter().filter(|length| **length != 0) {
        bytes = bytes.saturating_mul(*length as u64);
        if bytes > MAX_TENSOR_BYTES {
            return refuse(format!(
                "a tensor has at most {MAX_TENSOR_BYTES} bytes; the shape {shape:?} has more"
            ));
        }
    }
    Ok(shape.iter().product())
}
