//! burn in p2pjob jobs.
//!
//! A job that depends on this crate uses burn as everywhere: modules, autodiff, losses. Its tensors live with the node that
//! runs it, in float class exact, so replicas give the same bits. This crate adds what a job needs beside burn: the
//! [`device`], and a module's parameters and gradients as [flat vectors](flat) that can travel between chunks.
//!
//! The job's `Cargo.toml` must replace three of burn's dependencies; `cargo p2pjob new NAME --template burn` writes it:
//!
//! ```toml
//! [patch.crates-io]
//! burn-remote = { path = "<sdk>/burn/burn-remote" }
//! wasm-bindgen-futures = { path = "<sdk>/burn/wasm-bindgen-futures" }
//! web-time = { path = "<sdk>/burn/web-time" }
//! ```

pub mod flat;
#[cfg(target_arch = "wasm32")]
mod randomness;

pub use burn;

use burn::tensor::Device;

/// The device of the host that runs the job. Natively: with the feature `flex`, burn's CPU backend; without, the host
/// that was installed.
///
/// The numbers that burn draws (initial weights, dropout) are the host's; seed them with `device.seed(...)`.
pub fn device() -> Device {
    #[cfg(all(feature = "flex", not(target_arch = "wasm32")))]
    return Device::flex();
    #[cfg(not(all(feature = "flex", not(target_arch = "wasm32"))))]
    return Device::new(burn_remote::RemoteDevice::default());
}
