//! Operations on matrices, computed by the host's linear algebra. Products, sums and transposes are cut by rows of the
//! result, so that matrices larger than a node's memory work; the others are one chunk. The result is the chunk outputs
//! one after the other. Every output has a check that costs far less than the run, so that one replica is enough.
//! A chunk that is lost is computed again; nothing else depends on it.

mod block;
mod check;
mod form;
mod host;
mod matrix;
mod operands;
mod params;
mod plan;
mod product;
mod run;

use crate::form::Frame;
use crate::matrix::Matrix;
use arrays::ElementType;
use p2pjob::prelude::*;
pub use params::{NormKind, Operation, OutputForm, Params};

/// The job.
pub struct MatrixOps;

/// One piece of the work.
#[wire]
#[derive(Clone, PartialEq, Debug)]
pub struct Chunk {
    pub(crate) operation: Operation,
    pub(crate) a: Matrix,
    pub(crate) b: Option<Matrix>,
    /// In what type the work is done.
    pub(crate) element: ElementType,
    /// How the output is written.
    pub(crate) frame: Frame,
    /// For products: how many rows of `b` are multiplied at once. The same for all chunks, whoever runs them, since it
    /// orders the additions.
    pub(crate) panel: u64,
    pub(crate) norm: NormKind,
}

impl Job for MatrixOps {
    type Params = Params;
    type Chunk = Chunk;
    type Partial = Written;
    type Output = Written;
    const INPUTS: &'static [InputDecl] = &[
        InputDecl::optional(
            "a",
            "the first matrix: .npy, or raw float32 or float64 with dtype, rows and cols",
        ),
        InputDecl::optional("b", "the second matrix"),
    ];
    const REDUCE: Reduce = Reduce::Concat;
    const VERIFY: Verify = Verify::Check;
    const CHECKED: bool = true;
    const MEMORY_BYTES: u64 = 512 << 20;

    fn plan(params: &Params, inputs: &Inputs, hint: &PlanHint) -> Result<Vec<Cut<Chunk>>> {
        plan::plan(params, inputs, hint)
    }

    fn run(chunk: Chunk, slices: &Slices) -> Result<Written> {
        run::run(&chunk, slices).map_err(|error| error.context(chunk.operation))?;
        Ok(Written)
    }

    fn check(chunk: Chunk, slices: &Slices, claimed: Claimed<Written>) -> Result<bool> {
        check::check(&chunk, slices, &claimed.open())
    }
}

export_job!(MatrixOps, checked);

#[cfg(test)]
mod tests;
