//! The export `check`: found where it is, and run with what it may see. (One of another type: see `misfits`.)

use crate::guest::checked;
use crate::rig::{Bytes, LIMITS, Partials, load, run_with};
use guest_programs::Program;
use job_model::{JobVerify, NoVerdict, Outcome, TrapKind};
use std::time::Duration;
use wasm_runtime::{CancelToken, CheckCall, CheckReport, Limits, LoadedJob, PlanCall, PlanHint};

/// The body of the only chunk of a task with these parameters.
fn body(job: &LoadedJob, count: u64, fault: &str) -> Vec<u8> {
    let params = serde_json::json!({"count": count, "fault": fault});
    let report = job.plan(PlanCall {
        params: &job_model::codec::encode_json(&params),
        inputs: &[],
        source: Box::new(Bytes(Vec::new())),
        hint: PlanHint {
            chunk_size: Some(1 << 20),
            target_chunks: 1,
            max_chunks: 1,
        },
        limits: &LIMITS,
        cancel: &CancelToken::new(),
    });
    report.plan.unwrap().chunks.remove(0).body
}

fn check(job: &LoadedJob, body: &[u8], claimed: &[u8], (seed, limits): (u8, &Limits)) -> CheckReport {
    job.check(CheckCall {
        body,
        slices: Box::new(Bytes(Vec::new())),
        claimed: Box::new(Partials(vec![claimed.to_vec()])),
        entropy_seed: [seed; 32],
        limits,
        cancel: &CancelToken::new(),
    })
}

#[test]
fn a_check_accepts_what_run_gives_and_refutes_anything_else() {
    let Some(job) = checked() else { return };
    let manifest = job.describe().unwrap();
    assert!(job.has_check() && manifest.checked && manifest.verify == JobVerify::Check);
    let body = body(&job, 3000, "none");
    let run = run_with(&job, &body, Box::new(Bytes(Vec::new())), &LIMITS);
    let right = run.outcome.unwrap();
    let accepted = check(&job, &body, &right, (1, &LIMITS));
    assert_eq!(accepted.outcome, Ok(true));
    assert!(accepted.usage.fuel > 0, "it is metered");
    assert_eq!(accepted.usage.output_bytes, 0);
    let mut wrong = right.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for claimed in [&wrong[..], &right[..right.len() - 1], b"", b"\xFF nonsense"] {
        assert_eq!(check(&job, &body, claimed, (1, &LIMITS)).outcome, Ok(false));
    }
    // What it draws depends on the seed, and on nothing else.
    let again = check(&job, &body, &right, (1, &LIMITS));
    let other = check(&job, &body, &right, (2, &LIMITS));
    assert!(accepted.log.contains("drew ["), "{}", accepted.log);
    assert_eq!(accepted.log, again.log);
    assert_ne!(accepted.log, other.log);
}

#[test]
fn a_check_that_cannot_be_done_says_nothing_of_the_output() {
    let Some(job) = checked() else { return };
    let with = |fault: &str, limits: &Limits| check(&job, &body(&job, 10, fault), b"", (1, limits)).outcome;
    assert_eq!(
        with("check_errs", &LIMITS),
        Err(Outcome::GuestError("the error of check that was asked for".to_owned()))
    );
    let trapped = with("check_traps", &LIMITS);
    let kind = match &trapped {
        Err(Outcome::Trap { kind, .. }) => Some(*kind),
        _ => None,
    };
    assert_eq!(kind, Some(TrapKind::Unreachable), "{trapped:?}");
    assert_eq!(with("check_hangs", &LIMITS), Err(Outcome::OutOfFuel));
    let short = Limits {
        fuel: u64::MAX / 2,
        timeout: Duration::from_millis(200),
        ..LIMITS
    };
    let late = Outcome::NoVerdict(NoVerdict::TimedOut { limit_ms: 200 });
    assert_eq!(with("check_hangs", &short), Err(late));
}

#[test]
fn a_job_without_a_check_loads_and_says_so() {
    let job = load(Program::Panic);
    assert!(!job.has_check());
    let outcome = check(&job, b"", b"", (1, &LIMITS)).outcome;
    assert!(
        matches!(outcome, Err(Outcome::NoVerdict(NoVerdict::Refused(_)))),
        "{outcome:?}"
    );
}
