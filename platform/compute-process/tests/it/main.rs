//! Class `fast` through a real child process: one binary, no network.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod deaths;
mod rig;
mod sandbox;
mod sessions;
