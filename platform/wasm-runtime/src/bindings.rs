//! The types and export callers that wasmtime generates from the contract in `guest-sdk/wit`.
//!
//! Imports are not taken from here: [`crate::host`] defines them by hand, because it needs the store (to charge fuel) and
//! reads guest memory without a copy. A component whose imports differ from the contract fails at load, by type.
#![allow(missing_docs, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../guest-sdk/wit",
    world: "job",
});
