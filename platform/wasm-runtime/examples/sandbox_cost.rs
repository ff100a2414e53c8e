//! What a fresh sandbox costs: CPU time of this thread for load, first call and size of the process.
//!
//! `cargo run --release -p wasm-runtime --example sandbox_cost [job.wasm]`
//!
//! CPU time is `CLOCK_THREAD_CPUTIME_ID`, the best and the median of 20 rounds of 500 calls, so that other load on the
//! machine shows little. Without a job it measures a small component that writes its 4-byte body back.

use guest_programs::Program;
use std::time::Duration;
use wasm_runtime::{CancelToken, Engine, EngineOptions, Limits, LoadedJob, ReadInput, RunCall};

const ROUNDS: usize = 20;
const CALLS: u32 = 500;

struct Nothing;

impl ReadInput for Nothing {
    fn size(&self, _index: u32) -> Option<u64> {
        None
    }
    fn read(&mut self, _index: u32, _offset: u64, _length: u32) -> Result<Vec<u8>, String> {
        Err("nothing to read".to_owned())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let component = match std::env::args().nth(1) {
        Some(path) => std::fs::read(path)?,
        None => Program::Echo.component(),
    };
    let dir = tempfile::tempdir()?;
    println!("resident at start                  {:>9} KB", resident_kb());
    let options = EngineOptions::new(dir.path().to_owned(), 16, 256 << 20);
    let engine = Engine::new(options.clone())?;
    println!("resident with an engine            {:>9} KB", resident_kb());
    let (job, took) = timed(|| engine.load(&component));
    let id = job?.id();
    println!(
        "compile (this thread's part)       {:>9.3} ms",
        took.as_secs_f64() * 1e3
    );
    println!("resident after compiling           {:>9} KB", resident_kb());
    drop(engine);
    let engine = Engine::new(options)?;
    let (job, took) = timed(|| engine.load_cached(id));
    let job = job.ok_or("the compile cache lost the job")?;
    println!(
        "load from the disk cache           {:>9.3} ms",
        took.as_secs_f64() * 1e3
    );
    calls(&job);
    println!("resident after all calls           {:>9} KB", resident_kb());
    Ok(())
}

fn calls(job: &LoadedJob) {
    let limits = Limits {
        fuel: 1 << 40,
        memory_bytes: 256 << 20,
        output_bytes: 1 << 20,
        timeout: Duration::from_secs(60),
        float_class: tensor_compute::FloatClass::Exact,
        owner: [0; 32],
    };
    let cancel = CancelToken::new();
    let mut rounds = Vec::new();
    let mut fuel = 0;
    for _ in 0..ROUNDS {
        let ((), took) = timed(|| {
            for _ in 0..CALLS {
                let slices = Box::new(Nothing);
                let call = RunCall {
                    body: b"body",
                    slices,
                    entropy_seed: [0; 32],
                    limits: &limits,
                    cancel: &cancel,
                };
                fuel = job.run(call).usage.fuel;
            }
        });
        rounds.push(took / CALLS);
    }
    rounds.sort_unstable();
    let us = |at: usize| rounds.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1e6);
    println!("fresh sandbox + one call, best     {:>9.2} us", us(0));
    println!("fresh sandbox + one call, median   {:>9.2} us", us(ROUNDS / 2));
    println!("fuel of that call                  {fuel:>9}");
}

fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let before = thread_cpu();
    let result = work();
    (result, thread_cpu().saturating_sub(before))
}

fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec of our own, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Resident memory of this process, from `/proc` (0 elsewhere).
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
