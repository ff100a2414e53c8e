//! A guest in real Rust: panics come back with their text and with names, and the standard library's ways to fail are sorted
//! like any other. Needs the target wasm32-unknown-unknown; without it the test says that it was skipped, and fails when
//! `P2PJOB_REQUIRE_ALL=1`. The guest is built by cargo into `P2PJOB_GUEST_TARGET_DIR`, or `~/.cache/p2pjob/guest-target`.

use crate::jobs::skip;
use crate::rig::{Gone, LIMITS, MEMORY_BYTES, engine, run_with};
use job_model::limits::MAX_METRICS;
use job_model::{Metric, NoVerdict, Outcome, TrapKind};
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_runtime::Limits;

const TARGET: &str = "wasm32-unknown-unknown";

fn has_target() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let found = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .unwrap();
    Path::new(String::from_utf8(found.stdout).unwrap().trim()).is_dir()
}

fn target_dir() -> PathBuf {
    let chosen = std::env::var_os("P2PJOB_GUEST_TARGET_DIR").map(PathBuf::from);
    chosen.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/p2pjob/guest-target"))
}

fn build() -> Vec<u8> {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guest-programs/rust");
    let target_dir = target_dir();
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(&target_dir)
        .current_dir(guest)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(status.success(), "the guest does not build");
    let module = std::fs::read(target_dir.join(TARGET).join("release/rust_faults.wasm")).unwrap();
    wit_component::ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap()
}

#[test]
fn numbers_come_back_within_bounds() {
    if !has_target() {
        return skip(&format!("no target {TARGET}; `rustup target add {TARGET}` gets it"));
    }
    let job = engine().load(&build()).unwrap();
    let report = run_with(&job, b"metrics", Box::new(Gone), &LIMITS);
    assert_eq!(report.outcome, Ok(Vec::new()));
    let metrics = report.metrics;
    assert_eq!(metrics.values.len(), MAX_METRICS);
    // Five that break a rule, and the names that were too many.
    assert_eq!(metrics.dropped, 5 + 3 + 40 - MAX_METRICS as u64);
    assert_eq!(metrics.values["rows"], Metric::Counter(5.0));
    assert_eq!(metrics.values["depth"], Metric::Gauge(-4.0));
    let observed = Metric::Observed {
        count: 2,
        sum: 40.0,
        min: 10.0,
        max: 30.0,
    };
    assert_eq!(metrics.values["bytes"], observed);
    assert!(run_with(&job, b"nothing", Box::new(Gone), &LIMITS).metrics.is_empty());
}

#[test]
fn rust_fails_readably() {
    if !has_target() {
        return skip(&format!("no target {TARGET}; `rustup target add {TARGET}` gets it"));
    }
    let job = engine().load(&build()).unwrap();
    let limits = Limits {
        fuel: 100_000_000_000,
        ..LIMITS
    };
    let fail = |how: &str| run_with(&job, how.as_bytes(), Box::new(Gone), &limits).outcome;
    for (how, text) in [
        ("panic", "the panic that was asked for"),
        ("index", "index out of bounds: the len is 3 but the index is 5"),
    ] {
        let Err(Outcome::Trap {
            kind: TrapKind::Unreachable,
            detail,
        }) = fail(how)
        else {
            panic!("{how}")
        };
        let headline = detail.lines().next().unwrap();
        assert!(
            headline.starts_with("panicked at src/lib.rs:") && headline.ends_with(text),
            "{detail}"
        );
        assert!(detail.contains(": rust_faults::fail\n"), "{detail}");
        assert!(detail.contains(" 0: core::panicking::panic_fmt\n"), "{detail}");
    }
    assert_eq!(fail("recursion"), Err(Outcome::NoVerdict(NoVerdict::StackOverflow)));
    assert_eq!(
        fail("memory"),
        Err(Outcome::NoVerdict(NoVerdict::MemoryLimit {
            limit_bytes: MEMORY_BYTES
        }))
    );
    assert_eq!(fail("nothing"), Ok(Vec::new()));
}
