//! What this machine computes: measured once, shown to operators and told to the network. No result depends on it.

use crate::dtype::DType;
use crate::error::Result;
use crate::kernels;
use crate::op::{Binary, Op};
use crate::session::{Session, Settings};
use crate::tensor::Tensor;
use std::time::{Duration, Instant};

/// Rows of the product that is timed: large enough to leave the caches, 10 ms on one core of 2026.
const PRODUCT_ROWS: usize = 768;
/// Elements of the sum that is timed: 3 buffers of 32 MiB, above the last cache of most machines.
const SUM_ELEMENTS: usize = 8 << 20;
/// Each is repeated for this long and the best run counts.
const PATIENCE: Duration = Duration::from_millis(200);

/// What was measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Speed {
    /// Products of `f32` matrices in class `exact`, in 10^9 floating-point operations per second, all threads.
    pub gigaflops: f64,
    /// Bytes moved by an addition of long vectors, in 10^9 per second, all threads.
    pub gigabytes_per_second: f64,
}

/// Measures for about half a second.
pub fn measure(settings: &Settings) -> Result<Speed> {
    let session = Session::unlimited(settings.clone());
    let square = session.make::<f32>("probe", &[PRODUCT_ROWS, PRODUCT_ROWS], |values| {
        fill(values);
        Ok(())
    })?;
    let product = best(&session, &Op::MatMul, &[&square, &square])?;
    let long = session.make::<f32>("probe", &[SUM_ELEMENTS], |values| {
        fill(values);
        Ok(())
    })?;
    let sum = best(&session, &Op::Binary(Binary::Add), &[&long, &long])?;
    let flops = 2.0 * (PRODUCT_ROWS as f64).powi(3);
    let bytes = 3.0 * (SUM_ELEMENTS * DType::F32.size()) as f64;
    Ok(Speed {
        gigaflops: flops / product.as_secs_f64() / 1e9,
        gigabytes_per_second: bytes / sum.as_secs_f64() / 1e9,
    })
}

fn fill(values: &mut [f32]) {
    for (at, value) in values.iter_mut().enumerate() {
        *value = (at % 251) as f32 / 251.0 - 0.5;
    }
}

fn best(session: &Session, op: &Op, args: &[&Tensor]) -> Result<Duration> {
    let started = Instant::now();
    let mut best = Duration::MAX;
    while started.elapsed() < PATIENCE {
        let one = Instant::now();
        kernels::apply(session, op, args)?;
        best = best.min(one.elapsed());
    }
    Ok(best)
}
