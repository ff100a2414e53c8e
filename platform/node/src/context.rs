//! What every part of a running node may use: handles, never state. State has one owner, the main loop's
//! [`Core`](crate::core::Core); everybody else sends it a [`LoopInput`].

use crate::config::NodeConfig;
use crate::core::Core;
use crate::journal::JournalReader;
use crate::worker::{WorkerInput, WorkerLoad};
use blob_store::{BlobStore, Fetch, FetchError, Fetched, Pin, Want};
use job_model::event::{OutputComparison, ReplicaCheck, ReplicaResult};
use job_model::limits::MAX_COMPONENT_BYTES;
use job_model::sign::NodeKey;
use job_model::task::TaskFailure;
use job_model::{BlobHash, JobId, Message, NodeId, Output, Plan, ProfileId, Recorded, TaskId, UnixMillis};
use peer_network::{Network, PeerEvent};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasm_runtime::{Engine, LoadedJob, SandboxPool};

/// How long peers have to say whether they hold a blob.
const WHO_HAS_WAIT: Duration = Duration::from_millis(1_500);

/// Nobody watches a fetch.
pub const SILENT: &(dyn Fn(u64) + Send + Sync) = &|_| {};

/// Results of replicas that our worker ran.
pub struct Ran {
    /// For whom.
    pub requester: NodeId,
    /// Their task.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// Number of our quote.
    pub quote: u64,
    /// The results.
    pub results: Vec<ReplicaResult>,
}

/// Results whose large outputs are here.
pub struct Arrived {
    /// Who ran them.
    pub worker: NodeId,
    /// The task.
    pub task: TaskId,
    /// What can be judged.
    pub results: Vec<ReplicaResult>,
    /// Chunk and attempt of those whose output could not be had.
    pub lost: Vec<(u32, u32)>,
    /// Why not.
    pub why: String,
}

/// What planning brought.
pub struct Planned {
    /// The chunks.
    pub plan: Arc<Plan>,
    /// Their blob.
    pub hash: BlobHash,
    /// Fuel of the planning.
    pub fuel: u64,
    /// Chunks whose results are known.
    pub recalled: Vec<(u32, Output)>,
}

/// What the main loop is told.
pub enum LoopInput {
    /// The network.
    Peer(PeerEvent),
    /// A message of this node to itself.
    Own(Message),
    /// The worker ran replicas.
    Ran(Ran),
    /// Results whose large outputs are here now (those that are not were turned into losses).
    Results(Arrived),
    /// A task is cut, or cannot be.
    Planned {
        task: TaskId,
        result: Result<Planned, TaskFailure>,
    },
    /// After a restart: the plan was read again.
    PlanLoaded { task: TaskId, plan: Arc<Plan> },
    /// The job's own check looked at outputs.
    Checked { task: TaskId, checks: Vec<ReplicaCheck> },
    /// Outputs were compared.
    Compared {
        task: TaskId,
        comparisons: Vec<OutputComparison>,
    },
    /// A task is reduced, or cannot be.
    Reduced {
        task: TaskId,
        result: Result<(BlobHash, u64), TaskFailure>,
    },
    /// A question or an order of a person: runs on the owner's thread and must not wait.
    Ask(Box<dyn FnOnce(&mut Core) + Send>),
    /// The journal cannot be written.
    Broken(crate::journal::JournalError),
}

/// The tasks this node requested: shared with the worker, which must not drop their blobs.
#[derive(Debug, Default)]
pub struct OwnTasks(Mutex<BTreeSet<TaskId>>);

impl OwnTasks {
    /// The set. A panic elsewhere cannot leave it half changed, so poison is ignored.
    pub fn lock(&self) -> MutexGuard<'_, BTreeSet<TaskId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handles of a running node.
pub struct Context {
    /// Who we are.
    pub me: NodeId,
    /// Our key.
    pub key: NodeKey,
    /// The configuration.
    pub config: NodeConfig,
    /// The data directory.
    pub data_dir: PathBuf,
    /// Compiled jobs and their manifests.
    pub cache_dir: PathBuf,
    /// Falls when the jobs every node has are known.
    pub builtins: CancellationToken,
    /// Our metering profile.
    pub profile: ProfileId,
    /// When we started.
    pub started: UnixMillis,
    /// Sandboxes of the worker.
    pub slots: usize,
    /// Blobs.
    pub store: BlobStore,
    /// Sandboxes.
    pub engine: Engine,
    /// How fast this machine computes.
    pub compute: crate::compute::Compute,
    /// Threads for our own plans and reductions.
    pub local_pool: SandboxPool,
    /// Threads for checks of results: plans and reductions do not wait for them.
    pub check_pool: SandboxPool,
    /// Peers.
    pub network: Network,
    /// The journal's past.
    pub journal: JournalReader,
    /// The runtime, for threads that must wait for a future.
    pub runtime: tokio::runtime::Handle,
    /// The main loop.
    pub inputs: mpsc::Sender<LoopInput>,
    /// The worker.
    pub worker: mpsc::Sender<WorkerInput>,
    /// How busy the worker is.
    pub worker_load: WorkerLoad,
    /// What Prometheus is told.
    pub meters: crate::metrics::Meters,
    /// Where trace spans go.
    pub traces: crate::traces::Traces,
    /// CPU share of this process.
    pub cpu: crate::machine::CpuMeter,
    /// What is remembered beyond the journal, if it is.
    pub history: Option<history::History>,
    /// What was journalled, as it happens.
    pub events: broadcast::Sender<Arc<Recorded>>,
    /// Position up to which the journal has everything: set before the record goes to `events`. Beyond it a reader could
    /// meet a group of which only the first part is written.
    pub published: AtomicU64,
    /// Answers to `WhoHas`.
    pub have: broadcast::Sender<(NodeId, BlobHash, Option<u64>)>,
    /// Tasks requested here.
    pub own_tasks: OwnTasks,
    /// Tokens and the audit log.
    pub access: crate::access::Access,
    /// Owned background work.
    pub tracker: TaskTracker,
    /// Falls when the node stops.
    pub stop: CancellationToken,
    /// Plans of quotes, for the submit that follows.
    pub plans: crate::requester::PlanCache,
    /// Who is told when tasks end.
    pub webhooks: crate::webhooks::Webhooks,
    /// Files that were imported, for the next import of the same file.
    pub imports: crate::requester::ImportCache,
}

/// The node is stopping and answers no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopping;

/// This moment. The only clock of the crate's deciding parts is the value handed to them.
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Context {
    /// Runs a closure on the owner of the state and brings its answer.
    pub async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> R + Send + 'static,
    ) -> Result<R, Stopping> {
        let (answer, waiting) = oneshot::channel();
        let ask = Box::new(move |core: &mut Core| {
            // Nobody waits any more: nothing to tell.
            let _ = answer.send(question(core));
        });
        self.inputs.send(LoopInput::Ask(ask)).await.map_err(|_| Stopping)?;
        waiting.await.map_err(|_| Stopping)
    }

    /// Starts background work that the node waits for when it stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn_on(
            async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = work => {}
                }
            },
            &self.runtime,
        );
    }

    /// Runs a closure on a thread for local sandboxes and brings its answer.
    pub async fn on_local_pool<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, String> {
        let (answer, waiting) = oneshot::channel();
        let work = Box::new(move || {
            let _ = answer.send(work());
        });
        self.local_pool.spawn(work).map_err(|error| error.to_string())?;
        waiting
            .await
            .map_err(|_| "the call ended without an answer; the node's log says why".to_owned())
    }

    /// Peers that say they hold a blob completely, with its size. Waits until all have answered, at most
    /// [`WHO_HAS_WAIT`]. The second list is everybody who was asked.
    pub async fn who_has(&self, hash: BlobHash) -> (Vec<(NodeId, u64)>, Vec<NodeId>) {
        let mut answers = self.have.subscribe();
        let asked: Vec<NodeId> = self.network.peers().into_iter().map(|peer| peer.node).collect();
        let mut open: BTreeSet<NodeId> = BTreeSet::new();
        for peer in &asked {
            if self.network.send(*peer, Message::WhoHas { hash }).await.is_ok() {
                open.insert(*peer);
            }
        }
        let mut holders = Vec::new();
        let collect = async {
            while !open.is_empty() {
                match answers.recv().await {
                    Ok((from, about, size)) if about == hash => {
                        open.remove(&from);
                        holders.extend(size.map(|size| (from, size)));
                    }
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => break,
                }
            }
        };
        // Late peers are left out; those who answered are enough.
        let _ = tokio::time::timeout(WHO_HAS_WAIT, collect).await;
        (holders, asked)
    }

    /// Brings what is wanted of a blob here.
    pub async fn fetch(&self, fetch: Fetch<'_>) -> Result<Fetched, FetchError> {
        let fetched = self.store.fetch(&self.network.endpoint(), fetch).await?;
        self.meters.received(fetched.bytes_transferred);
        Ok(fetched)
    }

    /// A compiled job: from memory or the compile cache, else from its component, fetched if need be.
    pub async fn load_job(
        self: &Arc<Self>,
        job: JobId,
        size: Option<u64>,
        providers: &[NodeId],
        pin: &Pin,
    ) -> Result<Arc<LoadedJob>, String> {
        if let Some(loaded) = self.engine.load_cached(job) {
            return Ok(loaded);
        }
        let hash = job.blob();
        if !self.store.has(hash).await {
            let want = Want::All;
            let fetch = Fetch {
                hash,
                providers,
                want: &want,
                expected_size: size,
                max_size: MAX_COMPONENT_BYTES,
                pin,
                progress: SILENT,
            };
            self.fetch(fetch)
                .await
                .map_err(|error| format!("the component of job {}: {error}", job.short()))?;
        }
        let size = self.store.size(hash).await.unwrap_or(0);
        let bytes = self
            .store
            .read(hash, 0, size)
            .await
            .map_err(|error| error.to_string())?;
        let engine = self.engine.clone();
        let loading = self.runtime.spawn_blocking(move || engine.load(&bytes));
        match loading.await {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("compiling the job was interrupted".to_owned()),
        }
    }
}
