//! Building the program, and the jobs beside it.

use crate::console;
use crate::folders::Folders;
use crate::process::{Failure, cargo, run};
use crate::setup;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Builds the program, then the jobs with it.
pub fn build_all(folders: &Folders) -> Result<(), Failure> {
    build_program(folders)?;
    build_jobs(folders)
}

/// Builds the program under its short name; the other name is the same code. With `--workspace`, so that dependencies get
/// the features that `cargo test --workspace` gives them, and are compiled once.
pub fn build_program(folders: &Folders) -> Result<(), Failure> {
    console::console_if_changed(folders)?;
    run(cargo(folders, ".").args(["build", "--workspace", "--bin", "p2pjob"]))
}

/// Builds every job in `jobs/` that is out of date.
pub fn build_jobs(folders: &Folders) -> Result<(), Failure> {
    setup::guest_target()?;
    if !folders.program().is_file() {
        build_program(folders)?;
    }
    let sources = newest(&[folders.root.join("jobs"), folders.root.join("guest-sdk")]);
    for job in job_folders(folders)? {
        let name = job
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let component = folders.jobs().join(format!("{name}.wasm"));
        if modified(&component).is_some_and(|built| sources.is_some_and(|changed| built > changed)) {
            continue;
        }
        let mut build = Command::new(folders.program());
        build
            .arg("build")
            .arg(&job)
            .arg("--out")
            .arg(folders.jobs())
            .arg("--json");
        run(build.env("P2PJOB_GUEST_TARGET_DIR", &folders.guest_target))?;
    }
    Ok(())
}

/// Builds the program and becomes it: stdin, stdout, stderr and exit code are its own.
pub fn run_program(folders: &Folders, arguments: &[&str]) -> Result<u8, Failure> {
    console::console_if_changed(folders)?;
    let mut build = cargo(folders, ".");
    // Quiet: what follows is the program's own output.
    let built = build
        .args(["build", "--quiet", "--workspace", "--bin", "p2pjob"])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return Err(Failure::new("the program does not build; see above"));
    }
    build_jobs(folders)?;
    let mut program = Command::new(folders.program());
    program
        .args(arguments)
        .env("P2PJOB_GUEST_TARGET_DIR", &folders.guest_target);
    Err(exec(&mut program))
}

/// Replaces this process, so that signals reach the program and nobody in between. Returns only on failure.
fn exec(program: &mut Command) -> Failure {
    use std::os::unix::process::CommandExt;
    let error = program.exec();
    Failure::new(format!(
        "cannot run {}: {error}",
        program.get_program().to_string_lossy()
    ))
}

/// The folders of `jobs/` that are jobs (a library that becomes a component), in order.
fn job_folders(folders: &Folders) -> Result<Vec<PathBuf>, Failure> {
    let jobs = folders.root.join("jobs");
    let entries = std::fs::read_dir(&jobs).map_err(|error| Failure::file("read", &jobs, &error))?;
    let is_job = |folder: &PathBuf| {
        std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|manifest| manifest.contains("cdylib"))
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_job).collect();
    found.sort();
    Ok(found)
}

/// When the newest file of these, or below them where they are folders, was changed.
pub fn newest(folders: &[PathBuf]) -> Option<SystemTime> {
    let mut found: Option<SystemTime> = None;
    let mut open: Vec<PathBuf> = folders.to_vec();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name == "target") {
                continue;
            }
            open.extend(
                std::fs::read_dir(&path)
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path()),
            );
        } else {
            found = found.max(modified(&path));
        }
    }
    found
}

/// When a file was changed; none: it is not there.
pub fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}
