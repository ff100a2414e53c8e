//! A blob that is produced piece by piece, such as the result of a reduction larger than memory. The producer runs on a
//! thread of its own and writes; the store takes the pieces into one temporary file and hashes it at the end. Room is
//! reserved as it grows. A writer that is dropped before it is finished stores nothing.

use std::io::{self, Write};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use job_model::BlobHash;
use n0_future::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::space::Reservation;
use crate::store::BlobStore;
use crate::{ImportError, Pin};

/// Bytes collected before they are handed to the store.
const PIECE_BYTES: usize = 256 * 1024;
/// Pieces that wait for the store, at most: with [`PIECE_BYTES`] one megabyte.
const PIECES_WAITING: usize = 4;

enum Piece {
    Data(Bytes),
    /// Says that the producer is done, as opposed to gone.
    End,
}

/// Writes one blob. Blocks the thread when the store is slower; not to be used on a thread of the runtime.
#[derive(Debug)]
pub struct BlobWriter {
    handle: Handle,
    pieces: Option<mpsc::Sender<Piece>>,
    buffer: BytesMut,
    room: Reservation,
    /// Bytes that were reserved before they came.
    expected: u64,
    size: u64,
    import: Option<JoinHandle<Result<(BlobHash, u64), ImportError>>>,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Data(bytes) => write!(f, "Data({} bytes)", bytes.len()),
            Self::End => f.write_str("End"),
        }
    }
}

impl BlobStore {
    /// A writer whose blob is pinned for `pin` once it is finished.
    pub fn writer(&self, handle: Handle, pin: &Pin) -> Result<BlobWriter, ImportError> {
        let room = self.inner().space.reserve(0)?;
        let (pieces, mut waiting) = mpsc::channel(PIECES_WAITING);
        let mut ended = false;
        let data = stream::poll_fn(move |cx| {
            if ended {
                return Poll::Ready(None);
            }
            match waiting.poll_recv(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Piece::Data(bytes))) => Poll::Ready(Some(Ok(bytes))),
                Poll::Ready(Some(Piece::End)) => {
                    ended = true;
                    Poll::Ready(None)
                }
                Poll::Ready(None) => {
                    ended = true;
                    Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())))
                }
            }
        });
        let (store, pin) = (self.clone(), pin.clone());
        let import = handle.spawn(async move {
            let added = store.inner().store.add_stream(data).await.temp_tag().await;
            let added = added.map_err(iroh_blobs::api::Error::from);
            match &added {
                Err(iroh_blobs::api::Error::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Err(ImportError::Unfinished)
                }
                _ => store.finish_import(added, 0, &pin).await,
            }
        });
        let (pieces, import) = (Some(pieces), Some(import));
        Ok(BlobWriter {
            handle,
            pieces,
            buffer: BytesMut::new(),
            room,
            expected: 0,
            size: 0,
            import,
        })
    }
}

impl BlobWriter {
    /// Reserves room for this many bytes at once, so that what cannot fit is refused before its first byte.
    pub fn expect(&mut self, bytes: u64) -> Result<(), ImportError> {
        let more = bytes.saturating_sub(self.expected);
        self.room.grow(more)?;
        self.expected += more;
        Ok(())
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Stores and pins the blob; returns its hash and its size in bytes.
    pub fn finish(mut self) -> Result<(BlobHash, u64), ImportError> {
        // If this fails, the import ended before, and its own result says why.
        let _ = self.send_buffer();
        if let Some(pieces) = self.pieces.take() {
            let _ = pieces.blocking_send(Piece::End);
        }
        let Some(import) = self.import.take() else {
            return Err(ImportError::Unfinished);
        };
        self.handle
            .block_on(import)
            .map_err(|error| ImportError::Store(error.to_string()))?
    }

    fn send_buffer(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = self.buffer.split().freeze();
        let ended = || {
            io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the store stopped taking data; finish says why",
            )
        };
        let pieces = self.pieces.as_ref().ok_or_else(ended)?;
        pieces.blocking_send(Piece::Data(piece)).map_err(|_| ended())
    }
}

impl Write for BlobWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = data.len().min(PIECE_BYTES);
        if self.buffer.len() + taken > PIECE_BYTES {
            self.send_buffer()?;
        }
        if self.buffer.is_empty() {
            let no_room = |error: crate::SpaceError| io::Error::new(io::ErrorKind::StorageFull, error);
            let more = (self.size + PIECE_BYTES as u64).saturating_sub(self.expected);
            // Not asked for nothing: what was promised before may be on the disk by now.
            if more > 0 {
                self.room.grow(more.min(PIECE_BYTES as u64)).map_err(no_room)?;
            }
            self.buffer.reserve(PIECE_BYTES);
        }
        self.buffer.extend_from_slice(&data[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    /// Does nothing: what is written is stored when the writer is finished, not before.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
