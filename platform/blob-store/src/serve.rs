//! Serving blobs to peers. Only get requests are answered. (An observer would keep a blob open that is being deleted;
//! pushing is for nobody.)
//!
//! Large complete blobs are encoded straight from their files in pieces of a quarter megabyte, without hashing them
//! again: the receiver verifies every block, and a node whose disk lies is found out there. Everything else goes
//! through iroh-blobs, which hands over each block of 16 KiB between threads and pays for it with a quarter of the CPU
//! of a transfer. Both speak the same protocol.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bao_tree::BaoTree;
use bao_tree::io::outboard::PreOrderOutboard;
use bao_tree::io::sync::encode_ranges;
use bytes::{Bytes, BytesMut};
use iroh::endpoint::Connection;
use iroh::protocol::{AcceptError, ProtocolHandler};
use iroh_blobs::protocol::{ChunkRanges, GetRequest, Request};
use iroh_blobs::provider::events::EventSender;
use iroh_blobs::provider::{StreamPair, handle_get};
use iroh_blobs::store::IROH_BLOCK_SIZE;
use job_model::BlobHash;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::read::OpenBlob;
use crate::store::{BlobStore, from_hash};

/// Bytes encoded at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Encoded pieces that wait for the network, at most.
const PIECES_READY: usize = 2;
/// Large blobs sent at the same time, at most; each takes a thread that mostly waits for the network.
const MAX_SENDING: usize = 32;
/// A receiver that takes nothing for this long is given up: it holds one of the places above.
const RECEIVER_TIMEOUT: Duration = Duration::from_secs(30);
/// The reset code that tells the receiver that we cannot read what it wants.
const CODE_CANNOT_READ: u32 = 3;

/// Answers peers that want blobs. For the router, under [`BlobStore::ALPN`]. The store is closed by its owner, not by
/// the router's shutdown.
#[derive(Debug, Clone)]
pub struct BlobServer {
    store: BlobStore,
    sending: Arc<Semaphore>,
}

/// A large blob, ready to be encoded.
struct Large {
    data: Arc<OpenBlob>,
    outboard: File,
}

impl ProtocolHandler for BlobServer {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        // How many streams a peer may open at a time is the transport's limit. When the connection ends, so do they.
        let mut streams = JoinSet::new();
        loop {
            tokio::select! {
                pair = StreamPair::accept(&connection, EventSender::DEFAULT) => match pair {
                    Ok(pair) => drop(streams.spawn(self.clone().serve(pair))),
                    Err(_) => return Ok(()),
                },
                Some(_) = streams.join_next() => {}
            }
        }
    }
}

impl BlobServer {
    pub(crate) fn new(store: BlobStore) -> Self {
        Self {
            store,
            sending: Arc::new(Semaphore::new(MAX_SENDING)),
        }
    }

    async fn serve(self, mut pair: StreamPair) {
        let Ok(Request::Get(request)) = pair.read_request().await else {
            return;
        };
        let large = if request.ranges.is_blob() {
            self.open_large(from_hash(&request.hash)).await
        } else {
            None
        };
        let served = match large {
            Some(large) => self
                .send_large(pair, request, large)
                .await
                .map_err(|error| error.to_string()),
            None => {
                let (store, bytes) = (self.store.inner().store.clone(), self.asked_bytes(&request));
                let sent = handle_get(pair, store, request).await;
                sent.map(|()| self.served(bytes)).map_err(|error| format!("{error:#}"))
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a blob was not sent completely");
        }
    }

    fn served(&self, bytes: u64) {
        self.store.inner().served_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of the blob that a request names; zero of a blob that is not complete here.
    fn asked_bytes(&self, request: &GetRequest) -> u64 {
        let size = self
            .store
            .inner()
            .space
            .complete_size(&from_hash(&request.hash))
            .unwrap_or(0);
        let Some(ranges) = request.ranges.iter().next() else {
            return 0;
        };
        // Boundaries alternate between the start and the end of a range; the last range may have no end.
        let edges: Vec<u64> = ranges
            .boundaries()
            .iter()
            .map(|chunk| chunk.to_bytes().min(size))
            .collect();
        edges
            .chunks(2)
            .map(|range| range.get(1).unwrap_or(&size) - range.first().unwrap_or(&size))
            .sum()
    }

    /// The blob, if it is complete and so large that its hash tree has a file of its own.
    async fn open_large(&self, hash: BlobHash) -> Option<Large> {
        self.store
            .inner()
            .space
            .complete_size(&hash)
            .filter(|size| *size > crate::INLINE_BYTES)?;
        let outboard = File::open(self.store.inner().data_dir.join(format!("{hash}.obao4"))).ok()?;
        let data = self.store.open_for(hash, 0, 0).await.ok()?;
        data.complete_file()?;
        Some(Large { data, outboard })
    }

    async fn send_large(&self, pair: StreamPair, request: GetRequest, large: Large) -> io::Result<()> {
        let tracker = pair.get_request(|| request.clone()).await.map_err(io::Error::other)?;
        let mut writer = pair.into_writer(tracker).await?;
        let Ok(_place) = self.sending.acquire().await else {
            return Ok(());
        };
        let (_, size) = large.data.complete_file().ok_or(io::ErrorKind::NotFound)?;
        writer.inner.write_all(&size.to_le_bytes()).await?;
        let (pieces, mut ready) = mpsc::channel(PIECES_READY);
        let encoding = tokio::task::spawn_blocking(move || encode(&large, &request, pieces));
        while let Some(piece) = ready.recv().await {
            let bytes = piece.len() as u64;
            timeout(RECEIVER_TIMEOUT, writer.inner.write_chunk(piece))
                .await
                .map_err(|_| io::ErrorKind::TimedOut)??;
            self.served(bytes);
        }
        match encoding.await.map_err(io::Error::other)? {
            Ok(()) => writer.inner.finish().map_err(io::Error::other),
            Err(error) => {
                // The peer may have gone meanwhile, which is no second error.
                let _ = writer.inner.reset(CODE_CANNOT_READ.into());
                Err(error)
            }
        }
    }
}

/// Encodes what was asked for. Runs on a thread for blocking work, ends early when nobody takes the pieces.
fn encode(large: &Large, request: &GetRequest, pieces: mpsc::Sender<Bytes>) -> io::Result<()> {
    let (data, size) = large.data.complete_file().ok_or(io::ErrorKind::NotFound)?;
    let tree = BaoTree::new(size, IROH_BLOCK_SIZE);
    let outboard = PreOrderOutboard {
        root: request.hash.into(),
        tree,
        data: &large.outboard,
    };
    let nothing = ChunkRanges::empty();
    let ranges = request.ranges.iter().next().unwrap_or(&nothing);
    let mut sink = PieceSink {
        pieces,
        buffer: BytesMut::new(),
    };
    encode_ranges(data, outboard, ranges, &mut sink).map_err(io::Error::from)?;
    sink.flush()
}

/// Collects what is encoded into pieces.
struct PieceSink {
    pieces: mpsc::Sender<Bytes>,
    buffer: BytesMut,
}

impl Write for PieceSink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + data.len() > PIECE_BYTES {
            self.flush()?;
        }
        if self.buffer.is_empty() {
            self.buffer.reserve(PIECE_BYTES);
        }
        self.buffer.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = self.buffer.split().freeze();
        self.pieces
            .blocking_send(piece)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
