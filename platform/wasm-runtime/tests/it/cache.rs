//! The compile cache: found again, never trusted.

use crate::rig::{Bytes, LIMITS, fresh_engine, run_with};
use guest_programs::Program;
use job_model::{JobId, Usage};
use std::fs;
use std::path::{Path, PathBuf};
use wasm_runtime::{Engine, LoadedJob};

fn outcome(job: &LoadedJob) -> (Vec<u8>, Usage) {
    let report = run_with(job, b"", Box::new(Bytes(vec![vec![5; 100_000]])), &LIMITS);
    (
        report.outcome.unwrap(),
        Usage {
            wall_us: 0,
            ..report.usage
        },
    )
}

fn load(engine: &Engine) -> (Vec<u8>, Usage) {
    outcome(&engine.load(&Program::Copy.component()).unwrap())
}

fn file(dir: &Path, extension: &str) -> PathBuf {
    let mut files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .unwrap()
}

#[test]
fn a_second_engine_needs_no_component() {
    let dir = tempfile::tempdir().unwrap();
    let id = JobId::of(&Program::Copy.component());
    assert!(fresh_engine(dir.path()).load_cached(id).is_none());
    let cold = load(&fresh_engine(dir.path()));
    let warm = outcome(&fresh_engine(dir.path()).load_cached(id).expect("cached"));
    assert_eq!(cold, warm);
}

/// Damages the cache and expects the same result as before, from a file that is whole again.
fn survives(damage: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let cold = load(&fresh_engine(dir.path()));
    damage(dir.path());
    let id = JobId::of(&Program::Copy.component());
    assert!(
        fresh_engine(dir.path()).load_cached(id).is_none(),
        "a damaged file was used"
    );
    let engine = fresh_engine(dir.path());
    assert_eq!(load(&engine), cold);
    assert!(
        fresh_engine(dir.path()).load_cached(id).is_some(),
        "the cache was not repaired"
    );
}

#[test]
fn a_flipped_bit_is_noticed() {
    survives(|dir| {
        let path = file(dir, "cwasm");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    });
}

#[test]
fn a_shortened_file_is_noticed() {
    survives(|dir| {
        let path = file(dir, "cwasm");
        let bytes = fs::read(&path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    });
}

#[test]
fn a_missing_checksum_is_noticed() {
    survives(|dir| fs::remove_file(file(dir, "sum")).unwrap());
}

#[test]
fn a_file_of_another_kind_with_a_right_checksum_is_noticed() {
    survives(|dir| {
        fs::write(file(dir, "cwasm"), b"not machine code").unwrap();
        fs::write(
            file(dir, "sum"),
            job_model::BlobHash::of(b"not machine code").as_bytes(),
        )
        .unwrap();
    });
}

#[test]
fn a_cache_that_cannot_be_written_costs_only_time() {
    let dir = tempfile::tempdir().unwrap();
    let engine = fresh_engine(&dir.path().join("cache"));
    fs::remove_dir_all(dir.path().join("cache")).unwrap();
    assert_eq!(load(&engine).0, vec![5; 100_000]);
}

#[test]
#[cfg(unix)]
fn files_are_the_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    load(&fresh_engine(&cache));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache), 0o700);
    for entry in fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert_ne!(path.extension().unwrap(), "tmp");
    }
}

#[test]
fn a_job_outlives_its_engine() {
    let dir = tempfile::tempdir().unwrap();
    let job = fresh_engine(dir.path()).load(&Program::Copy.component()).unwrap();
    assert_eq!(outcome(&job).0.len(), 100_000);
}
