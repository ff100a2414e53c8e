//! Blobs in and out.

use super::{bad_input, internal};
use crate::context::Context;
use crate::control::protocol::{ControlError, ErrorCode, InputSource, Progress, Reply};
use crate::control::server::Replies;
use crate::requester;
use blob_store::Pin;
use job_model::BlobHash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The pin of blobs that were fetched for a person; they may go when the disk is needed.
const FETCH_PIN: &str = "fetched";

/// Imports a file.
pub async fn import(context: &Arc<Context>, path: PathBuf, pin: String) -> Result<Reply, ControlError> {
    let (hash, size) = requester::import_input(context, &InputSource::Path(path), &Pin::Named(pin)).await?;
    // Who is told the hash relies on it.
    context.store.sync().await.map_err(internal)?;
    Ok(Reply::Imported { hash, size })
}

/// Brings a blob to a file.
pub async fn fetch(
    context: &Arc<Context>,
    hash: BlobHash,
    path: &Path,
    replies: &Replies,
) -> Result<Reply, ControlError> {
    if path.is_dir() {
        return Err(bad_input(
            format!("{} is a folder", path.display()),
            "name a file with -o",
        ));
    }
    let bytes = |done: u64, total: u64| replies.offer(Progress::Bytes { done, total });
    let pin = Pin::Named(FETCH_PIN.to_owned());
    let (size, transferred) = requester::bring_blob(context, hash, &pin, &bytes).await?;
    let progress = |done: u64| replies.offer(Progress::Bytes { done, total: size });
    let exported = context.store.export(hash, path, &progress).await;
    let size = exported.map_err(|error| ControlError {
        code: ErrorCode::Limit,
        message: format!("cannot write {}: {error}", path.display()),
        remedy: "check the path and the free disk; the next fetch continues".to_owned(),
    })?;
    Ok(Reply::Fetched {
        hash,
        size,
        transferred,
        path: path.canonicalize().map_err(internal)?,
    })
}
