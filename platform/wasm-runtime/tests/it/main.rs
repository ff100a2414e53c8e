//! The runtime against guests that misbehave: one binary, no network.

mod burn;
mod cache;
mod checked;
mod determinism;
mod guest;
mod jobs;
mod misfits;
mod opened;
mod programs;
mod rig;
mod rust_guest;
mod tensors;
