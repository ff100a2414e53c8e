//! What a matrix operation costs through the job `matrix_ops`, in a sandbox, beside the same operation without one.
//!
//! `cargo run --release -p wasm-runtime --example matrix_speed -- matrix_ops.wasm THREADS ROUNDS`
//!
//! One line per operation: `NAME SIZE THROUGH_JOB_MS ALONE_MS CHECK_MS`, the best of the rounds, wall clock. "Alone" is the kernel on
//! tensors in memory; "through the job" is `run` from `.npy` slices to `.npy` output; "check" is the job's own check of it.

use job_model::{BlobHash, Chunk, InputRef, Slice, codec};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tensor_compute::linalg::{self, Factorisation};
use tensor_compute::{FloatClass, Op, Session, Settings, Tensor};
use wasm_runtime::{
    CancelToken, CheckCall, Engine, EngineOptions, Limits, LoadedJob, PartialSource, PlanCall, PlanHint, ReadInput,
    RunCall,
};

type Failure = Box<dyn std::error::Error>;

/// Operation, rows and columns, whether in f64.
const CASES: [(&str, usize, bool); 5] = [
    ("multiply", 1024, false),
    ("multiply", 2048, false),
    ("inverse", 512, true),
    ("determinant", 512, true),
    ("eigenvalues", 512, true),
];

/// Inputs, or slices of them, in memory.
#[derive(Clone)]
struct Memory(Vec<Arc<Vec<u8>>>, Vec<Slice>);

impl ReadInput for Memory {
    fn size(&self, index: u32) -> Option<u64> {
        self.1.get(index as usize).map(|slice| slice.length)
    }
    fn read(&mut self, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, String> {
        let slice = self.1.get(index as usize).ok_or("no slice")?;
        let input = self.0.get(slice.input as usize).ok_or("no input")?;
        let start = usize::try_from(slice.offset + offset).map_err(|error| error.to_string())?;
        let bytes = input.get(start..start + length as usize).ok_or("outside")?;
        Ok(bytes.to_vec())
    }
}

/// One claimed output.
struct Claimed(Option<Vec<u8>>);

impl PartialSource for Claimed {
    fn count(&self) -> u32 {
        1
    }
    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.take())
    }
}

fn main() -> Result<(), Failure> {
    // As a node does.
    wasm_runtime::memory::keep_freed();
    let mut args = std::env::args().skip(1);
    let component = std::fs::read(args.next().ok_or("name matrix_ops.wasm")?)?;
    let threads: usize = args.next().map_or(Ok(2), |text| text.parse())?;
    let rounds: usize = args.next().map_or(Ok(5), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let options = EngineOptions {
        compute_threads: threads,
        ..EngineOptions::new(dir.path().to_owned(), 4, 1 << 30)
    };
    let job = Engine::new(options)?.load(&component)?;
    for case in CASES {
        println!("{}", measure(&job, case, threads, rounds)?);
    }
    Ok(())
}

fn measure(job: &LoadedJob, case: (&str, usize, bool), threads: usize, rounds: usize) -> Result<String, Failure> {
    let (operation, size, double) = case;
    let inputs = if operation == "multiply" { 2 } else { 1 };
    let files: Vec<_> = (0..inputs).map(|seed| Arc::new(npy(size, double, seed))).collect();
    let chunks = plan(job, operation, &files)?;
    let session = Session::unlimited(Settings {
        threads,
        ..Settings::default()
    });
    let tensors: Vec<Tensor> = files
        .iter()
        .map(|file| tensor(file, size, double))
        .collect::<Result<_, _>>()?;
    let (mut through, mut alone, mut checked) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let one = Instant::now();
        kernel(&session, operation, &tensors)?;
        alone = alone.min(one.elapsed());
        let one = Instant::now();
        let outputs = run(job, &files, &chunks)?;
        through = through.min(one.elapsed());
        let one = Instant::now();
        check(job, &files, &chunks, outputs)?;
        checked = checked.min(one.elapsed());
    }
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    Ok(format!(
        "{operation} {size} {:.3} {:.3} {:.3}",
        ms(through),
        ms(alone),
        ms(checked)
    ))
}

fn limits() -> Limits {
    Limits {
        fuel: 1 << 60,
        memory_bytes: 1 << 30,
        output_bytes: 256 << 20,
        timeout: Duration::from_secs(300),
        float_class: tensor_compute::FloatClass::Exact,
        owner: [0; 32],
    }
}

fn plan(job: &LoadedJob, operation: &str, files: &[Arc<Vec<u8>>]) -> Result<Vec<Chunk>, Failure> {
    let whole: Vec<Slice> = files
        .iter()
        .enumerate()
        .map(|(at, file)| Slice {
            input: at as u32,
            offset: 0,
            length: file.len() as u64,
        })
        .collect();
    let inputs: Vec<InputRef> = ["a", "b"]
        .iter()
        .zip(files)
        .map(|(name, file)| InputRef {
            name: (*name).to_owned(),
            hash: BlobHash([0; 32]),
            size: file.len() as u64,
        })
        .collect();
    let params = codec::encode(&serde_json::json!({ "operation": operation }));
    let report = job.plan(PlanCall {
        params: &params,
        inputs: &inputs,
        source: Box::new(Memory(files.to_vec(), whole)),
        hint: PlanHint {
            chunk_size: None,
            target_chunks: 1,
            max_chunks: 64,
        },
        limits: &limits(),
        cancel: &CancelToken::new(),
    });
    Ok(report.plan?.chunks)
}

fn run(job: &LoadedJob, files: &[Arc<Vec<u8>>], chunks: &[Chunk]) -> Result<Vec<Vec<u8>>, Failure> {
    let one = |chunk: &Chunk| {
        let report = job.run(RunCall {
            body: &chunk.body,
            slices: Box::new(Memory(files.to_vec(), chunk.slices.clone())),
            entropy_seed: [0; 32],
            limits: &limits(),
            cancel: &CancelToken::new(),
        });
        report.outcome.map_err(|outcome| outcome.error_text().into())
    };
    chunks.iter().map(one).collect()
}

fn check(job: &LoadedJob, files: &[Arc<Vec<u8>>], chunks: &[Chunk], outputs: Vec<Vec<u8>>) -> Result<(), Failure> {
    for (chunk, output) in chunks.iter().zip(outputs) {
        let report = job.check(CheckCall {
            body: &chunk.body,
            slices: Box::new(Memory(files.to_vec(), chunk.slices.clone())),
            claimed: Box::new(Claimed(Some(output))),
            entropy_seed: [7; 32],
            limits: &limits(),
            cancel: &CancelToken::new(),
        });
        match report.outcome {
            Ok(true) => {}
            Ok(false) => return Err("the check refutes a right result".into()),
            Err(outcome) => return Err(outcome.error_text().into()),
        }
    }
    Ok(())
}

fn kernel(session: &Session, operation: &str, tensors: &[Tensor]) -> Result<(), Failure> {
    let a = tensors.first().ok_or("no operand")?;
    match operation {
        "multiply" => {
            let operands: Vec<&Tensor> = tensors.iter().collect();
            tensor_compute::apply(session, &Op::MatMul, &operands)?;
        }
        "inverse" => drop(linalg::inverse(session, FloatClass::Exact, a)?),
        "determinant" => drop(linalg::determinant(session, FloatClass::Exact, a, Factorisation::Lu)?),
        _ => drop(linalg::eigenvalues(session, FloatClass::Exact, a)?),
    }
    Ok(())
}

/// A `.npy` file of numbers between -1 and 1 from a linear congruence.
fn npy(size: usize, double: bool, seed: u64) -> Vec<u8> {
    let kind = if double { "<f8" } else { "<f4" };
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({size}, {size}), }}");
    // The header's end is aligned to 64 bytes (NumPy's format 1.0).
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.push_str(&" ".repeat(padding));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    let mut state = seed + 1;
    for _ in 0..size * size {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let value = ((state >> 40) as f64) / f64::from(1u32 << 23) - 1.0;
        if double {
            file.extend_from_slice(&value.to_le_bytes());
        } else {
            file.extend_from_slice(&(value as f32).to_le_bytes());
        }
    }
    file
}

fn tensor(file: &[u8], size: usize, double: bool) -> tensor_compute::Result<Tensor> {
    let dtype = if double {
        tensor_compute::DType::F64
    } else {
        tensor_compute::DType::F32
    };
    let elements = &file[file.len() - size * size * dtype.size()..];
    Tensor::from_le_bytes(dtype, &[size, size], elements, None)
}
