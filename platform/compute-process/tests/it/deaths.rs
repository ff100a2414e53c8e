//! Children that die, hang, or are not needed any more.

use crate::rig::{Bench, children, host, options, signal, until};
use compute_process::ProcessHost;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tensor_compute::{ComputeError, FastRequest, Op};

/// Tests here count the children of this process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The number of the child that a session has just opened.
fn newest(before: &[i32]) -> i32 {
    let mut found = None;
    until("no child", || {
        found = children().into_iter().find(|pid| !before.contains(pid));
        found.is_some()
    });
    found.unwrap()
}

/// A product that takes minutes.
fn endless(bench: &mut Bench) -> Result<(), ComputeError> {
    let x = bench.filled(&[3000, 3000], 0.5)?.id;
    loop {
        let op = Op::MatMul;
        let made = bench.tensor(FastRequest::Apply {
            op,
            operands: vec![x, x],
        })?;
        let request = FastRequest::BurnOpen;
        bench.session.ask(&bench.account, vec![made.id], request, &[])?;
    }
}

#[test]
fn a_killed_child_fails_its_sessions_and_the_next_call_has_another() {
    let _alone = alone();
    let before = children();
    let host = host();
    let mut bench = Bench::new(&host, 1);
    bench.filled(&[2], 1.0).unwrap();
    let pid = newest(&before);
    let killer = std::thread::spawn(move || signal(pid, libc::SIGKILL));
    let error = endless(&mut bench).unwrap_err();
    killer.join().unwrap();
    assert!(matches!(error, ComputeError::Device(_)), "{error}");
    assert!(!error.is_verdict());
    // The same session stays failed, a new one works.
    assert!(matches!(bench.filled(&[2], 1.0), Err(ComputeError::Device(_))));
    assert!(Bench::new(&host, 1).filled(&[2], 1.0).is_ok());
    until("a zombie is left", || !children().contains(&pid));
}

#[test]
fn a_stopped_session_ends_and_its_child_lives() {
    let _alone = alone();
    let host = host();
    let mut bench = Bench::new(&host, 1);
    let mut other = Bench::new(&host, 1);
    let kept = other.filled(&[2], 3.0).unwrap();
    let stop = bench.stop();
    let stopper = std::thread::spawn(move || stop.store(true, Ordering::Relaxed));
    assert_eq!(endless(&mut bench), Err(ComputeError::Cancelled));
    stopper.join().unwrap();
    assert_eq!(other.floats(kept.id, 2), [3.0, 3.0]);
}

#[test]
fn a_child_that_hangs_is_killed_when_its_session_stops() {
    let _alone = alone();
    let before = children();
    let mut slow = options("off");
    slow.grace = Duration::from_millis(200);
    let host = ProcessHost::new(slow);
    let mut bench = Bench::new(&host, 1);
    bench.filled(&[2], 1.0).unwrap();
    let pid = newest(&before);
    signal(pid, libc::SIGSTOP);
    let stop = bench.stop();
    let started = Instant::now();
    let stopper = std::thread::spawn(move || stop.store(true, Ordering::Relaxed));
    assert_eq!(bench.filled(&[2], 1.0).unwrap_err(), ComputeError::Cancelled);
    stopper.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    until("the child lives", || !children().contains(&pid));
    assert!(Bench::new(&host, 1).filled(&[2], 1.0).is_ok());
}

#[test]
fn a_child_without_memory_is_a_failed_replica() {
    let _alone = alone();
    let before = children();
    let host = host();
    let mut bench = Bench::new(&host, 1);
    bench.filled(&[2], 1.0).unwrap();
    let pid = newest(&before);
    let limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the process is a child of ours, the new limit is a valid struct, and the old one is not asked for.
    let limited = unsafe { libc::prlimit(pid, libc::RLIMIT_AS, &limit, std::ptr::null_mut()) };
    assert_eq!(limited, 0);
    let error = bench.filled(&[16 << 20], 1.0).unwrap_err();
    assert!(matches!(error, ComputeError::Device(_)), "{error}");
    assert!(Bench::new(&host, 1).filled(&[16 << 20], 1.0).is_ok());
}

#[test]
fn children_without_sessions_end_after_a_while() {
    let _alone = alone();
    let before = children();
    let mut hasty = options("off");
    hasty.idle = Duration::from_millis(50);
    let host = ProcessHost::new(hasty);
    let mut bench = Bench::new(&host, 1);
    bench.filled(&[2], 1.0).unwrap();
    let pid = newest(&before);
    drop(bench);
    until("the child lives", || !children().contains(&pid));
    // One that is open stays, and the next opens another.
    let mut bench = Bench::new(&host, 1);
    bench.filled(&[2], 1.0).unwrap();
}

#[test]
fn children_end_with_the_host() {
    let _alone = alone();
    let before = children();
    let host = host();
    let mut benches = [Bench::new(&host, 1), Bench::new(&host, 2)];
    for bench in &mut benches {
        bench.filled(&[2], 1.0).unwrap();
    }
    assert_eq!(
        children().iter().filter(|pid| !before.contains(pid)).count(),
        2,
        "one for each owner"
    );
    drop(host);
    until("a child lives", || children().iter().all(|pid| before.contains(pid)));
    assert!(matches!(benches[0].filled(&[2], 1.0), Err(ComputeError::Device(_))));
}

/// As when the parent is killed: the pipe closes, and nothing else happens.
#[test]
fn a_child_ends_with_its_input_even_while_it_computes() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_compute-child"))
        .arg("off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let budget = compute_process::wire::Budget {
        fuel: u64::MAX / 2,
        memory_bytes: 1 << 30,
    };
    let ask = |request| compute_process::wire::ToChild::Ask {
        session: 1,
        budget,
        dropped: Vec::new(),
        request,
    };
    let open = compute_process::wire::ToChild::Open { session: 1, threads: 1 };
    compute_process::wire::write(&mut input, &open, &[]).unwrap();
    let shape = vec![1 << 27];
    let dtype = tensor_compute::DType::F32;
    let fill = FastRequest::Filled {
        dtype,
        shape,
        value: 1.0,
    };
    compute_process::wire::write(&mut input, &ask(fill), &[]).unwrap();
    drop(input);
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn a_child_refuses_what_is_no_frame() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_compute-child"))
        .arg("off")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&[255; 4096]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("are allowed"));
}
