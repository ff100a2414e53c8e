//! What a worker offers: capability, load, and signed quotes.

use crate::event::UnixMillis;
use crate::ids::{JobId, NodeId, ProfileId};
use crate::money::MicroCredits;
use crate::outcome::Usage;
use crate::sign::Statement;
use crate::task::Priority;
use serde::{Deserialize, Serialize};

/// What a node can run. Gossiped, signed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Capability {
    /// Whether it takes replicas at all.
    pub worker: bool,
    /// Sandboxes at the same time.
    pub slots: u32,
    /// The largest memory of one sandbox, in bytes.
    pub memory_bytes: u64,
    /// Free disk for blobs, in bytes.
    pub disk_bytes: u64,
    /// Its metering profile.
    pub profile: ProfileId,
    /// CPU architecture, such as `x86_64`.
    pub arch: String,
    /// What it computes with, and how fast, once it has measured that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<ComputeOffer>,
}

impl Capability {
    /// The device it offers float class `fast` on; none: it does not offer the class.
    pub fn fast(&self) -> Option<DeviceKind> {
        Some(self.compute.as_ref()?.fast.as_ref()?.kind)
    }
}

/// What a node computes with, as it measured itself. No result depends on it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ComputeOffer {
    /// Instruction set of its kernels, such as `AVX-512`.
    pub instructions: String,
    /// Threads of one operation.
    pub threads: u32,
    /// Products of `f32` matrices in float class `exact`, in 10^6 floating-point operations per second; 0: not measured yet.
    pub megaflops: u64,
    /// Bytes moved by a sum of long vectors, in 10^6 per second; 0: not measured yet.
    pub megabytes_per_second: u64,
    /// What it computes float class `fast` with; none: it does not offer that class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fast: Option<FastOffer>,
}

/// What a node computes float class `fast` with, as it measured itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FastOffer {
    /// The device as its driver calls it.
    pub device: String,
    /// Which kind of device it is.
    pub kind: DeviceKind,
    /// The program's way to it, such as `faer` or `wgpu`.
    pub backend: String,
    /// Products of `f32` matrices, in 10^6 floating-point operations per second; 0: not measured yet.
    pub megaflops: u64,
    /// The same of `f16` matrices; 0: not measured, or the device does not have them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub megaflops_half: u64,
    /// Bytes moved by a sum of long vectors, in 10^6 per second; 0: not measured yet.
    pub megabytes_per_second: u64,
    /// Whether models run on onnxruntime.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub onnxruntime: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A kind of device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A central processor.
    #[default]
    Cpu,
    /// A graphics processor.
    Gpu,
}

impl DeviceKind {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }
}

/// How busy a node is. Gossiped, signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Load {
    /// Replicas that run.
    pub running: u32,
    /// Replicas that wait.
    pub queued: u32,
    /// CPU of the node's process, in permille of one core.
    pub cpu_permille: u32,
    /// Resident memory of the node's process, in bytes.
    pub resident_bytes: u64,
}

/// Prices per unit of metered usage, all multipliers applied (E1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Per 10^9 fuel.
    pub cpu: MicroCredits,
    /// Per GiB of sandbox memory and 10^9 fuel.
    pub ram: MicroCredits,
    /// Per GiB read or written.
    pub disk: MicroCredits,
}

impl Rates {
    /// The price of one execution, rounded up to a micro-credit, at least one (nothing at rates of zero: a node does not
    /// pay itself). Depends only on the deterministic parts of the usage, so that both sides compute the same.
    pub fn price(&self, usage: &Usage) -> MicroCredits {
        if *self == Self::default() {
            return MicroCredits::ZERO;
        }
        const GIGA: i128 = 1_000_000_000;
        const GIB: i128 = 1 << 30;
        let fuel = i128::from(usage.fuel);
        let bytes = i128::from(usage.input_bytes) + i128::from(usage.output_bytes);
        // Usage and rates may come from a stranger: everything saturates.
        let times = |rate: MicroCredits, a: i128, b: i128| i128::from(rate.0).saturating_mul(a).saturating_mul(b);
        let cpu = times(self.cpu, fuel, GIB);
        let ram = times(self.ram, fuel, i128::from(usage.memory_bytes));
        let disk = times(self.disk, bytes, GIGA);
        let unit = GIGA * GIB;
        let total = (cpu.saturating_add(ram).saturating_add(disk)).saturating_add(unit - 1) / unit;
        MicroCredits(i64::try_from(total.max(1)).unwrap_or(i64::MAX))
    }
}

/// A price offer of a worker to one requester for one job, valid for a while.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quote {
    /// Who offers.
    pub worker: NodeId,
    /// To whom.
    pub requester: NodeId,
    /// For which job.
    pub job: JobId,
    /// For which priority.
    pub priority: Priority,
    /// Under which metering profile.
    pub profile: ProfileId,
    /// The prices.
    pub rates: Rates,
    /// Sandboxes the worker would give at the same time.
    pub slots: u32,
    /// Until when, by the worker's clock.
    pub expires: UnixMillis,
    /// Counts the worker's quotes; names this one in assignments and receipts.
    pub number: u64,
}

impl Statement for Quote {
    const DOMAIN: &'static str = "quote";
    const MAX_BYTES: usize = 1024;
}
