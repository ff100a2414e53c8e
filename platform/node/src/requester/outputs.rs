//! Bringing large outputs here before they are judged: an accepted chunk is one whose bytes this node has.

use crate::context::{Arrived, Context, LoopInput, SILENT};
use blob_store::{Fetch, Pin, Want};
use job_model::message::ResultBatch;
use job_model::{NodeId, Outcome, Output};
use std::sync::Arc;

/// Fetches what a batch of results names, then hands the batch on. What cannot be fetched counts as lost.
pub async fn fetch_outputs(context: Arc<Context>, from: NodeId, batch: ResultBatch) {
    let ResultBatch { task, results, .. } = batch;
    let limit = context.ask(move |core| core.output_limit(&task)).await.unwrap_or(0);
    let mut here = Vec::with_capacity(results.len());
    let mut lost = Vec::new();
    let mut why = String::new();
    for result in results {
        let Outcome::Value(Output::Blob { hash, size }) = &result.outcome else {
            here.push(result);
            continue;
        };
        let (hash, size) = (*hash, *size);
        let pin = Pin::Task(task);
        let fetch = Fetch {
            hash,
            providers: &[from],
            want: &Want::All,
            expected_size: Some(size),
            max_size: limit,
            pin: &pin,
            progress: SILENT,
        };
        match context.fetch(fetch).await {
            Ok(_) => here.push(result),
            Err(error) => {
                why = format!("its output cannot be fetched: {error}");
                lost.push((result.chunk, result.attempt));
            }
        }
    }
    // The journal will name what came; if it cannot be kept, neither can the journal for long.
    if let Err(error) = context.store.sync().await {
        tracing::warn!(%error, "fetched outputs may be lost in a crash");
    }
    let arrived = Arrived {
        worker: from,
        task,
        results: here,
        lost,
        why,
    };
    let _ = context.inputs.send(LoopInput::Results(arrived)).await;
}
