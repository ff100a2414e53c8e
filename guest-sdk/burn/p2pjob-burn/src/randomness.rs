//! Random bytes for crates that ask the system: from the platform's `entropy`, so that replicas draw the same.
//!
//! burn draws its parameters' ids this way. `p2pjob-burn` is built with `--cfg getrandom_backend="custom"`, which
//! `cargo p2pjob build` sets.

use std::sync::Mutex;
use std::sync::PoisonError;

/// Bytes asked of the platform at a time.
const BLOCK_BYTES: u32 = 256;

static BLOCK: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What `getrandom` calls.
///
/// # Safety
/// `dest` points to `len` bytes that may be written.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(dest: *mut u8, len: usize) -> Result<(), getrandom::Error> {
    let mut block = BLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    for at in 0..len {
        let byte = match block.pop() {
            Some(byte) => byte,
            None => {
                *block = p2pjob::entropy(BLOCK_BYTES);
                block.pop().unwrap_or_default()
            }
        };
        // SAFETY: `at` is below `len`, and the caller gives `len` bytes.
        unsafe { dest.add(at).write(byte) };
    }
    Ok(())
}
