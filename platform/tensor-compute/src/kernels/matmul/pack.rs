//! Operands in the order in which a kernel reads them.

use super::number::Number;
use crate::error::Result;
use crate::session::{Lease, Session};
use std::sync::{Arc, Mutex, PoisonError};

/// An operand from some element on: lanes are the rows of a left operand and the columns of a right one.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<'a, T> {
    /// From the first lane's first step on.
    pub(crate) values: &'a [T],
    /// From lane to lane, in elements.
    pub(crate) lane: usize,
    /// From step to step of k, in elements.
    pub(crate) step: usize,
}

impl<'a, T> Lanes<'a, T> {
    /// From a lane and a step on; nothing if that is beyond the end.
    pub(crate) fn from(self, lane: usize, step: usize) -> Self {
        let start = (lane * self.lane + step * self.step).min(self.values.len());
        Self {
            values: &self.values[start..],
            ..self
        }
    }
}

/// `(lanes, count, out)`: packs `count` lanes of an operand into a panel: for each step, one element per lane. The steps are
/// as many as the panel holds; lanes beyond `count` are zero.
pub(crate) type Pack<T> = fn(Lanes<'_, T>, usize, &mut [T]);

/// See [`Pack`]; `WIDTH` lanes to a panel.
pub(crate) fn pack<T: Number, const WIDTH: usize>(lanes: Lanes<'_, T>, count: usize, out: &mut [T]) {
    let (steps, _) = out.as_chunks_mut::<WIDTH>();
    if count < WIDTH {
        for (at, step) in steps.iter_mut().enumerate() {
            for (lane, value) in step.iter_mut().enumerate() {
                *value = if lane < count {
                    lanes.values[lane * lanes.lane + at * lanes.step]
                } else {
                    T::default()
                };
            }
        }
    } else if lanes.lane == 1 {
        for (at, step) in steps.iter_mut().enumerate() {
            step.copy_from_slice(&lanes.values[at * lanes.step..][..WIDTH]);
        }
    } else if lanes.step == 1 {
        transpose(lanes, steps);
    } else {
        for (at, step) in steps.iter_mut().enumerate() {
            for (lane, value) in step.iter_mut().enumerate() {
                *value = lanes.values[lane * lanes.lane + at * lanes.step];
            }
        }
    }
}

/// Lanes that are contiguous over k: 8 steps of each lane at a time, so that whole cache lines are read.
fn transpose<T: Number, const WIDTH: usize>(lanes: Lanes<'_, T>, steps: &mut [[T; WIDTH]]) {
    const RUN: usize = 8;
    let count = steps.len();
    let (runs, rest) = steps.as_chunks_mut::<RUN>();
    for (at, run) in runs.iter_mut().enumerate() {
        for lane in 0..WIDTH {
            let from: &[T] = &lanes.values[lane * lanes.lane + at * RUN..][..RUN];
            for (step, value) in run.iter_mut().zip(from) {
                step[lane] = *value;
            }
        }
    }
    let first = count - rest.len();
    for (at, step) in rest.iter_mut().enumerate() {
        for (lane, value) in step.iter_mut().enumerate() {
            *value = lanes.values[lane * lanes.lane + first + at];
        }
    }
}

/// Leased memory that begins at a cache line.
pub(crate) struct Scratch<T> {
    values: Vec<T>,
    start: usize,
    _lease: Arc<Lease>,
}

impl<T: Number> Scratch<T> {
    /// Zeros.
    pub(crate) fn new(session: &Session, count: usize) -> Result<Self> {
        const LINE_BYTES: usize = 64;
        let spare = LINE_BYTES / size_of::<T>();
        let total = count.saturating_add(spare);
        let lease = session.lease((total as u64).saturating_mul(size_of::<T>() as u64))?;
        let values = vec![T::default(); total];
        let start = values.as_ptr().align_offset(LINE_BYTES).min(spare);
        Ok(Self {
            values,
            start,
            _lease: lease,
        })
    }

    /// All from the cache line on.
    pub(crate) fn get(&mut self) -> &mut [T] {
        &mut self.values[self.start..]
    }

    /// The same, to read.
    pub(crate) fn read(&self) -> &[T] {
        &self.values[self.start..]
    }
}

/// Scratch buffers of one size, as many as threads use at a time.
pub(crate) struct Buffers<'a, T> {
    session: &'a Session,
    count: usize,
    idle: Mutex<Vec<Scratch<T>>>,
}

impl<'a, T: Number> Buffers<'a, T> {
    /// None yet; each will have `count` elements.
    pub(crate) fn new(session: &'a Session, count: usize) -> Self {
        Self {
            session,
            count,
            idle: Mutex::default(),
        }
    }

    /// Lends a buffer to `work`. What is in it is left open.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut [T]) -> Result<R>) -> Result<R> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = match idle {
            Some(scratch) => scratch,
            None => Scratch::new(self.session, self.count)?,
        };
        let result = work(scratch.get());
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        result
    }
}
