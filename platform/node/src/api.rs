//! What a front (HTTP, the console) may ask of a running node: one cheap handle, typed questions, no state of its own.
//! Everything here is what the control socket offers too, plus streams. The handle outlives no node: once the node
//! stops, every question ends with an "unavailable" error.

mod access;
mod blobs;
mod tasks;

use crate::config::NodeConfig;
use crate::context::{Context, now};
use crate::control::protocol::{
    ControlError, DoctorFinding, ExplainReport, JobReport, LedgerReport, LogsReport, PeerReport, PricesReport,
    QuoteReport, ReplayReport, StatusReport, SubmitRequest, TaskReport,
};
use crate::control::requests::{inspect, internal, jobs, not_found, submit, tasks as task_requests};
use crate::control::server::Replies;
use crate::machine::{self, MachineReading};
use job_model::task::TaskSpec;
use job_model::{BlobHash, NodeId, Recorded, TaskId, UnixMillis};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub use blobs::{BlobReader, PendingPiece, PinReport, UPLOAD_PIN, Upload, UploadError, UploadTerms};
pub use scheduler::{ChunkView, ComparedView, ReplicaOutcome, ReplicaView};
pub use tasks::{ReceiptReport, TaskFilter, TaskPage, TaskPlace};

/// A future that may move between threads.
pub type SendFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Starts a front over a node that is about to serve.
pub type Front = Box<dyn FnOnce(Api) -> SendFuture<Result<FrontInfo, String>> + Send>;

/// A front that serves.
pub struct FrontInfo {
    /// Where people find it, such as `http://127.0.0.1:4780`.
    pub url: String,
    /// SHA-256 of its certificate, as `sha256:` and hexadecimal digits, with TLS.
    pub fingerprint: Option<String>,
    /// Ends by itself once [`Api::stopping`] has fallen.
    pub serving: tokio::task::JoinHandle<()>,
}

/// A running node, as a front sees it.
#[derive(Clone)]
pub struct Api {
    context: Arc<Context>,
}

impl Api {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context }
    }

    /// Handles of the node, for this crate's own parts.
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// This moment, by the node's clock.
    pub fn now(&self) -> UnixMillis {
        now()
    }

    /// The node.
    pub fn node_id(&self) -> NodeId {
        self.context.me
    }

    /// Its configuration.
    pub fn config(&self) -> &NodeConfig {
        &self.context.config
    }

    /// Its data directory, for the files of a front (certificate, session key).
    pub fn data_dir(&self) -> &Path {
        &self.context.data_dir
    }

    /// Falls when the node stops.
    pub fn stopping(&self) -> CancellationToken {
        self.context.stop.clone()
    }

    /// Starts background work that the node waits for, and drops, when it stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.context.spawn(work);
    }

    /// What this process and its machine use. Reads a few small files; never waits.
    pub fn machine(&self) -> MachineReading {
        machine::reading(&self.context)
    }

    /// Sets every gauge of the process's metrics recorder to what it is now. Gives further families as Prometheus text,
    /// to be put after the recorder's own.
    pub async fn scrape(&self) -> Result<String, ControlError> {
        crate::metrics::scrape(&self.context).await
    }

    /// The node at a glance (H1).
    pub async fn status(&self) -> Result<StatusReport, ControlError> {
        inspect::status(&self.context).await
    }

    /// What is remembered beyond the journal, if it is: to be asked directly, off the main loop.
    pub fn history(&self) -> Option<&history::History> {
        self.context.history.as_ref()
    }

    /// The known jobs.
    pub async fn jobs(&self) -> Result<Vec<JobReport>, ControlError> {
        jobs::list(&self.context).await
    }

    /// One job with its manifest, by name, `name@version`, hash or unique start of it.
    pub async fn describe(&self, job: &str) -> Result<JobReport, ControlError> {
        jobs::describe(&self.context, job).await
    }

    /// Makes a component that is in the store known by name.
    pub async fn publish(&self, component: BlobHash) -> Result<JobReport, ControlError> {
        jobs::publish_blob(&self.context, component).await
    }

    /// Validates and plans, and says what it would cost. Nothing is started.
    pub async fn quote(&self, request: SubmitRequest) -> Result<QuoteReport, ControlError> {
        submit::quote(&self.context, request, &Replies::nobody()).await
    }

    /// Submits a task; returns when it is on disk.
    pub async fn submit(&self, request: SubmitRequest) -> Result<TaskId, ControlError> {
        submit::submit(&self.context, request, &Replies::nobody()).await
    }

    /// The task that an id, or the unique start of one, stands for.
    pub async fn resolve_task(&self, text: &str) -> Result<TaskId, ControlError> {
        task_requests::resolve(&self.context, text).await
    }

    /// One task.
    pub async fn task(&self, task: TaskId) -> Result<TaskReport, ControlError> {
        let report = self.context.ask(move |core| core.task_report(task)).await?;
        report.ok_or_else(|| no_task(task))
    }

    /// What a task asks for.
    pub async fn task_spec(&self, task: TaskId) -> Result<Arc<TaskSpec>, ControlError> {
        let spec = self
            .context
            .ask(move |core| core.tasks.get(&task).map(|entry| Arc::clone(&entry.spec)));
        spec.await?.ok_or_else(|| no_task(task))
    }

    /// The newest tasks.
    pub async fn tasks(&self, limit: u32) -> Result<Vec<TaskReport>, ControlError> {
        task_requests::list(&self.context, limit).await
    }

    /// Records of chunks `from..from + limit` of a task: who ran them, what was decided and why (D5). Fewer at the end.
    pub async fn chunks(&self, task: TaskId, from: u32, limit: u32) -> Result<Vec<ChunkView>, ControlError> {
        let chunks = self
            .context
            .ask(move |core| core.chunk_views(task, from, limit))
            .await?;
        chunks.ok_or_else(|| no_task(task))
    }

    /// Why chunks wait.
    pub async fn explain(&self, task: TaskId) -> Result<ExplainReport, ControlError> {
        task_requests::explain(&self.context, &task.to_string()).await
    }

    /// Stops a task; returns when that is on disk.
    pub async fn cancel(&self, task: TaskId, reason: String) -> Result<TaskReport, ControlError> {
        task_requests::cancel(&self.context, &task.to_string(), reason).await
    }

    /// What failed in a task, and what it said; one chunk's replicas with `chunk`.
    pub async fn logs(&self, task: TaskId, chunk: Option<u32>) -> Result<LogsReport, ControlError> {
        inspect::logs(&self.context, &task.to_string(), chunk).await
    }

    /// Runs one replica again here and compares.
    pub async fn replay(&self, task: TaskId, chunk: u32, attempt: Option<u32>) -> Result<ReplayReport, ControlError> {
        inspect::replay(&self.context, &task.to_string(), chunk, attempt).await
    }

    /// Journal records from position `from_seq` on, at most `limit`; of one task, or of all.
    pub async fn records(
        &self,
        task: Option<TaskId>,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<Recorded>, ControlError> {
        let journal = self.context.journal.clone();
        let reading = move || journal.page(task.as_ref(), from_seq, limit);
        let page = self.context.runtime.spawn_blocking(reading).await.map_err(internal)?;
        page.map_err(internal)
    }

    /// Position up to which the journal is complete; what comes after it comes through [`Api::events`] too. Records
    /// beyond it may be there while earlier ones are still being written: a reader who wants no gap stops here.
    pub fn published(&self) -> u64 {
        self.context.published.load(std::sync::atomic::Ordering::Acquire)
    }

    /// What is journalled from now on. A receiver that falls behind reads what it missed with [`Api::records`].
    pub fn events(&self) -> broadcast::Receiver<Arc<Recorded>> {
        self.context.events.subscribe()
    }

    /// Peers.
    pub async fn peers(&self) -> Result<Vec<PeerReport>, ControlError> {
        Ok(self.context.ask(|core| core.peer_reports()).await?)
    }

    /// Balances per peer.
    pub async fn ledger(&self) -> Result<LedgerReport, ControlError> {
        inspect::ledger(&self.context).await
    }

    /// Prices.
    pub async fn prices(&self) -> Result<PricesReport, ControlError> {
        Ok(self.context.ask(|core| core.prices_report()).await?)
    }

    /// Checks, each with a remedy.
    pub async fn doctor(&self) -> Result<Vec<DoctorFinding>, ControlError> {
        inspect::doctor(&self.context).await
    }
}

fn no_task(task: TaskId) -> ControlError {
    not_found(
        format!("this node has no task {task}"),
        "tasks are known to the node they were submitted to",
    )
}
