//! A guest in real Rust: panics come back with their text and with names, and the standard library's ways to fail are sorted
//! like any other.

use crate::guest;
use crate::rig::{Gone, LIMITS, MEMORY_BYTES, run_with};
use job_model::limits::MAX_METRICS;
use job_model::{Metric, NoVerdict, Outcome, TrapKind};
use wasm_runtime::Limits;

#[test]
fn numbers_come_back_within_bounds() {
    let Some(job) = guest::job() else { return };
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
    let Some(job) = guest::job() else { return };
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
