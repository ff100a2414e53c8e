//! Threads of one operation.

use crate::error::Result;
use crate::session::Session;

/// Runs `work(part)` for every part of `0 .. parts` on up to the session's threads, and returns the first error. Which thread
/// runs a part is left open: parts must not depend on each other, so that no result does.
pub fn in_parallel(session: &Session, parts: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let _ = session;
    (0..parts).try_for_each(work)
}
