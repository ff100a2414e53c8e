//! Two engines agree on everything that is voted on or paid for.

use crate::rig::{Bytes, LIMITS, MEMORY_BYTES, engine, fresh_engine, run_with};
use guest_programs::Program;
use job_model::{Outcome, Usage, VoteKey};
use wasm_runtime::{Engine, EngineOptions, Limits};

/// Small enough for the endless programs to end soon.
const SHORT: Limits = Limits {
    fuel: 50_000_000,
    ..LIMITS
};

fn result(engine: &Engine, program: Program) -> (Option<Vec<u8>>, Option<VoteKey>, Usage) {
    let job = engine.load(&program.component()).unwrap();
    let report = run_with(&job, b"body", Box::new(Bytes(vec![vec![3; 200_000]])), &SHORT);
    let usage = Usage {
        wall_us: 0,
        ..report.usage
    };
    match report.outcome {
        Ok(bytes) => (Some(bytes), None, usage),
        // How deep the stack reaches, and so the fuel spent until then, is the machine's own.
        Err(Outcome::NoVerdict(_)) => (None, None, Usage::default()),
        Err(outcome) => (None, outcome.vote(), usage),
    }
}

#[test]
fn every_program_ends_alike_on_two_engines_cold_and_warm() {
    let dir = tempfile::tempdir().unwrap();
    let (cold, shared) = (fresh_engine(dir.path()), engine());
    let first: Vec<_> = Program::ALL.iter().map(|program| result(&cold, *program)).collect();
    let warm = fresh_engine(dir.path());
    for (program, first) in Program::ALL.iter().zip(first) {
        assert_eq!(result(&warm, *program), first, "{program:?}");
        assert_eq!(result(&shared, *program), first, "{program:?}");
    }
    assert_eq!(cold.profile(), shared.profile());
}

#[test]
fn another_memory_limit_is_another_profile() {
    let dir = tempfile::tempdir().unwrap();
    let options = EngineOptions::new(dir.path().to_owned(), 1, MEMORY_BYTES / 2);
    assert_ne!(Engine::new(options).unwrap().profile(), engine().profile());
}

#[test]
fn the_number_of_slots_is_not_part_of_the_profile() {
    let dir = tempfile::tempdir().unwrap();
    let options = EngineOptions::new(dir.path().to_owned(), 1, MEMORY_BYTES);
    assert_eq!(Engine::new(options).unwrap().profile(), engine().profile());
}
