//! What a training step costs through the job `ml_train_step`, in a sandbox with burn's operations on this machine.
//!
//! `cargo run --release -p burn-host --example train_speed -- ml_train_step.wasm THREADS ROUNDS`
//!
//! One line per network: `NAME SHARD_MS STEP_MS`, the best of the rounds, wall clock. A shard is one `run` over the batch of
//! 64 samples, a step is that with the chunk that passes the model on and with `reduce` (Adam). The same networks natively
//! on burn's own CPU backend: `tests/burn-backend`.

use job_model::{BlobHash, Chunk, InputRef, Slice, codec};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tensor_compute::FloatClass;
use wasm_runtime::{
    CancelToken, Engine, EngineOptions, Limits, LoadedJob, PartialSource, PlanCall, PlanHint, ReadInput, ReduceCall,
    RunCall,
};

type Failure = Box<dyn std::error::Error>;

/// Samples of the batch.
const SAMPLES: usize = 64;

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

/// The outputs of the chunks.
struct Outputs(std::vec::IntoIter<Vec<u8>>);

impl PartialSource for Outputs {
    fn count(&self) -> u32 {
        self.0.len() as u32
    }
    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.next())
    }
}

/// A result in memory.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One step's inputs and parameters.
struct Step {
    params: Value,
    files: Vec<Arc<Vec<u8>>>,
}

fn main() -> Result<(), Failure> {
    // As a node does.
    wasm_runtime::memory::keep_freed();
    let mut args = std::env::args().skip(1);
    let component = std::fs::read(args.next().ok_or("name ml_train_step.wasm")?)?;
    let threads: usize = args.next().map_or(Ok(2), |text| text.parse())?;
    let rounds: usize = args.next().map_or(Ok(9), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let options = EngineOptions {
        compute_threads: threads,
        burn: Some(Arc::new(burn_host::ExactHost)),
        ..EngineOptions::new(dir.path().to_owned(), 4, 1 << 30)
    };
    let job = Engine::new(options)?.load(&component)?;
    for (name, sample, network) in [
        ("mlp", [64, 1], json!({"hidden": [128, 128]})),
        (
            "lstm_encoder",
            [48, 8],
            json!({"model": "lstm_encoder", "hidden": [128]}),
        ),
    ] {
        println!("{name} {}", measure(&job, sample, network, rounds)?);
    }
    Ok(())
}

fn measure(job: &LoadedJob, sample: [usize; 2], network: Value, rounds: usize) -> Result<String, Failure> {
    let x = Arc::new(numbers(SAMPLES * sample[0] * sample[1], 1));
    let y = Arc::new(numbers(SAMPLES, 2));
    let mut params = network;
    params["x_shape"] = json!([SAMPLES, sample[0], sample[1]]);
    params["optimiser"] = json!("adam");
    let mut first = Step {
        params: params.clone(),
        files: vec![x, y],
    };
    let model = first.take(job)?.1;
    first.files.push(Arc::new(model));
    let (mut shard, mut step) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let start = Instant::now();
        shard = shard.min(first.take(job)?.0);
        step = step.min(start.elapsed());
    }
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    Ok(format!("{:.2} {:.2}", ms(shard), ms(step)))
}

fn limits() -> Limits {
    Limits {
        fuel: 1 << 60,
        memory_bytes: 1 << 30,
        output_bytes: 256 << 20,
        timeout: Duration::from_secs(300),
        float_class: FloatClass::Exact,
        owner: [0; 32],
    }
}

impl Step {
    /// Takes the step: how long its one shard took, and the next model.
    fn take(&self, job: &LoadedJob) -> Result<(Duration, Vec<u8>), Failure> {
        let params = codec::encode(&self.params);
        let (mut took, mut outputs) = (Duration::ZERO, Vec::new());
        for chunk in self.plan(job, &params)? {
            let start = Instant::now();
            let report = job.run(RunCall {
                body: &chunk.body,
                slices: Box::new(Memory(self.files.clone(), chunk.slices.clone())),
                entropy_seed: [0; 32],
                limits: &limits(),
                cancel: &CancelToken::new(),
            });
            // The shard is the last chunk.
            took = start.elapsed();
            outputs.push(report.outcome.map_err(|outcome| outcome.error_text())?);
        }
        let sink = Sink::default();
        let report = job.reduce(ReduceCall {
            params: &params,
            partials: Box::new(Outputs(outputs.into_iter())),
            out: Box::new(sink.clone()),
            entropy_seed: [0; 32],
            limits: &limits(),
            cancel: &CancelToken::new(),
        });
        report.outcome.map_err(|outcome| outcome.error_text())?;
        let model = sink.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((took, model))
    }

    fn plan(&self, job: &LoadedJob, params: &[u8]) -> Result<Vec<Chunk>, Failure> {
        let size = |file: &Arc<Vec<u8>>| file.len() as u64;
        let whole = self.files.iter().enumerate().map(|(at, file)| Slice {
            input: at as u32,
            offset: 0,
            length: size(file),
        });
        let named = ["x", "y", "model"]
            .iter()
            .zip(&self.files)
            .map(|(name, file)| InputRef {
                name: (*name).to_owned(),
                hash: BlobHash([0; 32]),
                size: size(file),
            });
        let report = job.plan(PlanCall {
            params,
            inputs: &named.collect::<Vec<_>>(),
            source: Box::new(Memory(self.files.clone(), whole.collect())),
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
}

/// Numbers between -1 and 1 from a linear congruence, in float32.
fn numbers(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32) / 8_388_608.0 - 1.0
    };
    (0..count).flat_map(|_| next().to_le_bytes()).collect()
}
