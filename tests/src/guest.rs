//! Guests in real Rust from `tests/guest-programs`, built by the program under test.

use crate::program;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The component of the job with a check of its own. Built once for all tests of the process, with the user's own cargo:
/// unlike all else that a test starts, it sees the user's home.
pub fn checked_job() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
        let target = std::env::var_os("P2PJOB_GUEST_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| home.join(".cache/p2pjob/guest-target"));
        let out = target.join("guests-of-tests");
        let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-programs/checked");
        let mut build = Command::new(program::path());
        build.arg("build").arg(&guest).arg("--json").arg("--out").arg(&out);
        let built = build.env("P2PJOB_GUEST_TARGET_DIR", &target).output();
        let built = built.unwrap_or_else(|error| panic!("cannot run {}: {error}", program::path().display()));
        assert!(
            built.status.success(),
            "the guest does not build: {}{}",
            String::from_utf8_lossy(&built.stdout),
            String::from_utf8_lossy(&built.stderr)
        );
        out.join("checked_roots.wasm")
    })
}
