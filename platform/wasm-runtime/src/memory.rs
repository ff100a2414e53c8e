//! What becomes of memory that calls have freed.
//!
//! The C library gives megabytes back to the system as soon as they are free, and every page that comes again is a fault,
//! with an interrupt to the other processors: a product of matrices of 16 MiB spent half of its time so. A node that works
//! keeps what it freed; a node at rest gives it back. Process-wide, so it is for the program to ask for.
//!
//! What lies at the end of another thread's heap than the main one's stays: the library gives back holes only.
//!
//! Elsewhere than on Linux with the GNU C library nothing is done, and nothing depends on it.

use std::sync::atomic::{AtomicBool, Ordering};

/// Most bytes that one heap keeps, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: libc::c_int = 256 << 20;
/// From this size on a buffer comes from the system itself: the largest value that the library takes, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING_BYTES: libc::c_int = 32 << 20;

/// Whether something ran or was compiled since memory was given back.
static USED: AtomicBool = AtomicBool::new(true);

/// Keeps freed memory for the next call, in this process.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes numbers and changes thresholds; it may be called at any time.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
    }
}

/// Says that there will be something to give back.
pub(crate) fn used() {
    USED.store(true, Ordering::Relaxed);
}

/// Gives freed memory back to the system, if anything ran since the last time. Takes milliseconds: not for an async thread.
pub fn give_back() {
    if !USED.swap(false, Ordering::Relaxed) {
        return;
    }
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` releases pages that hold no live allocation; it may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Whether there may be something to give back.
pub fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}
