//! The columns' half of a sweep of the QR iteration: the reflectors from the right, on the rows above the bulge. Nobody reads
//! those rows before the sweep ends, so they wait, and then some rows at a time take all reflectors one after the other
//! (turned, so that a vector holds one column of them). Each row meets the same reflectors in the same order as if it had not
//! waited: the same bits.

use super::vector;
use super::vector::ROWS;
use crate::error::Result;
use crate::isa::Isa;
use crate::linalg::work::Work;
use crate::session::Session;
use std::ops::Range;

/// The reflectors of a sweep.
pub(super) struct Chase {
    /// The first reflector's column.
    first: usize,
    /// Second and third element of each reflector (the first is 1), and its factor; each a column further right.
    reflectors: Work,
    count: usize,
}

impl Chase {
    /// For matrices of `n` rows.
    pub(super) fn new(session: &Session, n: usize) -> Result<Self> {
        Ok(Self {
            first: 0,
            reflectors: Work::zeros(session, n.saturating_mul(3))?,
            count: 0,
        })
    }

    /// A sweep whose first reflector is that of column `first`.
    pub(super) fn begin(&mut self, first: usize) {
        (self.first, self.count) = (first, 0);
    }

    /// The reflector of the next column, which the rows below that column's have taken.
    pub(super) fn push(&mut self, reflector: [f64; 3]) {
        if let Some(place) = self.reflectors.values.as_chunks_mut::<3>().0.get_mut(self.count) {
            *place = reflector;
            self.count += 1;
        }
    }

    /// Every row of `rows` takes the reflectors of its own column and of those to the right.
    pub(super) fn catch_up(&mut self, isa: Isa, h: &mut [f64], n: usize, rows: Range<usize>) {
        let end = self.first + self.count;
        let reflectors = &self.reflectors.values.as_chunks::<3>().0[..self.count];
        for top in rows.clone().step_by(ROWS) {
            let bottom = (top + ROWS).min(rows.end);
            // Down to the last row's column fewer rows take part in each.
            for k in top.max(self.first)..(bottom - 1).min(end) {
                let [v1, v2, tau] = reflectors[k - self.first];
                vector::reflect_columns(isa, &mut h[top * n + k..k * n + k + 3], n, (v1, v2), tau);
            }
            let from = (bottom - 1).max(self.first);
            if from >= end {
                continue;
            }
            let block = &mut h[top * n..bottom * n];
            vector::chase(isa, block, (n, from), &reflectors[from - self.first..]);
        }
    }
}
