//! A task in this process, without a node: plan, run every chunk, reduce, in the same sandbox and inside the same limits
//! as on the network. The job's own check looks at every output, where it has one. `test` does all of it twice and compares.
//!
//! Chunk outputs and the result lie in temporary files that vanish with the [`LocalRun`].

mod sources;

use crate::error::{CliError, Exit};
use job_model::manifest::ReduceMode;
use job_model::{BlobHash, Chunk, ChunkKey, InputRef, Manifest, Outcome, Plan, ProfileId, Requirements, codec, limits};
use serde_json::{Map, Value};
use sources::{FileInputs, OneOutput, Spool};
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use wasm_runtime::{CancelToken, CheckCall, Limits, LoadedJob, PlanCall, PlanHint, ReduceCall, RunCall};

pub use sources::InputFile;

/// Chunks that `plan` is asked for when the user does not say: enough that order and cutting show, few enough to be quick.
const TARGET_CHUNKS: u32 = 8;
/// Log lines kept for the report.
const MAX_LOG_LINES: usize = 20;

/// What to run.
pub struct LocalTask {
    /// Parameters as CBOR.
    pub params: Vec<u8>,
    /// Inputs in the manifest's order.
    pub inputs: Vec<InputFile>,
    /// The limits of one execution.
    pub requirements: Requirements,
    /// In the job's own unit.
    pub chunk_size: Option<u64>,
    /// Profile of the engine that runs it.
    pub profile: ProfileId,
}

/// One call and what came of it: what two runs must agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// `plan`, `chunk 3` or `reduce`.
    pub name: String,
    /// Hash of its output.
    pub output: BlobHash,
    /// Fuel it took.
    pub fuel: u64,
}

/// A finished run.
pub struct LocalRun {
    /// Every call, in order.
    pub steps: Vec<Step>,
    /// How many chunks there were.
    pub chunks: usize,
    /// How many outputs the job's own check accepted; 0: it has none.
    pub checked: usize,
    /// The result.
    pub result: File,
    /// Its hash.
    pub result_hash: BlobHash,
    /// Its size in bytes.
    pub result_bytes: u64,
    /// Largest memory of a sandbox, in bytes.
    pub memory_bytes: u64,
    /// The first log lines of all calls.
    pub log: Vec<String>,
}

impl LocalRun {
    /// Fuel of all calls.
    pub fn fuel(&self) -> u64 {
        self.steps.iter().map(|step| step.fuel).sum()
    }

    /// The first call in which another run differs, and how; none when it does not.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.steps.len() != other.steps.len() {
            return Some(format!("plan returned {} chunks, then {}", self.chunks, other.chunks));
        }
        let (one, two) = self.steps.iter().zip(&other.steps).find(|(one, two)| one != two)?;
        let what = if one.output == two.output { "fuel" } else { "output" };
        let (first, second) = if one.output == two.output {
            (one.fuel.to_string(), two.fuel.to_string())
        } else {
            (one.output.short(), two.output.short())
        };
        Some(format!("{}: {what} was {first}, then {second}", one.name))
    }
}

/// The parameters as the job gets them.
pub fn encode_params(object: &Map<String, Value>) -> Vec<u8> {
    codec::encode_json(&Value::Object(object.clone()))
}

/// Opens the inputs and brings them into the manifest's order.
pub fn open_inputs(manifest: &Manifest, named: &[(&str, &str)]) -> Result<Vec<InputFile>, CliError> {
    let known = || {
        manifest
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (name, _) in named {
        if !manifest.inputs.iter().any(|input| input.name == *name) {
            let message = format!("job {} has no input {name:?}", manifest.name);
            return Err(CliError::new(
                Exit::BadInput,
                message,
                format!("its inputs are: {}", known()),
            ));
        }
    }
    let mut opened = Vec::new();
    for declared in &manifest.inputs {
        match named.iter().find(|(name, _)| *name == declared.name) {
            Some((name, path)) => opened.push(InputFile::open(name, &PathBuf::from(path))?),
            None if declared.required => {
                let message = format!(
                    "job {} needs input {:?}: {}",
                    manifest.name, declared.name, declared.summary
                );
                return Err(CliError::new(
                    Exit::BadInput,
                    message,
                    format!("add --input {}=FILE", declared.name),
                ));
            }
            None => {}
        }
    }
    Ok(opened)
}

/// Runs the whole task once.
pub fn run_once(job: &LoadedJob, manifest: &Manifest, task: &LocalTask) -> Result<LocalRun, CliError> {
    let refs: Vec<InputRef> = task.inputs.iter().map(|input| input.reference.clone()).collect();
    let mut recorder = Recorder::default();
    let plan = cut(job, task, &refs, &mut recorder)?;
    let mut spool = Spool::new()?;
    for (index, chunk) in plan.chunks.iter().enumerate() {
        let class = task.requirements.float_class;
        let seed = ChunkKey::new(&task.profile, &job.id(), class, chunk, &refs).0;
        let limits = Limits::for_run(&task.requirements, [0; 32]);
        let call = RunCall {
            body: &chunk.body,
            slices: Box::new(FileInputs::slices(&task.inputs, &chunk.slices)),
            entropy_seed: seed,
            limits: &limits,
            cancel: &CancelToken::new(),
        };
        let report = job.run(call);
        let name = format!("chunk {index}");
        recorder.keep_log(&report.log);
        recorder.memory_bytes = recorder.memory_bytes.max(report.usage.memory_bytes);
        let bytes = report.outcome.map_err(|outcome| failed(&name, &outcome, &report.log))?;
        recorder.step(name, BlobHash::of(&bytes), report.usage.fuel);
        spool.push(&bytes)?;
        if job.has_check() {
            check(job, task, (index, chunk), bytes, &mut recorder)?;
        }
    }
    let chunks = plan.chunks.len();
    let result = match manifest.reduce {
        ReduceMode::Concat => spool.into_file(),
        ReduceMode::Reduce => reduce(job, task, spool, &mut recorder)?,
    };
    finish(result, chunks, recorder)
}

fn cut(job: &LoadedJob, task: &LocalTask, refs: &[InputRef], recorder: &mut Recorder) -> Result<Plan, CliError> {
    let hint = PlanHint {
        chunk_size: task.chunk_size,
        target_chunks: TARGET_CHUNKS,
        max_chunks: limits::MAX_CHUNKS,
    };
    let report = job.plan(PlanCall {
        params: &task.params,
        inputs: refs,
        source: Box::new(FileInputs::whole(&task.inputs)),
        hint,
        limits: &Limits::from(&task.requirements),
        cancel: &CancelToken::new(),
    });
    recorder.keep_log(&report.log);
    let plan = report.plan.map_err(|failure| {
        let message = format!("plan failed: {failure}{}", log_block(&report.log));
        CliError::new(Exit::TaskFailed, message, "correct the job's plan, or the parameters")
    })?;
    recorder.step(
        "plan".to_owned(),
        BlobHash::of(&codec::encode(&plan)),
        report.usage.fuel,
    );
    Ok(plan)
}

/// Lets the job's own check look at an output of its own `run`: what it does not accept would never be paid.
fn check(
    job: &LoadedJob,
    task: &LocalTask,
    (index, chunk): (usize, &Chunk),
    output: Vec<u8>,
    recorder: &mut Recorder,
) -> Result<(), CliError> {
    let name = format!("check of chunk {index}");
    let report = job.check(CheckCall {
        body: &chunk.body,
        slices: Box::new(FileInputs::slices(&task.inputs, &chunk.slices)),
        // On the network it is drawn; here two runs are to be the same.
        entropy_seed: *BlobHash::of(&output).as_bytes(),
        claimed: Box::new(OneOutput(Some(output))),
        limits: &Limits::from(&task.requirements),
        cancel: &CancelToken::new(),
    });
    recorder.keep_log(&report.log);
    recorder.memory_bytes = recorder.memory_bytes.max(report.usage.memory_bytes);
    match report.outcome {
        Ok(true) => {
            recorder.step(name, BlobHash::default(), report.usage.fuel);
            recorder.checked += 1;
            Ok(())
        }
        Ok(false) => {
            let message = format!(
                "{name}: the job's check refuted the job's own output{}",
                log_block(&report.log)
            );
            Err(CliError::new(
                Exit::TaskFailed,
                message,
                "correct the job's run or its check",
            ))
        }
        Err(outcome) => Err(failed(&name, &outcome, &report.log)),
    }
}

fn reduce(job: &LoadedJob, task: &LocalTask, spool: Spool, recorder: &mut Recorder) -> Result<File, CliError> {
    let mut result = sources::temporary()?;
    let out = result.try_clone().map_err(|error| sources::temporary_failed(&error))?;
    let report = job.reduce(ReduceCall {
        params: &task.params,
        partials: Box::new(spool.into_partials()?),
        out: Box::new(out),
        entropy_seed: job.entropy_seed(&task.params),
        limits: &Limits::from(&task.requirements),
        cancel: &CancelToken::new(),
    });
    recorder.keep_log(&report.log);
    report
        .outcome
        .map_err(|outcome| failed("reduce", &outcome, &report.log))?;
    result
        .flush()
        .and_then(|()| result.rewind())
        .map_err(|error| sources::temporary_failed(&error))?;
    let hash = BlobHash::of_reader(&result).map_err(|error| sources::temporary_failed(&error))?;
    recorder.step("reduce".to_owned(), hash, report.usage.fuel);
    Ok(result)
}

fn finish(mut result: File, chunks: usize, recorder: Recorder) -> Result<LocalRun, CliError> {
    let failed = |error: std::io::Error| sources::temporary_failed(&error);
    result.rewind().map_err(failed)?;
    let result_hash = BlobHash::of_reader(&result).map_err(failed)?;
    let result_bytes = result.metadata().map_err(failed)?.len();
    result.rewind().map_err(failed)?;
    let Recorder {
        steps,
        checked,
        memory_bytes,
        log,
    } = recorder;
    Ok(LocalRun {
        steps,
        chunks,
        checked,
        result,
        result_hash,
        result_bytes,
        memory_bytes,
        log,
    })
}

/// Collects what the calls leave behind.
#[derive(Default)]
struct Recorder {
    steps: Vec<Step>,
    checked: usize,
    memory_bytes: u64,
    log: Vec<String>,
}

impl Recorder {
    fn step(&mut self, name: String, output: BlobHash, fuel: u64) {
        self.steps.push(Step { name, output, fuel });
    }

    fn keep_log(&mut self, log: &str) {
        let room = MAX_LOG_LINES.saturating_sub(self.log.len());
        self.log.extend(log.lines().take(room).map(str::to_owned));
    }
}

fn failed(name: &str, outcome: &Outcome, log: &str) -> CliError {
    let what = match outcome {
        Outcome::GuestError(message) => format!("the job returned an error: {message}"),
        Outcome::Trap { kind, detail } => format!("trap ({kind:?}): {detail}"),
        other => other.error_text(),
    };
    let message = format!("{name} failed: {what}{}", log_block(log));
    CliError::new(
        Exit::TaskFailed,
        message,
        "correct the job, its parameters, or its limits (--fuel, --memory, --timeout)",
    )
}

fn log_block(log: &str) -> String {
    if log.is_empty() {
        String::new()
    } else {
        format!("\nlog:\n{}", log.trim_end())
    }
}
