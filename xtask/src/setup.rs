//! Installing what is missing: the guest target, and cargo-deny for the checks.

use crate::folders::Folders;
use crate::process::{Failure, output, run, succeeds};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What jobs are compiled for.
const GUEST_TARGET: &str = "wasm32-unknown-unknown";
/// The version of cargo-deny that deny.toml is written for.
const CARGO_DENY: &str = "0.20.2";
/// Debian's and Ubuntu's current compiler with the sources of the standard library, where rustup cannot fetch.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// Installs all of it.
pub fn setup(folders: &Folders) -> Result<(), Failure> {
    guest_target()?;
    cargo_deny(folders).map(|_| ())
}

/// Makes sure that jobs can be compiled: by rustup, else by Debian's packages (`p2pjob build` finds either).
pub fn guest_target() -> Result<(), Failure> {
    let installed = || {
        let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", GUEST_TARGET]));
        libraries.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
    };
    if installed() {
        return Ok(());
    }
    let by_rustup = run(Command::new("rustup").args(["target", "add", GUEST_TARGET]));
    if by_rustup.is_ok() && installed() {
        return Ok(());
    }
    if succeeds(Command::new("wasm-ld-19").arg("--version")) && Path::new("/usr/bin/rustc").exists() {
        return Ok(());
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "--no-install-recommends"])
        .args(DEBIAN_PACKAGES);
    run(&mut apt).map_err(|error| {
        let packages = DEBIAN_PACKAGES.join(" ");
        Failure::new(format!("the Rust target {GUEST_TARGET} is missing and could not be installed: {error}\n  help: rustup target add {GUEST_TARGET}, or as root: apt-get install {packages}"))
    })
}

/// The cargo-deny of the right version; installed below ~/.cache when there is none.
pub fn cargo_deny(folders: &Folders) -> Result<PathBuf, Failure> {
    let ours = folders.tools.join("bin/cargo-deny");
    for program in [ours.clone(), PathBuf::from("cargo-deny")] {
        if succeeds(Command::new(&program).arg("--version")) {
            return Ok(program);
        }
    }
    let mut install = Command::new("cargo");
    install
        .args(["install", "cargo-deny", "--locked", "--version", CARGO_DENY, "--root"])
        .arg(&folders.tools);
    // Built apart from the checkout: its configuration and profiles are not meant for it.
    install
        .current_dir(std::env::temp_dir())
        .env("CARGO_TARGET_DIR", folders.tools.join("target"));
    run(&mut install).map_err(|error| {
        Failure::new(format!("cargo-deny is missing and could not be installed: {error}\n  help: cargo install cargo-deny --locked --version {CARGO_DENY}"))
    })?;
    // A build folder of a gigabyte is worth nothing afterwards.
    let _ = std::fs::remove_dir_all(folders.tools.join("target"));
    Ok(ours)
}
