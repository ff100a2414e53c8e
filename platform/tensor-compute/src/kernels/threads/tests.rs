//! Every part once, the lowest error, chunks, parts within parts.

use super::{in_chunks, in_parallel};
use crate::error::{ComputeError, Result};
use crate::{Session, Settings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn session(threads: usize) -> Session {
    Session::unlimited(Settings {
        threads,
        ..Settings::default()
    })
}

fn fail(part: usize) -> Result<()> {
    Err(ComputeError::Argument {
        op: "test",
        why: part.to_string(),
    })
}

#[test]
fn every_part_runs_once() {
    for threads in [1, 2, 3, 8] {
        let session = session(threads);
        for parts in [0, 1, 2, 7, 1000] {
            let runs: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
            in_parallel(&session, parts, |part| {
                runs[part].fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
            .unwrap();
            assert!(runs.iter().all(|n| n.load(Ordering::SeqCst) == 1));
        }
    }
}

#[test]
fn the_lowest_failed_part_is_reported() {
    let session = session(3);
    for _ in 0..200 {
        let result = in_parallel(&session, 64, |part| if part % 10 == 7 { fail(part) } else { Ok(()) });
        assert_eq!(result, fail(7));
    }
}

#[test]
fn chunks_cover_the_slice() {
    for threads in [1, 2, 3] {
        let mut values = vec![0_usize; 1003];
        in_chunks(&session(threads), &mut values, 10, |part, chunk| {
            chunk.iter_mut().for_each(|value| *value += part + 1);
            Ok(())
        })
        .unwrap();
        assert!(values.iter().enumerate().all(|(at, value)| *value == at / 10 + 1));
    }
}

#[test]
fn parts_within_parts_end() {
    let session = session(3);
    let sum = AtomicUsize::new(0);
    in_parallel(&session, 20, |_| {
        in_parallel(&session, 20, |part| {
            sum.fetch_add(part, Ordering::SeqCst);
            Ok(())
        })
    })
    .unwrap();
    assert_eq!(sum.into_inner(), 20 * 190);
}

#[test]
fn a_stopped_session_stops_between_parts() {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    let signal = Arc::new(move || seen.load(Ordering::SeqCst));
    let session = Session::unlimited(Settings {
        threads: 2,
        stop: signal,
        ..Settings::default()
    });
    let runs = AtomicUsize::new(0);
    let result = in_parallel(&session, 1000, |_| {
        runs.fetch_add(1, Ordering::SeqCst);
        stop.store(true, Ordering::SeqCst);
        Ok(())
    });
    assert_eq!(result, Err(ComputeError::Cancelled));
    assert!(runs.into_inner() <= 2);
}
