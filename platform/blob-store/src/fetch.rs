//! Fetching a blob, or the ranges of it that a chunk names, from nodes that have it.
//!
//! The size is known and checked (against the caller's expectation, its limit, the quota and the disk) before data
//! flows. Providers are asked in the caller's order; the next continues where the one before stopped. Every block is
//! verified before it is written. The pin is set first and what arrives is kept, so a fetch after a crash, an error or
//! a cancel goes on from there.

use std::time::Duration;

use iroh::Endpoint;
use iroh::endpoint::Connection;
use iroh_blobs::api::TempTag;
use iroh_blobs::protocol::{ChunkRanges, ChunkRangesExt};
use job_model::{BlobHash, NodeId};

use crate::Pin;
use crate::receive::{self, Get};
use crate::space::SpaceError;
use crate::store::{BlobStore, io_error, to_hash};

/// Bytes of a block of the hash tree: the smallest piece that can be verified, and so be fetched.
pub(crate) const BLOCK_BYTES: u64 = 16 * 1024;
/// BLAKE3 chunks (1 KiB each) of a block.
const BLOCK_CHUNKS: u64 = BLOCK_BYTES / 1024;
/// A provider that sends nothing for this long is given up.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What of a blob is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// All of it.
    All,
    /// These ranges, as offset and length in bytes. Widened to blocks of 16 KiB.
    Ranges(Vec<(u64, u64)>),
}

/// One fetch.
#[derive(Clone, Copy)]
pub struct Fetch<'a> {
    /// The blob.
    pub hash: BlobHash,
    /// Whom to ask, in this order.
    pub providers: &'a [NodeId],
    /// What of it.
    pub want: &'a Want,
    /// The size the caller was told, in bytes. A provider that says otherwise is not used. With it no question about
    /// the size has to be asked, which saves a round trip.
    pub expected_size: Option<u64>,
    /// Larger blobs are refused. Bytes.
    pub max_size: u64,
    /// Who keeps what comes.
    pub pin: &'a Pin,
    /// Called now and then with the bytes received so far by this fetch. Must not block.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

/// What a fetch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes of the blob that this fetch received; zero if all was here.
    pub bytes_transferred: u64,
    /// The node that sent the last of it; `None` if all was here, or another fetch brought it.
    pub provider: Option<NodeId>,
}

/// A node that was asked and why it did not help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The node.
    pub node: NodeId,
    /// Why not, for people.
    pub reason: String,
}

/// Why a blob could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There was nobody to ask.
    #[error("no node is known to have blob {hash}; check the hash, or start a node that has it")]
    NobodyToAsk {
        /// The blob.
        hash: BlobHash,
    },
    /// Everybody was asked.
    #[error("nobody could send blob {hash}; asked {}", list(asked))]
    NobodyHasIt {
        /// The blob.
        hash: BlobHash,
        /// Who was asked, in order.
        asked: Vec<Asked>,
    },
    /// The blob has another size than the caller was told.
    #[error("blob {hash} has {actual} bytes, expected were {expected}; nothing was fetched")]
    SizeMismatch {
        /// The blob.
        hash: BlobHash,
        /// Bytes expected.
        expected: u64,
        /// Bytes it has, as stored here or as a provider says.
        actual: u64,
    },
    /// The blob is larger than the caller's limit.
    #[error("blob {hash} has {size} bytes, more than the limit of {max_size}; raise the limit to fetch it")]
    TooLarge {
        /// The blob.
        hash: BlobHash,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        max_size: u64,
    },
    /// No room, by quota or on the disk.
    #[error(transparent)]
    NoSpace(#[from] SpaceError),
    /// The store could not write or does not answer.
    #[error("the blob store failed: {0}")]
    Store(String),
}

fn list(asked: &[Asked]) -> String {
    let one = |asked: &Asked| format!("{} ({})", asked.node.short(), asked.reason);
    asked.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Why one provider did not finish.
pub(crate) enum AttemptError {
    /// The provider's fault, or the network's: the next one is asked.
    Provider(String),
    /// It says the blob has another size than expected.
    OtherSize(u64),
    /// The blob is too large: no other provider changes that.
    TooLarge(u64),
    /// Ours.
    Local(iroh_blobs::api::Error),
}

/// One fetch under way.
struct Transfer<'a> {
    store: &'a BlobStore,
    endpoint: &'a Endpoint,
    fetch: Fetch<'a>,
    /// Bytes received so far.
    bytes: u64,
    /// From whom the last of them came.
    provider: Option<NodeId>,
}

impl BlobStore {
    /// Brings what is wanted of a blob here, verified, and pins it. Returns at once what is here already.
    /// May be cancelled at any time; what arrived stays.
    pub async fn fetch(&self, endpoint: &Endpoint, fetch: Fetch<'_>) -> Result<Fetched, FetchError> {
        let _protected = self.protect(fetch.hash, fetch.pin).await?;
        if let Some(size) = self.inner().space.complete_size(&fetch.hash) {
            check_size(&fetch, size)?;
            return Ok(Fetched {
                bytes_transferred: 0,
                provider: None,
            });
        }
        self.inner().holds.keep(&self.inner().store, fetch.hash).await;
        let transfer = Transfer {
            store: self,
            endpoint,
            fetch,
            bytes: 0,
            provider: None,
        };
        transfer.run().await
    }

    /// Pins the blob before its first byte comes. The temporary tag also protects it if the pin is taken away meanwhile.
    async fn protect(&self, hash: BlobHash, pin: &Pin) -> Result<TempTag, FetchError> {
        let _gate = self.inner().collector.keep_out().await;
        let tag = self.inner().store.tags().temp_tag(to_hash(&hash)).await;
        let tag = tag.map_err(|error| FetchError::Store(error.to_string()))?;
        self.set_tag(hash, pin).await.map_err(|error| self.fetch_error(error))?;
        self.inner().collector.mark_dirty();
        Ok(tag)
    }

    fn fetch_error(&self, error: iroh_blobs::api::Error) -> FetchError {
        let error = io_error(error);
        match error.kind() {
            std::io::ErrorKind::StorageFull => self.inner().space.disk_full(0).into(),
            _ => FetchError::Store(error.to_string()),
        }
    }
}

impl Transfer<'_> {
    async fn run(mut self) -> Result<Fetched, FetchError> {
        let wanted = wanted_ranges(self.fetch.want);
        loop {
            let (missing, size) = self.missing(&wanted).await?;
            if let Some(size) = size {
                check_size(&self.fetch, size)?;
            }
            if missing.is_empty() {
                return Ok(Fetched {
                    bytes_transferred: self.bytes,
                    provider: self.provider,
                });
            }
            if let Some(claim) = self.store.inner().claims.claim(self.fetch.hash, &missing).await {
                self.ask_all(&claim.ranges).await?;
            }
        }
    }

    /// What of `wanted` is not here, and the size if the last block is.
    async fn missing(&self, wanted: &ChunkRanges) -> Result<(ChunkRanges, Option<u64>), FetchError> {
        let (inner, hash) = (self.store.inner(), self.fetch.hash);
        let have = self.store.observe(hash).await.map_err(FetchError::Store)?;
        if have.is_complete() {
            inner.space.record(hash, have.size(), true);
            inner.holds.release(&hash);
        } else if !have.is_empty() {
            inner.space.record(hash, have.total_bytes(), false);
        }
        Ok((wanted - &have.ranges, have.validated_size()))
    }

    /// Asks one provider after the other for what is still missing of `ranges`.
    async fn ask_all(&mut self, ranges: &ChunkRanges) -> Result<(), FetchError> {
        let hash = self.fetch.hash;
        if self.fetch.providers.is_empty() {
            return Err(FetchError::NobodyToAsk { hash });
        }
        let mut asked = Vec::with_capacity(self.fetch.providers.len());
        let mut other_size = None;
        for node in self.fetch.providers {
            let (missing, size) = self.missing(ranges).await?;
            if missing.is_empty() {
                return Ok(());
            }
            let reason = match self.ask(node, missing, size).await? {
                Ok(()) => {
                    self.provider = Some(*node);
                    self.store.count_write();
                    if self.missing(ranges).await?.0.is_empty() {
                        return Ok(());
                    }
                    "it sent less than was asked".to_owned()
                }
                Err(AttemptError::Provider(reason)) => reason,
                Err(AttemptError::OtherSize(actual)) => {
                    other_size = Some(actual);
                    format!("it says the blob has {actual} bytes")
                }
                Err(AttemptError::TooLarge(size)) => {
                    return Err(FetchError::TooLarge {
                        hash,
                        size,
                        max_size: self.fetch.max_size,
                    });
                }
                Err(AttemptError::Local(error)) => return Err(self.store.fetch_error(error)),
            };
            asked.push(Asked { node: *node, reason });
        }
        match (other_size, self.fetch.expected_size) {
            // With one provider the two sizes are the whole story; with several it takes the list.
            (Some(actual), Some(expected)) if asked.len() == 1 => {
                Err(FetchError::SizeMismatch { hash, expected, actual })
            }
            _ => Err(FetchError::NobodyHasIt { hash, asked }),
        }
    }

    /// Asks one provider, twice if a kept connection turned out to be dead. The outer error ends the fetch.
    async fn ask(
        &mut self,
        node: &NodeId,
        missing: ChunkRanges,
        size: Option<u64>,
    ) -> Result<Result<(), AttemptError>, FetchError> {
        loop {
            let dialed = match self.store.inner().dialer.connect(self.endpoint, node).await {
                Ok(dialed) => dialed,
                Err(reason) => return Ok(Err(AttemptError::Provider(reason))),
            };
            let outcome = self.attempt(&dialed.connection, &missing, size).await?;
            let dead = dialed.connection.close_reason().is_some();
            match outcome {
                Err(AttemptError::Provider(_)) if dead && !dialed.fresh => {}
                outcome => return Ok(outcome),
            }
        }
    }

    async fn attempt(
        &mut self,
        connection: &Connection,
        missing: &ChunkRanges,
        size: Option<u64>,
    ) -> Result<Result<(), AttemptError>, FetchError> {
        let hash = to_hash(&self.fetch.hash);
        let size = match size.or(self.fetch.expected_size) {
            Some(size) => size,
            None => match receive::ask_size(connection, hash, self.fetch.max_size).await {
                Ok(size) => size,
                Err(error) => return Ok(Err(error)),
            },
        };
        check_size(&self.fetch, size)?;
        let _room = self.store.inner().space.reserve(count_bytes(missing, size))?;
        let (before, progress) = (self.bytes, self.fetch.progress);
        let mut report = |bytes: u64| {
            self.bytes = before + bytes;
            progress(self.bytes);
        };
        let get = Get {
            hash,
            ranges: missing.clone(),
            size,
        };
        Ok(receive::receive(&self.store.inner().store, connection.clone(), get, &mut report).await)
    }
}

fn check_size(fetch: &Fetch<'_>, actual: u64) -> Result<(), FetchError> {
    if let Some(expected) = fetch.expected_size.filter(|expected| *expected != actual) {
        return Err(FetchError::SizeMismatch {
            hash: fetch.hash,
            expected,
            actual,
        });
    }
    if actual > fetch.max_size {
        return Err(FetchError::TooLarge {
            hash: fetch.hash,
            size: actual,
            max_size: fetch.max_size,
        });
    }
    Ok(())
}

/// The wanted bytes as ranges of whole blocks. Empty ranges want nothing.
fn wanted_ranges(want: &Want) -> ChunkRanges {
    let Want::Ranges(ranges) = want else {
        return ChunkRanges::all();
    };
    let mut wanted = ChunkRanges::empty();
    for (offset, len) in ranges.iter().filter(|(_, len)| *len > 0) {
        let start = offset / BLOCK_BYTES * BLOCK_CHUNKS;
        let end = offset.saturating_add(*len).div_ceil(BLOCK_BYTES) * BLOCK_CHUNKS;
        wanted |= ChunkRanges::chunks(start..end);
    }
    wanted
}

/// Bytes of a blob of `size` that lie in these ranges.
fn count_bytes(ranges: &ChunkRanges, size: u64) -> u64 {
    let bounds: Vec<u64> = ranges
        .boundaries()
        .iter()
        .map(|chunk| chunk.to_bytes().min(size))
        .collect();
    // Boundaries alternate between start and end; an odd one out starts a range without end.
    bounds
        .chunks(2)
        .map(|pair| pair.get(1).copied().unwrap_or(size).saturating_sub(pair[0]))
        .sum()
}
