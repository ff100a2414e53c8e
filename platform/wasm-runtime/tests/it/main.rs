//! The runtime against guests that misbehave: one binary, no network.

mod cache;
mod determinism;
mod jobs;
mod misfits;
mod programs;
mod rig;
mod rust_guest;
