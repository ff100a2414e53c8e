//! Threads of one operation: parts that do not depend on each other, handed out in order to whoever is free.
//!
//! The caller's thread always works; helpers come from one pool of the process. A caller never waits for a helper that has
//! not begun, so a pool busy with another session's operation costs speed and nothing else.

use crate::error::{ComputeError, Result};
use crate::session::Session;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

mod helpers;
#[cfg(test)]
mod tests;

use helpers::{Help, Helpers, look_for};

thread_local! {
    /// Whether this thread runs a part. Parts of parts stay on their thread: the threads are busy already.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

type Work<'a> = dyn Fn(usize) -> Result<()> + Sync + 'a;

/// Runs `work(part)` for every part of `0 .. parts` on up to the session's threads, and returns the error of the lowest part
/// that failed. Which thread runs a part is left open: parts must not depend on each other, so that no result does. Stops
/// between parts if the session is to stop. Within a part it runs its parts one after the other.
pub fn in_parallel(session: &Session, parts: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let threads = session.settings().threads.min(parts);
    let checked = |part| {
        session.go_on()?;
        work(part)
    };
    if threads > 1
        && !INSIDE.get()
        && let Some(helpers) = Helpers::get()
    {
        return share(helpers, threads - 1, parts, &checked);
    }
    (0..parts).try_for_each(checked)
}

/// Runs `work(part, chunk)` for every chunk of `length` values (the last may be shorter), as [`in_parallel`] does.
pub fn in_chunks<T: Send>(
    session: &Session,
    values: &mut [T],
    length: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<()> {
    let length = length.max(1);
    let count = values.len();
    let start = Place(values.as_mut_ptr());
    in_parallel(session, count.div_ceil(length), |part| {
        let first = part * length;
        // SAFETY: `first < count`, the chunk ends within the slice, chunks of different parts share no element, every part
        // runs once, and `values` stays borrowed until all have ended.
        let chunk = unsafe { std::slice::from_raw_parts_mut(start.at(first), length.min(count - first)) };
        work(part, chunk)
    })
}

/// The first element of a buffer that several threads write to, each in places of its own.
pub(crate) struct Place<T>(pub(crate) *mut T);

// SAFETY: it is only an address; who writes through it promises that no two threads write the same element.
unsafe impl<T: Send> Send for Place<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Place<T> {}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<T> Place<T> {
    /// The address of an element; using it is what has to be justified.
    pub(crate) fn at(self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

/// What helpers of one call share. `work` points into the caller's stack: it is used only while `state` says that the call
/// is open, and the caller closes it and waits for those at work before it returns.
struct Crew {
    work: *const Work<'static>,
    parts: usize,
    next: AtomicUsize,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    at_work: usize,
    /// Whether the caller sleeps until the helpers have ended.
    waits: bool,
    error: Option<(usize, ComputeError)>,
}

// SAFETY: `work` is Sync, and the protocol above keeps it alive while any thread uses it; the rest is Send and Sync.
unsafe impl Send for Crew {}
// SAFETY: as above.
unsafe impl Sync for Crew {}

impl Crew {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes parts until none is left. Parts are taken in order, so all below a failed one have been taken and will end.
    fn run(&self, work: &Work<'_>) {
        let _inside = Inside::enter();
        loop {
            let part = self.next.fetch_add(1, Ordering::Relaxed);
            if part >= self.parts {
                return;
            }
            if let Err(error) = work(part) {
                self.fail(part, error);
                return;
            }
        }
    }

    fn fail(&self, part: usize, error: ComputeError) {
        self.next.store(self.parts, Ordering::Relaxed);
        let mut state = self.state();
        if state.error.as_ref().is_none_or(|(lowest, _)| part < *lowest) {
            state.error = Some((part, error));
        }
    }
}

impl Help for Crew {
    fn help(&self) {
        {
            let mut state = self.state();
            if state.closed {
                return;
            }
            state.at_work += 1;
        }
        // SAFETY: the call was open when we signed in, and its caller waits until we sign out below.
        let work = unsafe { &*self.work };
        if catch_unwind(AssertUnwindSafe(|| self.run(work))).is_err() {
            self.fail(
                usize::MAX,
                ComputeError::Device("a thread of the operation failed".to_owned()),
            );
        }
        let mut state = self.state();
        state.at_work -= 1;
        let wanted = state.waits;
        drop(state);
        if wanted {
            self.ended.notify_all();
        }
    }
}

/// Closes the call when dropped, whatever happens, and waits for the helpers at work.
struct Closing<'a>(&'a Crew);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed = true;
        if state.at_work == 0 {
            return;
        }
        drop(state);
        if look_for(|| (self.0.state().at_work == 0).then_some(())).is_some() {
            return;
        }
        state = self.0.state();
        state.waits = true;
        while state.at_work > 0 {
            state = self.0.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Inside(bool);

impl Inside {
    fn enter() -> Self {
        Self(INSIDE.replace(true))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

fn share(helpers: &Helpers, wanted: usize, parts: usize, work: &Work<'_>) -> Result<()> {
    // SAFETY: only the lifetime is changed; the protocol of `Crew` keeps every use within the life of `work`.
    let lasting: *const Work<'static> = unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) };
    let crew = Arc::new(Crew {
        work: lasting,
        parts,
        next: AtomicUsize::new(0),
        state: Mutex::default(),
        ended: Condvar::new(),
    });
    let closing = Closing(&crew);
    helpers.call(wanted, &crew);
    crew.run(work);
    drop(closing);
    match crew.state().error.take() {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}
