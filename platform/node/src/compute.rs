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
use tensor_compute::{Isa, Settings, probe};

/// A node that is up this long and runs nothing measures itself: starts, tests and demonstrations are not slowed down.
const MEASURE_AFTER: Duration = Duration::from_secs(120);
/// The file.
const FILE: &str = "compute.json";

/// What is known of the machine's means and speed.
#[derive(Debug, Default)]
pub struct Compute {
    measured: OnceLock<ComputeOffer>,
    fast: OnceLock<FastOffer>,
}

impl Compute {
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
        self.fast.get().cloned()
    }
}

/// Float class `fast` on this machine's own processor, in this process.
fn on_cpu() -> FastOffer {
    FastOffer {
        device: format!("{} with {}", std::env::consts::ARCH, instructions()),
        kind: DeviceKind::Cpu,
        backend: "faer".to_owned(),
        ..FastOffer::default()
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
        // Empty until now.
        let _ = context.compute.fast.set(on_cpu());
    }
    let kept = std::fs::read(file(context)).ok();
    let kept = kept.and_then(|bytes| serde_json::from_slice::<ComputeOffer>(&bytes).ok());
    let here = Settings::default();
    if let Some(offer) = kept
        && offer.instructions == instructions()
        && threads(&here) == offer.threads
    {
        let _ = context.compute.measured.set(offer);
        return;
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
    match &offer.fast {
        None => format!("{exact}; float class fast is not offered"),
        Some(fast) => format!(
            "{exact}; class fast on {} {} by {}",
            fast.kind.name(),
            fast.device,
            fast.backend
        ),
    }
}
