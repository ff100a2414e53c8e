//! Writing a blob to a file of the user's. Every block is verified on the way. The data goes to `<path>.part` and is
//! renamed at the end, so `path` never holds half a blob. A part left by an earlier try is compared with the blob while
//! it is streamed, kept as far as it agrees and continued from there: what is at `path` is right whatever was there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use iroh_blobs::api::blobs::EncodedItem;
use iroh_blobs::protocol::ChunkRanges;
use job_model::BlobHash;
use n0_future::StreamExt;
use tokio::sync::mpsc;

use crate::store::{BlobStore, io_error, to_hash};

/// Verified blocks of 16 KiB that wait for the disk, at most: half a megabyte.
const BLOCKS_WAITING: usize = 32;
/// Bytes collected before they are written.
const WRITE_BYTES: usize = 256 * 1024;
/// Progress is reported after this many bytes.
const PROGRESS_STEP: u64 = 1024 * 1024;

/// Why a blob could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The blob, or a part of it, is not here.
    #[error("blob {hash} is not completely stored on this node; fetch it first")]
    NotComplete {
        /// The blob.
        hash: BlobHash,
    },
    /// The stored data does not match its hash any more.
    #[error(
        "the stored copy of blob {hash} is damaged after byte {offset}: {reason}; check the disk, drop the blob and fetch it again"
    )]
    Damaged {
        /// The blob.
        hash: BlobHash,
        /// Bytes that were right.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The target cannot be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No room for the target. What was written stays as a part, and the next export continues it.
    #[error("the disk of {path} is full, {missing} more bytes are needed; free some space and export again: it will continue", path = path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// Bytes that were not written.
        missing: u64,
    },
    /// The store does not answer.
    #[error("the blob store failed: {0}")]
    Store(String),
}

impl BlobStore {
    /// Writes a complete blob to `path`, replacing what is there. Returns its size in bytes. `progress` is called with
    /// the bytes done so far and must not block. May be cancelled; the next export continues.
    pub async fn export(
        &self,
        hash: BlobHash,
        path: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, ExportError> {
        let size = self
            .inner()
            .space
            .complete_size(&hash)
            .ok_or(ExportError::NotComplete { hash })?;
        let part = part_path(path);
        let failed = |written: u64, source: io::Error| match source.kind() {
            io::ErrorKind::StorageFull => ExportError::DiskFull {
                path: path.to_owned(),
                missing: size.saturating_sub(written),
            },
            _ => ExportError::NotWritable {
                path: path.to_owned(),
                source,
            },
        };
        let (blocks, waiting) = mpsc::channel(BLOCKS_WAITING);
        let target = part.clone();
        let writing = tokio::task::spawn_blocking(move || write_part(&target, waiting));
        let sent = self.stream_blocks(hash, &blocks, progress).await;
        drop(blocks);
        let written = writing.await.map_err(|error| ExportError::Store(error.to_string()))?;
        let (sent, ()) = (sent?, written.map_err(|source| failed(0, source))?);
        if sent != size {
            let reason = "the stored data ends early".to_owned();
            return Err(ExportError::Damaged {
                hash,
                offset: sent,
                reason,
            });
        }
        fs::rename(&part, path).map_err(|source| failed(size, source))?;
        Ok(size)
    }

    /// Sends the verified blocks in order; returns how many bytes they had.
    async fn stream_blocks(
        &self,
        hash: BlobHash,
        blocks: &mpsc::Sender<Bytes>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, ExportError> {
        let mut items = std::pin::pin!(
            self.inner()
                .store
                .export_bao(to_hash(&hash), ChunkRanges::all())
                .stream()
        );
        let (mut sent, mut reported) = (0, 0);
        while let Some(item) = items.next().await {
            match item {
                EncodedItem::Leaf(leaf) => {
                    sent = leaf.offset + leaf.data.len() as u64;
                    if blocks.send(leaf.data).await.is_err() {
                        // The writer gave up and says why itself.
                        return Ok(sent);
                    }
                    if sent >= reported + PROGRESS_STEP {
                        reported = sent;
                        progress(sent);
                    }
                }
                EncodedItem::Error(error) => {
                    let reason = io_error(iroh_blobs::api::Error::from(error)).to_string();
                    return Err(ExportError::Damaged {
                        hash,
                        offset: sent,
                        reason,
                    });
                }
                EncodedItem::Size(_) | EncodedItem::Parent(_) | EncodedItem::Done => {}
            }
        }
        progress(sent);
        Ok(sent)
    }
}

/// `out.json` becomes `out.json.part`, in the same directory, so that the rename is atomic.
fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Takes the blocks: skips those the part has already, writes the rest. Ends when no more come.
fn write_part(path: &Path, mut blocks: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let mut part = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let mut kept = 0;
    let mut old = Vec::new();
    let mut first_new = None;
    while let Some(block) = blocks.blocking_recv() {
        old.clear();
        (&mut part).take(block.len() as u64).read_to_end(&mut old)?;
        if old != block {
            first_new = Some(block);
            break;
        }
        kept += block.len() as u64;
    }
    part.seek(SeekFrom::Start(kept))?;
    let mut writer = BufWriter::with_capacity(WRITE_BYTES, &part);
    if let Some(block) = &first_new {
        part.set_len(kept)?;
        writer.write_all(block)?;
        while let Some(block) = blocks.blocking_recv() {
            writer.write_all(&block)?;
        }
    }
    writer.flush()?;
    drop(writer);
    // An older part may be longer than the blob.
    if first_new.is_none() && part.metadata()?.len() != kept {
        part.set_len(kept)
    } else {
        Ok(())
    }
}
