//! The way out of this node to one peer: a queue bounded in frames and in bytes, and the loop that writes it.
//!
//! The link owns the loop and the queue's far end; handles hold [`Outbox`] clones, which fail once the link has ended.

use crate::wire::length_prefix;
use bytes::{Bytes, BytesMut};
use iroh::endpoint::{SendStream, WriteError};
use job_model::Message;
use job_model::codec;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Frames that may wait for one peer.
pub(crate) const SEND_QUEUE_FRAMES: usize = 1024;
/// Bytes that may wait for one peer: eight frames of the largest size, or 40 ms of 200 MB/s.
pub(crate) const SEND_QUEUE_BYTES: usize = 8 << 20;
/// Bytes handed to the transport in one write: coalesces many small frames, keeps one write short.
const WRITE_BATCH_BYTES: usize = 256 << 10;
/// Frames below this size are copied into one buffer; larger ones are handed over without a copy.
const COPY_BELOW_BYTES: usize = 4 << 10;

/// A frame that waits to be written. Its room in the queue is given back when it is written or dropped.
pub(crate) struct Queued {
    at: Instant,
    body: Bytes,
    room: OwnedSemaphorePermit,
}

/// Why a frame is not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unqueued {
    Full,
    Ended,
}

/// The sending end.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

impl Outbox {
    pub fn new() -> (Self, mpsc::Receiver<Queued>) {
        let (queue, receiver) = mpsc::channel(SEND_QUEUE_FRAMES);
        (
            Self {
                queue,
                room: Arc::new(Semaphore::new(SEND_QUEUE_BYTES)),
            },
            receiver,
        )
    }

    pub fn try_push(&self, body: Bytes) -> Result<(), Unqueued> {
        let room = self
            .room
            .clone()
            .try_acquire_many_owned(permits(&body))
            .map_err(|error| match error {
                tokio::sync::TryAcquireError::NoPermits => Unqueued::Full,
                tokio::sync::TryAcquireError::Closed => Unqueued::Ended,
            })?;
        self.queue
            .try_send(Queued {
                at: Instant::now(),
                body,
                room,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Unqueued::Full,
                mpsc::error::TrySendError::Closed(_) => Unqueued::Ended,
            })
    }

    /// Waits for room.
    pub async fn push(&self, body: Bytes) -> Result<(), Unqueued> {
        let room = self
            .room
            .clone()
            .acquire_many_owned(permits(&body))
            .await
            .map_err(|_| Unqueued::Ended)?;
        let slot = self.queue.reserve().await.map_err(|_| Unqueued::Ended)?;
        slot.send(Queued {
            at: Instant::now(),
            body,
            room,
        });
        Ok(())
    }

    /// Lets everybody who waits for room go away with [`Unqueued::Ended`].
    pub fn close(&self) {
        self.room.close();
    }
}

/// One permit per byte. Frames are at most 1 MiB, so every frame fits into the queue and into u32.
fn permits(body: &Bytes) -> u32 {
    u32::try_from(body.len()).unwrap_or(u32::MAX)
}

/// Bytes that went over a connection, both ways, counted in the node's total too.
#[derive(Default)]
pub(crate) struct Traffic {
    pub sent: AtomicU64,
    pub received: AtomicU64,
    /// The node's; none in the total itself.
    total: Option<Arc<Traffic>>,
}

impl Traffic {
    /// Of one connection of a node.
    pub fn part_of(total: &Arc<Self>) -> Self {
        Self {
            total: Some(Arc::clone(total)),
            ..Self::default()
        }
    }

    /// Bytes went out.
    pub fn add_sent(&self, bytes: usize) {
        for count in std::iter::once(self).chain(self.total.as_deref()) {
            count.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Bytes came in.
    pub fn add_received(&self, bytes: usize) {
        for count in std::iter::once(self).chain(self.total.as_deref()) {
            count.received.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

/// Frames that go to the transport in one write.
#[derive(Default)]
struct Batch {
    chunks: Vec<Bytes>,
    small: BytesMut,
    bytes: usize,
    room: Vec<OwnedSemaphorePermit>,
}

impl Batch {
    fn push(&mut self, frame: Queued) {
        self.small.extend_from_slice(&length_prefix(&frame.body));
        self.bytes += frame.body.len();
        if frame.body.len() < COPY_BELOW_BYTES {
            self.small.extend_from_slice(&frame.body);
        } else {
            self.chunks.push(self.small.split().freeze());
            self.chunks.push(frame.body);
        }
        self.room.push(frame.room);
    }

    async fn write(&mut self, stream: &mut SendStream, traffic: &Traffic) -> Result<(), WriteError> {
        if !self.small.is_empty() {
            self.chunks.push(self.small.split().freeze());
        }
        let total: usize = self.chunks.iter().map(Bytes::len).sum();
        stream.write_all_chunks(&mut self.chunks).await?;
        traffic.add_sent(total);
        self.chunks.clear();
        self.room.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Writes what is queued until the queue ends or the node closes; then says goodbye and finishes the stream. With `latency` each frame is held that long after it was queued, later ones not longer.
pub(crate) async fn write_loop(
    mut stream: SendStream,
    mut queue: mpsc::Receiver<Queued>,
    latency: Duration,
    traffic: Arc<Traffic>,
    closing: CancellationToken,
) -> Result<(), WriteError> {
    let mut batch = Batch::default();
    let mut held: Option<Queued> = None;
    loop {
        let first = match held.take() {
            Some(frame) => frame,
            None => tokio::select! {
                biased;
                frame = queue.recv() => match frame { Some(frame) => frame, None => return Ok(()) },
                () = closing.cancelled() => break,
            },
        };
        if !latency.is_zero() {
            tokio::time::sleep_until(first.at + latency).await;
        }
        batch.push(first);
        let now = Instant::now();
        while batch.bytes < WRITE_BATCH_BYTES && held.is_none() {
            match queue.try_recv() {
                Ok(frame) if latency.is_zero() || frame.at + latency <= now => batch.push(frame),
                Ok(frame) => held = Some(frame),
                Err(_) => break,
            }
        }
        batch.write(&mut stream, &traffic).await?;
    }
    let bye = codec::encode(&Message::Bye {
        reason: "the node is shutting down".to_owned(),
    });
    let mut last = vec![Bytes::copy_from_slice(&length_prefix(&bye)), Bytes::from(bye)];
    stream.write_all_chunks(&mut last).await?;
    stream.finish().map_err(WriteError::from)
}
