//! A node: the only async owner. It feeds inputs to the pure cores (scheduler, market), journals what they decide, and
//! performs the effects; see ARCHITECTURE.md, "The way of a task".
//!
//! Who owns what: [`run`] owns everything and returns when the node has stopped. The main loop ([`event_loop`]) owns
//! the state ([`core`]), a thread owns the journal and the ledger file ([`journal`]), a task owns the worker's queue
//! ([`worker`]), and [`context::Context`] holds the handles. After `kill -9` the journal is replayed through the same
//! `apply` and open tasks go on.

pub mod access;
pub mod api;
mod compare;
pub mod compute;
pub mod config;
mod context;
pub mod control;
pub mod core;
mod data_dir;
mod effects;
mod event_loop;
mod faults;
mod journal;
mod machine;
mod metrics;
mod recorder;
mod requester;
mod start;
mod traces;
pub mod webhooks;
mod worker;

pub use api::{Api, Front, FrontInfo};
pub use data_dir::{DATA_VERSION, DataDirError, ReadyInfo};
pub use machine::MachineReading;
pub use metrics::BUCKETS as METRIC_BUCKETS;
pub use start::{BoxedFuture, OnReady, Run, StartError, run};
