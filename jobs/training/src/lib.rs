//! A data-parallel training step without its network: parameters, samples, shards, model files, averages, optimisers.
//!
//! `plan` cuts the batch into shards of a fixed number of samples, whatever the number of nodes, so that sums are always
//! made in the same order. What a shard's node computes is the network's business; it answers with a [`ShardSum`] (or, for
//! predictions, with rows of numbers). `reduce` adds the gradients in shard order in `f64`, divides by the number of
//! samples, and lets the optimiser take one step in plain `f32`. Nothing here keeps state: a shard that is lost is
//! computed again.

mod model_file;
mod net;
pub mod optimiser;
mod params;
mod plan;
mod reduce;
mod rows;
mod sum;

pub use model_file::{Head, Kind, ModelFile, Place, Told};
pub use net::{Net, Piece, Stored};
pub use params::{Activation, Architecture, Loss, Mode, OptimiserName, Params};
pub use plan::{Chunk, Work, plan};
pub use reduce::{Passed, reduce};
pub use rows::{Layout, Rows};
pub use sum::ShardSum;

#[cfg(test)]
mod tests;
