//! The worker: runs the replicas that requesters assigned to this node.
//!
//! One task owns the queue ([`queue::Queue`], pure) and waits for assignments, fetched inputs and finished runs.
//! Replicas run on sandbox threads ([`run`]), several tiny ones per hand-over. Everything here is lost in a crash on
//! purpose: the requester notices and places the replicas again; results that were sent are in the journal.

mod fetch;
mod queue;
mod run;

pub use queue::{Details, OrderId};
pub use run::{SliceReader, execute};

use crate::config::Faults;
use crate::context::{Context, LoopInput, Ran};
use crate::traces::Place;
use job_model::event::ReplicaResult;
use job_model::message::AssignBatch;
use job_model::quote::DeviceKind;
use job_model::{FloatClass, NoVerdict, NodeId, Outcome, TaskId, Usage};
use queue::{Queue, Ready};
use run::Work;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wasm_runtime::{LoadedJob, SandboxPool};

/// Messages that may wait for the worker's task.
pub const INPUT_QUEUE: usize = 1024;
/// Replicas whose inputs are fetched or ready ahead of a free sandbox, per sandbox.
const FETCH_AHEAD_PER_SLOT: usize = 3;
/// Most replicas handed to a sandbox thread at once.
const MAX_HANDOVER: usize = 128;
/// How much work a hand-over should hold: long enough to hide its cost, short enough for a prompt result.
const HANDOVER_TARGET: Duration = Duration::from_millis(15);

/// What the worker's task is told.
pub enum WorkerInput {
    /// A requester assigned replicas.
    Assign { requester: NodeId, batch: Box<AssignBatch> },
    /// A requester wants replicas stopped; none named means all of the task.
    Cancel {
        requester: NodeId,
        task: TaskId,
        replicas: Vec<(u32, u32)>,
    },
    /// A requester is gone: nobody waits for its results.
    RequesterDown { requester: NodeId },
    /// The component of an order is compiled, or cannot be had.
    Loaded {
        order: OrderId,
        job: Result<Arc<LoadedJob>, NoVerdict>,
    },
    /// The inputs of a replica are here, or cannot be had.
    Fetched {
        order: OrderId,
        replica: (u32, u32),
        outcome: Result<(), NoVerdict>,
    },
    /// A sandbox thread finished some of its replicas; `free` with the last of them.
    Ran {
        order: OrderId,
        results: Vec<ReplicaResult>,
        busy: Duration,
        free: bool,
    },
}

/// What others may see of the worker without asking it.
#[derive(Debug, Default)]
pub struct WorkerLoad {
    /// Replicas handed to sandbox threads.
    pub running: AtomicU32,
    /// Replicas that wait.
    pub queued: AtomicU32,
}

/// The worker's task.
pub struct Worker {
    context: Arc<Context>,
    inputs: mpsc::Receiver<WorkerInput>,
    queue: Queue<LoadedJob>,
    pool: SandboxPool,
    free_slots: usize,
    faults: Faults,
    fetches: JoinSet<()>,
}

impl Worker {
    /// A worker with `slots` sandbox threads.
    pub fn new(
        context: Arc<Context>,
        inputs: mpsc::Receiver<WorkerInput>,
        slots: usize,
        faults: Faults,
    ) -> std::io::Result<Self> {
        let pool = SandboxPool::new(slots)?;
        let queue = Queue::new(context.config.worker.queue as usize);
        Ok(Self {
            context,
            inputs,
            queue,
            free_slots: slots,
            pool,
            faults,
            fetches: JoinSet::new(),
        })
    }

    /// Works until every sender is gone, then cancels what runs.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                input = self.inputs.recv() => match input {
                    Some(input) => self.on_input(input).await,
                    None => break,
                },
                Some(_) = self.fetches.join_next(), if !self.fetches.is_empty() => {}
            }
            // Take what else waits before starting work, so that hand-overs are full.
            while let Ok(input) = self.inputs.try_recv() {
                self.on_input(input).await;
            }
            self.start_fetches();
            self.start_runs().await;
            self.publish_load();
        }
        self.queue.cancel_everything();
        self.fetches.shutdown().await;
    }

    fn publish_load(&self) {
        let (running, queued) = self.queue.load();
        self.context.worker_load.running.store(running, Ordering::Relaxed);
        self.context.worker_load.queued.store(queued, Ordering::Relaxed);
    }

    async fn on_input(&mut self, input: WorkerInput) {
        match input {
            WorkerInput::Assign { requester, batch } => self.on_assign(requester, *batch).await,
            WorkerInput::Cancel {
                requester,
                task,
                replicas,
            } => {
                let gone = self.queue.cancel(&requester, &task, &replicas);
                if gone {
                    self.unpin(task);
                }
            }
            WorkerInput::RequesterDown { requester } => {
                for task in self.queue.cancel_requester(&requester) {
                    self.unpin(task);
                }
            }
            WorkerInput::Loaded { order, job } => {
                if let Some(failed) = self.queue.loaded(order, job) {
                    self.report(order, failed).await;
                }
            }
            WorkerInput::Fetched {
                order,
                replica,
                outcome,
            } => {
                if let Some(failed) = self.queue.fetched(order, replica, outcome) {
                    self.report(order, vec![failed]).await;
                }
            }
            WorkerInput::Ran {
                order,
                results,
                busy,
                free,
            } => {
                if free {
                    self.free_slots += 1;
                }
                self.context.meters.ran(&results);
                let results = self.queue.ran(order, results, busy);
                if !self.faults.stall && !results.is_empty() {
                    self.report(order, results).await;
                }
            }
        }
    }

    async fn on_assign(&mut self, requester: NodeId, batch: AssignBatch) {
        let (task, job, quote) = (batch.task, batch.job, batch.quote);
        if let Some(why) = self.refusal(&batch) {
            let results = batch
                .replicas
                .iter()
                .map(|a| no_verdict((a.chunk, a.attempt), NoVerdict::Refused(why.clone())));
            let results = results.collect();
            self.send(Ran {
                requester,
                task,
                job,
                quote,
                results,
            })
            .await;
            return;
        }
        let (order, refused) = self.queue.assign(requester, batch);
        if !refused.is_empty() {
            self.send(Ran {
                requester,
                task,
                job,
                quote,
                results: refused,
            })
            .await;
        }
        if self.queue.needs_job(order) {
            self.queue.loading(order);
            if let Some(details) = self.queue.details(order) {
                let context = Arc::clone(&self.context);
                self.fetches.spawn(async move {
                    let started = Instant::now();
                    let job = fetch::load_job(&context, &details).await;
                    context.meters.loaded_job(started.elapsed());
                    // The worker's task outlives its fetches, except at the end.
                    let _ = context.worker.send(WorkerInput::Loaded { order, job }).await;
                });
            }
        }
    }

    fn refusal(&self, batch: &AssignBatch) -> Option<String> {
        let worker = &self.context.config.worker;
        if !worker.enabled {
            return Some("this node takes no replicas (worker.enabled = false)".to_owned());
        }
        let (needs, fast) = (&batch.requirements, self.context.compute.fast());
        if needs.float_class == FloatClass::Fast && fast.is_none() {
            return Some("this node does not offer float class fast".to_owned());
        }
        if needs.gpu && fast.is_none_or(|fast| fast.kind != DeviceKind::Gpu) {
            return Some("this node offers no GPU".to_owned());
        }
        let asked = batch.requirements.memory_bytes;
        (asked > worker.memory_bytes).then(|| {
            format!(
                "the task asks for {asked} bytes of memory, a sandbox here has at most {}",
                worker.memory_bytes
            )
        })
    }

    fn start_fetches(&mut self) {
        let ahead = FETCH_AHEAD_PER_SLOT * self.pool.threads();
        while let Some((order, replica, slices)) = self.queue.next_fetch(ahead) {
            let Some(details) = self.queue.details(order) else {
                continue;
            };
            let context = Arc::clone(&self.context);
            self.fetches.spawn(async move {
                let (started, traced) = (Instant::now(), context.traces.start(&details.task, replica.0));
                let outcome = fetch::fetch_slices(&context, &details, &slices).await;
                context.meters.fetched_inputs(started.elapsed());
                if let Some(from) = traced {
                    let task = details.task;
                    context.traces.fetched(Place { task, replica }, from, &outcome);
                }
                let _ = context
                    .worker
                    .send(WorkerInput::Fetched {
                        order,
                        replica,
                        outcome,
                    })
                    .await;
            });
        }
    }

    async fn start_runs(&mut self) {
        while self.free_slots > 0 {
            let Some(Ready {
                order,
                details,
                job,
                replicas,
            }) = self.queue.next_run(HANDOVER_TARGET, MAX_HANDOVER)
            else {
                return;
            };
            self.free_slots -= 1;
            let work = Work {
                context: Arc::clone(&self.context),
                order,
                details,
                job,
                replicas,
                lie: self.faults.lie,
                jitter: self.faults.jitter,
            };
            if self.pool.spawn(Box::new(move || work.run())).is_err() {
                // Cannot be: there are never more hand-overs than threads. If it is, the requester places them again.
                tracing::error!("the sandbox pool is full although a slot was free");
                self.free_slots += 1;
                return;
            }
        }
    }

    async fn report(&mut self, order: OrderId, results: Vec<ReplicaResult>) {
        if let Some(details) = self.queue.details(order) {
            let Details {
                requester,
                task,
                job,
                quote,
                ..
            } = *details;
            self.send(Ran {
                requester,
                task,
                job,
                quote,
                results,
            })
            .await;
        }
    }

    async fn send(&self, ran: Ran) {
        // The main loop ends after the worker; until then it takes what comes.
        let _ = self.context.inputs.send(LoopInput::Ran(ran)).await;
    }

    fn unpin(&mut self, task: TaskId) {
        let context = Arc::clone(&self.context);
        self.fetches.spawn(async move {
            // Our own tasks keep their blobs: the requester's side unpins them.
            if !context.own_tasks.lock().contains(&task)
                && let Err(error) = context.store.unpin(&blob_store::Pin::Task(task)).await
            {
                tracing::warn!(%error, "cannot unpin the blobs of a finished task");
            }
        });
    }
}

/// A result without a verdict.
pub fn no_verdict(replica: (u32, u32), why: NoVerdict) -> ReplicaResult {
    ReplicaResult {
        chunk: replica.0,
        attempt: replica.1,
        outcome: Outcome::NoVerdict(why),
        usage: Usage::default(),
        log: String::new(),
        metrics: job_model::JobMetrics::default(),
    }
}
