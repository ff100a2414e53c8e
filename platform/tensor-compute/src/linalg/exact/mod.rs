//! Class `exact`: dense factorisations in one fixed order of operations. Blocks have fixed sizes, products are those of the
//! kernels, loops over vectors are those of [`vector`], logarithms and roots of sums are the `libm` crate's: no result depends
//! on the instruction set or the number of threads.

mod bidiagonal;
mod chase;
mod condition;
pub(super) mod eigen;
mod hessenberg;
pub(super) mod lu;
pub(super) mod norms;
mod parallel;
pub(super) mod qr;
pub(super) mod svd;
mod triangular;
pub(super) mod vector;

pub(super) use condition::{Solver, reciprocal_condition};
