//! Operands in the order in which a kernel reads them.

use super::number::Number;
use crate::error::Result;
use crate::session::{Lease, Session};
use std::cell::RefCell;
use std::marker::PhantomData;
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

/// Most bytes of freed scratch memory that a thread keeps: asking for it anew, and clearing it, takes longer than many a
/// product of a model.
const KEPT_BYTES: usize = 4 << 20;
/// Most buffers that a thread keeps.
const KEPT_BUFFERS: usize = 16;

thread_local! {
    /// Freed memory, with nobody's lease.
    static KEPT: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}

/// Leased memory that begins at a cache line. What is in it is left open.
pub(crate) struct Scratch<T> {
    words: Vec<u64>,
    /// First word, and number of elements from there on.
    start: usize,
    count: usize,
    _lease: Arc<Lease>,
    _of: PhantomData<T>,
}

impl<T: Number> Scratch<T> {
    /// Room for `count` elements.
    pub(crate) fn new(session: &Session, count: usize) -> Result<Self> {
        const LINE_BYTES: usize = 64;
        const { assert!(align_of::<T>() <= align_of::<u64>()) }
        let wanted = count.saturating_mul(size_of::<T>()).div_ceil(size_of::<u64>());
        let total = wanted.saturating_add(LINE_BYTES / size_of::<u64>());
        let lease = session.lease((total as u64).saturating_mul(size_of::<u64>() as u64))?;
        let words = kept(total).unwrap_or_else(|| vec![0; total]);
        let start = words.as_ptr().align_offset(LINE_BYTES).min(words.len() - wanted);
        Ok(Self {
            words,
            start,
            count,
            _lease: lease,
            _of: PhantomData,
        })
    }

    /// All of it.
    pub(crate) fn get(&mut self) -> &mut [T] {
        let words = &mut self.words[self.start..];
        // SAFETY: there are as many bytes from `start` on, `u64` is aligned at least as `T`, and `T` is a plain number, for
        // which any bits will do.
        unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<T>(), self.count) }
    }

    /// The same, to read.
    pub(crate) fn read(&self) -> &[T] {
        let words = &self.words[self.start..];
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<T>(), self.count) }
    }
}

impl<T> Drop for Scratch<T> {
    fn drop(&mut self) {
        let words = std::mem::take(&mut self.words);
        // A thread that ends has nothing to keep it in.
        let _ = KEPT.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            let bytes = kept.iter().map(Vec::len).sum::<usize>() * size_of::<u64>();
            if kept.len() < KEPT_BUFFERS && bytes + words.len() * size_of::<u64>() <= KEPT_BYTES {
                kept.push(words);
            }
        });
    }
}

/// The smallest buffer that is kept and large enough.
fn kept(total: usize) -> Option<Vec<u64>> {
    KEPT.with(|kept| {
        let mut kept = kept.borrow_mut();
        let fits = kept.iter().enumerate().filter(|(_, words)| words.len() >= total);
        let (at, _) = fits.min_by_key(|(_, words)| words.len())?;
        Some(kept.swap_remove(at))
    })
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
