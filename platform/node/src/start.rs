//! Starting and stopping: opens everything in the order of what can fail most cheaply, replays the journal, serves,
//! and ends in stages: no new requests, running sandboxes cancelled, last settlements chained, journal closed.

mod error;
mod ledger;
mod options;
mod services;

pub use error::StartError;

use crate::api::Front;
use crate::config::{Faults, NodeConfig};
use crate::context::{Context, LoopInput, OwnTasks, now};
use crate::control::server;
use crate::core::{Core, Parts};
use crate::data_dir::{DataDir, ReadyInfo};
use crate::event_loop;
use crate::journal::{Journal, JournalError, JournalReader};
use crate::machine::CpuMeter;
use crate::requester::CHECK_LANES;
use crate::traces::Traces;
use crate::worker::{Worker, WorkerLoad};
use crate::{effects, recorder, worker};
use blob_store::BlobStore;
use job_model::Load;
use job_model::sign::NodeKey;
use ledger::open_ledger;
use market::Market;
use peer_network::{PeerEvent, load_or_create_key};
use scheduler::Scheduler;
use services::Services;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tensor_compute::{BurnHost, FastHost};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasm_runtime::{Engine, EngineOptions, SandboxPool};

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

/// Called once when the node serves.
pub type OnReady<'a> = Box<dyn FnOnce(&ReadyInfo) + 'a>;
/// A future behind a pointer.
pub type BoxedFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + 'a>>;

/// What a node is run with.
pub struct Run<'a> {
    /// Its configuration.
    pub config: NodeConfig,
    /// How it misbehaves, in local test networks.
    pub faults: Faults,
    /// What serves it over HTTP, if anything does.
    pub front: Option<Front>,
    /// Runs the sessions of the guest backend for burn; without it, jobs that use burn fail here without a verdict.
    pub burn: Option<Arc<dyn BurnHost>>,
    /// Computes in float class fast; without it, the class is not offered.
    pub fast: Option<Arc<dyn FastHost>>,
    /// Called once it serves.
    pub ready: OnReady<'a>,
    /// Resolves when it is to stop.
    pub shutdown: BoxedFuture<'a, ()>,
}

/// Runs a node until `shutdown` resolves.
///
/// Boxed, so that the node is compiled in this crate and not again in every program that runs one.
pub fn run(run: Run<'_>) -> BoxedFuture<'_, Result<(), StartError>> {
    Box::pin(run_impl(run))
}

/// What stands before anything can wait: everything that is read from the data directory.
struct Foundations {
    dir: DataDir,
    key: NodeKey,
    engine: Engine,
    cache_dir: PathBuf,
    slots: usize,
    journal: Journal,
    reader: JournalReader,
    core: Core,
    inputs: mpsc::Sender<LoopInput>,
    loop_inputs: mpsc::Receiver<LoopInput>,
    effects: mpsc::Receiver<Vec<effects::Effect>>,
}

/// Opens key, sandbox, ledger and journal, and replays the journal.
fn lay_foundations(
    config: &NodeConfig,
    burn: Option<Arc<dyn BurnHost>>,
    fast: Option<Arc<dyn FastHost>>,
) -> Result<Foundations, StartError> {
    let dir = DataDir::open(&config.data_dir)?;
    let key = load_or_create_key(&dir.file("node.key"))?;
    let slots = worker_slots(config);
    let cache_dir = config.cache_dir.clone().unwrap_or_else(|| dir.file("compiled"));
    wasm_runtime::memory::keep_freed();
    let sandboxes = u32::try_from(slots + LOCAL_THREADS + CHECK_LANES + 1).unwrap_or(u32::MAX);
    let engine = Engine::new(EngineOptions {
        burn,
        fast,
        ..EngineOptions::new(cache_dir.clone(), sandboxes, ENGINE_MEMORY_BYTES)
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
        scheduler: Scheduler::new(options::scheduler(config, &key)),
        market: Market::new(options::market(config), key.id()),
        chain,
        ledger_tail,
        judged,
        journal: reader.clone(),
    });
    reader.replay(1, |record| core.replay(&record))?;
    Ok(Foundations {
        dir,
        key,
        engine,
        cache_dir,
        slots,
        journal,
        reader,
        core,
        inputs,
        loop_inputs,
        effects,
    })
}

async fn run_impl(run: Run<'_>) -> Result<(), StartError> {
    let config = run.config;
    let mut base = lay_foundations(&config, run.burn, run.fast.clone())?;
    let started = now();
    base.core.at(started);
    let Services {
        access,
        history,
        store,
        webhooks,
    } = Box::pin(Services::open(&config, &base.dir)).await?;
    let capability = event_loop::capability(&config, base.dir.path(), base.slots, base.engine.profile());
    let handlers: Vec<peer_network::Handler> = vec![(BlobStore::ALPN.to_vec(), Box::new(store.protocol()))];
    let network_options = options::network(&config, &run.faults, base.key.clone());
    let (network, peer_events) = peer_network::start(network_options, handlers, (capability, Load::default())).await?;
    let (worker_sender, worker_inputs) = mpsc::channel(worker::INPUT_QUEUE);
    let (traces, spans) = Traces::new(&config.telemetry);
    let context = Arc::new(Context {
        me: base.key.id(),
        key: base.key,
        profile: base.engine.profile(),
        started,
        slots: base.slots,
        data_dir: base.dir.path().to_owned(),
        cache_dir: base.cache_dir,
        builtins: CancellationToken::new(),
        store,
        engine: base.engine,
        local_pool: SandboxPool::new(LOCAL_THREADS).map_err(StartError::Thread)?,
        compute: crate::compute::Compute::new(run.fast),
        check_pool: SandboxPool::new(CHECK_LANES).map_err(StartError::Thread)?,
        network,
        journal: base.reader,
        runtime: tokio::runtime::Handle::current(),
        inputs: base.inputs,
        worker: worker_sender,
        worker_load: WorkerLoad::default(),
        meters: crate::metrics::Meters::default(),
        traces,
        cpu: CpuMeter::default(),
        history,
        events: broadcast::channel(EVENT_BACKLOG).0,
        // Nothing was decided yet since the journal was replayed.
        published: AtomicU64::new(base.core.seq()),
        have: broadcast::channel(EVENT_BACKLOG).0,
        own_tasks: OwnTasks::default(),
        tracker: TaskTracker::new(),
        stop: CancellationToken::new(),
        plans: crate::requester::PlanCache::default(),
        access,
        webhooks,
        imports: crate::requester::ImportCache::default(),
        config,
    });
    context.own_tasks.lock().extend(base.core.tasks.ids().copied());
    if let Some(spans) = spans {
        crate::traces::start(&context, spans);
    }
    let worker = Worker::new(Arc::clone(&context), worker_inputs, base.slots, run.faults);
    let parts = Serving {
        dir: base.dir,
        journal: base.journal,
        core: base.core,
        effects: base.effects,
        loop_inputs: base.loop_inputs,
        peer_events,
        worker: worker.map_err(StartError::Thread)?,
        front: run.front,
    };
    Box::pin(serve(context, parts, run.ready, run.shutdown)).await
}

struct Serving {
    dir: DataDir,
    journal: Journal,
    core: Core,
    effects: mpsc::Receiver<Vec<effects::Effect>>,
    loop_inputs: mpsc::Receiver<LoopInput>,
    peer_events: mpsc::Receiver<PeerEvent>,
    worker: Worker,
    front: Option<Front>,
}

async fn serve(
    context: Arc<Context>,
    parts: Serving,
    ready: OnReady<'_>,
    shutdown: BoxedFuture<'_, ()>,
) -> Result<(), StartError> {
    let Serving {
        dir,
        journal,
        mut core,
        effects,
        loop_inputs,
        peer_events,
        worker,
        front,
    } = parts;
    let control = |source| StartError::Control {
        dir: dir.path().to_owned(),
        source,
    };
    let (listener, socket) = server::bind(dir.path()).map_err(control)?;
    let effects_task = tokio::spawn(effects::run(Arc::clone(&context), effects));
    let worker_task = tokio::spawn(worker.run());
    let peers_task = tokio::spawn(forward_peers(Arc::clone(&context), peer_events));
    let server_task = tokio::spawn(server::serve(listener, Arc::clone(&context), context.stop.clone()));
    let loading = Arc::clone(&context);
    context.spawn(async move { crate::control::load_builtin_jobs(loading).await });
    context.spawn(crate::webhooks::run(Arc::clone(&context)));
    recorder::start(&context);
    crate::compute::start(&context);
    core.resume();
    event_loop::flush(&mut core, &journal, &context).await;

    let front = services::open_front(front, &context).await?;
    let info = services::ready_info(&context, &socket, front.as_ref());
    dir.write_ready(&info)?;
    ready(&info);
    let running = Box::pin(event_loop::run(Arc::clone(&context), core, loop_inputs, &journal));
    let ended = until_stopped(running, shutdown, &context).await;
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
    let running = [worker_task, peers_task];
    let front_task = front.map_or_else(|| tokio::spawn(async {}), |front| front.serving);
    end(&context, journal, running, [effects_task, server_task, front_task]).await;
    result
}

/// The main loop to its end, which `shutdown` asks for.
async fn until_stopped<T>(running: impl Future<Output = T>, mut shutdown: BoxedFuture<'_, ()>, context: &Context) -> T {
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => ended,
        () = &mut shutdown => {
            context.stop.cancel();
            running.await
        }
    }
}

/// Ends in stages; each may take [`STOP_TIMEOUT`], after which the next one goes on without it.
async fn end(context: &Context, journal: Journal, abort: [JoinHandle<()>; 2], finish: [JoinHandle<()>; 3]) {
    context.tracker.close();
    if tokio::time::timeout(STOP_TIMEOUT, context.tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!("background work did not end in time");
    }
    for task in abort {
        task.abort();
    }
    // The journal writes what it has; the effects of it are started; then both end.
    let closing = tokio::task::spawn_blocking(move || journal.close());
    let _ = tokio::time::timeout(STOP_TIMEOUT, closing).await;
    for task in finish {
        let _ = tokio::time::timeout(STOP_TIMEOUT, task).await;
    }
    let _ = tokio::time::timeout(STOP_TIMEOUT, context.network.shutdown()).await;
    let _ = tokio::time::timeout(STOP_TIMEOUT, context.store.shutdown()).await;
}

async fn forward_peers(context: Arc<Context>, mut events: mpsc::Receiver<PeerEvent>) {
    while let Some(event) = events.recv().await {
        if context.inputs.send(LoopInput::Peer(Box::new(event))).await.is_err() {
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
