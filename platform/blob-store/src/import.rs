//! Bringing local data into the store: bytes, files, and what a writer produces. The data is copied once into the store
//! and hashed once. Room is reserved before, the pin is set before the temporary protection ends, so that no collection
//! comes between. A crash in the middle leaves a temporary file, removed when the store opens again.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use iroh_blobs::BlobFormat;
use iroh_blobs::api::TempTag;
use iroh_blobs::api::blobs::{AddPathOptions, BlobStatus, ImportMode};
use job_model::BlobHash;

use crate::Pin;
use crate::space::SpaceError;
use crate::store::{BlobStore, from_hash, io_error, to_hash};

/// Why data could not be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// No room, by quota or on the disk.
    #[error(transparent)]
    NoSpace(#[from] SpaceError),
    /// The file to import cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The writer was dropped, or its thread ended, before it was finished.
    #[error("the writer ended before it was finished; nothing was stored")]
    Unfinished,
    /// The store could not write or does not answer.
    #[error("the blob store failed: {0}")]
    Store(String),
}

impl BlobStore {
    /// Stores these bytes and pins them. What is already here costs one hash.
    pub async fn import_bytes(&self, bytes: Bytes, pin: &Pin) -> Result<BlobHash, ImportError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let _room = self.inner().space.reserve(size)?;
        let _gate = self.inner().collector.keep_out().await;
        let added = self.inner().store.add_bytes(bytes).temp_tag().await;
        self.finish_import(added.map_err(iroh_blobs::api::Error::from), size, pin)
            .await
            .map(|(hash, _)| hash)
    }

    /// Copies a file into the store and pins it. Returns its hash and its size in bytes.
    pub async fn import_file(&self, path: &Path, pin: &Pin) -> Result<(BlobHash, u64), ImportError> {
        let unreadable = |source| ImportError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let meta = tokio::fs::metadata(path).await.map_err(unreadable)?;
        if !meta.is_file() {
            return Err(unreadable(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no regular file",
            )));
        }
        let path = std::path::absolute(path).map_err(unreadable)?;
        // Opened here so that a missing permission is reported with the path, not as a failure of the store.
        tokio::fs::File::open(&path).await.map_err(unreadable)?;
        let size = meta.len();
        let _room = self.inner().space.reserve(size)?;
        let options = AddPathOptions {
            path,
            format: BlobFormat::Raw,
            mode: ImportMode::Copy,
        };
        let added = self.inner().store.add_path_with_opts(options).temp_tag().await;
        self.finish_import(added.map_err(iroh_blobs::api::Error::from), size, pin)
            .await
    }

    /// Pins what was added and takes it into the index.
    pub(crate) async fn finish_import(
        &self,
        added: Result<TempTag, iroh_blobs::api::Error>,
        size_hint: u64,
        pin: &Pin,
    ) -> Result<(BlobHash, u64), ImportError> {
        let protected = added.map_err(|error| self.import_error(error, size_hint))?;
        let hash = from_hash(&protected.hash());
        self.set_tag(hash, pin)
            .await
            .map_err(|error| self.import_error(error, 0))?;
        let status = self.inner().store.status(protected.hash()).await;
        let BlobStatus::Complete { size } = status.map_err(|error| ImportError::Store(error.to_string()))? else {
            return Err(ImportError::Store(format!(
                "blob {hash} is gone right after it was stored; try again"
            )));
        };
        if self.inner().collector.is_running() {
            self.check_survived(hash, size).await?;
        }
        self.inner().space.record(hash, size, true);
        self.inner().collector.mark_dirty();
        Ok((hash, size))
    }

    /// A collection that began before this import may have deleted an older, unpinned copy of the same blob while the
    /// new one was written, and with it the new one's file. Then the import must fail, not the first read.
    async fn check_survived(&self, hash: BlobHash, size: u64) -> Result<(), ImportError> {
        let synced = self.sync().await;
        synced.map_err(|error| ImportError::Store(error.to_string()))?;
        if size > crate::INLINE_BYTES && !self.data_path(&to_hash(&hash)).exists() {
            return Err(ImportError::Store(format!(
                "blob {hash} was collected while it was stored; try again"
            )));
        }
        Ok(())
    }

    pub(crate) fn import_error(&self, error: iroh_blobs::api::Error, needed: u64) -> ImportError {
        let error = io_error(error);
        match error.kind() {
            io::ErrorKind::StorageFull => self.inner().space.disk_full(needed).into(),
            _ => ImportError::Store(error.to_string()),
        }
    }
}
