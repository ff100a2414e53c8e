//! A fresh sandbox and its first call, by the runtime's own example.

use crate::{Row, built_example};
use std::path::Path;
use std::process::Command;

/// Runs `sandbox_cost` of the runtime on an empty job: microseconds of thread CPU time.
pub fn measure() -> Vec<Row> {
    let example = match built_example("sandbox_cost") {
        Ok(example) => example,
        Err(why) => return vec![Row::plain("fresh sandbox and first call", format!("not run: {why}"))],
    };
    let job = std::env::var_os("P2PJOB_JOBS_DIR").map(|dir| Path::new(&dir).join("bench_empty.wasm"));
    let output = Command::new(example).args(job).output();
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
