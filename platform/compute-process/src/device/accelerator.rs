//! The accelerator over any backend of burn's: which operations it takes, and tensors that live there.
//!
//! A backend's operations are put in a queue and run later, so that most failures show when a tensor is read: then the process
//! ends, because what a failed device holds is nobody's any more.

use super::operands::Uploads;
use super::{EXIT_DEVICE_FAILED, operations};
use burn_backend::{Backend, DType as BurnType, TensorData, TensorMetadata};
use burn_std::{BoolStore, FloatDType};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tensor_compute::{
    Accelerator, Compare, ComputeError, DType, Data, DeviceData, Op, PoolKind, Reduce, Result, Scatter, Tensor, Unary,
};

/// Elements from which on a tensor that is here is sent to the device for one product or convolution.
const LARGE: usize = 1 << 14;
/// Elements below which an operation is not worth a launch, although an operand is on the device.
const SMALL: usize = 1 << 10;
/// Most dimensions of a tensor on the device.
const RANK_MAX: usize = 8;

/// A device of the backend `B`.
pub(super) struct OnBackend<B: Backend> {
    pub(super) device: B::Device,
    pub(super) uploads: Uploads<B>,
    /// How the device stores booleans.
    pub(super) booleans: BoolStore,
    /// See [`LARGE`] and [`SMALL`].
    thresholds: (usize, usize),
}

impl<B: Backend> fmt::Debug for OnBackend<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnBackend").field("device", &self.device).finish()
    }
}

/// Elements on the device, of floats or booleans.
#[derive(Debug)]
pub(super) enum Held<B: Backend> {
    Float(B::FloatTensorPrimitive),
    Bool(B::BoolTensorPrimitive),
}

impl<B: Backend> Clone for Held<B> {
    fn clone(&self) -> Self {
        match self {
            Self::Float(held) => Self::Float(held.clone()),
            Self::Bool(held) => Self::Bool(held.clone()),
        }
    }
}

/// What a tensor holds on to.
#[derive(Debug)]
pub(super) struct OnDevice<B: Backend> {
    pub(super) held: Held<B>,
    count: usize,
}

impl<B: Backend> DeviceData for OnDevice<B> {
    fn fetch(&self) -> Data {
        match self.read() {
            Ok(data) => data,
            Err(why) => {
                eprintln!("the device failed: {why}");
                std::process::exit(EXIT_DEVICE_FAILED);
            }
        }
    }

    fn dtype(&self) -> DType {
        match self.held {
            Held::Float(_) => DType::F32,
            Held::Bool(_) => DType::Bool,
        }
    }
}

impl<B: Backend> OnDevice<B> {
    fn read(&self) -> Result<Data, String> {
        let (data, dtype) = match self.held.clone() {
            Held::Float(held) => (burn_backend::read_sync(B::float_into_data(held)), DType::F32),
            Held::Bool(held) => (burn_backend::read_sync(B::bool_into_data(held)), DType::Bool),
        };
        let data = data.map_err(|error| error.to_string())?;
        let count = data.num_elements();
        if count != self.count {
            return Err(format!("{count} elements came where {} should be", self.count));
        }
        let values = match dtype {
            DType::F32 => Data::F32(Arc::new(data.try_into_vec::<f32>().map_err(|error| error.to_string())?)),
            _ => Data::Bool(Arc::new(booleans(&data)?)),
        };
        Ok(values)
    }
}

fn booleans(data: &TensorData) -> Result<Vec<bool>, String> {
    let bytes = data.as_bytes();
    match data.dtype() {
        BurnType::Bool(BoolStore::U32) => Ok(bytes
            .chunks_exact(4)
            .map(|word| word.iter().any(|byte| *byte != 0))
            .collect()),
        BurnType::Bool(_) => Ok(bytes.iter().map(|byte| *byte != 0).collect()),
        other => Err(format!("{other:?} came where booleans should be")),
    }
}

impl<B: Backend> OnBackend<B> {
    pub(super) fn new(device: B::Device) -> Self {
        let small = BoolStore::U8;
        let booleans = if B::supports_dtype(&device, BurnType::Bool(small)) {
            small
        } else {
            BoolStore::U32
        };
        Self {
            device,
            uploads: Uploads::default(),
            booleans,
            thresholds: (LARGE, SMALL),
        }
    }

    /// Takes every operation that it can, however small: for tests.
    #[cfg(test)]
    pub(super) fn eager(mut self) -> Self {
        self.thresholds = (0, 0);
        self
    }

    pub(super) fn has_half(&self) -> bool {
        B::supports_dtype(&self.device, BurnType::F16)
    }

    /// The best time of a square product of this type.
    pub(super) fn time_product(&self, rows: usize, dtype: DType, patience: Duration) -> Result<Duration, String> {
        let square = B::float_from_data(TensorData::full([rows, rows], 0.5_f32), &self.device);
        let square = match dtype {
            DType::F16 => B::float_cast(square, FloatDType::F16),
            _ => square,
        };
        self.time(patience, || B::float_matmul(square.clone(), square.clone()))
    }

    /// The best time of a sum of long vectors.
    pub(super) fn time_sum(&self, elements: usize, patience: Duration) -> Result<Duration, String> {
        let long = B::float_from_data(TensorData::full([elements], 0.5_f32), &self.device);
        self.time(patience, || B::float_add(long.clone(), long.clone()))
    }

    fn time(&self, patience: Duration, run: impl Fn() -> B::FloatTensorPrimitive) -> Result<Duration, String> {
        let sync = || B::sync(&self.device).map_err(|error| error.to_string());
        let started = Instant::now();
        let (mut best, mut runs) = (Duration::MAX, 0);
        while runs < 3 || started.elapsed() < patience {
            sync()?;
            let one = Instant::now();
            drop(run());
            sync()?;
            best = best.min(one.elapsed());
            runs += 1;
        }
        // A kernel that never ran is quick: only what is read was computed.
        let last = burn_backend::read_sync(B::float_into_data(B::float_slice(run(), &first_element::<B>(&run()))));
        last.map(|_| best).map_err(|error| error.to_string())
    }

    fn is_worth_it(&self, op: &Op, args: &[&Tensor]) -> bool {
        let largest = args.iter().map(|arg| arg.len()).max().unwrap_or(0);
        let (large, small) = self.thresholds;
        let heavy = matches!(op, Op::MatMul | Op::Conv(_) | Op::ConvTranspose { .. });
        let there = large == 0 || args.iter().any(|arg| arg.device().is_some());
        (heavy && largest >= large) || (there && largest >= small)
    }
}

/// The range of a tensor's first element.
fn first_element<B: Backend>(tensor: &B::FloatTensorPrimitive) -> Vec<burn_backend::Slice> {
    vec![burn_backend::Slice::new(0, Some(1), 1); tensor.shape().num_dims()]
}

impl<B: Backend> Accelerator for OnBackend<B> {
    fn offers(&self, op: &Op, args: &[&Tensor]) -> bool {
        let fits = |arg: &&Tensor| !arg.is_empty() && arg.rank() <= RANK_MAX && arg.len() <= i32::MAX as usize;
        args.iter().all(fits) && takes(op, args) && self.is_worth_it(op, args)
    }

    fn run(&self, op: &Op, args: &[&Tensor], (shape, dtype): (&[usize], DType)) -> Result<Arc<dyn DeviceData>> {
        let held = operations::run(self, op, args, shape)?;
        let (given, found) = match &held {
            Held::Float(held) => (held.shape(), DType::F32),
            Held::Bool(held) => (held.shape(), DType::Bool),
        };
        let given: Vec<usize> = given.to_vec();
        let count: usize = shape.iter().product();
        // A device that gives another shape has another idea of the operation.
        if found != dtype || given.iter().product::<usize>() != count {
            return Err(ComputeError::Device(format!(
                "{op:?} gave {found} of shape {given:?} where {dtype} of shape {shape:?} should be"
            )));
        }
        Ok(Arc::new(OnDevice { held, count }))
    }
}

/// What of a tensor is on a device of `B`.
pub(super) fn held<B: Backend>(tensor: &Tensor) -> Option<Held<B>> {
    let device: &dyn Any = tensor.device()?.as_ref();
    device.downcast_ref::<OnDevice<B>>().map(|found| found.held.clone())
}

/// Whether the operation is one of those in [`operations`], on tensors of `float32`.
fn takes(op: &Op, args: &[&Tensor]) -> bool {
    let float = |at: usize| args.get(at).is_some_and(|arg| arg.dtype() == DType::F32);
    let floats = args.iter().all(|arg| arg.dtype() == DType::F32);
    match op {
        Op::Unary(unary) => floats && takes_unary(*unary),
        Op::Binary(binary) => floats && operations::binary_of::<burn_cubecl::CubeBackend>(*binary).is_some(),
        Op::Compare(
            Compare::Equal
            | Compare::NotEqual
            | Compare::Less
            | Compare::LessOrEqual
            | Compare::Greater
            | Compare::GreaterOrEqual,
        ) => floats,
        Op::Where => float(1) && float(2),
        Op::Cast(to) => {
            *to == DType::F32
                && args
                    .iter()
                    .all(|arg| arg.dtype() == DType::Bool && arg.device().is_some())
        }
        Op::Clamp { .. } | Op::Transpose(_) | Op::Flip(_) | Op::Concat { .. } => floats,
        Op::Expand(shape) => floats && shape.len() <= RANK_MAX,
        Op::Slice(ranges) => floats && ranges.iter().all(|range| range.step > 0 || range.count == 1),
        Op::Reduce { kind, .. } => {
            floats
                && matches!(
                    kind,
                    Reduce::Sum | Reduce::Mean | Reduce::Min | Reduce::Max | Reduce::SumSquare | Reduce::L1
                )
        }
        Op::MatMul => floats && args.iter().all(|arg| arg.rank() >= 2),
        Op::Conv(options) => floats && options.pads.iter().all(|(before, after)| before == after),
        Op::ConvTranspose { conv, .. } => floats && conv.pads.iter().all(|(before, after)| before == after),
        Op::Pool(options) => floats && takes_pool(options, args),
        Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::LayerNorm { .. }
        | Op::BatchNorm { .. }
        | Op::GroupNorm { .. } => floats,
        Op::Gather { .. } => float(0),
        Op::GatherElements { axis } => float(0) && same_but(args, *axis),
        Op::ScatterElements { axis, reduction } => {
            *reduction == Scatter::Add && float(0) && float(2) && same_but(args, *axis)
        }
        Op::Reshape(_)
        | Op::Pad { .. }
        | Op::Tile(_)
        | Op::ArgMax { .. }
        | Op::ArgMin { .. }
        | Op::CumSum { .. }
        | Op::TopK { .. }
        | Op::GatherNd { .. }
        | Op::ScatterNd { .. } => false,
    }
}

/// Those that the device computes as well as the processor does, but for the last digits.
fn takes_unary(unary: Unary) -> bool {
    matches!(
        unary,
        Unary::Neg
            | Unary::Abs
            | Unary::Sign
            | Unary::Relu
            | Unary::Sqrt
            | Unary::Exp
            | Unary::Log
            | Unary::Reciprocal
            | Unary::Square
            | Unary::Floor
            | Unary::Ceil
            | Unary::Sin
            | Unary::Cos
            | Unary::Tanh
            | Unary::Erf
            | Unary::Sigmoid
            | Unary::Silu
            | Unary::Gelu
            | Unary::LeakyRelu { .. }
    )
}

/// Means and maxima of planes, whose padding is the same before and after and less than a window.
fn takes_pool(options: &tensor_compute::PoolOptions, args: &[&Tensor]) -> bool {
    let plane = args.first().is_some_and(|x| matches!(x.rank(), 3 | 4));
    let even = options
        .pads
        .iter()
        .zip(&options.kernel)
        .all(|((before, after), kernel)| before == after && before * 2 <= *kernel);
    let dense = options.dilations.iter().all(|step| *step == 1);
    let kind = match options.kind {
        PoolKind::Max { indices } => !indices,
        PoolKind::Average { .. } => dense,
        PoolKind::Lp { .. } => false,
    };
    plane && even && kind && !options.ceil
}

/// Whether the indices have the operand's lengths in all dimensions but this.
fn same_but(args: &[&Tensor], axis: usize) -> bool {
    let [x, indices, ..] = args else { return false };
    let lengths = x.shape().iter().zip(indices.shape()).enumerate();
    x.rank() == indices.rank() && lengths.into_iter().all(|(at, (x, i))| at == axis || x == i)
}
