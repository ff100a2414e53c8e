//! A fresh sandbox and its first call, by the runtime's own example.

use crate::Row;
use std::path::Path;
use std::process::Command;

/// Runs `sandbox_cost` of the runtime on an empty job: microseconds of thread CPU time.
pub fn measure() -> Vec<Row> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // With the whole workspace's features, so that nothing is compiled a second time.
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--example", "sandbox_cost"])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return vec![Row::plain(
            "fresh sandbox and first call",
            "not run: the example does not build",
        )];
    }
    let debug = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.to_owned()))
        .unwrap_or_default();
    let job = std::env::var_os("P2PJOB_JOBS_DIR").map(|dir| Path::new(&dir).join("bench_empty.wasm"));
    let output = Command::new(debug.join("examples/sandbox_cost")).args(job).output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr)
                .lines()
                .last()
                .unwrap_or("")
                .to_owned();
            return vec![Row::plain("fresh sandbox and first call", format!("not run: {why}"))];
        }
        Err(error) => return vec![Row::plain("fresh sandbox and first call", format!("not run: {error}"))],
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text
        .lines()
        .find(|line| line.starts_with("fresh sandbox + one call, median"));
    let figure = line.and_then(|line| line.split_whitespace().rev().find_map(|word| word.parse::<f64>().ok()));
    let figure = figure.unwrap_or_else(|| panic!("sandbox_cost printed no median: {text}"));
    vec![Row::judged(
        "fresh sandbox and first call (bench_empty), CPU, median",
        format!("{figure:.0} us"),
        "<= 60 us",
        figure <= 60.0,
    )]
}
