//! Format, lints, dependencies and licences.

use crate::folders::Folders;
use crate::process::{Failure, cargo, run};
use crate::setup;
use std::process::Command;

/// The workspaces of the checkout: the platform, the jobs, the guest SDK.
pub const WORKSPACES: [&str; 3] = [".", "jobs", "guest-sdk"];
/// Workspaces of their own, because they replace crates of burn. Their code runs in sandboxes: it is looked at as such, and
/// tested by tasks over real nodes, so that burn is not compiled for this machine too.
const BURN_WORKSPACES: [&str; 2] = ["guest-sdk/burn", "jobs/ml_train_step"];
/// Is built by hand only (see its README).
const BY_HAND: [&str; 1] = ["tests/burn-backend"];

/// All of them; the first that fails ends it.
pub fn check(folders: &Folders) -> Result<(), Failure> {
    for workspace in WORKSPACES.into_iter().chain(BURN_WORKSPACES).chain(BY_HAND) {
        run(cargo(folders, workspace).args(["fmt", "--all", "--check"]))?;
    }
    for workspace in WORKSPACES {
        clippy(folders, workspace)?;
    }
    for workspace in BURN_WORKSPACES {
        clippy_sandboxed(folders, workspace)?;
    }
    let deny = setup::cargo_deny(folders)?;
    for workspace in WORKSPACES.into_iter().chain(BURN_WORKSPACES) {
        let mut command = Command::new(&deny);
        command
            .current_dir(folders.root.join(workspace))
            .arg("--workspace")
            .arg("--config");
        command.arg(folders.root.join("deny.toml")).arg("check");
        // The advisory database lives on the network and changes by the day; these depend on Cargo.lock only. Which
        // crates may not come twice is written for the platform's workspace.
        command.args(if workspace == "." {
            &["bans", "licenses", "sources"][..]
        } else {
            &["licenses", "sources"][..]
        });
        run(&mut command)?;
    }
    Ok(())
}

/// The lints: all of them for what users run; tests, harness, examples and benches may panic, that is how they fail.
fn clippy(folders: &Folders, workspace: &str) -> Result<(), Failure> {
    const HARNESS: &str = "p2pjob-tests";
    const MAY_PANIC: [&str; 3] = ["-Aclippy::unwrap_used", "-Aclippy::expect_used", "-Aclippy::panic"];
    let command = |arguments: &[&str]| {
        let mut clippy = cargo(folders, workspace);
        clippy
            .args(["clippy", "--workspace", "--quiet"])
            .args(arguments)
            .args(["--", "-Dwarnings"]);
        if workspace != "." {
            clippy.env("CARGO_TARGET_DIR", &folders.guest_target);
        }
        clippy
    };
    let exclude: &[&str] = if workspace == "." { &["--exclude", HARNESS] } else { &[] };
    run(&mut command(&[&["--lib", "--bins"][..], exclude].concat()))?;
    run(command(&["--all-targets"]).args(MAY_PANIC))
}

/// The lints of code for the sandbox, with the flags that `cargo p2pjob build` sets.
fn clippy_sandboxed(folders: &Folders, workspace: &str) -> Result<(), Failure> {
    let mut clippy = cargo(folders, workspace);
    clippy
        .args([
            "clippy",
            "--workspace",
            "--quiet",
            "--lib",
            "--target",
            "wasm32-unknown-unknown",
        ])
        .arg("--config")
        .arg(r#"target.wasm32-unknown-unknown.rustflags=["--cfg=getrandom_backend=\"custom\""]"#)
        .args(["--", "-Dwarnings"]);
    run(clippy.env("CARGO_TARGET_DIR", &folders.guest_target))
}
