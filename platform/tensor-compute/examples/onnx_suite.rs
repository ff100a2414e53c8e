//! Runs the ONNX backend node tests that `tests/golden/dump_nodes.py` wrote, and counts what passes.
//!
//! `cargo run --release -p tensor-compute --example onnx_suite -- FOLDER [-v] [NAME]`: `-v` says why a case fails. The last
//! line is for scripts: cases among those that onnxruntime passes, and how many of them pass here.

use std::collections::BTreeMap;
use std::path::Path;
use tensor_compute::{ComputeError, DType, Session, Settings, Tensor, onnx::Model};

/// Fuel and memory of one case: far more than any needs.
const FUEL: u64 = 1 << 40;
const MEMORY: u64 = 1 << 30;

fn word<const N: usize>(bytes: &[u8], at: &mut usize) -> Option<[u8; N]> {
    let found = bytes.get(*at..*at + N)?.try_into().ok()?;
    *at += N;
    Some(found)
}

fn read(path: &Path) -> Option<Vec<Tensor>> {
    let bytes = std::fs::read(path).ok()?;
    let mut at = 0;
    let count = u32::from_le_bytes(word(&bytes, &mut at)?);
    let mut tensors = Vec::new();
    for _ in 0..count {
        let dtype = match u32::from_le_bytes(word(&bytes, &mut at)?) {
            1 => DType::F32,
            2 => DType::U8,
            3 => DType::I8,
            4 => DType::U16,
            5 => DType::I16,
            6 => DType::I32,
            7 => DType::I64,
            9 => DType::Bool,
            10 => DType::F16,
            11 => DType::F64,
            12 => DType::U32,
            13 => DType::U64,
            _ => return None,
        };
        let rank = u32::from_le_bytes(word(&bytes, &mut at)?);
        let mut shape = Vec::new();
        for _ in 0..rank {
            shape.push(u64::from_le_bytes(word(&bytes, &mut at)?) as usize);
        }
        let size = shape.iter().product::<usize>() * dtype.size();
        tensors.push(Tensor::from_le_bytes(dtype, &shape, bytes.get(at..at + size)?, None).ok()?);
        at += size;
    }
    Some(tensors)
}

fn wide(session: &Session, tensor: &Tensor) -> Vec<f64> {
    let cast = tensor_compute::apply(session, &tensor_compute::Op::Cast(DType::F64), &[tensor]);
    cast.ok()
        .and_then(|list| list.first()?.try_values::<f64>().map(<[f64]>::to_vec))
        .unwrap_or_default()
}

fn compare(session: &Session, got: &[Tensor], expected: &[Tensor], (rtol, atol): (f64, f64)) -> Result<(), String> {
    if got.len() != expected.len() {
        return Err(format!("{} outputs, not {}", got.len(), expected.len()));
    }
    for (at, (a, b)) in got.iter().zip(expected).enumerate() {
        if a.shape() != b.shape() || a.dtype() != b.dtype() {
            return Err(format!(
                "output {at}: {} {:?}, not {} {:?}",
                a.dtype(),
                a.shape(),
                b.dtype(),
                b.shape()
            ));
        }
        let (a, b) = (wide(session, a), wide(session, b));
        let far = |x: &f64, y: &f64| {
            let near = (x - y).abs() <= atol + rtol * y.abs();
            x != y && !(x.is_nan() && y.is_nan()) && !near
        };
        if let Some(place) = a.iter().zip(&b).position(|(x, y)| far(x, y)) {
            return Err(format!(
                "output {at}: element {place} is {}, not {}",
                a[place], b[place]
            ));
        }
    }
    Ok(())
}

fn case(folder: &Path, tolerance: (f64, f64)) -> Result<(), String> {
    let session = Session::new(
        Settings {
            threads: 1,
            ..Settings::default()
        },
        MEMORY,
    );
    session.grant(FUEL);
    let model = std::fs::read(folder.join("model.onnx")).map_err(|error| error.to_string())?;
    let (inputs, expected) = read(&folder.join("in.bin"))
        .zip(read(&folder.join("out.bin")))
        .ok_or("no inputs or outputs")?;
    let say = |error: ComputeError| error.to_string();
    let model = Model::load(&session, &model).map_err(say)?;
    let names = model.inputs().iter().map(|port| port.name.clone());
    let results = model.run(&session, names.zip(inputs).collect()).map_err(say)?;
    let results: Vec<Tensor> = results.into_iter().map(|(_, tensor)| tensor).collect();
    compare(&session, &results, &expected, tolerance)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let verbose = args.iter().any(|arg| arg == "-v");
    let mut plain = args.iter().filter(|arg| *arg != "-v");
    let (Some(folder), only) = (plain.next(), plain.next()) else {
        eprintln!("usage: onnx_suite FOLDER [-v] [NAME]");
        std::process::exit(2);
    };
    let folder = Path::new(folder);
    let list = std::fs::read_to_string(folder.join("list.txt")).unwrap_or_default();
    // Kind and whether onnxruntime passes: passed, all.
    let mut counts: BTreeMap<(String, bool), (usize, usize)> = BTreeMap::new();
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    for line in list.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, kind, operators, rtol, atol, passes] = fields.as_slice() else {
            continue;
        };
        if only.is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let number = |text: &str, least: f64| text.parse::<f64>().unwrap_or(0.0).max(least);
        let tolerance = (number(rtol, 1e-3), number(atol, 1e-5));
        let result = std::panic::catch_unwind(|| case(&folder.join(name), tolerance))
            .unwrap_or_else(|_| Err("PANIC".to_owned()));
        let count = counts.entry(((*kind).to_owned(), *passes == "1")).or_default();
        count.1 += 1;
        match result {
            Ok(()) => count.0 += 1,
            Err(why) => {
                if verbose {
                    println!("{} {kind} {name}: {why}", if *passes == "1" { "FAIL" } else { "fail" });
                }
                if *passes == "1" && kind == &"plain" {
                    *failures.entry((*operators).to_owned()).or_default() += 1;
                }
            }
        }
    }
    for (operators, count) in &failures {
        println!("{count:4}  {operators}");
    }
    for ((kind, passes), (passed, all)) in &counts {
        println!(
            "{kind}, onnxruntime {}: {passed} of {all}",
            if *passes { "passes" } else { "fails" }
        );
    }
    let (passed, all) = counts.get(&("plain".to_owned(), true)).copied().unwrap_or_default();
    println!("onnx_suite {passed} {all}");
}
