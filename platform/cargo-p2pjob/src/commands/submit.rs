//! `submit JOB`: a quote first, then the task; with `--wait` a progress bar and the result.

use super::fetch::{fetch_bytes, fetch_file};
use super::task_args::TaskArgs;
use crate::app::App;
use crate::error::{CliError, Exit};
use crate::follow::{describe, exit_of_status, follow, task_object};
use crate::quantities::{self, show_bytes};
use crate::session::{Session, existing_file};
use job_model::{
    Comparison, MicroCredits, Placement, Priority, Requirements, TaskConfig, TaskId, TaskStatus, VerifyPolicy,
};
use node::control::protocol::{InputSource, Progress, QuoteReport, Reply, Request, SubmitRequest, TaskReport};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A text result up to this size is printed; a larger one is fetched by its hash.
const MAX_SHOWN_RESULT_BYTES: u64 = 64 << 10;

/// Arguments of `submit`.
#[derive(clap::Args, Debug)]
pub struct SubmitArgs {
    /// The job: name, name@version, or hash
    pub job: String,
    #[command(flatten)]
    pub task: TaskArgs,
    /// low, normal, high or critical; costs 0.8, 1, 1.5 or 2 times the price
    #[arg(long, value_name = "CLASS", value_parser = quantities::priority)]
    pub priority: Option<Priority>,
    /// Most credits the task may cost
    #[arg(long, value_name = "CREDITS", value_parser = quantities::credits)]
    pub max_price: Option<MicroCredits>,
    /// none, spot:0.1, quorum:3 or check: the job's own check (else: what the job asks for)
    #[arg(long, value_name = "POLICY", value_parser = quantities::verify)]
    pub verify: Option<VerifyPolicy>,
    /// exact: replicas have the same bytes; tolerance, or tolerance:1e-5,1e-6 (relative, absolute): their numbers are close;
    /// tolerance:1e-5,1e-6,f32 for bare numbers (else: what the job asks for, tolerance for float class fast)
    #[arg(long, value_name = "HOW", value_parser = quantities::compare)]
    pub compare: Option<Comparison>,
    /// Only on nodes that compute on a GPU; float class fast
    #[arg(long)]
    pub gpu: bool,
    /// Give up this long after submit, such as 10m
    #[arg(long, value_name = "TIME", value_parser = quantities::duration)]
    pub deadline: Option<Duration>,
    /// round_robin, least_loaded, power_of_two, cheapest, nearest or data_local
    #[arg(long, value_name = "NAME", value_parser = quantities::placement)]
    pub placement: Option<Placement>,
    /// Run every chunk, even where a result is known
    #[arg(long)]
    pub no_memo: bool,
    /// Do not ask for a quote first
    #[arg(long)]
    pub no_quote: bool,
    /// Only show the quote
    #[arg(long, conflicts_with_all = ["no_quote", "wait", "output"])]
    pub dry_run: bool,
    /// Wait for the end; Ctrl-C leaves the task running
    #[arg(long)]
    pub wait: bool,
    /// Wait, and write the result to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Runs `submit`.
pub fn run(app: &App, args: &SubmitArgs) -> Result<Exit, CliError> {
    let request = request_of(args)?;
    let session = app.connect()?;
    let quote = if args.no_quote {
        None
    } else {
        Some(ask_quote(app, &session, &request)?)
    };
    if args.dry_run {
        app.console.result(&json!({ "quote": quote }), |_| {
            quote.as_deref().map(describe_quote).unwrap_or_default()
        })?;
        return Ok(Exit::Ok);
    }
    if let Some(quote) = &quote {
        app.console.note(&describe_quote(quote));
    }
    let mut on_progress = |progress| show_step(app, &progress);
    let Reply::Submitted { task } = session.ask_with(Request::Submit(Box::new(request)), &mut on_progress)? else {
        return Err(CliError::surprise("submit"));
    };
    if !args.wait && args.output.is_none() {
        let object = json!({ "task_id": task, "status": TaskStatus::Pending, "quote": quote });
        app.console.result(&object, |_| {
            format!("submitted {task}\nfollow it with `p2pjob watch {}`", task.short())
        })?;
        return Ok(Exit::Ok);
    }
    finish(app, &session, args, task, quote)
}

fn request_of(args: &SubmitArgs) -> Result<SubmitRequest, CliError> {
    let defaults = TaskConfig::default();
    let config = TaskConfig {
        priority: args.priority.unwrap_or_default(),
        max_price: args.max_price,
        deadline_ms: args
            .deadline
            .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        chunk_size: args.task.chunk_size,
        verify: args.verify.unwrap_or(defaults.verify),
        compare: args.compare.unwrap_or_default(),
        placement: args.placement.unwrap_or_default(),
        memo: !args.no_memo,
    };
    let mut inputs = Vec::new();
    for (name, value) in args.task.named_inputs()? {
        inputs.push((name.to_owned(), input_source(value)?));
    }
    Ok(SubmitRequest {
        job: args.job.clone(),
        params_json: Value::Object(args.task.parameters()?).to_string(),
        inputs,
        requirements: Requirements {
            gpu: args.gpu,
            ..args.task.requirements()
        },
        config,
        verify_default: args.verify.is_none(),
        class_default: args.task.float_class.is_none(),
        compare_default: args.compare.is_none(),
        owner: String::new(),
    })
}

/// A file where there is one of that name, else a hash.
fn input_source(value: &str) -> Result<InputSource, CliError> {
    let path = Path::new(value);
    match value.parse() {
        Ok(hash) if !path.exists() => Ok(InputSource::Hash(hash)),
        _ => Ok(InputSource::Path(existing_file(path)?)),
    }
}

fn ask_quote(app: &App, session: &Session, request: &SubmitRequest) -> Result<Box<QuoteReport>, CliError> {
    let mut on_progress = |progress| show_step(app, &progress);
    match session.ask_with(Request::Quote(Box::new(request.clone())), &mut on_progress)? {
        Reply::Quote(quote) => Ok(quote),
        _ => Err(CliError::surprise("quote")),
    }
}

fn show_step(app: &App, progress: &Progress) {
    if let Progress::Step(step) = progress {
        app.console.note(step);
    }
}

fn describe_quote(quote: &QuoteReport) -> String {
    let offers = quote.workers.iter().filter(|worker| worker.refused.is_none()).count();
    let recalled = if quote.recalled > 0 {
        format!(" ({} known already)", quote.recalled)
    } else {
        String::new()
    };
    let basis = if quote.from_history {
        "from earlier runs"
    } else {
        "a first guess"
    };
    let input = if quote.input_bytes > 0 {
        format!(" over {} of input", show_bytes(quote.input_bytes))
    } else {
        String::new()
    };
    let (job, chunks, replicas, estimate) = (&quote.job_name, quote.chunks, quote.replicas, quote.estimate);
    let nodes = quote.workers.len();
    let mut text = format!(
        "quote: {job} in {chunks} chunks{recalled} x {replicas} replicas{input}: about {estimate} credits ({basis}), \
         {offers} of {nodes} nodes offer"
    );
    for worker in &quote.workers {
        if let Some(why) = &worker.refused {
            text.push_str(&format!("\n  node {} does not: {why}", worker.node.short()));
        }
    }
    text
}

/// Waits, and shows or writes the result.
fn finish(
    app: &App,
    session: &Session,
    args: &SubmitArgs,
    task: TaskId,
    quote: Option<Box<QuoteReport>>,
) -> Result<Exit, CliError> {
    let report = follow(app, session, task)?;
    let written = match (&args.output, report.result_hash) {
        (Some(path), Some(hash)) => Some(fetch_file(app, session, hash, path)?.path),
        _ => None,
    };
    let text = if written.is_none() {
        result_text(app, session, &report)?
    } else {
        None
    };
    let mut object = task_object(&report)?;
    object.insert("quote".to_owned(), json!(quote));
    object.insert("result_text".to_owned(), json!(text));
    object.insert("result_path".to_owned(), json!(written));
    app.console.result(&object, |console| {
        let mut shown = describe(console, &report);
        match (&written, &text, report.result_hash) {
            (Some(path), ..) => shown.push_str(&format!("\nwritten to  {}", path.display())),
            (None, Some(text), _) => shown.push_str(&format!("\n\n{}", text.trim_end())),
            (None, None, Some(hash)) => shown.push_str(&format!("\nget it with p2pjob fetch {hash} -o FILE")),
            (None, None, None) => shown.push_str(&format!("\nsee why     p2pjob logs {}", report.task_id.short())),
        }
        shown
    })?;
    Ok(exit_of_status(report.status))
}

/// The result, when it is text and small.
fn result_text(app: &App, session: &Session, report: &TaskReport) -> Result<Option<String>, CliError> {
    let small = report.result_bytes.is_some_and(|bytes| bytes <= MAX_SHOWN_RESULT_BYTES);
    match report.result_hash {
        Some(hash) if small => Ok(String::from_utf8(fetch_bytes(app, session, hash)?).ok()),
        _ => Ok(None),
    }
}
