//! Matrix operations through a guest job beside NumPy, in the same run on the same cores, in turns.

use crate::{Row, built_example, python};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Turns; the best of each side counts.
const TURNS: usize = 3;
/// The peer: the same operations, best of five.
const SCRIPT: &str = r"
import time
import numpy as np
def best(work):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3
random = np.random.default_rng(1)
for size in (1024, 2048):
    a = random.uniform(-1, 1, (size, size)).astype(np.float32)
    b = random.uniform(-1, 1, (size, size)).astype(np.float32)
    print('multiply', size, best(lambda: a @ b))
a = random.uniform(-1, 1, (512, 512))
print('inverse', 512, best(lambda: np.linalg.inv(a)))
print('determinant', 512, best(lambda: np.linalg.det(a)))
print('eigenvalues', 512, best(lambda: np.linalg.eigvals(a)))
";

/// Best of all turns, by operation and size: through the job, alone, its check, NumPy; in milliseconds.
type Times = BTreeMap<(String, String), [f64; 4]>;

/// Products in f32, factorisations in f64, class `exact`, two threads.
pub fn measure() -> Vec<Row> {
    match times() {
        Ok(times) => times
            .iter()
            .flat_map(|((operation, size), best)| rows(operation, size, best))
            .collect(),
        Err(why) => vec![Row::plain(
            "matrix operations through a job, beside NumPy",
            format!("not run: {why}"),
        )],
    }
}

fn times() -> Result<Times, String> {
    let example = built_example("matrix_speed")?;
    let jobs = std::env::var_os("P2PJOB_JOBS_DIR").ok_or("P2PJOB_JOBS_DIR is not set")?;
    let job = Path::new(&jobs).join("matrix_ops.wasm");
    let mut best = Times::new();
    for _ in 0..TURNS {
        take(
            &mut best,
            &python::output(Command::new(&example).arg(&job).args(["2", "3"]))?,
            0,
        )?;
        take(&mut best, &python::run(SCRIPT, &[])?, 3)?;
    }
    Ok(best)
}

/// Keeps the smaller of each number; a line is `operation size number...`, the first of which goes to column `first`.
fn take(best: &mut Times, text: &str, first: usize) -> Result<(), String> {
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [operation, size, numbers @ ..] = words.as_slice() else {
            return Err(format!("cannot read {line:?}"));
        };
        let kept = best
            .entry(((*operation).to_owned(), (*size).to_owned()))
            .or_insert([f64::MAX; 4]);
        for (at, number) in numbers.iter().enumerate() {
            let number: f64 = number.parse().map_err(|_| format!("cannot read {line:?}"))?;
            kept[first + at] = kept[first + at].min(number);
        }
    }
    Ok(())
}

fn rows(operation: &str, size: &str, [through, alone, check, numpy]: &[f64; 4]) -> Vec<Row> {
    let ratio = numpy / through;
    let (type_name, floor, bar) = match operation {
        "multiply" => ("f32", 0.7, ">= 0.7x (exact)"),
        _ => ("f64", 1.0, ">= 1.0x"),
    };
    let what = format!("{operation} {size}, {type_name}, class exact, through a job, 2 threads, beside NumPy");
    let figure = format!("{through:.1} ms, {ratio:.2}x ({numpy:.1} ms)");
    let mut rows = vec![Row::judged(what, figure, bar, ratio >= floor)];
    let over = 100.0 * (through - alone) / alone;
    let boundary = format!("{operation} {size}: what the sandbox adds to the kernel");
    rows.push(Row::judged(boundary, format!("{over:.1} %"), "< 5 %", over < 5.0));
    if (operation, size) == ("multiply", "2048") {
        let share = 100.0 * check / alone;
        let what = "check of that product (Freivalds), part of the product's time";
        rows.push(Row::judged(
            what,
            format!("{share:.1} %, {check:.1} ms"),
            "< 2 %",
            share < 2.0,
        ));
    }
    rows
}
