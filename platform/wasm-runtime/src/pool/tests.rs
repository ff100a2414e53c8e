//! The pool runs what it took, survives panics, and is bounded.

use super::{PoolFull, QUEUE_MAX, SandboxPool};
use std::sync::mpsc;

#[test]
fn runs_in_order_on_one_thread() {
    let pool = SandboxPool::new(1).unwrap();
    let (tx, rx) = mpsc::channel();
    for number in 0..100 {
        let tx = tx.clone();
        pool.spawn(Box::new(move || tx.send(number).unwrap())).unwrap();
    }
    assert_eq!(rx.iter().take(100).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_panic_does_not_end_the_pool() {
    let pool = SandboxPool::new(1).unwrap();
    pool.spawn(Box::new(|| panic!("expected in this test"))).unwrap();
    let (tx, rx) = mpsc::channel();
    pool.spawn(Box::new(move || tx.send(()).unwrap())).unwrap();
    rx.recv().unwrap();
}

#[test]
fn refuses_what_does_not_fit_and_drops_what_never_ran() {
    let pool = SandboxPool::new(1).unwrap();
    let (started_tx, started) = mpsc::channel();
    let (gate, wait) = mpsc::channel::<()>();
    pool.spawn(Box::new(move || {
        started_tx.send(()).unwrap();
        let _ = wait.recv();
    }))
    .unwrap();
    started.recv().unwrap();
    let (ran_tx, ran) = mpsc::channel();
    for _ in 0..QUEUE_MAX {
        let ran_tx = ran_tx.clone();
        pool.spawn(Box::new(move || ran_tx.send(()).unwrap())).unwrap();
    }
    drop(ran_tx);
    assert_eq!(pool.spawn(Box::new(|| ())), Err(PoolFull));
    assert_eq!(pool.queued(), QUEUE_MAX);
    let closing = std::thread::spawn(move || drop(pool));
    // The queue is dropped before the running closure ends, and with it every sender.
    assert_eq!(ran.iter().count(), 0);
    drop(gate);
    closing.join().unwrap();
}
