//! Blobs of a running node: in, out, and what keeps them.

use super::Api;
use crate::control::protocol::ControlError;
use crate::control::requests::{internal, not_found};
use crate::requester;
use blob_store::{BlobWriter, ImportError, OpenedBlob, Pin, ReadError};
use bytes::Bytes;
use job_model::BlobHash;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Pieces of an upload that may wait for the store; more make the sender wait.
const UPLOAD_QUEUE: usize = 8;
/// The pin of blobs that came over a front, until somebody unpins them; with `:NAME` after it, of those of one user.
pub const UPLOAD_PIN: &str = "uploaded";
/// The pin of blobs that were fetched for a person; they may go when the disk is needed.
const FETCH_PIN: &str = "fetched";
/// Used buffers that a reader keeps: one is filled while another is sent.
const SPARE_BUFFERS: usize = 4;

/// What keeps a blob.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PinReport {
    /// The blob.
    pub hash: BlobHash,
    /// `task`, `job` or `named`.
    pub kind: String,
    /// The task, the job, or the name.
    pub owner: String,
}

/// Why an upload was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The sender stopped in between.
    #[error("the upload ended before its last byte")]
    Unfinished,
    /// It is larger than allowed.
    #[error("the upload is larger than {0} bytes")]
    TooLarge(u64),
    /// It is not what was promised.
    #[error("the bytes have hash {found}, not {expected}")]
    WrongHash {
        /// Of the bytes that came.
        found: BlobHash,
        /// That was promised.
        expected: BlobHash,
    },
    /// Quota or disk.
    #[error("there is no room for the blob: {0}")]
    NoRoom(String),
    /// The store failed.
    #[error("{0}")]
    Store(String),
}

/// What is known of an upload before its first byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadTerms {
    /// Most bytes it may have.
    pub limit: u64,
    /// Bytes it says it has: room for them is reserved at once.
    pub size: Option<u64>,
    /// The hash it must have; another one stores nothing.
    pub hash: Option<BlobHash>,
    /// The name under which it is kept, such as [`UPLOAD_PIN`].
    pub pin: String,
}

/// A blob on its way in. Dropping it without [`Upload::finish`] throws it away.
pub struct Upload {
    pieces: mpsc::Sender<Bytes>,
    stored: tokio::task::JoinHandle<Result<BlobWriter, UploadError>>,
    size: u64,
    limit: u64,
}

impl Upload {
    /// Takes the next bytes; waits while the store is busy. After an error the upload is over.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), UploadError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.limit {
            return Err(UploadError::TooLarge(self.limit));
        }
        if self.pieces.send(bytes).await.is_ok() {
            return Ok(());
        }
        // The store takes no more, and says why.
        let ended = (&mut self.stored).await;
        match ended.map_err(|error| UploadError::Store(error.to_string()))? {
            Ok(_) => Err(UploadError::Unfinished),
            Err(error) => Err(error),
        }
    }

    /// Stores and pins it; its hash and its size in bytes. Survives `kill -9` once it has returned.
    pub async fn finish(self, api: &Api) -> Result<(BlobHash, u64), UploadError> {
        drop(self.pieces);
        let store = |error: String| UploadError::Store(error);
        let writer = self.stored.await.map_err(|error| store(error.to_string()))??;
        let finishing = api.context().runtime.spawn_blocking(move || writer.finish());
        let finished = finishing.await.map_err(|error| store(error.to_string()))?;
        let (hash, size) = finished.map_err(of_import)?;
        let synced = api.context().store.sync().await;
        synced.map_err(|error| store(error.to_string()))?;
        Ok((hash, size))
    }
}

fn of_import(error: ImportError) -> UploadError {
    match error {
        ImportError::Unfinished => UploadError::Unfinished,
        error @ ImportError::NoSpace(_) => UploadError::NoRoom(error.to_string()),
        error => UploadError::Store(error.to_string()),
    }
}

fn of_write(error: &std::io::Error) -> UploadError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => UploadError::NoRoom(error.to_string()),
        _ => UploadError::Store(error.to_string()),
    }
}

/// Hands all pieces to the store. A promised hash is compared before the store hears that the blob is complete.
fn write_all(
    mut writer: BlobWriter,
    mut pieces: mpsc::Receiver<Bytes>,
    expected: Option<BlobHash>,
) -> Result<BlobWriter, UploadError> {
    let mut hasher = expected.map(|_| blake3::Hasher::new());
    while let Some(bytes) = pieces.blocking_recv() {
        if let Err(error) = writer.write_all(&bytes) {
            // The store ended: its own words say more than the broken pipe does.
            return Err(match error.kind() {
                std::io::ErrorKind::BrokenPipe => writer.finish().err().map_or(UploadError::Unfinished, of_import),
                _ => of_write(&error),
            });
        }
        if let Some(hasher) = &mut hasher {
            hasher.update(&bytes);
        }
    }
    let found = hasher.map(|hasher| BlobHash(*hasher.finalize().as_bytes()));
    match (found, expected) {
        (Some(found), Some(expected)) if found != expected => Err(UploadError::WrongHash { found, expected }),
        _ => Ok(writer),
    }
}

/// A complete blob that is read in pieces, several times if wished. Cheap to clone; keeps a few buffers for itself.
#[derive(Clone)]
pub struct BlobReader {
    blob: OpenedBlob,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    runtime: tokio::runtime::Handle,
}

/// A piece on its way from the disk.
pub struct PendingPiece(tokio::task::JoinHandle<Result<Bytes, ReadError>>);

/// Bytes whose buffer goes back to its reader once they were sent.
struct Piece {
    buffer: Vec<u8>,
    len: usize,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_BUFFERS {
            spare.push(std::mem::take(&mut self.buffer));
        }
    }
}

impl BlobReader {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.blob.size()
    }

    /// Begins to read `len` bytes from `offset`, fewer where the blob ends; goes on while the caller does other things.
    pub fn begin(&self, offset: u64, len: usize) -> PendingPiece {
        let (blob, spare) = (self.blob.clone(), Arc::clone(&self.spare));
        PendingPiece(self.runtime.spawn_blocking(move || {
            let kept = spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut buffer = kept.unwrap_or_default();
            // Zeroed once; a buffer that comes back has its length already.
            if buffer.len() < len {
                buffer.resize(len, 0);
            }
            let len = blob.read_into(offset, buffer.get_mut(..len).unwrap_or_default())?;
            Ok(Bytes::from_owner(Piece { buffer, len, spare }))
        }))
    }
}

impl PendingPiece {
    /// The bytes.
    pub async fn bytes(self) -> Result<Bytes, ControlError> {
        self.0.await.map_err(internal)?.map_err(internal)
    }
}

impl Api {
    /// Begins an upload of at most `limit` bytes.
    pub fn upload(&self, limit: u64) -> Result<Upload, UploadError> {
        self.upload_under(UploadTerms {
            limit,
            size: None,
            hash: None,
            pin: UPLOAD_PIN.to_owned(),
        })
    }

    /// Begins an upload under these terms.
    pub fn upload_under(&self, terms: UploadTerms) -> Result<Upload, UploadError> {
        let UploadTerms { limit, size, hash, pin } = terms;
        if size.is_some_and(|size| size > limit) {
            return Err(UploadError::TooLarge(limit));
        }
        let context = self.context();
        let writer = context.store.writer(context.runtime.clone(), &Pin::Named(pin));
        let mut writer = writer.map_err(of_import)?;
        writer.expect(size.unwrap_or(0)).map_err(of_import)?;
        let (pieces, waiting) = mpsc::channel(UPLOAD_QUEUE);
        let stored = context.runtime.spawn_blocking(move || write_all(writer, waiting, hash));
        Ok(Upload {
            pieces,
            stored,
            size: 0,
            limit,
        })
    }

    /// Opens a blob that is completely here, to be read in pieces.
    pub async fn open_blob(&self, hash: BlobHash) -> Result<BlobReader, ControlError> {
        let opened = self.context().store.open_complete(hash).await;
        let blob = opened.map_err(|error| match error {
            ReadError::NotHere { .. } => not_found(error.to_string(), "fetch it first"),
            error => internal(error),
        })?;
        Ok(BlobReader {
            blob,
            spare: Arc::default(),
            runtime: self.context().runtime.clone(),
        })
    }

    /// The size in bytes of a blob that is completely here.
    pub async fn blob_size(&self, hash: BlobHash) -> Option<u64> {
        self.context().store.size(hash).await
    }

    /// Bytes of a blob that is here; the caller asks for pieces of bounded size.
    pub async fn read_blob(&self, hash: BlobHash, offset: u64, len: u64) -> Result<Bytes, ControlError> {
        self.context().store.read(hash, offset, len).await.map_err(internal)
    }

    /// Brings a blob here from whoever has it; its size in bytes.
    pub async fn bring_blob(&self, hash: BlobHash) -> Result<u64, ControlError> {
        let pin = Pin::Named(FETCH_PIN.to_owned());
        let (size, _) = requester::bring_blob(self.context(), hash, &pin, &|_, _| {}).await?;
        Ok(size)
    }

    /// Everything of which at least a part is here: hash, size in bytes if all of it is.
    pub async fn blobs(&self) -> Vec<(BlobHash, Option<u64>)> {
        let store = &self.context().store;
        let mut found = Vec::new();
        for blob in store.list().await {
            found.push((blob.hash, store.size(blob.hash).await));
        }
        found.sort_unstable();
        found
    }

    /// What keeps which blobs.
    pub async fn pins(&self) -> Result<Vec<PinReport>, ControlError> {
        let pins = self.context().store.pins().await.map_err(internal)?;
        let report = |(pin, hash)| {
            let (kind, owner) = match pin {
                Pin::Task(task) => ("task", task.to_string()),
                Pin::Job(job) => ("job", job.to_string()),
                Pin::Named(name) => ("named", name),
            };
            PinReport {
                hash,
                kind: kind.to_owned(),
                owner,
            }
        };
        Ok(pins.into_iter().map(report).collect())
    }

    /// Keeps a blob under a name. Pinning what is not here keeps it once it comes.
    pub async fn pin(&self, hash: BlobHash, name: &str) -> Result<(), ControlError> {
        let pinned = self.context().store.pin(hash, &Pin::Named(name.to_owned())).await;
        pinned.map_err(internal)
    }

    /// Ends the keeping of a blob under a name.
    pub async fn unpin(&self, hash: BlobHash, name: &str) -> Result<(), ControlError> {
        let unpinned = self
            .context()
            .store
            .unpin_blob(hash, &Pin::Named(name.to_owned()))
            .await;
        unpinned.map_err(internal)
    }
}
