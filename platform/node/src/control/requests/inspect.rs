//! Status, evidence, ledger, and what is wrong.

use super::{bad_input, internal, not_found, tasks};
use crate::context::Context;
use crate::control::protocol::{
    ControlError, DoctorFinding, LedgerReport, LogsReport, PeerReport, ReplayReport, ReplicaReport, StatusReport,
};
use crate::core::{Bundle, slices_by_hash};
use crate::machine;
use crate::requester;
use crate::worker;
use blob_store::Pin;
use job_model::receipt::ReplicaVerdict;
use job_model::task::{TaskSpec, TaskStatus};
use job_model::{Chunk, Event, NodeId, Outcome, Plan, TaskId, codec};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wasm_runtime::CancelToken;

/// Most replicas in one answer about logs.
const MAX_LOGGED_REPLICAS: usize = 100;
/// Journal records of one task that are read for its evidence.
const MAX_RECORDS: usize = 1 << 20;
/// The node finds fewer free bytes than this worth a warning.
const LOW_DISK_BYTES: u64 = 1 << 30;

/// The node at a glance.
pub async fn status(context: &Arc<Context>) -> Result<StatusReport, ControlError> {
    let usage = machine::usage();
    let (credits, held, peers, active, jobs, seq, reputation_score) = context
        .ask(|core| {
            let (credits, held) = core.credits();
            let connected = core.peers.values().filter(|peer| peer.connected).count();
            (
                credits,
                held,
                connected,
                core.tasks.open().count(),
                core.jobs.len(),
                core.seq(),
                core.reputation_score(),
            )
        })
        .await?;
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(StatusReport {
        node_id: context.me,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: context.data_dir.clone(),
        addresses: context.network.addresses(),
        started_at: context.started,
        peers_count: count(peers),
        active_tasks: count(active),
        running_replicas: context.worker_load.running.load(Ordering::Relaxed),
        queued_replicas: context.worker_load.queued.load(Ordering::Relaxed),
        credits,
        held,
        reputation_score,
        cpu_usage: f64::from(context.cpu.permille(&usage)) / 10.0,
        ram_bytes: usage.resident_bytes,
        store_bytes: context.store.used_bytes().await,
        profile: context.profile,
        jobs: count(jobs),
        journal_seq: seq,
    })
}

/// Balances per peer, and where the ledger file lies.
pub async fn ledger(context: &Arc<Context>) -> Result<LedgerReport, ControlError> {
    let file = context.data_dir.join("ledger.cbor");
    Ok(context.ask(move |core| core.ledger_report(file)).await?)
}

/// Every finished replica of a task as the journal has it.
async fn replicas(context: &Arc<Context>, task: TaskId) -> Result<Vec<ReplicaReport>, ControlError> {
    let journal = context.journal.clone();
    let reading = context
        .runtime
        .spawn_blocking(move || journal.page(Some(&task), 1, MAX_RECORDS));
    let records = reading.await.map_err(internal)?.map_err(internal)?;
    let mut verdicts: BTreeMap<(u32, u32), ReplicaVerdict> = BTreeMap::new();
    let mut found = Vec::new();
    for record in records {
        match record.event {
            Event::ReplicasFinished { worker, results, .. } => {
                let at = record.at;
                found.extend(results.into_iter().map(|result| ReplicaReport {
                    worker,
                    at,
                    result,
                    verdict: String::new(),
                    bundle: None,
                    inputs: Vec::new(),
                }));
            }
            Event::ChunksVerified { verdicts: decided, .. } => {
                for chunk in decided {
                    verdicts.extend(
                        chunk
                            .replicas
                            .iter()
                            .map(|(attempt, _, verdict)| ((chunk.chunk, *attempt), *verdict)),
                    );
                }
            }
            _ => {}
        }
    }
    for report in &mut found {
        let verdict = verdicts.get(&(report.result.chunk, report.result.attempt));
        report.verdict = verdict
            .map(|verdict| format!("{verdict:?}").to_lowercase())
            .unwrap_or_default();
    }
    Ok(found)
}

/// The specification and the plan of a task.
async fn task_parts(context: &Arc<Context>, task: TaskId) -> Result<(Arc<TaskSpec>, Option<Plan>), ControlError> {
    let found = context
        .ask(move |core| core.tasks.get(&task).map(|e| (Arc::clone(&e.spec), e.plan_hash)))
        .await?;
    let (spec, plan_hash) = found.ok_or_else(|| not_found("this node has no such task", ""))?;
    let Some(hash) = plan_hash else { return Ok((spec, None)) };
    let Some(size) = context.store.size(hash).await else {
        return Ok((spec, None));
    };
    let bytes = context.store.read(hash, 0, size).await.map_err(internal)?;
    Ok((spec, codec::decode::<Plan>(&bytes, requester::MAX_PLAN_BYTES).ok()))
}

/// What failed in a task, and what it said.
pub async fn logs(context: &Arc<Context>, text: &str, chunk: Option<u32>) -> Result<LogsReport, ControlError> {
    let task = tasks::resolve(context, text).await?;
    let report = context
        .ask(move |core| core.task_report(task))
        .await?
        .ok_or_else(|| internal("the task is gone"))?;
    let (spec, plan) = task_parts(context, task).await?;
    let mut replicas = replicas(context, task).await?;
    let failed = |r: &ReplicaReport| !r.result.outcome.is_value() || !r.result.log.is_empty() || r.verdict == "wrong";
    replicas.retain(|r| chunk.map_or_else(|| failed(r), |chunk| r.result.chunk == chunk));
    replicas.truncate(MAX_LOGGED_REPLICAS);
    for replica in &mut replicas {
        let Some(planned) = plan
            .as_ref()
            .and_then(|plan| plan.chunks.get(replica.result.chunk as usize))
        else {
            continue;
        };
        replica.inputs = slices_by_hash(&spec.inputs, &planned.slices);
        if !replica.result.outcome.is_value() {
            let bundle = Bundle::new((task, &spec, planned), context.profile, replica.worker, &replica.result).hash();
            replica.bundle = context.store.has(bundle).await.then_some(bundle);
        }
    }
    Ok(LogsReport {
        task_id: task,
        status: report.status,
        detail: report.detail,
        errors: report.errors,
        replicas,
    })
}

/// Runs one replica again here and compares.
pub async fn replay(
    context: &Arc<Context>,
    text: &str,
    chunk: u32,
    attempt: Option<u32>,
) -> Result<ReplayReport, ControlError> {
    let task = tasks::resolve(context, text).await?;
    let (spec, plan) = task_parts(context, task).await?;
    let plan = plan.ok_or_else(|| {
        not_found(
            "the task has no plan (any more)",
            "tasks are kept for store.keep_task_ms",
        )
    })?;
    let Some(planned) = plan.chunks.get(chunk as usize).cloned() else {
        return Err(bad_input(
            format!(
                "the task has {} chunks, counted from 0; there is no chunk {chunk}",
                plan.chunks.len()
            ),
            "",
        ));
    };
    let recorded = replicas(context, task).await?;
    let of_chunk = recorded.into_iter().filter(|r| r.result.chunk == chunk);
    // Without an attempt: the first failure if there is one, else the last result.
    let recorded = match attempt {
        Some(attempt) => of_chunk.into_iter().find(|r| r.result.attempt == attempt),
        None => {
            let all: Vec<ReplicaReport> = of_chunk.collect();
            all.iter()
                .find(|r| !r.result.outcome.is_value())
                .or(all.last())
                .cloned()
        }
    };
    let replayed = run_again(context, task, &spec, planned).await?;
    let compare = |r: &ReplicaReport| {
        let same = r.result.outcome.vote() == replayed.outcome.vote();
        (
            same && r.result.outcome.vote().is_some(),
            r.result.usage.fuel == replayed.usage.fuel,
        )
    };
    let (same_outcome, same_fuel) = recorded.as_ref().map_or((false, false), compare);
    Ok(ReplayReport {
        task_id: task,
        chunk,
        recorded,
        replayed,
        same_outcome,
        same_fuel,
    })
}

async fn run_again(
    context: &Arc<Context>,
    task: TaskId,
    spec: &Arc<TaskSpec>,
    chunk: Chunk,
) -> Result<job_model::event::ReplicaResult, ControlError> {
    let job = context
        .load_job(spec.job, None, &[], &Pin::Job(spec.job))
        .await
        .map_err(internal)?;
    let details = worker::Details::local(context.me, task, spec);
    let here = Arc::clone(context);
    let run = move || worker::execute(&here, &job, &details, &chunk, &CancelToken::new());
    let result = context.on_local_pool(run).await.map_err(internal)?;
    if let Outcome::NoVerdict(why) = &result.outcome {
        tracing::info!(%why, "a replay brought no verdict");
    }
    Ok(result)
}

fn finding(level: &str, check: &str, finding: String, remedy: &str) -> DoctorFinding {
    DoctorFinding {
        level: level.to_owned(),
        check: check.to_owned(),
        finding,
        remedy: remedy.to_owned(),
    }
}

/// Checks, each with a remedy.
pub async fn doctor(context: &Arc<Context>) -> Result<Vec<DoctorFinding>, ControlError> {
    let peers = context.ask(|core| core.peer_reports()).await?;
    let mut findings = peer_findings(context, &peers);
    let reports = context.ask(|core| core.open_task_reports()).await?;
    for report in reports
        .iter()
        .filter(|r| r.status == TaskStatus::Pending || r.waiting > 0 && r.running == 0)
    {
        if report.status.is_final() {
            continue;
        }
        let id = report.task_id;
        let why = context.ask(move |core| core.explain_report(id)).await?;
        let summary = why.map(|why| why.summary).unwrap_or_default();
        let remedy = format!("p2pjob explain {}", id.short());
        findings.push(finding(
            "warn",
            "waiting task",
            format!("{} {}: {summary}", report.job_name, id.short()),
            &remedy,
        ));
    }
    findings.push(match context.ask(|core| core.check_invariants()).await? {
        Ok(()) => finding("ok", "ledger", "credits are conserved".to_owned(), ""),
        Err(error) => finding("fail", "ledger", error, "please report it, with the journal"),
    });
    findings.push(match crate::compute::measured(context).await {
        Some(offer) => finding("ok", "compute", crate::compute::describe(&offer), ""),
        None => finding(
            "warn",
            "compute",
            "the speed could not be measured".to_owned(),
            "see the node's log",
        ),
    });
    if let Some(why) = context.compute.fast_trouble() {
        let remedy = "set compute.gpu to auto, off or the name of a GPU, and start the node again";
        findings.push(finding(
            "fail",
            "compute",
            format!("float class fast is not offered: {why}"),
            remedy,
        ));
    }
    let usage = machine::usage();
    let memory = format!("{} MB resident", usage.resident_bytes >> 20);
    findings.push(finding("ok", "memory", memory, ""));
    findings.push(disk_finding(context).await);
    findings.extend(crate::access::findings(context));
    Ok(findings)
}

fn peer_findings(context: &Context, peers: &[PeerReport]) -> Vec<DoctorFinding> {
    let connected = peers.iter().filter(|peer| peer.connected).count();
    let mut findings = Vec::new();
    if connected == 0 {
        let remedy = "give network.bootstrap, start other nodes, or run chunks here (worker.run_own_tasks)";
        findings.push(finding("warn", "peers", "no peer is connected".to_owned(), remedy));
    } else {
        findings.push(finding(
            "ok",
            "peers",
            format!("{connected} of {} known peers are connected", peers.len()),
            "",
        ));
    }
    let names = |nodes: Vec<NodeId>| nodes.iter().map(NodeId::short).collect::<Vec<_>>().join(", ");
    let gone: Vec<NodeId> = peers
        .iter()
        .filter(|peer| !peer.connected)
        .map(|peer| peer.node)
        .collect();
    if !gone.is_empty() {
        let remedy = "start them, or check addresses and firewalls (UDP)";
        findings.push(finding(
            "warn",
            "peers",
            format!("not reachable: {}", names(gone)),
            remedy,
        ));
    }
    let liars: Vec<NodeId> = peers
        .iter()
        .filter(|peer| peer.distrusted)
        .map(|peer| peer.node)
        .collect();
    if !liars.is_empty() {
        let remedy = "they get no more work from here; ask their operators, or deny them (network.deny)";
        findings.push(finding(
            "warn",
            "trust",
            format!("contradicted accepted results: {}", names(liars)),
            remedy,
        ));
    }
    let other =
        |peer: &&PeerReport| peer.connected && peer.capability.worker && peer.capability.profile != context.profile;
    let differing: Vec<NodeId> = peers.iter().filter(other).map(|peer| peer.node).collect();
    if !differing.is_empty() {
        let remedy = "run the same version with the same worker.memory_bytes on all nodes";
        findings.push(finding(
            "warn",
            "profile",
            format!("other metering profile: {}", names(differing)),
            remedy,
        ));
    }
    findings
}

async fn disk_finding(context: &Arc<Context>) -> DoctorFinding {
    let used = context.store.used_bytes().await;
    let free = machine::free_disk_bytes(&context.data_dir);
    let text = format!("{} MB of blobs, {} MB free", used >> 20, free >> 20);
    if free < LOW_DISK_BYTES {
        finding("warn", "disk", text, "free disk space, or move the data directory")
    } else {
        finding("ok", "disk", text, "")
    }
}
