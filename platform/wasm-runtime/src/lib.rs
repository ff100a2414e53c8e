//! Runs one job export inside limits, with our host functions, and reports what came of it and what it used.
//!
//! The crate is synchronous and owns four things: the [`Engine`] (wasmtime's engine, the pool of sandbox slots, the
//! compile cache and the ticker thread), [`LoadedJob`] (a compiled component, ready to be instantiated), one sandbox per
//! call (made, used once and dropped inside [`LoadedJob::run`] and its siblings: no state survives a call), and the
//! [`SandboxPool`] (the threads that jobs run on, so that they never run on a network thread).
//!
//! A crash loses nothing but the call: the only file written is the compile cache, and a cache file that is cut short or
//! altered is noticed by its checksum and made again.
//!
//! # What two nodes agree on
//! Output, outcome kind, fuel, `input_bytes`, `output_bytes` and `memory_bytes` of a call are the same on every node with
//! the same [`ProfileId`](job_model::ProfileId). The profile is the hash of the engine's version, its settings, wasmtime's
//! cost of each instruction, [our cost of each host function](host::cost), the versions of the host interfaces and the
//! memory limit. Backtraces, logs and wall time are for people and may differ. What depends on the machine (stack depth,
//! time, memory of the host) ends as [`NoVerdict`](job_model::NoVerdict) and is never voted on.
//!
//! Tensors that a job computes through the host give the same bits everywhere too (`tensor-compute`, class `exact`), and
//! cost by their shapes. They share the sandbox's memory limit and never outlive the call.
//!
//! # The way of a call
//! `Engine::load` gives a `LoadedJob`; `run` makes a store with limits, instantiates, sets the fuel (after
//! instantiation, which burns fuel of its own), calls the export, and sorts the end of it into an outcome.

mod backtrace;
mod bindings;
mod cache;
mod call;
mod calls;
mod cancel;
mod check;
mod component;
mod engine;
pub mod host;
mod limiter;
mod loaded;
pub mod memory;
mod outcome;
mod pool;
mod sandbox;
mod settings;
mod ticker;

pub use call::{
    DescribeError, Limits, PartialSource, PlanCall, PlanFailure, PlanHint, PlanReport, ReadInput, ReduceCall,
    ReduceReport, RunCall, RunReport,
};
pub use cancel::CancelToken;
pub use check::{CheckCall, CheckReport};
pub use component::LoadError;
pub use engine::{Engine, EngineError, EngineOptions};
pub use loaded::LoadedJob;
pub use pool::{PoolFull, SandboxPool};
