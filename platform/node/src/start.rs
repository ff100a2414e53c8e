//! Starting and stopping: opens everything in the order of what can fail most cheaply, replays the journal, serves,
//! and ends in stages: no new requests, running sandboxes cancelled, last settlements chained, journal closed.

use crate::config::{Faults, NodeConfig};
use crate::context::{Context, LoopInput, OwnTasks, now};
use crate::control::{protocol::ErrorCode, server};
use crate::core::{Core, Parts, count_verdicts};
use crate::data_dir::{DataDir, DataDirError, ReadyInfo};
use crate::event_loop;
use crate::journal::{Journal, JournalError};
use crate::process::CpuMeter;
use crate::worker::{Worker, WorkerLoad};
use crate::{effects, worker};
use blob_store::{BlobStore, Pin, StoreOptions};
use job_model::sign::NodeKey;
use job_model::{Load, MicroCredits, NodeId};
use market::ledger_file::{LedgerTail, new_ledger};
use market::{Chain, LedgerError, LedgerRecord, Market, MarketOptions, PriceOptions, read_ledger};
use peer_network::{BootstrapPeer, KeyError, NetworkOptions, PeerEvent, load_or_create_key};
use scheduler::{Scheduler, SchedulerOptions};
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasm_runtime::{Engine, EngineError, EngineOptions, SandboxPool};

/// Inputs that may wait for the main loop; more make their senders wait.
const LOOP_QUEUE: usize = 4096;
/// Lists of effects that may wait to be started.
const EFFECT_QUEUE: usize = 256;
/// Events that a slow watcher may miss behind; it then reads the journal.
const EVENT_BACKLOG: usize = 4096;
/// The most memory any sandbox can have, in bytes. Part of the metering profile, so the same on every node; what this node
/// really gives is `worker.memory_bytes`, refused per task.
const ENGINE_MEMORY_BYTES: u64 = 4 << 30;
/// Threads for plans, reductions and replays of this node's own tasks.
const LOCAL_THREADS: usize = 1;
/// How long background work may take to end when the node stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a node did not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The blob store.
    #[error(transparent)]
    Store(#[from] blob_store::OpenError),
    /// The sandbox.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The network.
    #[error(transparent)]
    Network(#[from] peer_network::StartError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ledger file.
    #[error("ledger {path}: {why}")]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The control socket.
    #[error("control socket in {dir}: {source}")]
    Control {
        /// The data directory.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl StartError {
    /// The error's class.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::DataDir(DataDirError::InUse(_)) | Self::Network(_) | Self::Control { .. } => ErrorCode::Unavailable,
            Self::DataDir(_) | Self::Key(_) | Self::Ledger { .. } => ErrorCode::BadInput,
            Self::Store(_) | Self::Journal(_) => ErrorCode::Limit,
            Self::Engine(_) | Self::Thread(_) => ErrorCode::Internal,
        }
    }
}

/// Called once when the node serves.
pub type OnReady<'a> = Box<dyn FnOnce(&ReadyInfo) + 'a>;
/// A future behind a pointer.
pub type BoxedFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs a node until `shutdown` resolves. `ready` is called once it serves.
///
/// Boxed, so that the node is compiled in this crate and not again in every program that runs one.
pub fn run<'a>(
    config: NodeConfig,
    faults: Faults,
    ready: OnReady<'a>,
    shutdown: BoxedFuture<'a, ()>,
) -> BoxedFuture<'a, Result<(), StartError>> {
    Box::pin(run_impl(config, faults, ready, shutdown))
}

async fn run_impl(
    config: NodeConfig,
    faults: Faults,
    ready: OnReady<'_>,
    shutdown: BoxedFuture<'_, ()>,
) -> Result<(), StartError> {
    let dir = DataDir::open(&config.data_dir)?;
    let key = load_or_create_key(&dir.file("node.key"))?;
    let slots = worker_slots(&config);
    let cache_dir = config.cache_dir.clone().unwrap_or_else(|| dir.file("compiled"));
    let engine = Engine::new(EngineOptions {
        cache_dir: cache_dir.clone(),
        slots: u32::try_from(slots + LOCAL_THREADS + 1).unwrap_or(u32::MAX),
        max_memory_bytes: ENGINE_MEMORY_BYTES,
    })?;
    let ledger_path = dir.file("ledger.cbor");
    let (chain, ledger_tail, judged) = open_ledger(&ledger_path, key.id())?;
    let (released, effects) = mpsc::channel(EFFECT_QUEUE);
    let (inputs, loop_inputs) = mpsc::channel(LOOP_QUEUE);
    let broken = {
        let inputs = inputs.clone();
        Box::new(move |error: JournalError| {
            // If the loop is gone the node is stopping anyway.
            let _ = inputs.blocking_send(LoopInput::Broken(error));
        })
    };
    let (journal, reader) = Journal::open(&dir.file("journal.redb"), &ledger_path, released, broken)?;
    let mut core = Core::new(Parts {
        key: key.clone(),
        profile: engine.profile(),
        slots: u32::try_from(slots).unwrap_or(u32::MAX),
        config: config.clone(),
        scheduler: Scheduler::new(scheduler_options(&config, &key)),
        market: Market::new(market_options(&config), key.id()),
        chain,
        ledger_tail,
        judged,
        journal: reader.clone(),
    });
    reader.replay(1, |record| core.replay(&record))?;
    let started = now();
    core.at(started);

    let store = BlobStore::open(StoreOptions {
        dir: dir.file("blobs"),
        quota_bytes: config.store.quota_bytes,
        gc_interval: Duration::from_millis(config.store.gc_interval_ms),
        min_free_bytes: config.store.min_free_bytes,
    })
    .await?;
    // Inputs of quotes that no task followed.
    if let Err(error) = store.unpin(&Pin::Named(crate::control::IMPORT_PIN.to_owned())).await {
        tracing::warn!(%error, "inputs of old quotes stay in the store");
    }
    let capability = event_loop::capability(&config, dir.path(), slots, engine.profile());
    let handlers: Vec<peer_network::Handler> =
        vec![(BlobStore::ALPN.to_vec(), Box::new(store.protocol()))];
    let network_options = network_options(&config, &faults, key.clone());
    let (network, peer_events) = peer_network::start(network_options, handlers, (capability, Load::default())).await?;
    let (worker_sender, worker_inputs) = mpsc::channel(worker::INPUT_QUEUE);
    let context = Arc::new(Context {
        me: key.id(),
        key,
        profile: engine.profile(),
        started,
        slots,
        data_dir: dir.path().to_owned(),
        cache_dir,
        builtins: CancellationToken::new(),
        store,
        engine,
        local_pool: SandboxPool::new(LOCAL_THREADS).map_err(StartError::Thread)?,
        network,
        journal: reader,
        runtime: tokio::runtime::Handle::current(),
        inputs,
        worker: worker_sender,
        worker_load: WorkerLoad::default(),
        cpu: CpuMeter::default(),
        events: broadcast::channel(EVENT_BACKLOG).0,
        have: broadcast::channel(EVENT_BACKLOG).0,
        own_tasks: OwnTasks::default(),
        tracker: TaskTracker::new(),
        stop: CancellationToken::new(),
        plans: crate::requester::PlanCache::default(),
        imports: crate::requester::ImportCache::default(),
        config,
    });
    context.own_tasks.lock().extend(core.tasks.ids().copied());
    let worker = Worker::new(Arc::clone(&context), worker_inputs, slots, faults).map_err(StartError::Thread)?;
    let parts = Serving { dir, journal, core, effects, loop_inputs, peer_events, worker };
    serve(context, parts, ready, shutdown).await
}

struct Serving {
    dir: DataDir,
    journal: Journal,
    core: Core,
    effects: mpsc::Receiver<Vec<effects::Effect>>,
    loop_inputs: mpsc::Receiver<LoopInput>,
    peer_events: mpsc::Receiver<PeerEvent>,
    worker: Worker,
}

async fn serve(
    context: Arc<Context>,
    parts: Serving,
    ready: OnReady<'_>,
    mut shutdown: BoxedFuture<'_, ()>,
) -> Result<(), StartError> {
    let Serving { dir, journal, mut core, effects, loop_inputs, peer_events, worker } = parts;
    let control = |source| StartError::Control { dir: dir.path().to_owned(), source };
    let (listener, socket) = server::bind(dir.path()).map_err(control)?;
    let effects_task = tokio::spawn(effects::run(Arc::clone(&context), effects));
    let worker_task = tokio::spawn(worker.run());
    let peers_task = tokio::spawn(forward_peers(Arc::clone(&context), peer_events));
    let server_task = tokio::spawn(server::serve(listener, Arc::clone(&context), context.stop.clone()));
    let loading = Arc::clone(&context);
    context.spawn(async move { crate::control::load_builtin_jobs(loading).await });
    core.resume();
    event_loop::flush(&mut core, &journal, &context).await;

    let info = ReadyInfo {
        pid: std::process::id(),
        node_id: context.me,
        addresses: context.network.addresses(),
        socket: socket.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: context.started,
    };
    dir.write_ready(&info)?;
    ready(&info);
    let ended = {
        let running = event_loop::run(Arc::clone(&context), core, loop_inputs, &journal);
        tokio::pin!(running);
        tokio::select! {
            ended = &mut running => ended,
            () = &mut shutdown => {
                context.stop.cancel();
                running.await
            }
        }
    };
    context.stop.cancel();
    dir.remove_ready();
    // The socket goes with the node; a leftover is harmless.
    let _ = std::fs::remove_file(&socket);
    let result = match ended {
        Ok(mut core) => {
            core.at(now());
            core.settle_everything();
            event_loop::flush(&mut core, &journal, &context).await;
            Ok(())
        }
        Err(error) => Err(StartError::Journal(error)),
    };
    context.tracker.close();
    if tokio::time::timeout(STOP_TIMEOUT, context.tracker.wait()).await.is_err() {
        tracing::warn!("background work did not end in time");
    }
    for task in [worker_task, peers_task] {
        task.abort();
    }
    // The journal writes what it has; the effects of it are started; then both end.
    let closing = tokio::task::spawn_blocking(move || journal.close());
    let _ = tokio::time::timeout(STOP_TIMEOUT, closing).await;
    let _ = tokio::time::timeout(STOP_TIMEOUT, effects_task).await;
    let _ = tokio::time::timeout(STOP_TIMEOUT, server_task).await;
    let _ = tokio::time::timeout(STOP_TIMEOUT, context.network.shutdown()).await;
    let _ = tokio::time::timeout(STOP_TIMEOUT, context.store.shutdown()).await;
    result
}

async fn forward_peers(context: Arc<Context>, mut events: mpsc::Receiver<PeerEvent>) {
    while let Some(event) = events.recv().await {
        if context.inputs.send(LoopInput::Peer(event)).await.is_err() {
            return;
        }
    }
}

fn worker_slots(config: &NodeConfig) -> usize {
    match config.worker.slots {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        slots => slots as usize,
    }
}

fn scheduler_options(config: &NodeConfig, key: &NodeKey) -> SchedulerOptions {
    let defaults = SchedulerOptions::default();
    SchedulerOptions {
        hedge_factor: config.scheduler.hedge_factor.max(1.0) as u32,
        hedge_min_ms: config.scheduler.hedge_min_ms,
        max_attempts: config.scheduler.max_attempts,
        // Spot checks must not be predictable by workers, and must be the same after a restart.
        secret: job_model::BlobHash::of(&key.sign("spot-secret", b"1").0).0,
        ..defaults
    }
}

fn market_options(config: &NodeConfig) -> MarketOptions {
    let micro = |credits: f64| MicroCredits((credits * 1e6) as i64);
    let prices = &config.prices;
    MarketOptions {
        prices: PriceOptions {
            base_cpu_price: prices.base_cpu_price,
            base_gpu_price: prices.base_gpu_price,
            base_ram_price: prices.base_ram_price,
            base_disk_price: prices.base_disk_price,
            market_adjustment_rate: prices.adjustment_rate,
            price_smoothing: prices.price_smoothing,
            ..PriceOptions::default()
        },
        initial_credits: micro(config.credits.initial),
        max_balance: micro(config.credits.max_balance),
        ..MarketOptions::default()
    }
}

fn network_options(config: &NodeConfig, faults: &Faults, key: NodeKey) -> NetworkOptions {
    let network = &config.network;
    NetworkOptions {
        bind: network.listen,
        bootstrap: network.bootstrap.iter().map(|peer| BootstrapPeer { node: peer.node, addr: peer.address }).collect(),
        allow: network.allow.as_ref().map(|nodes| nodes.iter().copied().collect()),
        deny: network.deny.iter().copied().collect(),
        network_name: network.name.clone(),
        idle_timeout: Duration::from_millis(network.idle_timeout_ms),
        keep_alive: Duration::from_millis(network.idle_timeout_ms * 7 / 20),
        added_latency: faults.latency_ms.map(Duration::from_millis),
        max_peers: network.max_peers as usize,
        ..NetworkOptions::new(key)
    }
}

/// Reads the ledger file; a record that was being written when the node died was never sent and is cut off.
fn open_ledger(path: &Path, me: NodeId) -> Result<(Chain, LedgerTail, (u64, u64)), StartError> {
    let fail = |why: String| StartError::Ledger { path: path.to_owned(), why };
    let io = |error: std::io::Error| fail(error.to_string());
    let mut chain = Chain::new(me);
    let mut judged = (0, 0);
    let length = std::fs::metadata(path).map_or(0, |meta| meta.len());
    if length == 0 {
        return create_ledger(path, me).map(|tail| (chain, tail, (0, 0))).map_err(io);
    }
    let file = File::open(path).map_err(io)?;
    let mut reader = match read_ledger(BufReader::new(file)) {
        Ok(reader) => reader,
        Err(LedgerError::TornHeader(_)) => return create_ledger(path, me).map(|tail| (chain, tail, (0, 0))).map_err(io),
        Err(error) => return Err(fail(error.to_string())),
    };
    if reader.tail().owner != me {
        return Err(fail(format!("it belongs to node {}, the key in this directory is {me}", reader.tail().owner)));
    }
    loop {
        match reader.next() {
            None => break,
            Some(Ok(record)) => {
                if let LedgerRecord::Countersigned { lines, .. } = &record {
                    count_verdicts(&mut judged, lines);
                }
                chain.replay(record).map_err(|error| fail(error.to_string()))?;
            }
            Some(Err(LedgerError::Torn { offset, .. })) => {
                let file = File::options().write(true).open(path).map_err(io)?;
                file.set_len(offset).and_then(|()| file.sync_all()).map_err(io)?;
                break;
            }
            Some(Err(error)) => return Err(fail(error.to_string())),
        }
    }
    Ok((chain, reader.tail(), judged))
}

fn create_ledger(path: &Path, me: NodeId) -> std::io::Result<LedgerTail> {
    let (header, tail) = new_ledger(me);
    let mut file = File::create(path)?;
    file.write_all(&header)?;
    file.sync_all()?;
    Ok(tail)
}
