//! Every test, and the longer measurements.

use crate::build;
use crate::check::WORKSPACES;
use crate::folders::Folders;
use crate::outside;
use crate::process::{Failure, cargo, output, run};
use std::time::Instant;

/// How long the fuzz targets run together unless said otherwise, in seconds.
const FUZZ_SECONDS: &str = "60";
/// What `bench` raises our own crates to; dependencies stay as they are, see the profile in Cargo.toml.
const BENCH_OPT_LEVEL: &str = "3";

/// Builds all, then tests all workspaces, and prints the totals.
pub fn test(folders: &Folders) -> Result<(), Failure> {
    build::build_all(folders)?;
    let started = Instant::now();
    let mut totals = Totals::default();
    for workspace in WORKSPACES {
        let mut tests = cargo(folders, workspace);
        tests.args(["test", "--workspace", "--no-fail-fast"]);
        if workspace != "." {
            tests.env("CARGO_TARGET_DIR", &folders.guest_target);
        }
        eprintln!("+ cargo test --workspace in {workspace}");
        let text = output(&mut tests)?;
        totals.add(&text);
    }
    outside::test(folders)?;
    let seconds = started.elapsed().as_secs();
    println!(
        "\n{} tests passed, {} were ignored, in {seconds} s",
        totals.passed, totals.ignored
    );
    if totals.passed == 0 {
        Err(Failure::new("no test ran"))
    } else {
        Ok(())
    }
}

/// Sums of cargo's result lines.
#[derive(Default)]
struct Totals {
    passed: u64,
    ignored: u64,
}

impl Totals {
    /// Reads lines such as `test result: ok. 12 passed; 0 failed; 1 ignored; ...`.
    fn add(&mut self, text: &str) {
        for line in text.lines().filter(|line| line.starts_with("test result:")) {
            let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
            for pair in words.windows(2) {
                if let [count, what] = pair {
                    let count = count.parse::<u64>().unwrap_or(0);
                    match *what {
                        "passed" => self.passed += count,
                        "ignored" => self.ignored += count,
                        _ => {}
                    }
                }
            }
        }
    }
}

/// The measurements of docs/performance.md, with our own crates fully optimised.
pub fn bench(folders: &Folders, arguments: &[&str]) -> Result<(), Failure> {
    let folders = &Folders {
        opt_level: Some(BENCH_OPT_LEVEL),
        ..folders.clone()
    };
    build::build_all(folders)?;
    let mut bench = cargo(folders, ".");
    bench
        .args(["test", "--workspace", "--test", "bench", "--", "--nocapture"])
        .args(arguments);
    run(&mut bench)
}

/// The simulator: many seeds, or the one that is named.
pub fn sim(folders: &Folders, arguments: &[&str]) -> Result<(), Failure> {
    let mut sim = cargo(folders, ".");
    sim.args([
        "test",
        "--package",
        "p2pjob-tests",
        "--test",
        "it",
        "--",
        "sim::",
        "--nocapture",
    ]);
    if let Some(seed) = arguments.first() {
        sim.env("P2PJOB_SIM_SEED", seed);
    }
    run(&mut sim)
}

/// The fuzz targets of tests/fuzz, so many seconds for all together.
pub fn fuzz(folders: &Folders, arguments: &[&str]) -> Result<(), Failure> {
    let seconds = arguments.first().copied().unwrap_or(FUZZ_SECONDS);
    let mut fuzz = cargo(folders, "tests/fuzz");
    fuzz.args(["run", "--bin", "fuzz", "--", "--seconds", seconds]);
    run(fuzz.env("CARGO_TARGET_DIR", folders.target.join("fuzz")))
}
