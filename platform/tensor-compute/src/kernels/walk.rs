//! Walks over tensors of unlike shape: broadcasting and strided views, as runs over the innermost dimension.

use crate::error::{ComputeError, Result};
use std::ops::Range;

/// The shape of a broadcast result (NumPy's rule); an error that shows both shapes.
pub(super) fn broadcast_shape(op: &'static str, a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| {
        (axis + shape.len())
            .checked_sub(rank)
            .and_then(|i| shape.get(i).copied())
            .unwrap_or(1)
    };
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(ComputeError::Shape {
                op,
                why: format!(
                    "the shapes {a:?} and {b:?} cannot be broadcast against each other: aligned at the end, each pair of \
                     lengths must be equal or have a 1"
                ),
            }),
        })
        .collect()
}

/// Row-major strides, in elements. The shape has passed [`crate::element_count`].
pub(super) fn strides_of(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step: isize = 1;
    for (stride, length) in strides.iter_mut().zip(shape).rev() {
        *stride = step;
        step = step.saturating_mul((*length).max(1) as isize);
    }
    strides
}

/// Strides of a tensor of `shape` seen as `wide` (0 along repeated dimensions); none if it does not broadcast to it.
pub(super) fn broadcast_strides(shape: &[usize], wide: &[usize]) -> Option<Vec<isize>> {
    let lead = wide.len().checked_sub(shape.len())?;
    let own = strides_of(shape);
    let mut strides = vec![0; wide.len()];
    for (axis, length) in shape.iter().enumerate() {
        if *length == wide[lead + axis] {
            strides[lead + axis] = own[axis];
        } else if *length != 1 {
            return None;
        }
    }
    Some(strides)
}

/// One dimension of a walk: its length and the stride of each operand.
type Dim<const N: usize> = (usize, [isize; N]);

/// A walk over a result's elements in row-major order beside `N` operands with strides of their own. Dimensions of length 1
/// are dropped and neighbours that every operand passes without a jump are merged.
#[derive(Clone, Debug)]
pub(super) struct Walk<const N: usize> {
    outer: Vec<Dim<N>>,
    /// Length of a run.
    pub(super) run: usize,
    /// Each operand's stride within a run.
    pub(super) inner: [isize; N],
    start: [isize; N],
}

impl<const N: usize> Walk<N> {
    /// Over `shape`; `strides[i]` and `start[i]` of operand `i`, in elements.
    pub(super) fn new(shape: &[usize], strides: &[&[isize]; N], start: [isize; N]) -> Self {
        let mut dims: Vec<Dim<N>> = Vec::with_capacity(shape.len());
        for (axis, length) in shape.iter().enumerate().filter(|(_, length)| **length != 1) {
            let own: [isize; N] = std::array::from_fn(|i| strides[i].get(axis).copied().unwrap_or(0));
            match dims.last_mut() {
                Some((before, outer)) if (0..N).all(|i| outer[i] == own[i].saturating_mul(*length as isize)) => {
                    *before *= length;
                    *outer = own;
                }
                _ => dims.push((*length, own)),
            }
        }
        let (run, inner) = dims.pop().unwrap_or((1, [1; N]));
        Self {
            outer: dims,
            run,
            inner,
            start,
        }
    }

    /// The length of the last but one dimension and the stride of the last, if the operand's neighbours lie along the former.
    pub(super) fn exchanged(&self) -> Option<(usize, isize)> {
        let (length, strides) = self.outer.last()?;
        (N == 1 && strides[0] == 1 && self.inner[0] > 1).then_some((*length, self.inner[0]))
    }

    /// The runs within elements `first .. first + count` of the result.
    pub(super) fn cursor(&self, first: usize, count: usize) -> Cursor<'_, N> {
        let mut cursor = Cursor {
            walk: self,
            index: vec![0; self.outer.len()],
            base: self.start,
            column: 0,
            done: 0,
            count,
        };
        if count == 0 || self.run == 0 {
            cursor.count = 0;
            return cursor;
        }
        let mut row = first / self.run;
        cursor.column = first % self.run;
        for (at, (length, strides)) in cursor.index.iter_mut().zip(&self.outer).rev() {
            *at = row % length;
            row /= length;
            for (offset, stride) in cursor.base.iter_mut().zip(strides) {
                *offset += *at as isize * stride;
            }
        }
        cursor
    }

    /// Calls `work(range, first element of each operand)` for every run within `first .. first + count`; ranges count from
    /// `first`.
    pub(super) fn runs(&self, first: usize, count: usize, mut work: impl FnMut(Range<usize>, [usize; N])) {
        let mut cursor = self.cursor(first, count);
        while let Some((range, offsets)) = cursor.next() {
            work(range, offsets);
        }
    }
}

/// The way through a part of a walk.
pub(super) struct Cursor<'a, const N: usize> {
    walk: &'a Walk<N>,
    index: Vec<usize>,
    base: [isize; N],
    column: usize,
    done: usize,
    count: usize,
}

impl<const N: usize> Iterator for Cursor<'_, N> {
    /// Elements of the result, counted from the first one asked for; first element of each operand.
    type Item = (Range<usize>, [usize; N]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.done >= self.count {
            return None;
        }
        let walk = self.walk;
        let length = (walk.run - self.column).min(self.count - self.done);
        let offsets = std::array::from_fn(|i| (self.base[i] + self.column as isize * walk.inner[i]) as usize);
        let range = self.done..self.done + length;
        self.done += length;
        self.column = 0;
        for (at, (length, strides)) in self.index.iter_mut().zip(&walk.outer).rev() {
            *at += 1;
            let back = *at == *length;
            for (offset, stride) in self.base.iter_mut().zip(strides) {
                *offset += if back {
                    -(*stride * (*length as isize - 1))
                } else {
                    *stride
                };
            }
            if !back {
                break;
            }
            *at = 0;
        }
        Some((range, offsets))
    }
}
