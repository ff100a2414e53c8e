//! What this process uses, read from `/proc/self`. On systems without it everything is zero and nothing depends on it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ticks of `/proc/self/stat` per second; fixed at 100 by Linux for user space.
const TICKS_PER_SECOND: u64 = 100;
/// Page size assumed for `statm`, in bytes: only a display depends on it.
const PAGE_BYTES: u64 = 4096;
/// The CPU share is measured over at least this long.
const WINDOW: Duration = Duration::from_secs(1);

/// One reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProcessUsage {
    /// User and system time so far.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
}

/// Reads what the process has used.
pub fn usage() -> ProcessUsage {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name may hold spaces; the fields after it do not.
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let field = |at: usize| {
        after_name
            .split(' ')
            .nth(at)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let ticks = field(11) + field(12);
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0);
    ProcessUsage {
        cpu: Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND),
        resident_bytes: pages * PAGE_BYTES,
    }
}

/// Share of a core, from two readings.
#[derive(Debug)]
pub struct CpuMeter(Mutex<(Instant, Duration, u32)>);

impl Default for CpuMeter {
    fn default() -> Self {
        Self(Mutex::new((Instant::now(), usage().cpu, 0)))
    }
}

impl CpuMeter {
    /// Permille of one core over the last second or more.
    pub fn permille(&self, usage: &ProcessUsage) -> u32 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = last.0.elapsed();
        if elapsed >= WINDOW {
            let share = usage.cpu.saturating_sub(last.1).as_secs_f64() / elapsed.as_secs_f64();
            *last = (Instant::now(), usage.cpu, (share * 1000.0) as u32);
        }
        last.2
    }
}

/// Free bytes for us on the file system of a path; zero if it cannot be told.
pub fn free_disk_bytes(path: &std::path::Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}
