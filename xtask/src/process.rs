//! Running other programs, and saying what went wrong.

use crate::folders::Folders;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// What went wrong, for a person.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// With this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A file or folder could not be used.
    pub fn file(action: &str, path: &Path, error: &std::io::Error) -> Self {
        Self(format!("cannot {action} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Cargo in a folder of the checkout, with the target folder of the platform.
pub fn cargo(folders: &Folders, folder: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(folders.root.join(folder))
        .env("CARGO_TARGET_DIR", &folders.target);
    cargo
        .env("P2PJOB_GUEST_TARGET_DIR", &folders.guest_target)
        .env("P2PJOB_JOBS_DIR", folders.jobs());
    if let Some(level) = folders.opt_level {
        // Our own crates only: dependencies have their own settings in Cargo.toml and are not compiled again.
        cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", level);
        cargo
            .env("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false")
            .env("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false");
    }
    // Set by the cargo that runs us, for the package xtask. Build scripts of dependencies look at them (ring's does), so with
    // them everything would be compiled again whenever cargo is called with and without us.
    let of_xtask = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_xtask) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command with its output on ours; an error names it.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    eprintln!("+ {shown}");
    let status = command
        .status()
        .map_err(|error| Failure(format!("cannot run {shown}: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("{shown} ended with {status}")))
    }
}

/// Runs a command, shows its stdout line by line as it comes, and gives it; its stderr is ours.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = show(command);
    let failed = |error: std::io::Error| Failure(format!("cannot run {shown}: {error}"));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut text = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            let shown = String::from_utf8_lossy(&line);
            print!("{shown}");
            text.push_str(&shown);
            line.clear();
        }
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(text)
    } else {
        Err(Failure(format!("{shown} ended with {status}")))
    }
}

/// What a command prints, if it is there and succeeds.
pub fn quiet_output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command is there and succeeds; its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn show(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
