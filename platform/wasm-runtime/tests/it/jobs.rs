//! Real jobs, built with the SDK. Their folder comes from `P2PJOB_JOBS_DIR`; without it the test says that it was skipped,
//! and fails when `P2PJOB_REQUIRE_ALL=1`.

use crate::rig::engine;
use std::path::PathBuf;

/// Says that a test did not run, or fails when every test must.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("P2PJOB_REQUIRE_ALL").is_none_or(|all| all != "1"),
        "required, but {why}"
    );
    eprintln!("SKIPPED: {why}");
}

#[test]
fn built_jobs_load_and_describe_themselves() {
    let Some(dir) = std::env::var_os("P2PJOB_JOBS_DIR").map(PathBuf::from) else {
        return skip("P2PJOB_JOBS_DIR is not set to a folder with built jobs (*.wasm)");
    };
    let mut jobs = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            let job = engine()
                .load(&std::fs::read(&path).unwrap())
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let manifest = job.describe().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(!manifest.summary.is_empty(), "{}", path.display());
            jobs += 1;
        }
    }
    assert!(jobs > 0, "no *.wasm in {}", dir.display());
}
