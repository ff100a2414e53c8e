//! The guests in real Rust (`tests/guest-programs/rust`, and `checked` on the SDK), built by cargo into `P2PJOB_GUEST_TARGET_DIR`, or
//! `~/.cache/p2pjob/guest-target`. Needs the target wasm32-unknown-unknown; without it a test says that it was skipped, and
//! fails when `P2PJOB_REQUIRE_ALL=1`.

use crate::jobs::skip;
use crate::rig::engine;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use wasm_runtime::LoadedJob;

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

fn build(folder: &str, module: &str) -> Vec<u8> {
    let guest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/guest-programs")
        .join(folder);
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
    let module = std::fs::read(target_dir.join(TARGET).join("release").join(module)).unwrap();
    wit_component::ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap()
}

/// The component, built once for all tests of the process; none where there is no target for it.
pub fn component() -> Option<&'static [u8]> {
    static BUILT: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let built = BUILT.get_or_init(|| has_target().then(|| build("rust", "rust_faults.wasm")));
    if built.is_none() {
        skip(&format!("no target {TARGET}; `rustup target add {TARGET}` gets it"));
    }
    built.as_deref()
}

/// The job in the engine that all tests share.
pub fn job() -> Option<Arc<LoadedJob>> {
    Some(engine().load(component()?).unwrap())
}

/// The job with a check of its own.
pub fn checked() -> Option<Arc<LoadedJob>> {
    static BUILT: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    let built = BUILT.get_or_init(|| has_target().then(|| build("checked", "checked_roots.wasm")));
    if built.is_none() {
        skip(&format!("no target {TARGET}; `rustup target add {TARGET}` gets it"));
    }
    Some(engine().load(built.as_deref()?).unwrap())
}
