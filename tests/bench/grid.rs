//! How smooth the console's chunk grid is, in a real browser.

use crate::Row;
use std::path::Path;
use std::process::Command;

/// Frames per second with 10 000 chunks.
pub fn measure() -> Vec<Row> {
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-console");
    let output = Command::new("npm")
        .current_dir(console)
        .args(["run", "--silent", "bench:grid"])
        .output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let line = text
        .lines()
        .rev()
        .find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let Some(median) = line.as_ref().and_then(|line| line["median"].as_f64()) else {
        return vec![Row::plain(
            "chunk grid, 10 000 chunks",
            "no browser, or the console is not installed (npm ci)",
        )];
    };
    vec![Row::judged(
        "chunk grid, 10 000 chunks, headless Chromium",
        format!("{median:.0} frames/s"),
        ">= 50 /s",
        median >= 50.0,
    )]
}
