//! How long models take: `cargo run --release -p wasm-runtime --example onnx_speed -- THREADS MODEL.onnx...`
//!
//! Prints for each model its name and the fastest and the median run in milliseconds. Inputs are read from `MODEL.in.bin`
//! beside it (see `platform/tensor-compute/tests/golden/make_models.py`). `compare_speed.py` there sets them beside onnxruntime's.

use std::path::Path;
use std::time::{Duration, Instant};
use tensor_compute::{DType, Session, Settings, Tensor, onnx::Model};

/// How long one model is run.
const SPAN: Duration = Duration::from_millis(1500);

/// The first tensor of a record.
fn input(path: &Path) -> Option<Tensor> {
    let bytes = std::fs::read(path).ok()?;
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
    let (dtype, rank) = (if word(4)? == 11 { DType::F64 } else { DType::F32 }, word(8)? as usize);
    let shape: Vec<usize> = (0..rank)
        .filter_map(|at| word(12 + 8 * at).map(|length| length as usize))
        .collect();
    let (start, size) = (12 + 8 * rank, shape.iter().product::<usize>() * dtype.size());
    Tensor::from_le_bytes(dtype, &shape, bytes.get(start..start + size)?, None).ok()
}

fn measure(path: &Path, threads: usize) -> Result<(f64, f64), String> {
    let session = Session::unlimited(Settings {
        threads,
        ..Settings::default()
    });
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let model = Model::load(&session, &bytes).map_err(|error| error.to_string())?;
    let name = model
        .inputs()
        .first()
        .map(|port| port.name.clone())
        .ok_or("no inputs")?;
    let x = input(&path.with_extension("in.bin")).ok_or("no input file")?;
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < SPAN {
        let begin = Instant::now();
        session.grant(u64::MAX);
        model
            .run(&session, vec![(name.clone(), x.clone())])
            .map_err(|error| error.to_string())?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((
        times.first().copied().unwrap_or(0.0),
        times.get(times.len() / 2).copied().unwrap_or(0.0),
    ))
}

fn main() {
    // As a node does.
    wasm_runtime::memory::keep_freed();
    let mut args = std::env::args().skip(1);
    let threads = args.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    for path in args {
        let name = Path::new(&path)
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match measure(Path::new(&path), threads) {
            Ok((best, median)) => println!("{name} {best:.4} {median:.4}"),
            Err(why) => println!("{name} failed: {why}"),
        }
    }
}
