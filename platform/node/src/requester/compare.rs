//! Comparing outputs of a chunk by tolerance, here, where their bytes are (they were fetched before they were judged). Paid
//! to nobody. A crash loses nothing: the scheduler asks again.

use super::check::on_check_pool;
use super::reduce::Partials;
use super::until_ended;
use crate::compare::{Finding, compare};
use crate::context::{Context, LoopInput};
use job_model::event::{CompareVerdict, OutputComparison};
use job_model::{Output, TaskId, Tolerance};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasm_runtime::PartialSource;

/// Largest output that is compared, in bytes. Two lanes with two outputs each bound what is held at once.
pub const MAX_COMPARED_BYTES: u64 = 128 << 20;
/// Answers are handed on at least this often.
const REPORT_EVERY: Duration = Duration::from_millis(20);

/// Two outputs of a chunk.
#[derive(Clone)]
pub struct OutputPair {
    /// Chunk index.
    pub chunk: u32,
    /// The execution whose output is the reference, and that output; its bytes are here.
    pub reference: (u32, Output),
    /// The execution whose output is compared with it, and that output.
    pub other: (u32, Output),
}

/// Compares pairs one after the other and tells the main loop. Every pair gets an answer, unless its task ends before.
pub async fn compare_outputs(context: Arc<Context>, task: TaskId, tolerance: Tolerance, pairs: Vec<OutputPair>) {
    tokio::select! {
        () = compare_all(&context, task, tolerance, pairs) => {}
        () = until_ended(&context, task) => {}
    }
}

async fn compare_all(context: &Arc<Context>, task: TaskId, tolerance: Tolerance, pairs: Vec<OutputPair>) {
    let (mut comparisons, mut since) = (Vec::new(), Instant::now());
    for pair in pairs {
        let (chunk, reference, attempt) = (pair.chunk, pair.reference.0, pair.other.0);
        let here = Arc::clone(context);
        let found = on_check_pool(context, move || compare_pair(&here, pair, &tolerance)).await;
        let found =
            found.unwrap_or_else(|| Finding::Unknown("the comparison broke off; the node's log says why".to_owned()));
        let (verdict, difference) = match found {
            Finding::Close(difference) => (CompareVerdict::Close, difference),
            Finding::Apart(difference) => (CompareVerdict::Apart, difference),
            Finding::Unknown(why) => (CompareVerdict::Failed(super::check::cut(&why)), None),
        };
        comparisons.push(OutputComparison {
            chunk,
            reference,
            attempt,
            verdict,
            difference,
        });
        if since.elapsed() >= REPORT_EVERY {
            let comparisons = std::mem::take(&mut comparisons);
            // The main loop ends after this work.
            let _ = context.inputs.send(LoopInput::Compared { task, comparisons }).await;
            since = Instant::now();
        }
    }
    if !comparisons.is_empty() {
        let _ = context.inputs.send(LoopInput::Compared { task, comparisons }).await;
    }
}

/// On a thread that may wait for the disk.
fn compare_pair(context: &Context, pair: OutputPair, tolerance: &Tolerance) -> Finding {
    let (reference, other) = (pair.reference.1, pair.other.1);
    let largest = reference.size().max(other.size());
    if largest > MAX_COMPARED_BYTES {
        return Finding::Unknown(format!(
            "an output has {largest} bytes, at most {MAX_COMPARED_BYTES} are compared by tolerance; cut smaller chunks with \
             --chunk-size, or verify with the job's own check"
        ));
    }
    let mut outputs = Partials::new(context.store.reader(context.runtime.clone()), vec![reference, other]);
    match (outputs.next(), outputs.next()) {
        (Ok(Some(reference)), Ok(Some(other))) => compare(&reference, &other, tolerance),
        (Err(why), _) | (_, Err(why)) => Finding::Unknown(format!("an output cannot be read here: {why}")),
        _ => Finding::Unknown("an output is not here".to_owned()),
    }
}
