//! Bringing a task's inputs into the store: files of this machine, or blobs of the network.

use crate::context::Context;
use crate::control::protocol::{ControlError, ErrorCode, InputSource};
use blob_store::{Fetch, Pin, Want};
use job_model::BlobHash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Files whose blobs are remembered: the quote imports, the submit that follows finds.
const KEPT_FILES: usize = 64;

#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

/// Files imported lately, by path, size and time of change.
#[derive(Default)]
pub struct ImportCache(Mutex<Vec<(Stamp, BlobHash)>>);

impl ImportCache {
    fn find(&self, stamp: &Stamp) -> Option<BlobHash> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(other, _)| other == stamp).map(|(_, hash)| *hash)
    }
    fn keep(&self, stamp: Stamp, hash: BlobHash) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| other.path != stamp.path);
        if kept.len() >= KEPT_FILES {
            kept.remove(0);
        }
        kept.push((stamp, hash));
    }
}

fn bad_input(message: String, remedy: &str) -> ControlError {
    ControlError {
        code: ErrorCode::BadInput,
        message,
        remedy: remedy.to_owned(),
    }
}

/// The blob and size of an input; the blob is complete here afterwards.
pub async fn import_input(
    context: &Arc<Context>,
    source: &InputSource,
    pin: &Pin,
) -> Result<(BlobHash, u64), ControlError> {
    match source {
        InputSource::Path(path) => import_file(context, path, pin).await,
        InputSource::Hash(hash) => bring_blob(context, *hash, pin, &|_, _| {})
            .await
            .map(|(size, _)| (*hash, size)),
    }
}

async fn import_file(context: &Arc<Context>, path: &Path, pin: &Pin) -> Result<(BlobHash, u64), ControlError> {
    let meta = tokio::fs::metadata(path).await.map_err(|error| {
        bad_input(
            format!("cannot read {}: {error}", path.display()),
            "check the path; the node reads it as its own user",
        )
    })?;
    if !meta.is_file() {
        return Err(bad_input(
            format!("{} is not a file", path.display()),
            "give one file per input",
        ));
    }
    let stamp = Stamp {
        path: path.to_owned(),
        size: meta.len(),
        modified: meta.modified().ok(),
    };
    if let Some(hash) = context.imports.find(&stamp)
        && context.store.has(hash).await
        && context.store.pin(hash, pin).await.is_ok()
    {
        return Ok((hash, stamp.size));
    }
    let imported = context.store.import_file(path, pin).await;
    let (hash, size) = imported.map_err(|error| ControlError {
        code: ErrorCode::Limit,
        message: format!("cannot import {}: {error}", path.display()),
        remedy: "free disk space, or raise store.quota_bytes".to_owned(),
    })?;
    context.imports.keep(stamp, hash);
    Ok((hash, size))
}

/// Fetches a blob from whoever has it, if it is not here. Returns its size and how many bytes came. `progress` is told
/// the bytes so far and the size.
pub async fn bring_blob(
    context: &Arc<Context>,
    hash: BlobHash,
    pin: &Pin,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<(u64, u64), ControlError> {
    if let Some(size) = context.store.size(hash).await {
        // It is here; a failed pin only means that it may go later.
        let _ = context.store.pin(hash, pin).await;
        return Ok((size, 0));
    }
    let (holders, asked) = context.who_has(hash).await;
    let Some((_, size)) = holders.first().copied() else {
        let names: Vec<String> = asked.iter().map(job_model::NodeId::short).collect();
        let who = if names.is_empty() {
            "no peer is connected".to_owned()
        } else {
            format!("asked: {}", names.join(", "))
        };
        return Err(ControlError {
            code: ErrorCode::NotFound,
            message: format!("nobody has blob {hash} ({who})"),
            remedy: "check the hash; start a node that has it; or import the file with `p2pjob import`".to_owned(),
        });
    };
    let providers: Vec<_> = holders.iter().map(|(node, _)| *node).collect();
    let report = |done: u64| progress(done, size);
    let want = Want::All;
    let fetch = Fetch {
        hash,
        providers: &providers,
        want: &want,
        expected_size: Some(size),
        max_size: u64::MAX,
        pin,
        progress: &report,
    };
    let fetched = context
        .store
        .fetch(&context.network.endpoint(), fetch)
        .await
        .map_err(|error| ControlError {
            code: ErrorCode::Unavailable,
            message: error.to_string(),
            remedy: "try again: what has come is kept".to_owned(),
        })?;
    Ok((size, fetched.bytes_transferred))
}
