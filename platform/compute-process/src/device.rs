//! Which device computes, and what it is worth: runs in the child only.
//!
//! wgpu with shaders in WGSL. Its other way to Vulkan (SPIR-V of its own) crashes software drivers, and the choice of kernels
//! by timing ("autotune") would make results depend on the weather; neither is compiled in.

mod accelerator;
mod adapters;
mod operands;
mod operations;
#[cfg(test)]
mod tests;
mod windows;

use accelerator::OnBackend;
use burn_cubecl::{CubeBackend, CubeDevice};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tensor_compute::{Accelerator, Binary, DType, FloatClass, Op, Session, Settings, Tensor, linalg};

/// Status of a child that ends because its device failed (EX_UNAVAILABLE of sysexits.h).
pub const EXIT_DEVICE_FAILED: i32 = 69;
/// Rows of the product that is timed on a GPU: large enough to fill one of 2026.
const PRODUCT_ROWS: usize = 4096;
/// The same on the processor and on software that acts as a GPU: 10 ms on one core of 2026.
const SMALL_PRODUCT_ROWS: usize = 768;
/// Elements of the sum that is timed: 3 buffers of 64 MiB.
const SUM_ELEMENTS: usize = 16 << 20;
/// Each is repeated for this long, twice at least, and the best run counts. The first compiles the shader.
const PATIENCE: Duration = Duration::from_millis(300);

/// Which GPU a node uses.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Gpu {
    /// None: class `fast` runs on the processor.
    Off,
    /// The best there is, or none. Never software that acts as a GPU.
    #[default]
    Auto,
    /// The one whose name begins so, in any case of letters; software too.
    Named(String),
}

impl FromStr for Gpu {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "off" => Self::Off,
            "auto" => Self::Auto,
            name => Self::Named(name.to_owned()),
        })
    }
}

impl fmt::Display for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Auto => f.write_str("auto"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// What computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DeviceKind {
    /// The processor, or software on it that acts as a GPU.
    Cpu,
    /// A GPU.
    Gpu,
}

/// What class `fast` runs on, as measured.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// The device's own name.
    pub name: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Through what it is used.
    pub backend: String,
    /// Products of `f32` matrices, in 10^9 floating-point operations per second.
    pub gflops: f64,
    /// The same of `f16`, where the device has it.
    pub gflops_f16: Option<f64>,
    /// Bytes moved by an addition of long vectors, in 10^9 per second.
    pub gbytes_per_s: f64,
}

/// The accelerator; none where there is no GPU and none was named.
///
/// # Errors
/// The named GPU is not there, or the driver refuses. Names what is there.
pub fn open(gpu: &Gpu) -> Result<Option<Arc<dyn Accelerator>>, String> {
    let Some(found) = adapters::open(gpu)? else {
        return Ok(None);
    };
    Ok(Some(Arc::new(OnBackend::<CubeBackend>::new(found.device))))
}

/// Opens the device and measures it, for a few seconds at most.
///
/// # Errors
/// As [`open`]; or the device failed at the measurement.
pub fn describe(gpu: &Gpu) -> Result<DeviceInfo, String> {
    match adapters::open(gpu)? {
        Some(found) => describe_gpu(found),
        None => describe_processor().map_err(|error| error.to_string()),
    }
}

fn describe_gpu(found: adapters::Found) -> Result<DeviceInfo, String> {
    let software = found.kind == DeviceKind::Cpu;
    let rows = if software { SMALL_PRODUCT_ROWS } else { PRODUCT_ROWS };
    let device: CubeDevice = found.device;
    let on = OnBackend::<CubeBackend>::new(device);
    let flops = 2.0 * (rows as f64).powi(3);
    let product = on.time_product(rows, DType::F32, PATIENCE)?;
    let half = on.has_half().then(|| on.time_product(rows, DType::F16, PATIENCE));
    let sum = on.time_sum(SUM_ELEMENTS, PATIENCE)?;
    let bytes = 3.0 * (SUM_ELEMENTS * DType::F32.size()) as f64;
    Ok(DeviceInfo {
        name: found.name,
        kind: found.kind,
        backend: found.backend,
        gflops: flops / product.as_secs_f64() / 1e9,
        gflops_f16: half.transpose()?.map(|half| flops / half.as_secs_f64() / 1e9),
        gbytes_per_s: bytes / sum.as_secs_f64() / 1e9,
    })
}

fn describe_processor() -> tensor_compute::Result<DeviceInfo> {
    let session = Session::unlimited(Settings::default());
    let filled = |shape: &[usize]| Tensor::filled(&session, "probe", (DType::F32, shape), 0.5);
    let square = filled(&[SMALL_PRODUCT_ROWS; 2])?;
    let product = best(|| {
        linalg::MatrixOp::Multiply
            .run(&session, FloatClass::Fast, &[&square, &square])
            .map(drop)
    })?;
    let long = filled(&[SUM_ELEMENTS])?;
    let sum = best(|| tensor_compute::apply(&session, &Op::Binary(Binary::Add), &[&long, &long]).map(drop))?;
    let flops = 2.0 * (SMALL_PRODUCT_ROWS as f64).powi(3);
    let bytes = 3.0 * (SUM_ELEMENTS * DType::F32.size()) as f64;
    let settings = session.settings();
    Ok(DeviceInfo {
        name: format!("processor ({}, {} threads)", settings.isa.name(), settings.threads),
        kind: DeviceKind::Cpu,
        backend: "own kernels and faer".to_owned(),
        gflops: flops / product.as_secs_f64() / 1e9,
        gflops_f16: None,
        gbytes_per_s: bytes / sum.as_secs_f64() / 1e9,
    })
}

/// The shortest of the runs within [`PATIENCE`], of two at least.
fn best<E>(mut run: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let started = Instant::now();
    let (mut best, mut runs) = (Duration::MAX, 0);
    while runs < 2 || started.elapsed() < PATIENCE {
        let one = Instant::now();
        run()?;
        best = best.min(one.elapsed());
        runs += 1;
    }
    Ok(best)
}
