//! Runs a chunk: reads its part of the matrices, lets the node compute, writes the output.

use crate::Chunk;
use crate::form::{Form, Kind, number_bytes};
use crate::host::{Block, Determinant};
use crate::matrix::Matrix;
use crate::params::Operation;
use crate::product::{self, magnitude};
use arrays::ElementType;
use p2pjob::prelude::*;
use std::io::Write;

/// Runs a chunk and writes its output.
pub fn run(chunk: &Chunk, slices: &Slices) -> Result<()> {
    let block = match chunk.operation {
        Operation::Determinant => {
            let found = chunk.a.whole(slices, chunk.element)?.determinant(false)?;
            return write_bytes(chunk, &determinant_bytes(&found));
        }
        Operation::Norm => {
            let found = chunk.a.whole(slices, chunk.element)?.norm(chunk.norm)?;
            return write_bytes(chunk, &number_bytes(ElementType::F64, found));
        }
        _ => compute(chunk, slices)?,
    };
    if chunk.frame.form == Form::Json {
        return write_bytes(chunk, &block.bytes()?);
    }
    let mut out = OutputWriter::new();
    out.write_all(&chunk.frame.head())?;
    out.flush()?;
    block.write_output()
}

/// Value, sign and logarithm, as the output has them.
pub fn determinant_bytes(found: &Determinant) -> Vec<u8> {
    let each = [found.value, found.sign, found.log_abs];
    each.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The result as a block.
pub fn compute(chunk: &Chunk, slices: &Slices) -> Result<Block> {
    let whole = |matrix: &Matrix| matrix.whole(slices, chunk.element);
    match chunk.operation {
        Operation::Multiply => product::run(chunk, slices),
        Operation::Add | Operation::Subtract | Operation::Transpose => elementwise(chunk, slices),
        Operation::Inverse => whole(&chunk.a)?.inverse(),
        Operation::Eigenvalues => whole(&chunk.a)?.eigenvalues(),
        Operation::SingularValues => whole(&chunk.a)?.singular_values(),
        Operation::Solve => Ok(whole(&chunk.a)?.solve(&whole(second(chunk)?)?)?),
        Operation::Determinant | Operation::Norm => bail!("{} has no block", chunk.operation),
    }
}

/// The second matrix of the chunk.
pub fn second(chunk: &Chunk) -> Result<&Matrix> {
    match &chunk.b {
        Some(b) => Ok(b),
        None => bail!("the chunk has no second matrix"),
    }
}

/// Sums, differences, and the rows of a matrix as they are (a transpose is a matter of order).
fn elementwise(chunk: &Chunk, slices: &Slices) -> Result<Block> {
    let Kind::Rows { from, to, cols, .. } = chunk.frame.kind else {
        bail!("the chunk has no rows");
    };
    let part = |matrix: &Matrix| matrix.block(slices, from..to, 0..cols, chunk.element);
    let a = part(&chunk.a)?;
    let Some(b) = &chunk.b else {
        return Ok(a);
    };
    let right = part(b)?;
    if chunk.element == ElementType::I64 && !product::sums_fit(&chunk.a, b) {
        let (one, other) = (magnitude(&a)?, magnitude(&right)?);
        if one.saturating_add(other) > i64::MAX as u64 {
            bail!("whole numbers up to {one} and {other} may not fit in 64 bits together; convert a matrix to float64");
        }
    }
    if chunk.operation == Operation::Subtract {
        a.subtract(&right)
    } else {
        a.add(&right)
    }
}

fn write_bytes(chunk: &Chunk, data: &[u8]) -> Result<()> {
    let mut out = OutputWriter::new();
    chunk.frame.write(data, &mut out)?;
    out.flush()?;
    Ok(())
}
