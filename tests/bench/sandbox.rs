//! A fresh sandbox and its first call, by the runtime's own example.

use crate::Row;
use std::process::Command;

/// Runs `sandbox_cost` of the runtime, which prints microseconds of thread CPU time as its last word.
pub fn measure() -> Vec<Row> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", "wasm-runtime", "--example", "sandbox_cost"]);
    let output = match command.output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("").to_owned();
            return vec![Row::plain("fresh sandbox and first call", format!("not run: {why}"))];
        }
        Err(error) => return vec![Row::plain("fresh sandbox and first call", format!("not run: {error}"))],
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let figure = text.split_whitespace().rev().find_map(|word| word.parse::<f64>().ok());
    let figure = figure.unwrap_or_else(|| panic!("sandbox_cost printed no figure: {text}"));
    vec![Row::judged("fresh sandbox and first call, CPU", format!("{figure:.0} us"), "<= 60 us", figure <= 60.0)]
}
