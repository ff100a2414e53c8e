//! The one place where tests poll: what cannot be waited for as an event is looked at until it is so, within a bound.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Most a test waits for something that takes a moment on an idle machine: many times what a busy one needs.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two looks: short against what is waited for, long against the look itself.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks until the answer is `Ok`. Panics after `bound` with what was waited for and what the last look saw.
#[track_caller]
pub fn wait_until<T, E: Display>(what: &str, bound: Duration, mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + bound;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => {
                panic!("waited {} s in vain until {what}; last seen: {seen}", bound.as_secs())
            }
            Err(_) => sleep(LOOK_EVERY),
        }
    }
}
