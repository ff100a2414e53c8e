//! From what a user types to a task: job, parameters, inputs; then a quote or a submission.

use super::{bad_input, internal, jobs};
use crate::context::{Context, Stopping};
use crate::control::protocol::{ControlError, Progress, QuoteReport, SubmitRequest, WorkerQuote};
use crate::control::server::Replies;
use crate::core::Standing;
use crate::requester;
use blob_store::Pin;
use job_model::manifest::{InputDecl, JobVerify};
use job_model::task::{InputRef, TaskSpec, VerifyPolicy};
use job_model::{Comparison, FloatClass, Manifest, MicroCredits, Requirements, TaskConfig, TaskId, limits};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long workers have to answer a quote that a person waits for.
const QUOTE_WAIT: Duration = Duration::from_millis(1_000);
/// How often their answers are looked at.
const QUOTE_POLL: Duration = Duration::from_millis(20);
/// Wrong fields that are named at once.
const MAX_SCHEMA_ERRORS: usize = 50;
/// The pin of inputs that were imported for a quote; the task pins them again.
pub const IMPORT_PIN: &str = "submitted-inputs";

/// Checks everything a user gave and binds the inputs.
async fn specify(context: &Arc<Context>, request: SubmitRequest, replies: &Replies) -> Result<TaskSpec, ControlError> {
    let job = jobs::describe(context, &request.job).await?;
    let manifest = job.manifest.ok_or_else(|| internal("the job has no manifest"))?;
    let params = check_params(&manifest, &request.params_json)?;
    let mut config = request.config;
    if request.verify_default {
        config.verify = match manifest.verify {
            JobVerify::None => VerifyPolicy::None,
            JobVerify::Quorum => VerifyPolicy::Quorum(2),
            JobVerify::Check => VerifyPolicy::Check,
        };
    }
    let mut requirements = request.requirements;
    if request.class_default {
        let class = manifest.float_class;
        requirements.float_class = if requirements.gpu { FloatClass::Fast } else { class };
    }
    if request.compare_default {
        let by_class = Comparison::of_class(requirements.float_class);
        // The same bits need no tolerance.
        let of_job = manifest.compare.filter(|_| !requirements.float_class.is_exact());
        config.compare = of_job.unwrap_or(by_class);
    }
    check_config(&config)?;
    check_floats(&requirements, &config)?;
    if config.verify == VerifyPolicy::Check && !manifest.checked {
        return Err(bad_input(
            format!(
                "job {} has no check of its own, so its results cannot be verified by one",
                manifest.name
            ),
            "use --verify quorum:2, or another of its versions; `p2pjob jobs NAME` says whether a job is checked",
        ));
    }
    requirements.memory_bytes = requirements.memory_bytes.max(manifest.memory_bytes);
    let given = check_inputs(&manifest, &request.inputs)?;
    let mut inputs = Vec::new();
    for (decl, source) in given {
        replies.offer(Progress::Step(format!("reading input {}", decl.name)));
        let pin = Pin::Named(IMPORT_PIN.to_owned());
        let (hash, size) = requester::import_input(context, source, &pin).await?;
        inputs.push(InputRef {
            name: decl.name.clone(),
            hash,
            size,
        });
    }
    Ok(TaskSpec {
        job: job.job,
        job_name: job.name,
        params,
        inputs,
        requirements,
        config,
    })
}

fn check_config(config: &TaskConfig) -> Result<(), ControlError> {
    match config.verify {
        VerifyPolicy::Quorum(0) => Err(bad_input("quorum(0) verifies nothing", "use --verify none or quorum:2")),
        VerifyPolicy::Quorum(k) if u32::from(k) > limits::MAX_ATTEMPTS => Err(bad_input(
            format!(
                "quorum({k}) is more than the {} executions a chunk may have",
                limits::MAX_ATTEMPTS
            ),
            "",
        )),
        VerifyPolicy::Spot(p) if !(0.0..=1.0).contains(&p) => Err(bad_input(
            format!("spot({p}) is no probability"),
            "use a number from 0 to 1",
        )),
        _ => Ok(()),
    }
}

/// Float class, device and comparison against each other.
fn check_floats(requirements: &Requirements, config: &TaskConfig) -> Result<(), ControlError> {
    config
        .compare
        .check()
        .map_err(|error| bad_input(error.to_string(), "use --compare tolerance:1e-5,1e-6"))?;
    if requirements.gpu && requirements.float_class.is_exact() {
        return Err(bad_input(
            "float class exact is computed on CPUs, and a GPU is asked for",
            "use --float-class fast, or leave --gpu out",
        ));
    }
    let repeated = match config.verify {
        VerifyPolicy::Quorum(k) => k > 1,
        VerifyPolicy::Spot(p) => p > 0.0,
        VerifyPolicy::None | VerifyPolicy::Check => false,
    };
    if repeated && !requirements.float_class.is_exact() && config.compare.is_exact() {
        return Err(bad_input(
            "in float class fast nodes give different bits, so that replicas never agree exactly",
            "leave --compare out, or use --compare tolerance:1e-5,1e-6, --verify check or --verify none",
        ));
    }
    Ok(())
}

/// Parameters against the job's schema: every wrong field is named. Returns them as CBOR.
fn check_params(manifest: &Manifest, text: &str) -> Result<Vec<u8>, ControlError> {
    let value: serde_json::Value = serde_json::from_str(if text.trim().is_empty() { "{}" } else { text })
        .map_err(|error| bad_input(format!("the parameters are not JSON: {error}"), ""))?;
    let validator = jsonschema::validator_for(&manifest.params_schema).map_err(internal)?;
    let wrong: Vec<String> = validator
        .iter_errors(&value)
        .take(MAX_SCHEMA_ERRORS)
        .map(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() {
                "parameters".to_owned()
            } else {
                place
            };
            format!("{place}: {error}")
        })
        .collect();
    if !wrong.is_empty() {
        let message = format!("parameters of {}: {}", manifest.name, wrong.join("; "));
        return Err(bad_input(
            message,
            &format!("see `p2pjob jobs {}` for its schema", manifest.name),
        ));
    }
    let params = job_model::codec::encode_json(&value);
    if params.len() > limits::MAX_PARAMS_BYTES {
        let message = format!(
            "the parameters have {} bytes, at most {} are allowed",
            params.len(),
            limits::MAX_PARAMS_BYTES
        );
        return Err(bad_input(message, "give large data as --input"));
    }
    Ok(params)
}

type Bound<'a> = (&'a InputDecl, &'a crate::control::protocol::InputSource);

/// Inputs in the manifest's order; all wrong ones are named at once. Optional inputs at the end may be left out.
fn check_inputs<'a>(
    manifest: &'a Manifest,
    given: &'a [(String, crate::control::protocol::InputSource)],
) -> Result<Vec<Bound<'a>>, ControlError> {
    let by_name: BTreeMap<&str, _> = given.iter().map(|(name, source)| (name.as_str(), source)).collect();
    let declared = || {
        manifest
            .inputs
            .iter()
            .map(|decl| decl.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut wrong: Vec<String> = Vec::new();
    for name in by_name.keys() {
        if !manifest.inputs.iter().any(|decl| decl.name == **name) {
            wrong.push(format!(
                "job {} has no input {name:?} (it has: {})",
                manifest.name,
                declared()
            ));
        }
    }
    if by_name.len() < given.len() {
        wrong.push("an input is given twice".to_owned());
    }
    for decl in manifest
        .inputs
        .iter()
        .filter(|decl| decl.required && !by_name.contains_key(decl.name.as_str()))
    {
        wrong.push(format!("input {:?} is missing", decl.name));
    }
    if !wrong.is_empty() {
        return Err(bad_input(
            wrong.join("; "),
            "bind inputs with --input NAME=PATH or --input NAME=HASH",
        ));
    }
    Ok(manifest
        .inputs
        .iter()
        .filter_map(|decl| Some((decl, *by_name.get(decl.name.as_str())?)))
        .collect())
}

/// Validates, plans, and says what it would cost.
pub async fn quote(
    context: &Arc<Context>,
    request: SubmitRequest,
    replies: &Replies,
) -> Result<QuoteReport, ControlError> {
    let spec = specify(context, request, replies).await?;
    replies.offer(Progress::Step("planning".to_owned()));
    let cut = requester::plan_once(context, &spec)
        .await
        .map_err(|error| bad_input(error.to_string(), ""))?;
    let recalled = requester::recall(context, &spec, &cut.plan).await.len();
    let offers = wait_for_offers(context, &spec).await?;
    let chunks = u32::try_from(cut.plan.chunks.len()).unwrap_or(u32::MAX);
    let recalled = u32::try_from(recalled).unwrap_or(u32::MAX);
    let replicas = match spec.config.verify {
        VerifyPolicy::Quorum(k) => u32::from(k),
        VerifyPolicy::None | VerifyPolicy::Spot(_) | VerifyPolicy::Check => 1,
    };
    let job = spec.job;
    let from_history = context.ask(move |core| core.has_history(&job)).await?;
    let prices: Vec<MicroCredits> = offers
        .iter()
        .filter(|o| o.quote.is_some())
        .map(|o| o.expected)
        .collect();
    let mean = prices.iter().copied().sum::<MicroCredits>().0 / i64::try_from(prices.len().max(1)).unwrap_or(1);
    let runs = i64::from(chunks.saturating_sub(recalled)).saturating_mul(i64::from(replicas));
    let workers = offers.into_iter().map(|offer| WorkerQuote {
        node: offer.node,
        rates: offer.quote.map(|(rates, _)| rates),
        slots: offer.quote.map_or(0, |(_, slots)| slots),
        expected: offer.expected,
        refused: offer.refused,
    });
    Ok(QuoteReport {
        job: spec.job,
        job_name: spec.job_name.clone(),
        chunks,
        recalled,
        replicas,
        estimate: MicroCredits(mean.saturating_mul(runs)),
        from_history,
        workers: workers.collect(),
        input_bytes: spec.inputs.iter().map(|input| input.size).sum(),
    })
}

async fn wait_for_offers(context: &Arc<Context>, spec: &TaskSpec) -> Result<Vec<Standing>, ControlError> {
    let (job, priority, requirements) = (spec.job, spec.config.priority, spec.requirements.clone());
    context
        .ask(move |core| core.request_quotes(job, priority, &requirements))
        .await?;
    let deadline = tokio::time::Instant::now() + QUOTE_WAIT;
    loop {
        let (offers, waiting) = context.ask(move |core| core.standing_offers(job, priority)).await?;
        if !waiting || tokio::time::Instant::now() >= deadline {
            return Ok(offers);
        }
        tokio::time::sleep(QUOTE_POLL).await;
    }
}

/// Submits a task; answers when it is on disk.
pub async fn submit(context: &Arc<Context>, request: SubmitRequest, replies: &Replies) -> Result<TaskId, ControlError> {
    let mut nonce = [0u8; 16];
    getrandom::fill(&mut nonce).map_err(internal)?;
    submit_with(context, request, nonce, replies).await
}

/// Submits a task whose id follows from its specification and a nonce; the same again is the task that is there.
pub async fn submit_with(
    context: &Arc<Context>,
    request: SubmitRequest,
    nonce: [u8; 16],
    replies: &Replies,
) -> Result<TaskId, ControlError> {
    let owner = request.owner.clone();
    let spec = specify(context, request, replies).await?;
    let task = spec.id(&context.me, &nonce);
    if context.ask(move |core| core.tasks.get(&task).is_some()).await? {
        return Ok(task);
    }
    for input in &spec.inputs {
        let pinned = context.store.pin(input.hash, &Pin::Task(task)).await;
        pinned.map_err(|error| internal(format!("cannot pin input {}: {error}", input.name)))?;
        // The task keeps it from now on. If this fails it is kept until the next start.
        let _ = context
            .store
            .unpin_blob(input.hash, &Pin::Named(IMPORT_PIN.to_owned()))
            .await;
    }
    if !spec.inputs.is_empty() {
        // The journal will name the inputs.
        context.store.sync().await.map_err(internal)?;
    }
    context.own_tasks.lock().insert(task);
    let (durable, waiting) = oneshot::channel();
    context
        .ask(move |core| {
            // The same request may have come twice at once.
            if core.tasks.get(&task).is_none() {
                core.submit(task, spec, owner);
            }
            core.answer_when_durable(move || {
                // The client is gone: the task is submitted all the same.
                let _ = durable.send(());
            });
        })
        .await?;
    waiting.await.map_err(|_| ControlError::from(Stopping))?;
    Ok(task)
}
