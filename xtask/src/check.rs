//! Format, lints, dependencies and licences.

use crate::folders::Folders;
use crate::process::{Failure, cargo, run};
use crate::setup;
use std::process::Command;

/// The workspaces of the checkout: the platform, the jobs, the guest SDK; then those that replace crates of burn.
pub const WORKSPACES: [&str; 6] = [
    ".",
    "jobs",
    "guest-sdk",
    "guest-sdk/burn",
    "jobs/ml_train_step",
    "tests/burn-backend",
];

/// All of them; the first that fails ends it.
pub fn check(folders: &Folders) -> Result<(), Failure> {
    for workspace in WORKSPACES {
        run(cargo(folders, workspace).args(["fmt", "--all", "--check"]))?;
    }
    for workspace in WORKSPACES {
        clippy(folders, workspace)?;
    }
    let deny = setup::cargo_deny(folders)?;
    for workspace in WORKSPACES {
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
