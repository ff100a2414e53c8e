//! Small results, ready to be shown inside their task: read once from the store, kept while there is room. Losing them
//! costs a read.

use crate::state::AppState;
use job_model::{BlobHash, TaskStatus};
use node::control::protocol::TaskReport;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest result that is shown inside its task, in bytes.
pub const MAX_INLINE_BYTES: u64 = 64 << 10;
/// Bytes of results that are kept.
const MAX_KEPT_BYTES: u64 = 1 << 20;
/// What keeping one costs besides its bytes.
const ENTRY_BYTES: u64 = 128;

#[derive(Default)]
struct Kept {
    values: HashMap<BlobHash, (u64, Arc<Value>)>,
    order: VecDeque<BlobHash>,
    bytes: u64,
}

/// Results that were shown lately.
#[derive(Default)]
pub struct Results(Mutex<Kept>);

impl Results {
    fn get(&self, hash: &BlobHash) -> Option<Arc<Value>> {
        // A panic elsewhere cannot leave the map half changed, so poison is ignored.
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.values.get(hash).map(|(_, value)| Arc::clone(value))
    }

    fn keep(&self, hash: BlobHash, bytes: u64, value: Arc<Value>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cost = bytes + ENTRY_BYTES;
        if kept.values.insert(hash, (cost, value)).is_some() {
            return;
        }
        kept.order.push_back(hash);
        kept.bytes += cost;
        while kept.bytes > MAX_KEPT_BYTES
            && let Some(oldest) = kept.order.pop_front()
        {
            if let Some((cost, _)) = kept.values.remove(&oldest) {
                kept.bytes -= cost;
            }
        }
    }
}

/// JSON if it is JSON, else text, else nothing.
fn value_of(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    // Numbers of any size keep their digits, as they do on their way in.
    let read = serde_json::from_str(&job_model::digits::keep_digits(text));
    Some(read.unwrap_or_else(|_| Value::String(text.to_owned())))
}

/// The result of a completed task, where it is small and readable.
pub async fn inline(state: &AppState, report: &TaskReport) -> Option<Value> {
    let (hash, size) = report.result_hash.zip(report.result_bytes)?;
    if report.status != TaskStatus::Completed || size > MAX_INLINE_BYTES {
        return None;
    }
    if let Some(known) = state.results.get(&hash) {
        return Some((*known).clone()).filter(|value| !value.is_null());
    }
    // The blob may be gone: its task is kept longer.
    let bytes = state.api.read_blob(hash, 0, size).await.ok()?;
    let value = Arc::new(value_of(&bytes).unwrap_or_default());
    state.results.keep(hash, size, Arc::clone(&value));
    Some((*value).clone()).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests;
