//! Guests in class `fast`: the same jobs as in class `exact`, on the far side.

use crate::rig::{MEMORY_BYTES, host};
use job_model::{NoVerdict, Outcome};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tensor_compute::FloatClass;
use wasm_runtime::{CancelToken, Engine, EngineOptions, Limits, LoadedJob, ReadInput, RunCall, RunReport};

const TARGET: &str = "wasm32-unknown-unknown";
const LIMITS: Limits = Limits {
    fuel: u64::MAX / 2,
    memory_bytes: MEMORY_BYTES,
    output_bytes: 64 << 20,
    timeout: Duration::from_secs(120),
    float_class: FloatClass::Fast,
    owner: [1; 32],
};

struct Slices(Vec<Vec<u8>>);

impl ReadInput for Slices {
    fn size(&self, index: u32) -> Option<u64> {
        self.0.get(index as usize).map(|bytes| bytes.len() as u64)
    }
    fn read(&mut self, index: u32, offset: u64, length: u32) -> Result<Vec<u8>, String> {
        let bytes = self.0.get(index as usize).ok_or("no such input")?;
        Ok(bytes[offset as usize..][..length as usize].to_vec())
    }
}

fn target_dir() -> PathBuf {
    let chosen = std::env::var_os("P2PJOB_GUEST_TARGET_DIR").map(PathBuf::from);
    chosen.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/p2pjob/guest-target"))
}

/// The guest in real Rust of the runtime's own tests; none where there is no target for it.
fn component() -> Option<&'static [u8]> {
    static BUILT: OnceLock<Option<Vec<u8>>> = OnceLock::new();
    BUILT.get_or_init(build).as_deref()
}

fn build() -> Option<Vec<u8>> {
    let found = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .unwrap();
    if !Path::new(String::from_utf8(found.stdout).unwrap().trim()).is_dir() {
        assert!(std::env::var_os("P2PJOB_REQUIRE_ALL").is_none(), "no target {TARGET}");
        println!("skipped: no target {TARGET}; `rustup target add {TARGET}` gets it");
        return None;
    }
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(target_dir())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guest-programs/rust"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(status.success(), "the guest does not build");
    let module = std::fs::read(target_dir().join(TARGET).join("release/rust_faults.wasm")).unwrap();
    let component = wit_component::ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap();
    Some(component)
}

/// The job on an engine that computes in class `fast`, or on one that does not.
fn job(fast: bool) -> Option<Arc<LoadedJob>> {
    /// With the folder of its compiled code.
    type Loaded = (Arc<LoadedJob>, tempfile::TempDir);
    static JOBS: OnceLock<Option<[Loaded; 2]>> = OnceLock::new();
    let load = |fast: bool| {
        let dir = tempfile::tempdir().unwrap();
        let options = EngineOptions {
            fast: fast.then(|| Arc::new(host()) as Arc<dyn tensor_compute::FastHost>),
            burn: Some(Arc::new(burn_host::ExactHost)),
            ..EngineOptions::new(dir.path().to_owned(), 8, MEMORY_BYTES)
        };
        let job = Engine::new(options).unwrap().load(component()?).unwrap();
        Some((job, dir))
    };
    let jobs = JOBS.get_or_init(|| Some([load(false)?, load(true)?]));
    jobs.as_ref().map(|jobs| Arc::clone(&jobs[usize::from(fast)].0))
}

fn run(job: &LoadedJob, case: &str, float_class: FloatClass) -> RunReport {
    let limits = Limits { float_class, ..LIMITS };
    let slices = vec![
        (0..=255).collect(),
        (0..(3 << 20) + 1).map(|at: u32| (at / 1000) as u8).collect(),
    ];
    job.run(RunCall {
        body: format!("tensors {case}").as_bytes(),
        slices: Box::new(Slices(slices)),
        entropy_seed: [7; 32],
        limits: &limits,
        cancel: &CancelToken::new(),
    })
}

#[test]
fn guests_see_no_difference_but_in_digits() {
    let Some(job) = job(true) else { return };
    for case in [
        "round-trip",
        "input",
        "errors",
        "kernel-errors",
        "filled 9000000",
        "output 900000",
        "dropped 20",
        "operands 5",
        "product 300",
        "model",
        "model-index",
        "handles 1000",
    ] {
        let (near, far) = (run(&job, case, FloatClass::Exact), run(&job, case, FloatClass::Fast));
        assert_eq!(near.outcome, far.outcome, "{case}");
        assert!(near.outcome.is_ok(), "{case}: {:?}", near.outcome);
        assert_eq!(
            (near.usage.fuel, near.usage.input_bytes, near.usage.output_bytes),
            (far.usage.fuel, far.usage.input_bytes, far.usage.output_bytes),
            "{case}"
        );
    }
}

#[test]
fn limits_end_calls_alike() {
    let Some(job) = job(true) else { return };
    for case in [
        "kept 5",
        "beside-memory 200",
        "memory-first 200",
        "handles 70000",
        "burn 1000",
    ] {
        let (near, far) = (run(&job, case, FloatClass::Exact), run(&job, case, FloatClass::Fast));
        let kind = |report: &RunReport| match &report.outcome {
            Err(Outcome::Trap { kind, detail }) => format!("{kind:?} {}", detail.lines().next().unwrap_or_default()),
            other => format!("{other:?}"),
        };
        assert_eq!(kind(&near), kind(&far), "{case}");
    }
}

#[test]
fn a_node_without_the_class_refuses_it() {
    let Some(job) = job(false) else { return };
    let report = run(&job, "round-trip", FloatClass::Fast);
    let Err(Outcome::NoVerdict(NoVerdict::Refused(why))) = report.outcome else {
        panic!("{:?}", report.outcome)
    };
    assert!(why.contains("does not compute in float class fast"), "{why}");
}

#[test]
fn a_long_product_ends_at_the_time_limit() {
    let Some(job) = job(true) else { return };
    let limits = Limits {
        timeout: Duration::from_millis(500),
        ..LIMITS
    };
    let report = job.run(RunCall {
        body: b"tensors products 3000",
        slices: Box::new(Slices(vec![vec![0; 256]])),
        entropy_seed: [7; 32],
        limits: &limits,
        cancel: &CancelToken::new(),
    });
    assert_eq!(
        report.outcome,
        Err(Outcome::NoVerdict(NoVerdict::TimedOut { limit_ms: 500 }))
    );
    assert!(run(&job, "round-trip", FloatClass::Fast).outcome.is_ok());
}
