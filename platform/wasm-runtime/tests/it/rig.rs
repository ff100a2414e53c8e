//! One engine for all tests of the process, and calls with small limits.

use guest_programs::Program;
use job_model::{BlobHash, InputRef};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use wasm_runtime::{
    CancelToken, Engine, EngineOptions, Limits, LoadedJob, PartialSource, PlanCall, PlanHint, PlanReport, ReadInput,
    ReduceCall, ReduceReport, RunCall, RunReport,
};

pub const MEMORY_BYTES: u64 = 256 << 20;

/// Enough for every program that ends; a program that does not end runs out of fuel in a fraction of a second.
pub const LIMITS: Limits = Limits {
    fuel: 1_000_000_000,
    memory_bytes: MEMORY_BYTES,
    output_bytes: 1 << 20,
    timeout: Duration::from_secs(120),
    float_class: tensor_compute::FloatClass::Exact,
    owner: [0; 32],
};

pub fn fresh_engine(cache_dir: &std::path::Path) -> Engine {
    let options = EngineOptions::new(cache_dir.to_owned(), 16, MEMORY_BYTES);
    Engine::new(options).unwrap()
}

pub fn engine() -> Engine {
    static SHARED: OnceLock<(Engine, TempDir)> = OnceLock::new();
    let (engine, _) = SHARED.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        (fresh_engine(dir.path()), dir)
    });
    engine.clone()
}

pub fn load(program: Program) -> Arc<LoadedJob> {
    engine()
        .load(&program.component())
        .unwrap_or_else(|error| panic!("{program:?}: {error}"))
}

/// Inputs (or slices) in memory.
pub struct Bytes(pub Vec<Vec<u8>>);

impl ReadInput for Bytes {
    fn size(&self, index: u32) -> Option<u64> {
        self.0.get(index as usize).map(|bytes| bytes.len() as u64)
    }
    fn read(&mut self, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, String> {
        let bytes = self.0.get(index as usize).ok_or("no such input")?;
        Ok(bytes[offset as usize..][..length as usize].to_vec())
    }
}

/// Inputs that are known but cannot be had.
pub struct Gone;

impl ReadInput for Gone {
    fn size(&self, _index: u32) -> Option<u64> {
        Some(1000)
    }
    fn read(&mut self, _index: u32, _offset: u64, _length: u32) -> Result<Vec<u8>, String> {
        Err("nobody has it; asked 3 peers".to_owned())
    }
}

pub struct Partials(pub Vec<Vec<u8>>);

impl PartialSource for Partials {
    fn count(&self) -> u32 {
        self.0.len() as u32
    }
    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(if self.0.is_empty() {
            None
        } else {
            Some(self.0.remove(0))
        })
    }
}

/// A sink that stays readable.
#[derive(Clone, Default)]
pub struct Shared(pub Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A disk without space.
pub struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn run_with(job: &LoadedJob, body: &[u8], slices: Box<dyn ReadInput>, limits: &Limits) -> RunReport {
    let cancel = CancelToken::new();
    job.run(RunCall {
        body,
        slices,
        entropy_seed: [7; 32],
        limits,
        cancel: &cancel,
    })
}

/// Runs a program on one slice of 256 bytes.
pub fn run(program: Program) -> RunReport {
    run_with(
        &load(program),
        b"body",
        Box::new(Bytes(vec![(0..=255).collect()])),
        &LIMITS,
    )
}

pub fn plan_of(program: Program, inputs: Vec<Vec<u8>>) -> PlanReport {
    let refs: Vec<InputRef> = inputs
        .iter()
        .map(|bytes| InputRef {
            name: "text".to_owned(),
            hash: BlobHash::of(bytes),
            size: bytes.len() as u64,
        })
        .collect();
    load(program).plan(PlanCall {
        params: b"params",
        inputs: &refs,
        source: Box::new(Bytes(inputs)),
        hint: PlanHint {
            chunk_size: None,
            target_chunks: 4,
            max_chunks: 1000,
        },
        limits: &LIMITS,
        cancel: &CancelToken::new(),
    })
}

pub fn reduce_of(program: Program, partials: Vec<Vec<u8>>, out: Box<dyn Write + Send>) -> ReduceReport {
    load(program).reduce(ReduceCall {
        params: b"params",
        partials: Box::new(Partials(partials)),
        out,
        entropy_seed: [7; 32],
        limits: &LIMITS,
        cancel: &CancelToken::new(),
    })
}
