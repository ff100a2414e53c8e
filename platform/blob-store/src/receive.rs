//! One transfer from one provider: ask, check the size it names, take the verified blocks into the store.
//!
//! Dropped in the middle, the blocks that were handed over are still written, and the stream to the provider is reset.

use std::num::NonZeroU64;

use iroh::endpoint::{Connection, RecvStream};
use iroh_blobs::Hash;
use iroh_blobs::api::Store;
use iroh_blobs::api::blobs::ImportBaoHandle;
use iroh_blobs::get::fsm::{
    self, AtBlobContent, AtBlobHeaderNextError, AtEndBlob, BlobContentNext, ConnectedNext, DecodeError, EndBlobNext,
};
use iroh_blobs::get::{GetError, request};
use iroh_blobs::protocol::{ChunkRanges, GetRequest};
use tokio::time::timeout;

use crate::fetch::{AttemptError, BLOCK_BYTES, STALL_TIMEOUT};

/// Verified items (blocks of 16 KiB and inner nodes of 64 bytes, about as many of each) collected before they are handed
/// to the store, which runs on threads of its own: handing over one by one costs a thread switch each, and a quarter of
/// the CPU of a transfer.
const BURST_ITEMS: usize = 256;
/// Items that wait for the store, at most. With a burst in the making this bounds a transfer's memory at four megabytes.
const ITEMS_IN_ADVANCE: usize = BURST_ITEMS;
/// Progress is reported after this many bytes.
const PROGRESS_STEP: u64 = 16 * BLOCK_BYTES;

/// What to ask a provider for.
#[derive(Debug)]
pub(crate) struct Get {
    pub(crate) hash: Hash,
    pub(crate) ranges: ChunkRanges,
    /// Bytes the blob has. A provider that says otherwise gets no further.
    pub(crate) size: u64,
}

/// The size of a blob, proven by its last block.
pub(crate) async fn ask_size(connection: &Connection, hash: Hash, max: u64) -> Result<u64, AttemptError> {
    if hash == Hash::EMPTY {
        return Ok(0);
    }
    let asked = timeout(STALL_TIMEOUT, request::get_verified_size(connection, &hash)).await;
    let (size, _) = asked
        .map_err(|_| stalled())?
        .map_err(|error| AttemptError::Provider(explain(&error)))?;
    if size > max {
        Err(AttemptError::TooLarge(size))
    } else {
        Ok(size)
    }
}

/// Receives these ranges. Reports the bytes of the blob received so far.
pub(crate) async fn receive(
    store: &Store,
    connection: Connection,
    get: Get,
    report: &mut (dyn FnMut(u64) + Send),
) -> Result<(), AttemptError> {
    let Get {
        hash,
        ranges,
        size: expected,
    } = get;
    let begin = async {
        let request = GetRequest::blob_ranges(hash, ranges);
        let connected = fsm::start(connection, request, Default::default()).next().await?;
        let ConnectedNext::StartRoot(root) = connected.next().await? else {
            return Err(AttemptError::Provider("it answered another request".to_owned()));
        };
        Ok(root.next().next().await?)
    };
    let (content, size) = timeout(STALL_TIMEOUT, begin).await.map_err(|_| stalled())??;
    if size != expected {
        return Err(AttemptError::OtherSize(size));
    }
    let Some(size) = NonZeroU64::new(size) else {
        let empty = hash == Hash::EMPTY;
        return if empty {
            Ok(())
        } else {
            Err(AttemptError::Provider("it says the blob is empty".to_owned()))
        };
    };
    let import = store.import_bao(hash, size, ITEMS_IN_ADVANCE).await;
    let import = import.map_err(|error| AttemptError::Local(error.into()))?;
    let (received, import) = take_blocks(content, import, report).await;
    drop(import.tx);
    // The store's answer comes first: if it could not write, that is the reason, whatever the provider did.
    let written = import
        .rx
        .await
        .map_err(|error| AttemptError::Local(iroh_blobs::api::Error::other(error)))?;
    written.map_err(AttemptError::Local)?;
    let EndBlobNext::Closing(closing) = received?.next() else {
        return Err(AttemptError::Provider("it sent more than was asked".to_owned()));
    };
    let stats = timeout(STALL_TIMEOUT, closing.next()).await.map_err(|_| stalled())?;
    let stats = stats.map_err(|error| AttemptError::Provider(explain(&error.into())))?;
    report(stats.payload_bytes_read);
    Ok(())
}

/// Hands the verified items to the store in bursts, until the stream ends or fails. Gives the handle back, for the
/// store's own answer. (By value: a reference to it could not cross threads.)
async fn take_blocks(
    mut content: AtBlobContent<RecvStream>,
    import: ImportBaoHandle,
    report: &mut (dyn FnMut(u64) + Send),
) -> (Result<AtEndBlob<RecvStream>, AttemptError>, ImportBaoHandle) {
    let mut reported = 0;
    let mut burst = Vec::with_capacity(BURST_ITEMS);
    let received = 'stream: loop {
        match timeout(STALL_TIMEOUT, content.next()).await {
            Err(_) => break Err(stalled()),
            Ok(BlobContentNext::Done(end)) => break Ok(end),
            Ok(BlobContentNext::More((_, Err(error)))) => break Err(error.into()),
            Ok(BlobContentNext::More((next, Ok(item)))) => {
                let bytes = next.stats().payload_bytes_read;
                content = next;
                burst.push(item);
                if burst.len() < BURST_ITEMS {
                    continue;
                }
                for item in burst.drain(..) {
                    if import.tx.send(item).await.is_err() {
                        break 'stream Err(AttemptError::Provider("the store stopped taking data".to_owned()));
                    }
                }
                if bytes >= reported + PROGRESS_STEP {
                    reported = bytes;
                    report(bytes);
                }
            }
        }
    };
    // Also after an error: what arrived and was verified is kept. If the store stopped taking, its answer says why.
    for item in burst {
        if import.tx.send(item).await.is_err() {
            break;
        }
    }
    (received, import)
}

fn stalled() -> AttemptError {
    AttemptError::Provider(format!("it sent nothing for {} s", STALL_TIMEOUT.as_secs()))
}

impl From<fsm::InitialNextError> for AttemptError {
    fn from(error: fsm::InitialNextError) -> Self {
        Self::Provider(explain(&error.into()))
    }
}

impl From<fsm::ConnectedNextError> for AttemptError {
    fn from(error: fsm::ConnectedNextError) -> Self {
        Self::Provider(explain(&error.into()))
    }
}

impl From<AtBlobHeaderNextError> for AttemptError {
    fn from(error: AtBlobHeaderNextError) -> Self {
        Self::Provider(explain(&error.into()))
    }
}

impl From<DecodeError> for AttemptError {
    fn from(error: DecodeError) -> Self {
        Self::Provider(explain(&error.into()))
    }
}

/// The reset code of a provider that does not allow the request.
const CODE_REFUSED: u64 = 1;
/// The reset code of a provider that limits the caller.
const CODE_LIMITED: u64 = 2;
/// The reset code of a provider that cannot read what it should send; also what it says when it has nothing.
const CODE_CANNOT_READ: u64 = 3;

/// What a failed request means, for people.
fn explain(error: &GetError) -> String {
    match error {
        GetError::AtBlobHeaderNext {
            source: AtBlobHeaderNextError::NotFound { .. },
            ..
        } => "it does not have it".to_owned(),
        GetError::Decode { source, .. } if is_missing(source) => "it has only a part of it".to_owned(),
        GetError::Decode {
            source: DecodeError::ParentHashMismatch { .. } | DecodeError::LeafHashMismatch { .. },
            ..
        } => "it sent data that does not match the hash".to_owned(),
        _ => match error.iroh_error_code().map(u64::from) {
            Some(CODE_REFUSED) => "it refused".to_owned(),
            Some(CODE_LIMITED) => "it limits this node".to_owned(),
            Some(CODE_CANNOT_READ) => "it does not have it, or cannot read it".to_owned(),
            _ => format!("{error:#}"),
        },
    }
}

fn is_missing(error: &DecodeError) -> bool {
    matches!(
        error,
        DecodeError::ChunkNotFound { .. } | DecodeError::ParentNotFound { .. } | DecodeError::LeafNotFound { .. }
    )
}
