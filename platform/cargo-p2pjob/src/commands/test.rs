//! `test [DIR|FILE.wasm]`: runs a job here, twice, and fails when output or fuel differ.

use super::build::component_of;
use super::task_args::TaskArgs;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::local_run::{LocalRun, LocalTask, encode_params, open_inputs, run_once};
use crate::quantities::{show_bytes, show_millis};
use job_model::{BlobHash, JobId, Manifest, limits};
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use wasm_runtime::{Engine, EngineOptions, LoadError, LoadedJob};

/// A text result up to this size is printed.
const MAX_SHOWN_RESULT_BYTES: u64 = 64 << 10;
/// Sandboxes at the same time: calls follow each other here.
const SLOTS: u32 = 1;

/// Arguments of `test`.
#[derive(clap::Args, Debug)]
pub struct TestArgs {
    /// A job's crate (built first), or a component
    #[arg(default_value = ".")]
    pub path: PathBuf,
    #[command(flatten)]
    pub task: TaskArgs,
    /// Write the result to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Tested {
    job: JobId,
    name: String,
    deterministic: bool,
    difference: Option<String>,
    chunks: usize,
    /// Outputs that the job's own check accepted; 0: it has none.
    checked: usize,
    fuel: u64,
    memory_bytes: u64,
    wall_ms: u64,
    result_hash: BlobHash,
    result_bytes: u64,
    result_text: Option<String>,
    log: Vec<String>,
}

/// Runs `test`.
pub fn run(app: &App, args: &TestArgs) -> Result<Exit, CliError> {
    let (engine, job, manifest) = load(app, &args.path, args.task.memory)?;
    let parameters = args.task.parameters()?;
    let mut requirements = args.task.requirements();
    requirements.float_class = args.task.float_class.unwrap_or(manifest.float_class);
    let task = LocalTask {
        params: encode_params(&parameters),
        inputs: open_inputs(&manifest, &args.task.named_inputs()?)?,
        requirements,
        chunk_size: args.task.chunk_size,
        profile: engine.profile(),
    };
    let started = Instant::now();
    let first = run_once(&job, &manifest, &task)?;
    let wall_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let second = run_once(&job, &manifest, &task)?;
    let difference = first.difference(&second);
    let text = keep_result(&first, args.output.as_deref())?;
    let tested = Tested {
        job: job.id(),
        name: manifest.name,
        deterministic: difference.is_none(),
        difference,
        chunks: first.chunks,
        checked: first.checked,
        fuel: first.fuel(),
        memory_bytes: first.memory_bytes,
        wall_ms,
        result_hash: first.result_hash,
        result_bytes: first.result_bytes,
        result_text: text,
        log: first.log,
    };
    app.console.result(&tested, |_| describe(&tested))?;
    Ok(if tested.deterministic {
        Exit::Ok
    } else {
        Exit::TaskFailed
    })
}

/// Loads the component of a folder or file, and asks it for its manifest.
fn load(app: &App, path: &Path, memory: Option<u64>) -> Result<(Engine, Arc<LoadedJob>, Manifest), CliError> {
    let component = component_of(app, path)?;
    let unreadable = |error: std::io::Error| CliError::file("read", &component, &error);
    let size = std::fs::metadata(&component).map_err(unreadable)?.len();
    let refused = |error: LoadError| CliError::new(Exit::BadInput, format!("{}: {error}", component.display()), "");
    LoadError::check_size(size).map_err(refused)?;
    let bytes = std::fs::read(&component).map_err(unreadable)?;
    let cache_dir = app
        .environment
        .user_folder("XDG_CACHE_HOME", ".cache")
        .join("p2pjob/compiled");
    let max_memory_bytes = memory.unwrap_or(0).max(limits::DEFAULT_MEMORY_BYTES);
    let fast = super::compute_process::host("auto", &app.environment, &cache_dir)
        .map_err(|error| CliError::new(Exit::Environment, format!("this program is not found: {error}"), ""))?;
    let options = EngineOptions {
        fast: Some(Arc::new(fast)),
        burn: Some(Arc::new(burn_host::ExactHost)),
        ..EngineOptions::new(cache_dir, SLOTS, max_memory_bytes)
    };
    let engine = Engine::new(options).map_err(|error| CliError::new(Exit::Environment, error.to_string(), ""))?;
    let job = engine.load(&bytes).map_err(refused)?;
    let manifest = job.describe().map_err(|error| {
        CliError::new(
            Exit::BadInput,
            format!("{}: {error}", component.display()),
            "correct the job's manifest",
        )
    })?;
    Ok((engine, job, manifest))
}

/// Writes the result where it was asked for; else reads it as text, when it is text and small.
fn keep_result(run: &LocalRun, output: Option<&Path>) -> Result<Option<String>, CliError> {
    let mut result = &run.result;
    if let Some(path) = output {
        let mut file = std::fs::File::create(path).map_err(|error| CliError::file("write", path, &error))?;
        std::io::copy(&mut result, &mut file).map_err(|error| CliError::file("write", path, &error))?;
        return Ok(None);
    }
    if run.result_bytes > MAX_SHOWN_RESULT_BYTES {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = result.read_to_end(&mut bytes);
    read.map_err(|error| CliError::file("read", Path::new("the result"), &error))?;
    Ok(String::from_utf8(bytes).ok())
}

fn describe(tested: &Tested) -> String {
    let mut lines = vec![format!("job     {} ({})", tested.name, tested.job.short())];
    lines.extend(tested.log.iter().map(|line| format!("log     {line}")));
    lines.push(format!("chunks  {}", tested.chunks));
    if tested.checked > 0 {
        lines.push(format!(
            "check   the job's own check accepts {} output(s)",
            tested.checked
        ));
    }
    lines.push(format!("fuel    {}", tested.fuel));
    lines.push(format!(
        "memory  {} in the largest sandbox",
        show_bytes(tested.memory_bytes)
    ));
    lines.push(format!("took    {}", show_millis(tested.wall_ms)));
    lines.push(format!(
        "result  {} ({})",
        tested.result_hash,
        show_bytes(tested.result_bytes)
    ));
    match &tested.difference {
        None => lines.push("twice   same output, same fuel".to_owned()),
        Some(difference) => lines.push(format!(
            "twice   NOT the same: {difference}; replicas of this job cannot agree"
        )),
    }
    if let Some(text) = &tested.result_text {
        lines.push(format!("\n{}", text.trim_end()));
    }
    lines.join("\n")
}
