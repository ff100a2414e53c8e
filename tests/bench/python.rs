//! Peers from PyPI: one virtual environment for all of them under the user's cache, made at the first time.

use std::path::PathBuf;
use std::process::Command;

/// What the peers need.
const PACKAGES: [&str; 6] = ["numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx", "scipy"];

fn environment() -> Result<PathBuf, String> {
    let home = std::env::var_os("HOME").ok_or("HOME is not set")?;
    let folder = PathBuf::from(home).join(".cache/p2pjob/peers");
    let python = folder.join("bin/python");
    if folder.join("ready").is_file() {
        return Ok(python);
    }
    output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    output(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet"])
            .args(PACKAGES),
    )?;
    std::fs::write(folder.join("ready"), b"").map_err(|error| error.to_string())?;
    Ok(python)
}

/// What a command printed, or the last line of its complaint.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?} failed: {}", said.lines().last().unwrap_or("")))
}

/// Runs a script with two threads per library, and gives what it printed.
pub fn run(script: &str, args: &[&str]) -> Result<String, String> {
    let python = environment()?;
    let file = tempfile::NamedTempFile::with_suffix(".py").map_err(|error| error.to_string())?;
    std::fs::write(file.path(), script).map_err(|error| error.to_string())?;
    let mut command = Command::new(python);
    command
        .arg(file.path())
        .args(args)
        .env("OPENBLAS_NUM_THREADS", "2")
        .env("OMP_NUM_THREADS", "2");
    output(&mut command)
}
