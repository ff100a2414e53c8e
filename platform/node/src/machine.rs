//! What this process and its machine use, read from `/proc` and the file system. On systems without `/proc` the numbers
//! are zero and nothing depends on them. Owns no thread: whoever asks, reads. The only state is the last reading of the
//! processor counters ([`CpuMeter`]), lost in a crash without harm.

use crate::context::Context;
use serde::Serialize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ticks of `/proc/self/stat` per second; fixed at 100 by Linux for user space.
const TICKS_PER_SECOND: u64 = 100;
/// Page size assumed for `statm`, in bytes: only a display depends on it.
const PAGE_BYTES: u64 = 4096;
/// A share of processor time is measured over at least this long.
const WINDOW: Duration = Duration::from_secs(1);

/// What this process and its machine use at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct MachineReading {
    /// Processor time of this process, in percent of one core.
    pub process_cpu_percent: f64,
    /// Busy share of the whole machine, 0 to 100.
    pub host_cpu_percent: f64,
    /// Resident memory of this process, in bytes.
    pub resident_bytes: u64,
    /// Memory of the machine, in bytes.
    pub memory_total_bytes: u64,
    /// Memory of the machine that programs could still have, in bytes.
    pub memory_available_bytes: u64,
    /// Bytes free for us on the file system of the data directory.
    pub disk_free_bytes: u64,
    /// Size of that file system, in bytes.
    pub disk_total_bytes: u64,
    /// Bytes the machine received since its boot, without the loopback interface unless there is no other.
    pub net_received_bytes: u64,
    /// Bytes the machine sent, counted alike.
    pub net_sent_bytes: u64,
    /// Open files and sockets of this process.
    pub open_files: u64,
}

/// Reads everything. A few file reads, below a millisecond.
pub fn reading(context: &Context) -> MachineReading {
    let usage = usage();
    let (memory_total_bytes, memory_available_bytes) = memory(&read("/proc/meminfo"));
    let (disk_total_bytes, disk_free_bytes) = disk(&context.data_dir);
    let (net_received_bytes, net_sent_bytes) = network(&read("/proc/net/dev"));
    MachineReading {
        process_cpu_percent: f64::from(context.cpu.permille(&usage)) / 10.0,
        host_cpu_percent: context.cpu.host_percent(),
        resident_bytes: usage.resident_bytes,
        memory_total_bytes,
        memory_available_bytes,
        disk_free_bytes,
        disk_total_bytes,
        net_received_bytes,
        net_sent_bytes,
        open_files: open_files(),
    }
}

/// What this process has used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProcessUsage {
    /// User and system time so far.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
}

/// Reads what the process has used.
pub fn usage() -> ProcessUsage {
    let stat = read("/proc/self/stat");
    // The program's name may hold spaces; the fields after it do not.
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = number(after_name, 11).saturating_add(number(after_name, 12));
    let pages = number(&read("/proc/self/statm"), 1);
    ProcessUsage {
        cpu: Duration::from_millis(ticks.saturating_mul(1000) / TICKS_PER_SECOND),
        resident_bytes: pages.saturating_mul(PAGE_BYTES),
    }
}

/// Share of processor time, from two readings.
#[derive(Debug)]
pub struct CpuMeter {
    process: Mutex<Window>,
    host: Mutex<Window>,
}

/// Readings of two growing counters, and the quotient of their growth.
#[derive(Debug)]
struct Window {
    since: Instant,
    busy: f64,
    whole: f64,
    share: f64,
}

impl Window {
    fn new(busy: f64, whole: f64) -> Self {
        Self {
            since: Instant::now(),
            busy,
            whole,
            share: 0.0,
        }
    }

    fn move_on(&mut self, busy: f64, whole: f64) -> f64 {
        if self.since.elapsed() >= WINDOW && whole > self.whole {
            let share = (busy - self.busy).max(0.0) / (whole - self.whole);
            *self = Self {
                share,
                ..Self::new(busy, whole)
            };
        }
        self.share
    }
}

/// Counts seconds of this process, whatever the wall clock does.
fn running_seconds() -> f64 {
    static FIRST: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_secs_f64()
}

impl Default for CpuMeter {
    fn default() -> Self {
        let (busy, whole) = host_ticks(&read("/proc/stat"));
        Self {
            process: Mutex::new(Window::new(usage().cpu.as_secs_f64(), running_seconds())),
            host: Mutex::new(Window::new(busy, whole)),
        }
    }
}

impl CpuMeter {
    /// Permille of one core that this process used over the last second or more.
    pub fn permille(&self, usage: &ProcessUsage) -> u32 {
        let mut window = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        (window.move_on(usage.cpu.as_secs_f64(), running_seconds()) * 1000.0) as u32
    }

    /// Busy share of the whole machine over the last second or more, 0 to 100.
    pub fn host_percent(&self) -> f64 {
        let (busy, whole) = host_ticks(&read("/proc/stat"));
        let mut window = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        window.move_on(busy, whole).min(1.0) * 100.0
    }
}

/// Size and bytes free for us of the file system of a path; zero if it cannot be told.
pub fn disk(path: &Path) -> (u64, u64) {
    rustix::fs::statvfs(path).map_or((0, 0), |stat| {
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        (bytes(stat.f_blocks), bytes(stat.f_bavail))
    })
}

/// Bytes free for us on the file system of a path; zero if it cannot be told.
pub fn free_disk_bytes(path: &Path) -> u64 {
    disk(path).1
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The number at a position of a line; zero if there is none.
fn number(line: &str, at: usize) -> u64 {
    let field = line.split_whitespace().nth(at);
    field.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Busy and all ticks of `/proc/stat`. Waiting for a disk is not being busy.
fn host_ticks(stat: &str) -> (f64, f64) {
    let line = stat.lines().next().unwrap_or_default();
    // user nice system idle iowait irq softirq steal; what follows is contained in user.
    let whole: u64 = (1..=8).map(|at| number(line, at)).sum();
    let idle = number(line, 4).saturating_add(number(line, 5));
    (whole.saturating_sub(idle) as f64, whole as f64)
}

/// Total and available bytes of `/proc/meminfo`.
fn memory(meminfo: &str) -> (u64, u64) {
    let kibibytes = |name: &str| {
        let line = meminfo.lines().find(|line| line.starts_with(name));
        line.map_or(0, |line| number(line, 1).saturating_mul(1024))
    };
    (kibibytes("MemTotal:"), kibibytes("MemAvailable:"))
}

/// Received and sent bytes of `/proc/net/dev`.
fn network(dev: &str) -> (u64, u64) {
    let interfaces: Vec<(&str, u64, u64)> = dev
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, counters)| (name.trim(), number(counters, 0), number(counters, 8)))
        .collect();
    let only_loopback = interfaces.iter().all(|(name, ..)| *name == "lo");
    let counted = interfaces.iter().filter(|(name, ..)| only_loopback || *name != "lo");
    counted.fold((0, 0), |(received, sent), (_, more_received, more_sent)| {
        (received.saturating_add(*more_received), sent.saturating_add(*more_sent))
    })
}

fn open_files() -> u64 {
    let entries = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    // One of them is the listing itself.
    (entries as u64).saturating_sub(1)
}

#[cfg(test)]
mod tests;
