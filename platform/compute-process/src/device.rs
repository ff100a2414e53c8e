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
use tensor_compute::{
    Accelerator, Binary, DType, DeviceInfo, DeviceKind, FloatClass, Op, Session, Settings, Tensor, linalg,
};

/// Status of a child that ends because its device failed (EX_UNAVAILABLE of sysexits.h).
pub const EXIT_DEVICE_FAILED: i32 = 69;
/// Rows of the product that is timed on a GPU: large enough to fill one of 2026.
const PRODUCT_ROWS: usize = 4096;
/// The same on the processor and on software that acts as a GPU: 10 ms on one core of 2026.
const SMALL_PRODUCT_ROWS: usize = 768;
/// Elements of the sum that is timed: 3 buffers of 64 MiB.
const SUM_ELEMENTS: usize = 16 << 20;
/// Bytes that it reads and writes.
const SUM_BYTES: f64 = (3 * SUM_ELEMENTS * size_of::<f32>()) as f64;
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

/// Opens the device and, if asked to, measures it, for a few seconds at most.
///
/// # Errors
/// As [`open`]; or the device failed at the measurement.
pub fn describe(gpu: &Gpu, measure: bool) -> Result<DeviceInfo, String> {
    match adapters::open(gpu)? {
        Some(found) => describe_gpu(found, measure),
        None => describe_processor(measure).map_err(|error| error.to_string()),
    }
}

fn describe_gpu(found: adapters::Found, measure: bool) -> Result<DeviceInfo, String> {
    let software = found.kind == DeviceKind::Cpu;
    let mut info = DeviceInfo {
        name: found.name,
        kind: found.kind,
        backend: found.backend,
        gflops: 0.0,
        gflops_f16: None,
        gbytes_per_s: 0.0,
    };
    if !measure {
        return Ok(info);
    }
    let rows = if software { SMALL_PRODUCT_ROWS } else { PRODUCT_ROWS };
    let device: CubeDevice = found.device;
    let on = OnBackend::<CubeBackend>::new(device);
    let flops = 2.0 * (rows as f64).powi(3);
    let rate = |time: Duration| flops / time.as_secs_f64() / 1e9;
    info.gflops = rate(on.time_product(rows, DType::F32, PATIENCE)?);
    if on.has_half() {
        // A device that says it has the type may still fail at it; the other figures stand.
        match on.time_product(rows, DType::F16, PATIENCE) {
            Ok(time) => info.gflops_f16 = Some(rate(time)),
            Err(why) => eprintln!("products of float16 fail on {}: {why}", info.name),
        }
    }
    let sum = on.time_sum(SUM_ELEMENTS, PATIENCE)?;
    info.gbytes_per_s = SUM_BYTES / sum.as_secs_f64() / 1e9;
    Ok(info)
}

fn describe_processor(measure: bool) -> tensor_compute::Result<DeviceInfo> {
    let session = Session::unlimited(Settings::default());
    let settings = session.settings();
    let mut info = DeviceInfo {
        name: format!("processor ({}, {} threads)", settings.isa.name(), settings.threads),
        kind: DeviceKind::Cpu,
        backend: "own kernels and faer".to_owned(),
        gflops: 0.0,
        gflops_f16: None,
        gbytes_per_s: 0.0,
    };
    if !measure {
        return Ok(info);
    }
    let filled = |shape: &[usize]| Tensor::filled(&session, "probe", (DType::F32, shape), 0.5);
    let square = filled(&[SMALL_PRODUCT_ROWS; 2])?;
    let multiply = linalg::MatrixOp::Multiply;
    let product = best(|| multiply.run(&session, FloatClass::Fast, &[&square, &square]).map(drop))?;
    let long = filled(&[SUM_ELEMENTS])?;
    let sum = best(|| tensor_compute::apply(&session, &Op::Binary(Binary::Add), &[&long, &long]).map(drop))?;
    info.gflops = 2.0 * (SMALL_PRODUCT_ROWS as f64).powi(3) / product.as_secs_f64() / 1e9;
    info.gbytes_per_s = SUM_BYTES / sum.as_secs_f64() / 1e9;
    Ok(info)
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
