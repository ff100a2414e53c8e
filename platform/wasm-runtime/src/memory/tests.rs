//! What is freed stays resident until it is given back. No other test of this binary uses much memory.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use super::{give_back, is_used, keep_freed, used};

/// Bytes of this process in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split_whitespace().nth(1).unwrap().parse().unwrap();
    // SAFETY: it asks for a constant of the system.
    pages * usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}

#[test]
fn freed_memory_is_kept_until_it_is_given_back() {
    const PIECE: usize = 4 << 20;
    const PIECES: usize = 8;
    keep_freed();
    used();
    give_back();
    let before = resident();
    let buffers: Vec<Vec<u8>> = (0..PIECES).map(|_| vec![1; PIECE]).collect();
    // Behind them, so that they are not the end of this thread's heap, which the library keeps.
    let last = vec![1_u8; PIECE / 4];
    let most = resident();
    assert!(most >= before + (PIECES - 1) * PIECE, "{before} to {most}");
    drop(buffers);
    assert!(resident() + PIECE >= most, "it is kept");
    assert!(!is_used());
    give_back();
    assert!(resident() + PIECE >= most, "nothing was used since the last time");
    used();
    assert!(is_used());
    give_back();
    let after = resident();
    assert!(
        !is_used() && after <= before + 2 * PIECE,
        "{before} to {most} to {after}"
    );
    drop(last);
}
