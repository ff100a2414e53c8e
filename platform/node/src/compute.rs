//! What this node computes with, measured once in a quiet minute and kept for later starts. Told to operators (`doctor`)
//! and to the network (the advert); nothing is decided by it here.
//!
//! Owns a small file in the data directory. A file that is gone, broken or of another machine is measured again.

use crate::context::Context;
use job_model::quote::{ComputeOffer, DeviceKind, FastOffer};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tensor_compute::{DeviceInfo, FastHost, Isa, Settings, probe};

/// A node that is up this long and runs nothing measures itself: starts, tests and demonstrations are not slowed down.
const MEASURE_AFTER: Duration = Duration::from_secs(120);
/// The file.
const FILE: &str = "compute.json";
/// Longest name of a device that is told, in bytes: it travels in every advert.
const DEVICE_NAME_BYTES_MAX: usize = 128;

/// What is known of the machine's means and speed.
#[derive(Default)]
pub struct Compute {
    measured: OnceLock<ComputeOffer>,
    /// Who computes in class `fast`, if anybody does.
    host: Option<Arc<dyn FastHost>>,
    /// Its device, once it is known.
    fast: OnceLock<FastOffer>,
    /// The same with its speed.
    fast_measured: OnceLock<FastOffer>,
    /// Why there is none, though there is a host.
    fast_trouble: OnceLock<String>,
}

impl Compute {
    /// Nothing is measured yet.
    pub fn new(host: Option<Arc<dyn FastHost>>) -> Self {
        Self {
            host,
            ..Self::default()
        }
    }

    /// What the network is told: float class `fast` from the start, speeds once they are measured.
    pub fn offer(&self) -> Option<ComputeOffer> {
        let (measured, fast) = (self.measured.get(), self.fast());
        if measured.is_none() && fast.is_none() {
            return None;
        }
        let unmeasured = || ComputeOffer {
            instructions: instructions(),
            threads: threads(&Settings::default()),
            ..ComputeOffer::default()
        };
        let mut offer = measured.cloned().unwrap_or_else(unmeasured);
        offer.fast = fast;
        Some(offer)
    }

    /// What float class `fast` is computed with; none: it is not offered.
    pub fn fast(&self) -> Option<FastOffer> {
        self.fast_measured.get().or_else(|| self.fast.get()).cloned()
    }

    /// Why the class is not offered although it could be.
    pub fn fast_trouble(&self) -> Option<&str> {
        self.fast_trouble.get().map(String::as_str)
    }
}

/// The device in the network's words.
fn told(info: DeviceInfo) -> FastOffer {
    FastOffer {
        device: cut(info.name, DEVICE_NAME_BYTES_MAX),
        kind: match info.kind {
            tensor_compute::DeviceKind::Cpu => DeviceKind::Cpu,
            tensor_compute::DeviceKind::Gpu => DeviceKind::Gpu,
        },
        backend: info.backend,
        megaflops: (info.gflops * 1e3) as u64,
        megaflops_half: (info.gflops_f16.unwrap_or(0.0) * 1e3) as u64,
        megabytes_per_second: (info.gbytes_per_s * 1e3) as u64,
        ..FastOffer::default()
    }
}

fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// Asks who computes in class `fast` for its device, which is offered from then on. Takes a process's start.
async fn identify(context: Arc<Context>) {
    let Some(host) = context.compute.host.clone() else {
        return;
    };
    let found = tokio::task::spawn_blocking(move || host.describe(false)).await;
    match found.map_err(|error| error.to_string()).flatten() {
        // Empty until now.
        Ok(info) => drop(context.compute.fast.set(told(info))),
        Err(why) => {
            tracing::warn!("float class fast is not offered: {why}");
            let _ = context.compute.fast_trouble.set(why);
        }
    }
}

/// Measures the device of class `fast`, if it is offered and was not measured.
async fn measure_fast(context: &Arc<Context>) {
    let compute = &context.compute;
    let (Some(host), Some(_), None) = (compute.host.clone(), compute.fast.get(), compute.fast_measured.get()) else {
        return;
    };
    let found = tokio::task::spawn_blocking(move || host.describe(true)).await;
    match found.map_err(|error| error.to_string()).flatten() {
        Ok(info) => drop(compute.fast_measured.set(told(info))),
        Err(why) => tracing::warn!("the speed of float class fast could not be measured: {why}"),
    }
}

fn threads(settings: &Settings) -> u32 {
    u32::try_from(settings.threads).unwrap_or(u32::MAX)
}

fn file(context: &Context) -> PathBuf {
    context.data_dir.join(FILE)
}

fn instructions() -> String {
    Isa::detect().name().to_owned()
}

/// Takes what an earlier run measured, or measures later, when nothing runs.
pub fn start(context: &Arc<Context>) {
    if context.config.worker.enabled {
        context.spawn(identify(Arc::clone(context)));
    }
    let kept = std::fs::read(file(context)).ok();
    let kept = kept.and_then(|bytes| serde_json::from_slice::<ComputeOffer>(&bytes).ok());
    let here = Settings::default();
    if let Some(offer) = kept
        && offer.instructions == instructions()
        && threads(&here) == offer.threads
    {
        let _ = context.compute.measured.set(offer);
    }
    let waiting = Arc::clone(context);
    context.spawn(async move {
        loop {
            tokio::select! {
                () = waiting.stop.cancelled() => return,
                () = tokio::time::sleep(MEASURE_AFTER) => {}
            }
            if waiting.worker_load.running.load(Ordering::Relaxed) == 0 {
                measured(&waiting).await;
                return;
            }
        }
    });
}

/// What the machine does, measured now if it is not known.
pub async fn measured(context: &Arc<Context>) -> Option<ComputeOffer> {
    if context.compute.measured.get().is_none() {
        let measured = tokio::task::spawn_blocking(measure).await.ok().flatten()?;
        keep(context, &measured);
        context.compute.measured.get_or_init(|| measured);
    }
    measure_fast(context).await;
    context.compute.offer()
}

fn measure() -> Option<ComputeOffer> {
    let settings = Settings::default();
    let speed = match probe::measure(&settings) {
        Ok(speed) => speed,
        Err(error) => {
            tracing::warn!(%error, "the speed of this machine could not be measured");
            return None;
        }
    };
    Some(ComputeOffer {
        instructions: instructions(),
        threads: threads(&settings),
        megaflops: (speed.gigaflops * 1e3) as u64,
        megabytes_per_second: (speed.gigabytes_per_second * 1e3) as u64,
        fast: None,
    })
}

/// Failure costs half a second at the next start.
fn keep(context: &Context, offer: &ComputeOffer) {
    let written = serde_json::to_vec(offer)
        .map_err(std::io::Error::other)
        .and_then(|bytes| std::fs::write(file(context), bytes));
    if let Err(error) = written {
        tracing::debug!(%error, "the measured speed is not kept");
    }
}

/// One line for people.
pub fn describe(offer: &ComputeOffer) -> String {
    let exact = format!(
        "{}, {} threads: {:.1} GFLOP/s (f32 products, class exact), {:.1} GB/s",
        offer.instructions,
        offer.threads,
        offer.megaflops as f64 / 1e3,
        offer.megabytes_per_second as f64 / 1e3
    );
    let Some(fast) = &offer.fast else {
        return format!("{exact}; float class fast is not offered");
    };
    let mut text = format!(
        "{exact}; class fast on {} {} by {}",
        fast.kind.name(),
        fast.device,
        fast.backend
    );
    if fast.megaflops > 0 {
        let (flops, bytes) = (fast.megaflops as f64 / 1e3, fast.megabytes_per_second as f64 / 1e3);
        text.push_str(&format!(": {flops:.1} GFLOP/s (f32), {bytes:.1} GB/s"));
    }
    if fast.megaflops_half > 0 {
        text.push_str(&format!(", {:.1} GFLOP/s (f16)", fast.megaflops_half as f64 / 1e3));
    }
    text
}
