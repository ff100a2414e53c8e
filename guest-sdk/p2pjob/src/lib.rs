//! Write a p2pjob job: implement [`Job`], say [`export_job!`], build with `cargo p2pjob build`.
//!
//! A job is three functions. [`Job::plan`] cuts a task into chunks, [`Job::run`] computes one chunk, on any node and
//! perhaps on several, and [`Job::reduce`] folds the chunk outputs into the result. A job may also bring a
//! [`Job::check`], which tells a right chunk output from a wrong one without a second run. A job sees its parameters, its
//! inputs and nothing else: no clock, no files, no network. So the same chunk gives the same bytes on every node.
//!
//! ```
//! use p2pjob::prelude::*;
//!
//! struct Squares;
//!
//! #[params]
//! struct Params {
//!     /// Squares of 1 up to this number are summed.
//!     up_to: u32,
//! }
//!
//! impl Job for Squares {
//!     type Params = Params;
//!     type Chunk = (u32, u32);
//!     type Partial = u64;
//!     type Output = u64;
//!
//!     fn plan(params: &Params, _: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<(u32, u32)>>> {
//!         let step = hint.chunk_items(u64::from(params.up_to)) as usize;
//!         Ok((1..=params.up_to).step_by(step).map(|from| Cut::new((from, params.up_to.min(from + step as u32 - 1)))).collect())
//!     }
//!
//!     fn run((from, to): (u32, u32), _: &Slices) -> Result<u64> {
//!         Ok((from..=to).map(|x| u64::from(x) * u64::from(x)).sum())
//!     }
//!
//!     fn reduce(_: &Params, partials: Partials<u64>) -> Result<u64> {
//!         partials.sum()
//!     }
//! }
//!
//! export_job!(Squares);
//!
//! let result = p2pjob::testing::Task::new(r#"{"up_to": 10}"#).run::<Squares>().unwrap();
//! assert_eq!(result.text(), "385");
//! ```
//!
//! The crate compiles natively too, with the platform simulated in memory ([`testing`]), so that a job has ordinary
//! unit tests. Nothing here survives a crash: a chunk that traps is run again from its bytes.

pub mod burn;
mod codec;
mod counts;
mod cut;
mod error;
mod glue;
mod host;
mod job;
pub mod linalg;
pub mod log;
mod manifest;
pub mod metrics;
pub mod models;
mod output;
mod reader;
mod source;
pub mod tensors;
mod value;
mod words;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use codec::{from_cbor, to_cbor};
pub use counts::Counts;
pub use cut::{Cut, SliceRef};
pub use error::{Error, Result};
pub use host::{entropy, progress};
pub use job::{Claimed, Inputs, Job, OpenPartial, Partials, PlanHint, Slices};
pub use manifest::{Compare, FloatClass, InputDecl, NoParams, Reduce, Verify};
pub use output::OutputWriter;
pub use reader::Reader;
pub use source::Source;
pub use value::{OutputValue, PartialValue, Raw, Written};
pub use words::{WordSplitter, split_words};

pub use p2pjob_macros::{params, wire};
pub use schemars;
pub use serde;
pub use serde_json;

#[doc(hidden)]
pub use glue::{Package, check, describe, plan, reduce, run};

/// What almost every job needs: `use p2pjob::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Claimed, Counts, Cut, Error, InputDecl, Inputs, Job, NoParams, OpenPartial, OutputWriter, Partials, PlanHint,
        Raw, Reader, Reduce, Result, Slices, Source, Verify, Written, bail, export_job, metrics, params, wire,
    };
}

#[cfg(test)]
mod tests;
