//! Products of matrices that may be larger than memory: a chunk holds its rows of `a` and walks through `b` in panels.
//!
//! Where `b` is in C order the panels are rows of `b`: `c = a1 b1`, then `c = c + a2 b2` and so on. How many rows a panel
//! has is fixed by `plan` from the width of `b` alone, so the bits are the same however the rows are cut. Where `b` is in
//! Fortran order the panels are columns, and every element is one sum over all of k.

use crate::Chunk;
use crate::block::whole_numbers;
use crate::form::Kind;
use crate::host::Block;
use crate::matrix::Matrix;
use arrays::ElementType;
use p2pjob::prelude::*;

/// The rows of the product that this chunk makes.
pub fn run(chunk: &Chunk, slices: &Slices) -> Result<Block> {
    let (Some(b), Kind::Rows { from, to, cols, .. }) = (&chunk.b, &chunk.frame.kind) else {
        bail!("the chunk has no second matrix");
    };
    let a = &chunk.a;
    let rows = *from..*to;
    let overflow = Overflow::new(chunk.element, a.cols);
    if b.fortran {
        let own = a.block(slices, rows, 0..a.cols, chunk.element)?;
        let mut parts = Vec::new();
        for cols in panels(b.cols, chunk.panel) {
            let panel = b.block(slices, 0..b.rows, cols, chunk.element)?;
            overflow.look(&own, &panel)?;
            parts.push(own.multiply(&panel)?);
        }
        return match parts.len() {
            0 => Block::zeros(chunk.element, (to - from, *cols)),
            1 => Ok(parts.remove(0)),
            _ => Block::join(&parts, 1),
        };
    }
    // In C order the rows are read once and kept; in Fortran order what a panel needs lies together.
    let own = if a.fortran {
        None
    } else {
        Some(a.block(slices, rows.clone(), 0..a.cols, chunk.element)?)
    };
    let mut sum: Option<Block> = None;
    for inner in panels(b.rows, chunk.panel) {
        let panel = b.block(slices, inner.clone(), 0..b.cols, chunk.element)?;
        let is_all = inner == (0..a.cols);
        let part = match &own {
            Some(own) if is_all => {
                overflow.look(own, &panel)?;
                own.multiply(&panel)?
            }
            Some(own) => {
                let left = own.part(0..to - from, inner)?;
                overflow.look(&left, &panel)?;
                left.multiply(&panel)?
            }
            None => {
                let left = a.block(slices, rows.clone(), inner, chunk.element)?;
                overflow.look(&left, &panel)?;
                left.multiply(&panel)?
            }
        };
        sum = Some(match sum {
            Some(sum) => sum.add(&part)?,
            None => part,
        });
    }
    match sum {
        Some(sum) => Ok(sum),
        None => Block::zeros(chunk.element, (to - from, *cols)),
    }
}

/// `0 .. count` in pieces.
pub fn panels(count: u64, step: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    let step = step.max(1);
    (0..count.div_ceil(step)).map(move |number| number * step..((number + 1) * step).min(count))
}

/// Whole numbers wrap at the node. So the largest sum that could be is computed from the largest elements, and what does
/// not fit for certain is refused.
struct Overflow {
    element: ElementType,
    /// Terms of a sum.
    terms: u64,
}

impl Overflow {
    const fn new(element: ElementType, terms: u64) -> Self {
        Self { element, terms }
    }

    fn look(&self, a: &Block, b: &Block) -> Result<()> {
        if self.element != ElementType::I64 {
            return Ok(());
        }
        let (a, b) = (magnitude(a)?, magnitude(b)?);
        let bound = u128::from(a) * u128::from(b);
        match bound.checked_mul(u128::from(self.terms)) {
            Some(bound) if bound <= i64::MAX as u128 => Ok(()),
            _ => bail!(
                "a sum of {} products of whole numbers up to {a} and {b} may not fit in 64 bits; convert a matrix to \
                 float64",
                self.terms
            ),
        }
    }
}

/// The largest absolute value of a block of `int64`; 0 where there is no element.
pub fn magnitude(block: &Block) -> Result<u64> {
    let Some((least, most)) = block.extremes()? else {
        return Ok(0);
    };
    let each = [least, most];
    let numbers = each.iter().flat_map(|bytes| whole_numbers(ElementType::I64, bytes));
    Ok(numbers.map(i64::unsigned_abs).max().unwrap_or(0))
}

/// Whether sums or differences of two matrices of whole numbers always fit in 64 bits.
pub fn sums_fit(a: &Matrix, b: &Matrix) -> bool {
    a.element.size() < 8 && b.element.size() < 8
}
