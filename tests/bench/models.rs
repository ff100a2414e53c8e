//! ONNX models beside onnxruntime, in the same run on the same cores, in turns; and its node tests.

use crate::{Row, built_example, python};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Threads of both sides.
const THREADS: [&str; 2] = ["1", "2"];

fn script(name: &str) -> Result<String, String> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../platform/tensor-compute/tests/golden");
    std::fs::read_to_string(golden.join(name)).map_err(|error| format!("{name}: {error}"))
}

/// Ratios to onnxruntime, and how many of the node tests that it passes are passed here.
pub fn measure() -> Vec<Row> {
    let mut rows =
        speeds().unwrap_or_else(|why| vec![Row::plain("models beside onnxruntime", format!("not run: {why}"))]);
    rows.push(suite().unwrap_or_else(|why| Row::plain("ONNX node tests", format!("not run: {why}"))));
    rows
}

fn speeds() -> Result<Vec<Row>, String> {
    let example = built_example("onnx_speed")?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let target = folder.path().display().to_string();
    python::run(&script("make_models.py")?, &[&target, "--large"])?;
    let mut models: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    models.sort();
    let models: Vec<String> = models.iter().map(|path| path.display().to_string()).collect();
    let mut rows = Vec::new();
    for threads in THREADS {
        let example = example.display().to_string();
        let mut args = vec![example.as_str(), threads];
        args.extend(models.iter().map(String::as_str));
        let printed = python::run(&script("compare_speed.py")?, &args)?;
        for line in printed.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [model, ours, theirs, ratio] = words.as_slice() else {
                return Err(format!("cannot read {line:?}"));
            };
            let value: f64 = ratio.parse().map_err(|_| format!("cannot read {line:?}"))?;
            rows.push(Row::judged(
                format!("{model}, {threads} threads, class exact, beside onnxruntime"),
                format!("{ratio}x ({ours} ms to {theirs} ms)"),
                ">= 0.5x",
                value >= 0.5,
            ));
        }
    }
    Ok(rows)
}

fn suite() -> Result<Row, String> {
    let example = built_example("onnx_suite")?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let target = folder.path().display().to_string();
    python::run(&script("dump_nodes.py")?, &[&target])?;
    let printed = python::output(Command::new(example).arg(&target))?;
    let last: Vec<&str> = printed.lines().last().unwrap_or_default().split_whitespace().collect();
    let (passed, of) = match last.as_slice() {
        ["onnx_suite", passed, of] => (passed.parse::<u32>(), of.parse::<u32>()),
        _ => return Err("the suite printed no result".to_owned()),
    };
    let (Ok(passed), Ok(of)) = (passed, of) else {
        return Err("the suite printed no numbers".to_owned());
    };
    Ok(Row::judged(
        "ONNX node tests, of those that onnxruntime passes",
        format!("{passed} of {of}"),
        ">= 85 %",
        passed * 100 >= of * 85,
    ))
}
