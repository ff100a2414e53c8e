//! `spawn_local` in a sandbox: there is no event loop, and nothing to wait for, so a future is polled once.

use core::pin::pin;
use core::task::{Context, Waker};

/// Polls the future once. One that waits for something is dropped: nothing could ever wake it.
pub fn spawn_local<F: Future<Output = ()> + 'static>(future: F) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}
