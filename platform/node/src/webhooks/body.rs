//! The JSON that receivers get: what happened to which task, with its result when that is small text.

use super::types::HookEvent;
use crate::context::Context;
use crate::control::protocol::TaskReport;
use job_model::{BlobHash, Event, Recorded};
use serde::Serialize;

/// Largest result that travels inside the body, in bytes; larger ones are fetched by their hash.
const MAX_INLINE_BYTES: u64 = 64 << 10;

/// Everything but the result, which is put in as it stands: numbers keep all their digits.
#[derive(Serialize)]
struct Head<'a> {
    event: &'static str,
    task_id: String,
    /// Seconds since 1970.
    timestamp: f64,
    status: &'static str,
    owner_id: &'a str,
    job_name: &'a str,
    result_hash: Option<BlobHash>,
    result_bytes: Option<u64>,
    failure: Option<String>,
    reason: Option<&'a str>,
    price_credits: String,
    /// Position in the node's journal: a receiver that keeps the largest one sees what it has had.
    seq: u64,
}

/// The body for a record that ends a task; none for other records.
pub async fn of_record(context: &Context, record: &Recorded, report: &TaskReport) -> Option<Vec<u8>> {
    let event = HookEvent::of_record(&record.event)?;
    let mut result = None;
    let mut head = Head {
        event: event.name(),
        task_id: report.task_id.to_string(),
        timestamp: record.at.0 as f64 / 1e3,
        status: event.name().trim_start_matches("task_"),
        owner_id: &report.owner,
        job_name: &report.job_name,
        result_hash: None,
        result_bytes: None,
        failure: None,
        reason: None,
        price_credits: report.price.to_string(),
        seq: record.seq,
    };
    match &record.event {
        Event::TaskCompleted { result: hash, size, .. } => {
            (head.result_hash, head.result_bytes) = (Some(*hash), Some(*size));
            result = small_result(context, *hash, *size).await;
        }
        Event::TaskFailed { failure, .. } => head.failure = Some(failure.to_string()),
        Event::TaskCancelled { reason, .. } => head.reason = Some(reason),
        _ => {}
    }
    Some(join(&head, result.as_deref().and_then(inline).as_deref()))
}

/// The body of a `ping`.
pub fn ping(id: &str, at_ms: u64) -> Vec<u8> {
    let seconds = at_ms as f64 / 1e3;
    let body = serde_json::json!({ "event": HookEvent::Ping.name(), "timestamp": seconds, "webhook_id": id });
    serde_json::to_vec(&body).unwrap_or_default()
}

async fn small_result(context: &Context, hash: BlobHash, size: u64) -> Option<Vec<u8>> {
    if size > MAX_INLINE_BYTES {
        return None;
    }
    match context.store.read(hash, 0, size).await {
        Ok(bytes) => Some(bytes.to_vec()),
        Err(error) => {
            // Dropped to make room, long after the task: the hash says what it was.
            tracing::debug!(%error, %hash, "a result is not put into a webhook");
            None
        }
    }
}

/// A result as JSON text: itself if it is JSON, a string if it is other text.
fn inline(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Some(text.trim().to_owned()),
        Err(_) => serde_json::to_string(text).ok(),
    }
}

fn join(head: &Head<'_>, result: Option<&str>) -> Vec<u8> {
    let head = serde_json::to_string(head).unwrap_or_default();
    let fields = head.trim_end_matches('}');
    format!("{fields},\"result\":{}}}", result.unwrap_or("null")).into_bytes()
}

#[cfg(test)]
mod tests;
