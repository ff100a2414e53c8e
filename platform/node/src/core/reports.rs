//! Reports for people: serialisable twins of the state, made on the owner's thread, never by a lock on live state.

use super::Core;
use crate::control::protocol::{
    CheckTally, CompareTally, ErrorGroup, ExplainGroup, ExplainNode, ExplainReport, JobReport, LedgerReport, LedgerRow,
    PeerReport, PricesReport, TaskReport,
};
use crate::core::{KnownJob, confirmations_needed};
use job_model::event::ReplicaResult;
use job_model::manifest::ReduceMode;
use job_model::task::{TaskSpec, TaskStatus};
use job_model::{BlobHash, Chunk, JobId, NodeId, TaskId, codec};
use market::ReputationLevel;
use scheduler::TaskView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Failure bundles kept as blobs per task; the journal keeps every failure all the same.
const MAX_BUNDLES_PER_TASK: usize = 64;

/// Share of earned work that is assumed to be bad (trust rules, section 1).
const ASSUMED_WRONG: f64 = 0.2;

/// The evidence of a failed replica, content-addressed: everything needed to run it again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bundle {
    /// The task.
    pub task: TaskId,
    /// The job.
    pub job: JobId,
    /// Who ran it.
    pub worker: NodeId,
    /// The metering profile.
    pub profile: job_model::ProfileId,
    /// The chunk's body.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// Inputs by hash, offset and length in bytes.
    pub inputs: Vec<(BlobHash, u64, u64)>,
    /// Outcome, usage and log.
    pub result: ReplicaResult,
}

impl Bundle {
    /// The evidence of one replica of a chunk of a task.
    pub fn new(
        (task, spec, chunk): (TaskId, &TaskSpec, &Chunk),
        profile: job_model::ProfileId,
        worker: NodeId,
        result: &ReplicaResult,
    ) -> Self {
        Self {
            task,
            job: spec.job,
            worker,
            profile,
            body: chunk.body.clone(),
            inputs: slices_by_hash(&spec.inputs, &chunk.slices),
            result: result.clone(),
        }
    }

    /// The hash under which it is kept, if it is.
    pub fn hash(&self) -> BlobHash {
        BlobHash::of(&codec::encode(self))
    }
}

impl Core {
    pub(super) fn bundle(&mut self, task: TaskId, worker: NodeId, result: &ReplicaResult) -> Option<Vec<u8>> {
        let kept = self.bundles.entry(task).or_insert(0);
        if *kept >= MAX_BUNDLES_PER_TASK {
            return None;
        }
        *kept += 1;
        let entry = self.tasks.get(&task)?;
        let chunk = entry.plan.as_ref()?.chunks.get(result.chunk as usize)?;
        Some(codec::encode(&Bundle::new(
            (task, &entry.spec, chunk),
            self.profile,
            worker,
            result,
        )))
    }

    /// What one replica of a task may put out, in bytes.
    pub fn output_limit(&self, task: &TaskId) -> u64 {
        self.tasks
            .get(task)
            .map_or(0, |entry| entry.spec.requirements.output_bytes)
    }

    /// How a job's result is made.
    pub fn reduce_mode(&self, job: &JobId) -> ReduceMode {
        self.jobs
            .get(job)
            .and_then(|known| known.manifest.as_ref())
            .map_or(ReduceMode::Reduce, |m| m.reduce)
    }

    /// Whether expected prices of a job rest on what its replicas used.
    pub fn has_history(&self, job: &JobId) -> bool {
        self.market.knows_job(job)
    }

    /// Sandboxes of all connected workers and our own.
    pub fn connected_slots(&self) -> u32 {
        let peers = self
            .peers
            .values()
            .filter(|peer| peer.connected && peer.capability.worker);
        let own = if self.config.worker.enabled && self.config.worker.run_own_tasks {
            self.slots
        } else {
            0
        };
        peers.map(|peer| peer.capability.slots).sum::<u32>() + own
    }

    /// One task.
    pub fn task_report(&self, task: TaskId) -> Option<TaskReport> {
        let entry = self.tasks.get(&task)?;
        let view = self.scheduler.task(task)?;
        let extra = view.replicas.assigned.saturating_sub(policy_replicas(&view));
        Some(TaskReport {
            task_id: task,
            job: view.job,
            job_name: entry.spec.job_name.clone(),
            owner: entry.owner.clone(),
            priority: view.priority,
            verify: view.verify,
            compare: view.compare,
            float_class: view.float_class,
            status: view.status,
            submitted_at: view.submitted,
            started_at: view.started,
            ended_at: view.ended,
            chunks: view.chunks.total,
            accepted: view.chunks.accepted,
            failed: view.chunks.failed,
            recalled: view.chunks.recalled,
            running: view.chunks.running,
            waiting: view.chunks.waiting,
            replicas: view.replicas.assigned,
            extra_replicas: extra,
            price: view.spent,
            held: view.held,
            confidence: view.confidence.unwrap_or_else(|| recalled_confidence(&view)),
            result_hash: view.result.map(|(hash, _)| hash),
            result_bytes: view.result.map(|(_, size)| size),
            detail: detail(&view),
            workers: view.workers.iter().map(|tally| tally.node).collect(),
            liars: liars(&view),
            errors: view
                .errors
                .iter()
                .map(|g| ErrorGroup {
                    message: g.message.clone(),
                    count: g.count,
                    chunks: g.first_chunks.clone(),
                })
                .collect(),
            fuel: view.usage.fuel,
            checks: CheckTally {
                accepted: view.checks.accepted,
                refuted: view.checks.refuted,
                failed: view.checks.failed,
                fuel: view.checks.fuel,
            },
            comparisons: CompareTally {
                close: view.comparisons.close,
                apart: view.comparisons.apart,
                failed: view.comparisons.failed,
                largest_difference: view.comparisons.largest_difference,
            },
            metrics: self.metrics.of_task(&task),
        })
    }

    /// All tasks, newest first.
    pub fn task_reports(&self, limit: usize) -> Vec<TaskReport> {
        let newest = self
            .tasks
            .newest_before(None)
            .filter_map(|(_, task)| self.task_report(task));
        newest.take(limit).collect()
    }

    /// Tasks that are not over.
    pub fn open_task_reports(&self) -> Vec<TaskReport> {
        let open = self.tasks.open().filter_map(|(task, _)| self.task_report(*task));
        open.collect()
    }

    /// Records of chunks `from..from + limit` of a task; fewer at the end, none for an unknown task.
    pub fn chunk_views(&self, task: TaskId, from: u32, limit: u32) -> Option<Vec<scheduler::ChunkView>> {
        self.tasks.get(&task)?;
        let chunks = from..from.saturating_add(limit);
        Some(chunks.map_while(|chunk| self.scheduler.chunk(task, chunk)).collect())
    }

    /// Why chunks wait.
    pub fn explain_report(&self, task: TaskId) -> Option<ExplainReport> {
        let explanation = self.scheduler.explain(task, self.now)?;
        let groups = explanation.waiting.iter().map(|group| ExplainGroup {
            chunks: group.chunks,
            first_chunks: group.first_chunks.clone(),
            needs: group.summary.clone(),
            nodes: group
                .nodes
                .iter()
                .map(|reason| ExplainNode {
                    node: reason.node,
                    code: blocker_code(&reason.blocker),
                    reason: reason.text.clone(),
                    remedy: reason.remedy.clone(),
                })
                .collect(),
        });
        Some(ExplainReport {
            task_id: task,
            status: explanation.status,
            summary: explanation.summary.clone(),
            groups: groups.collect(),
        })
    }

    /// A known job.
    pub fn job_report(known: &KnownJob) -> JobReport {
        JobReport {
            job: known.job,
            name: known.name.clone(),
            version: known.version.clone(),
            size: known.size,
            publisher: known.publisher,
            origin: known.origin.name().to_owned(),
            manifest: known.manifest.clone(),
        }
    }

    /// Peers.
    pub fn peer_reports(&self) -> Vec<PeerReport> {
        let balances: BTreeMap<NodeId, _> = self
            .market
            .ledger()
            .into_iter()
            .map(|row| (row.peer, row.balance))
            .collect();
        let report = |(node, peer): (&NodeId, &super::Peer)| PeerReport {
            node: *node,
            connected: peer.connected,
            addresses: peer.addresses.clone(),
            rtt_us: peer.rtt_us,
            agent: peer.agent.clone(),
            capability: peer.capability.clone(),
            load: peer.load,
            distrusted: self.scheduler.is_distrusted(*node),
            reputation: level_name(self.market.level(node)).to_owned(),
            accepted: self.market.judged(node).right(),
            wrong: self.market.judged(node).wrong,
            correctness: self.market.trust(node, None).correct.mean(),
            correctness_at_least: self.market.trust(node, None).correct.lower(),
            availability: self.market.trust(node, None).available.mean(),
            forked: self.market.is_banned(node),
            balance: balances.get(node).copied().unwrap_or_default(),
        };
        self.peers.iter().map(report).collect()
    }

    /// Balances per peer.
    pub fn ledger_report(&self, file: PathBuf) -> LedgerReport {
        let rows = self
            .market
            .ledger()
            .into_iter()
            .filter(|row| row.peer != self.me)
            .map(|row| LedgerRow {
                peer: row.peer,
                earned: row.earned,
                spent: row.spent,
                held: row.held,
                balance: row.balance,
                credit_left: row.credit_left,
                lends: self.market.lent(&row.peer, self.now).1.unwrap_or_default(),
                unanswered: self.unanswered(&row.peer),
            });
        LedgerReport {
            owner: self.me,
            file,
            records: self.ledger_tail.records,
            balance: self.market.balance().balance,
            burned: self.market.balance().burned,
            forked: self.chain.forks().map(|(node, _)| *node).collect(),
            rows: rows.collect(),
        }
    }

    /// Prices.
    pub fn prices_report(&self) -> PricesReport {
        let view = self.market.prices(self.now);
        PricesReport {
            market_condition: format!("{:?}", view.condition).to_lowercase(),
            market_factor: view.factor,
            current_prices: rates_map(&view.rates),
            prediction_1h: rates_map(&view.prediction.rates),
            prediction_method: view.prediction.method.clone(),
            history: view.history.iter().map(|point| (point.at, point.factor)).collect(),
        }
    }

    /// Own credits, and what of them is held.
    pub fn credits(&self) -> (job_model::MicroCredits, job_model::MicroCredits) {
        let view = self.market.balance();
        (view.balance, view.held)
    }

    /// Position of the last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// Slices with their inputs' hashes in place of their indices.
pub fn slices_by_hash(inputs: &[job_model::InputRef], slices: &[job_model::Slice]) -> Vec<(BlobHash, u64, u64)> {
    let by_hash = |slice: &job_model::Slice| {
        let input = inputs.get(slice.input as usize)?;
        Some((input.hash, slice.offset, slice.length))
    };
    slices.iter().filter_map(by_hash).collect()
}

/// The blocker's stable name, as its serialised form has it.
fn blocker_code(blocker: &scheduler::Blocker) -> String {
    let value = serde_json::to_value(blocker).unwrap_or_default();
    value
        .get("blocker")
        .and_then(|code| code.as_str())
        .unwrap_or("other")
        .to_owned()
}

fn rates_map(rates: &job_model::Rates) -> BTreeMap<String, f64> {
    let resources = [("cpu", rates.cpu), ("ram", rates.ram), ("disk", rates.disk)];
    resources
        .into_iter()
        .map(|(name, rate)| (name.to_owned(), rate.as_f64()))
        .collect()
}

fn policy_replicas(view: &TaskView) -> u32 {
    let per_chunk = match view.verify {
        job_model::VerifyPolicy::Quorum(k) => u32::from(k),
        job_model::VerifyPolicy::None | job_model::VerifyPolicy::Spot(_) | job_model::VerifyPolicy::Check => 1,
    };
    view.chunks
        .total
        .saturating_sub(view.chunks.recalled)
        .saturating_mul(per_chunk)
}

/// Confidence of a task that has only recalled chunks: what as many agreeing newcomers as its policy wants are worth, each
/// wrong with probability [`ASSUMED_WRONG`] (Sarmenta 2001). Nothing before the first chunk.
fn recalled_confidence(view: &TaskView) -> f64 {
    if view.chunks.recalled == 0 {
        return 0.0;
    }
    let nodes = confirmations_needed(view.verify) as i32;
    let (right, wrong) = ((1.0 - ASSUMED_WRONG).powi(nodes), ASSUMED_WRONG.powi(nodes));
    right / (right + wrong)
}

fn liars(view: &TaskView) -> Vec<(NodeId, u32)> {
    let mut first: BTreeMap<NodeId, u32> = BTreeMap::new();
    for disagreement in &view.disagreements {
        for node in &disagreement.wrong {
            first.entry(*node).or_insert(disagreement.chunk);
        }
    }
    first.into_iter().collect()
}

fn detail(view: &TaskView) -> String {
    match view.status {
        TaskStatus::Failed => view.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
        TaskStatus::Cancelled => view.cancelled.clone().unwrap_or_default(),
        TaskStatus::Completed => String::new(),
        TaskStatus::Pending if view.chunks.total == 0 => "planning".to_owned(),
        _ if view.reducing => "reducing".to_owned(),
        TaskStatus::Pending | TaskStatus::Running => "running chunks".to_owned(),
    }
}

fn level_name(level: ReputationLevel) -> &'static str {
    match level {
        ReputationLevel::Terrible => "terrible",
        ReputationLevel::Poor => "poor",
        ReputationLevel::Average => "average",
        ReputationLevel::Good => "good",
        ReputationLevel::Excellent => "excellent",
    }
}
