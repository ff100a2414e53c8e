//! Bringing a task's inputs into the store: files of this machine, or blobs of the network.

use crate::context::{Context, SILENT};
use crate::control::protocol::{ControlError, ErrorCode, InputSource};
use blob_store::{Fetch, Pin, Want};
use job_model::{BlobHash, NodeId};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What a lane of a striped fetch asks for at once, in bytes: large enough to hide the question, small enough to share.
const SEGMENT_BYTES: u64 = 8 << 20;
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
        let names: Vec<String> = asked.iter().map(NodeId::short).collect();
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
    let providers: Vec<NodeId> = holders.iter().map(|(node, _)| *node).collect();
    let done = AtomicU64::new(0);
    let striped = Striped {
        context,
        hash,
        size,
        providers: &providers,
        pin,
        next: &AtomicU64::new(0),
        done: &done,
        progress,
    };
    Box::pin(striped.fetch()).await;
    // What the lanes could not get, and all of a small blob: from one provider after the other.
    let before = done.load(Ordering::Relaxed);
    let report = |more: u64| progress(before + more, size);
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
    let fetched = Box::pin(context.fetch(fetch)).await.map_err(|error| ControlError {
        code: ErrorCode::Unavailable,
        message: error.to_string(),
        remedy: "try again: what has come is kept".to_owned(),
    })?;
    Ok((size, before + fetched.bytes_transferred))
}

/// A blob from several providers at once: each lane takes the next segment and asks its own provider first.
#[derive(Clone, Copy)]
struct Striped<'a> {
    context: &'a Context,
    hash: BlobHash,
    size: u64,
    providers: &'a [NodeId],
    pin: &'a Pin,
    /// Where the next segment begins.
    next: &'a AtomicU64,
    /// Bytes that came.
    done: &'a AtomicU64,
    progress: &'a (dyn Fn(u64, u64) + Send + Sync),
}

impl Striped<'_> {
    /// Fetches what it can; errors are left to whoever asks for the rest.
    async fn fetch(self) {
        if self.providers.len() < 2 || self.size < 2 * SEGMENT_BYTES {
            return;
        }
        // Boxed: four of them side by side would make a large future.
        let lane = |number| Box::pin(self.lane(number));
        tokio::join!(lane(0), lane(1), lane(2), lane(3));
    }

    async fn lane(self, number: usize) {
        if number >= self.providers.len() {
            return;
        }
        let mut providers = self.providers.to_vec();
        providers.rotate_left(number);
        loop {
            let offset = self.next.fetch_add(SEGMENT_BYTES, Ordering::Relaxed);
            if offset >= self.size {
                return;
            }
            let want = Want::Ranges(vec![(offset, SEGMENT_BYTES.min(self.size - offset))]);
            let fetch = Fetch {
                hash: self.hash,
                providers: &providers,
                want: &want,
                expected_size: Some(self.size),
                max_size: u64::MAX,
                pin: self.pin,
                progress: SILENT,
            };
            match self.context.fetch(fetch).await {
                Ok(fetched) => {
                    let before = self.done.fetch_add(fetched.bytes_transferred, Ordering::Relaxed);
                    (self.progress)(before + fetched.bytes_transferred, self.size);
                }
                Err(error) => {
                    tracing::info!(%error, "a lane of a fetch gave up");
                    return;
                }
            }
        }
    }
}
