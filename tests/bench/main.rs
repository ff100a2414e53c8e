//! Whole-run measurements over real node processes, as ratios and per-unit costs of one run: `just bench [NAME ...]`.
//! Prints a Markdown table for docs/performance.md; its bars are those of the requirements. Not a test: it asserts only
//! that the measured work was done right. Nothing is kept but the peer's virtual environment under the user's cache.

mod chunks;
mod dask;
mod grid;
mod http;
mod idle;
mod listeners;
mod matrix;
mod models;
mod process;
mod python;
mod sandbox;
mod transfer;
mod words;

/// One line of the table.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What came out.
    pub figure: String,
    /// What it should be.
    pub bar: &'static str,
    /// Whether it is.
    pub reached: Option<bool>,
}

impl Row {
    /// A figure that a bar judges.
    pub fn judged(what: impl Into<String>, figure: impl Into<String>, bar: &'static str, reached: bool) -> Self {
        Self {
            what: what.into(),
            figure: figure.into(),
            bar,
            reached: Some(reached),
        }
    }
    /// A figure for comparison only.
    pub fn plain(what: impl Into<String>, figure: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            figure: figure.into(),
            bar: "",
            reached: None,
        }
    }
}

/// An example of one of our crates, built.
pub fn built_example(name: &str) -> Result<std::path::PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // With the whole workspace's features, so that nothing is compiled a second time.
    let built = std::process::Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--example", name])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return Err(format!("the example {name} does not build"));
    }
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    let debug = exe
        .parent()
        .and_then(std::path::Path::parent)
        .ok_or("this program has no folder")?;
    Ok(debug.join("examples").join(name))
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runs: [(&str, fn() -> Vec<Row>); 11] = [
        ("sandbox", sandbox::measure),
        ("idle", idle::measure),
        ("chunks", chunks::measure),
        ("memo", chunks::measure_memo),
        ("words", words::measure),
        ("matrix", matrix::measure),
        ("models", models::measure),
        ("http", http::measure),
        ("listeners", listeners::measure),
        ("transfer", transfer::measure),
        ("grid", grid::measure),
    ];
    if let Some(unknown) = wanted.iter().find(|name| !runs.iter().any(|(known, _)| known == name)) {
        let known: Vec<&str> = runs.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "error: there is no benchmark {unknown:?}\n  help: choose from {}",
            known.join(", ")
        );
        std::process::exit(2);
    }
    println!("| what | figure | bar | reached |\n|---|---|---|---|");
    for (name, run) in runs {
        if !wanted.is_empty() && !wanted.iter().any(|other| other == name) {
            continue;
        }
        for Row {
            what,
            figure,
            bar,
            reached,
        } in run()
        {
            let reached = reached.map_or("", |reached| if reached { "yes" } else { "no" });
            println!("| {what} | {figure} | {bar} | {reached} |");
        }
    }
}
