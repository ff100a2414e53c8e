//! Publishing, listing and describing jobs.

use super::{bad_input, internal, not_found};
use crate::context::{Context, now};
use crate::control::protocol::{ControlError, ErrorCode, JobReport};
use crate::core::Core;
use crate::effects::Effect;
use blob_store::Pin;
use job_model::limits::MAX_COMPONENT_BYTES;
use job_model::message::JobAdvert;
use job_model::{BlobHash, Event, JobId, Manifest};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;
use wasm_runtime::LoadedJob;

/// Reads a component, compiles it and asks it what it is.
async fn inspect(
    context: &Arc<Context>,
    shown: &str,
    bytes: Vec<u8>,
) -> Result<(Vec<u8>, Arc<LoadedJob>, Manifest), ControlError> {
    let engine = context.engine.clone();
    let loading = context
        .runtime
        .spawn_blocking(move || engine.load(&bytes).map(|job| (bytes, job)));
    let loaded = loading.await.map_err(internal)?;
    let (bytes, job) = loaded.map_err(|error| bad_input(format!("{shown}: {error}"), ""))?;
    let describing = Arc::clone(&job);
    let described = context
        .on_local_pool(move || describing.describe())
        .await
        .map_err(internal)?;
    let manifest =
        described.map_err(|error| bad_input(format!("{shown}: {error}"), "see `p2pjob new` for a job that works"))?;
    check_schema(&manifest)?;
    check_checked(&manifest, job.has_check())
        .map_err(|(message, remedy)| bad_input(format!("{shown}: {message}"), remedy))?;
    Ok((bytes, job, manifest))
}

/// Whether the manifest says the truth about the export `check`: message and remedy if not.
fn check_checked(manifest: &Manifest, has_check: bool) -> Result<(), (String, &'static str)> {
    match (manifest.checked, has_check) {
        (true, false) => Err((
            format!("job {} says that it is checked and exports no check", manifest.name),
            "say `export_job!(.., checked)`, or leave `checked` out of the manifest",
        )),
        (false, true) => Err((
            format!(
                "job {} exports check, and its manifest does not say that it is checked",
                manifest.name
            ),
            "set `const CHECKED: bool = true`, or `\"checked\": true` in the manifest",
        )),
        _ => Ok(()),
    }
}

fn check_schema(manifest: &Manifest) -> Result<(), ControlError> {
    jsonschema::validator_for(&manifest.params_schema)
        .map(|_| ())
        .map_err(|error| {
            bad_input(
                format!("job {}: params_schema is no valid JSON Schema: {error}", manifest.name),
                "derive it from the parameters' type as the SDK does",
            )
        })
}

/// Imports a component and makes it known by name.
pub async fn publish(context: &Arc<Context>, path: &Path) -> Result<JobReport, ControlError> {
    let shown = path.display().to_string();
    let meta = tokio::fs::metadata(path).await.map_err(|error| {
        bad_input(
            format!("cannot read {shown}: {error}"),
            "check the path; the node reads it as its own user",
        )
    })?;
    check_size(&shown, meta.len())?;
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|error| bad_input(format!("cannot read {shown}: {error}"), ""))?;
    publish_bytes(context, &shown, bytes).await
}

/// Makes a component that is in the store as a blob known by name.
pub async fn publish_blob(context: &Arc<Context>, hash: BlobHash) -> Result<JobReport, ControlError> {
    let shown = format!("blob {hash}");
    let size = context
        .store
        .size(hash)
        .await
        .ok_or_else(|| not_found(format!("{shown} is not here"), "upload the component first"))?;
    check_size(&shown, size)?;
    let bytes = context.store.read(hash, 0, size).await.map_err(internal)?;
    publish_bytes(context, &shown, bytes.to_vec()).await
}

fn check_size(shown: &str, size: u64) -> Result<(), ControlError> {
    if size <= MAX_COMPONENT_BYTES {
        return Ok(());
    }
    Err(bad_input(
        format!("{shown} has {size} bytes, a component may have at most {MAX_COMPONENT_BYTES}"),
        "strip debug information, and keep data in inputs instead of the component",
    ))
}

async fn publish_bytes(context: &Arc<Context>, shown: &str, bytes: Vec<u8>) -> Result<JobReport, ControlError> {
    let (bytes, job, manifest) = inspect(context, shown, bytes).await?;
    let size = bytes.len() as u64;
    let id = job.id();
    let stored = context.store.import_bytes(bytes.into(), &Pin::Job(id)).await;
    stored.map_err(|error| ControlError {
        code: ErrorCode::Limit,
        message: format!("cannot store the component: {error}"),
        remedy: "free disk space, or raise store.quota_bytes".to_owned(),
    })?;
    // The journal will name the component.
    context.store.sync().await.map_err(internal)?;
    let me = context.me;
    let (durable, waiting) = oneshot::channel();
    let report = context
        .ask(move |core| {
            let advert = JobAdvert {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                job: id,
                size,
                at: now(),
            };
            core.emit(Event::JobPublished {
                job: id,
                size,
                publisher: me,
                manifest: Box::new(manifest),
            });
            core.effect(Effect::AnnounceJob(advert));
            core.answer_when_durable(move || {
                // The client is gone: the job is published all the same.
                let _ = durable.send(());
            });
            core.jobs.get(&id).map(Core::job_report)
        })
        .await?;
    waiting
        .await
        .map_err(|_| ControlError::from(crate::context::Stopping))?;
    report.ok_or_else(|| internal("the job was not recorded"))
}

/// The known jobs.
pub async fn list(context: &Arc<Context>) -> Result<Vec<JobReport>, ControlError> {
    let reports = |core: &mut Core| core.jobs.list().into_iter().map(Core::job_report).collect();
    Ok(context.ask(reports).await?)
}

/// One job with its manifest; a peer's job is fetched for it.
pub async fn describe(context: &Arc<Context>, job: &str) -> Result<JobReport, ControlError> {
    let resolve = || {
        let text = job.to_owned();
        context.ask(move |core| core.jobs.resolve(&text).map(Core::job_report))
    };
    let mut resolved = resolve().await?;
    if resolved.is_err() {
        // Right after the start the jobs that every node has may still be on their way.
        context.builtins.cancelled().await;
        resolved = resolve().await?;
    }
    let mut report =
        resolved.map_err(|error| not_found(error.to_string(), "see `p2pjob jobs`, or publish it first"))?;
    if report.manifest.is_none() {
        let id = report.job;
        let pin = Pin::Job(id);
        let loaded = context.load_job(id, Some(report.size), &[report.publisher], &pin).await;
        let loaded = loaded.map_err(|why| ControlError {
            code: ErrorCode::Unavailable,
            message: format!(
                "job {} of node {} cannot be had: {why}",
                report.name,
                report.publisher.short()
            ),
            remedy: "start the node that published it, or publish it here".to_owned(),
        })?;
        let has_check = loaded.has_check();
        let described = context
            .on_local_pool(move || loaded.describe())
            .await
            .map_err(internal)?;
        let manifest = described.map_err(|error| bad_input(error.to_string(), ""))?;
        check_schema(&manifest)?;
        check_checked(&manifest, has_check).map_err(|(message, remedy)| bad_input(message, remedy))?;
        let kept = manifest.clone();
        context.ask(move |core| core.jobs.describe(id, kept)).await?;
        report.manifest = Some(manifest);
    }
    Ok(report)
}

/// The jobs every node has: components in `jobs_dir`. One that cannot be used is named and left out.
pub async fn load_builtin_jobs(context: Arc<Context>) {
    let beside = || {
        std::env::current_exe()
            .ok()
            .and_then(|exe| exe.parent().map(|dir| dir.join("jobs")))
    };
    if let Some(dir) = context.config.jobs_dir.clone().or_else(beside) {
        load_builtins_from(&context, &dir).await;
    }
    context.builtins.cancel();
}

async fn load_builtins_from(context: &Arc<Context>, dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        tracing::warn!(dir = %dir.display(), "no built-in jobs: the folder cannot be read; build them with `cargo xtask build`");
        return;
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
    {
        match load_builtin(context, path).await {
            Ok((id, size, manifest)) => {
                let me = context.me;
                // The node is stopping: then nobody needs the job.
                let _ = context
                    .ask(move |core| core.jobs.add_builtin(id, size, me, manifest))
                    .await;
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "built-in job left out"),
        }
    }
}

/// Where the manifest of a built-in job is remembered, so that the next start need not compile it.
fn manifest_path(context: &Context, id: &JobId) -> PathBuf {
    context
        .cache_dir
        .join(format!("{id}-{}.manifest.json", context.profile.short()))
}

async fn load_builtin(context: &Arc<Context>, path: &Path) -> Result<(JobId, u64, Manifest), ControlError> {
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|error| bad_input(error.to_string(), ""))?;
    let (id, size) = (JobId::of(&bytes), bytes.len() as u64);
    let kept = manifest_path(context, &id);
    let known = tokio::fs::read_to_string(&kept)
        .await
        .ok()
        .and_then(|text| Manifest::parse(&text).ok());
    let manifest = match known {
        Some(manifest) => manifest,
        None => {
            let shown = path.display().to_string();
            let (_, _, manifest) = inspect(context, &shown, bytes.clone()).await?;
            let text = serde_json::to_vec(&manifest).unwrap_or_default();
            // Without it the next start asks the job again.
            let _ = tokio::fs::write(&kept, text).await;
            manifest
        }
    };
    if !context.store.has(id.blob()).await {
        context
            .store
            .import_bytes(bytes.into(), &Pin::Job(id))
            .await
            .map_err(internal)?;
    }
    Ok((id, size, manifest))
}
