//! Effects: what the node does after it has decided and journalled. Started in order by one task, which never waits
//! for the world itself: whatever may take time becomes owned background work whose end is a new [`LoopInput`].

use crate::context::{Context, LoopInput};
use crate::requester::{self, Claim, OutputPair};
use crate::worker::WorkerInput;
use blob_store::Pin;
use job_model::message::{JobAdvert, ResultBatch};
use job_model::{BlobHash, Fork, Message, NodeId, Output, Plan, Recorded, TaskId, TaskSpec, Tolerance};
use peer_network::SendError;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// One thing to do.
pub enum Effect {
    /// Tell a node (possibly this one) something.
    Send { to: NodeId, message: Message },
    /// Tell watchers what happened.
    Publish(Arc<Recorded>),
    /// Answer a person whose order is on disk now.
    Answer(Box<dyn FnOnce() + Send>),
    /// Cut a task.
    Plan { task: TaskId, spec: Arc<TaskSpec> },
    /// Read a task's plan again.
    LoadPlan { task: TaskId, plan: BlobHash },
    /// Combine a task's outputs.
    Reduce {
        task: TaskId,
        spec: Arc<TaskSpec>,
        partials: Vec<Output>,
    },
    /// Let the job's own check look at outputs.
    Check {
        task: TaskId,
        spec: Arc<TaskSpec>,
        plan: Arc<Plan>,
        claims: Vec<Claim>,
    },
    /// Compare outputs by tolerance.
    Compare {
        task: TaskId,
        tolerance: Tolerance,
        pairs: Vec<OutputPair>,
    },
    /// Bring large outputs here before they are judged.
    FetchOutputs { from: NodeId, batch: Box<ResultBatch> },
    /// Tell the worker something.
    Worker(WorkerInput),
    /// Answer whether a blob is here.
    AnswerWhoHas { to: NodeId, hash: BlobHash },
    /// A peer said whether it holds a blob.
    Have {
        from: NodeId,
        hash: BlobHash,
        size: Option<u64>,
    },
    /// Tell everybody of a job.
    AnnounceJob(JobAdvert),
    /// Tell everybody that a node forked its chain.
    AnnounceFork(Box<Fork>),
    /// Keep the evidence of failed replicas as a blob under the task's pin.
    KeepBundle { task: TaskId, bundle: Vec<u8> },
    /// Let blobs go.
    Unpin(Pin),
}

/// Starts effects until the sender is gone.
pub async fn run(context: Arc<Context>, mut released: mpsc::Receiver<Vec<Effect>>) {
    while let Some(effects) = released.recv().await {
        for effect in effects {
            perform(&context, effect);
        }
    }
}

fn perform(context: &Arc<Context>, effect: Effect) {
    let here = Arc::clone(context);
    match effect {
        Effect::Send { to, message } => send(context, to, message),
        Effect::Publish(record) => {
            context.published.store(record.seq, Ordering::Release);
            crate::metrics::count(context, &record);
            // Nobody watches: fine.
            let _ = context.events.send(record);
        }
        Effect::Answer(answer) => answer(),
        Effect::Plan { task, spec } => context.spawn(async move { requester::plan_task(here, task, spec).await }),
        Effect::LoadPlan { task, plan } => context.spawn(async move { requester::load_plan(here, task, plan).await }),
        Effect::Reduce { task, spec, partials } => {
            context.spawn(async move { requester::reduce_task(here, task, spec, partials).await });
        }
        Effect::Check {
            task,
            spec,
            plan,
            claims,
        } => context.spawn(async move { requester::check_replicas(here, task, (spec, plan), claims).await }),
        Effect::Compare { task, tolerance, pairs } => {
            context.spawn(async move { requester::compare_outputs(here, task, tolerance, pairs).await });
        }
        Effect::FetchOutputs { from, batch } => {
            context.spawn(async move { requester::fetch_outputs(here, from, *batch).await });
        }
        Effect::Worker(input) => {
            // In order while there is room; a worker that is swamped gets it a moment later.
            if let Err(mpsc::error::TrySendError::Full(input)) = context.worker.try_send(input) {
                context.spawn(async move {
                    let _ = here.worker.send(input).await;
                });
            }
        }
        Effect::AnswerWhoHas { to, hash } => context.spawn(async move {
            let size = here.store.size(hash).await;
            send(&here, to, Message::Have { hash, size });
        }),
        Effect::Have { from, hash, size } => {
            // Nobody asks any more: fine.
            let _ = context.have.send((from, hash, size));
        }
        Effect::AnnounceJob(advert) => context.spawn(async move { here.network.announce_job(advert).await }),
        Effect::AnnounceFork(fork) => context.spawn(async move { here.network.announce_fork(*fork).await }),
        Effect::KeepBundle { task, bundle } => context.spawn(async move {
            if let Err(error) = here.store.import_bytes(bundle.into(), &Pin::Task(task)).await {
                tracing::warn!(%error, "cannot keep a failure bundle as a blob; the journal still has it");
            }
        }),
        Effect::Unpin(pin) => context.spawn(async move {
            if let Err(error) = here.store.unpin(&pin).await {
                tracing::warn!(%error, "cannot unpin blobs");
            }
        }),
    }
}

/// Sends without waiting; a full queue makes background work of it. A peer that is gone is noticed elsewhere.
fn send(context: &Arc<Context>, to: NodeId, message: Message) {
    if to == context.me {
        if let Err(mpsc::error::TrySendError::Full(input)) = context.inputs.try_send(LoopInput::Own(message)) {
            let here = Arc::clone(context);
            context.spawn(async move {
                let _ = here.inputs.send(input).await;
            });
        }
        return;
    }
    match context.network.try_send(to, message.clone()) {
        Ok(()) => {}
        Err(SendError::QueueFull { .. }) => {
            let here = Arc::clone(context);
            context.spawn(async move {
                if let Err(error) = here.network.send(to, message).await {
                    tracing::debug!(%error, node = %to.short(), "message not sent");
                }
            });
        }
        Err(error) => tracing::debug!(%error, node = %to.short(), "message not sent"),
    }
}
