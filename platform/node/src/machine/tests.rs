//! Parsing what Linux says, with its own text.

use super::{CpuMeter, Window, disk, host_ticks, memory, network, open_files, usage};
use std::time::{Duration, Instant};

const NET_DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 9000       10    0    0    0     0          0         0     9000      10    0    0    0     0       0          0
  eth0: 1234567  2000    0    0    0     0          0         0   765432    1500    0    0    0     0       0          0
wlan0:10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0
";

#[test]
fn loopback_counts_only_when_alone() {
    assert_eq!(network(NET_DEV), (1_234_577, 765_452));
    let alone: String = NET_DEV.lines().take(3).map(|line| format!("{line}\n")).collect();
    assert_eq!(network(&alone), (9000, 9000));
    assert_eq!(network(""), (0, 0));
}

#[test]
fn memory_is_in_bytes() {
    let text = "MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\n";
    assert_eq!(memory(text), (16 << 20, 8 << 20));
    assert_eq!(memory("nonsense"), (0, 0));
}

#[test]
fn waiting_for_a_disk_is_not_busy() {
    let (busy, whole) = host_ticks("cpu  10 20 30 400 40 5 6 7 1 1\ncpu0 1 1 1 1\n");
    assert_eq!((busy, whole), (78.0, 518.0));
    assert_eq!(host_ticks(""), (0.0, 0.0));
}

#[test]
fn a_share_is_of_the_time_since_the_last_reading() {
    let earlier = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
    let mut window = Window::new(10.0, 100.0);
    assert_eq!(window.move_on(20.0, 120.0), 0.0, "too early");
    window.since = earlier;
    assert_eq!(window.move_on(20.0, 120.0), 0.5);
    assert_eq!(window.move_on(90.0, 130.0), 0.5, "too early again");
}

#[cfg(target_os = "linux")]
#[test]
fn this_machine_can_be_read() {
    assert!(usage().resident_bytes > 0);
    assert!(open_files() > 2, "the standard streams");
    let (total, free) = disk(std::path::Path::new("/"));
    assert!(total >= free && total > 0);
    assert!(CpuMeter::default().host_percent() <= 100.0);
}
