//! Records as frames of Server-Sent Events, many in one buffer. A value; shared by all who send it.

use crate::view::event::{EventView, type_name};
use bytes::{Bytes, BytesMut};
use job_model::{Recorded, TaskId};
use std::fmt::Write;
use std::io;

/// One record's frame within its batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Position in the journal.
    pub seq: u64,
    /// Its task, if it has one.
    pub task: Option<TaskId>,
    /// Its `type`.
    pub kind: &'static str,
    /// Where it ends in the buffer; it begins where the one before ends.
    end: usize,
}

/// The frames of all records, or of all records of a task, between two positions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// First position that is covered.
    pub from: u64,
    /// Last position that is covered; `from - 1` in an empty batch.
    pub upto: u64,
    frames: Vec<Frame>,
    buffer: BytesMut,
    whole: Bytes,
}

impl Batch {
    /// Nothing yet, from this position on.
    pub fn new(from: u64) -> Self {
        Self {
            from,
            upto: from.saturating_sub(1),
            frames: Vec::new(),
            buffer: BytesMut::new(),
            whole: Bytes::new(),
        }
    }

    /// Adds a record, which lies after all others.
    pub fn push(&mut self, record: &Recorded) {
        let kind = type_name(&record.event);
        // Writing into memory does not fail, and a view is always JSON.
        let _ = write!(self.buffer, "id: {}\nevent: {kind}\ndata: ", record.seq);
        let _ = serde_json::to_writer(Buffer(&mut self.buffer), &EventView::from(record));
        self.buffer.extend_from_slice(b"\n\n");
        self.frames.push(Frame {
            seq: record.seq,
            task: record.event.task(),
            kind,
            end: self.buffer.len(),
        });
    }

    /// The finished batch: everything up to this position is in it.
    pub fn until(mut self, upto: u64) -> Self {
        self.upto = upto;
        self.whole = std::mem::take(&mut self.buffer).freeze();
        self
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.buffer.len() + self.whole.len()
    }

    /// Position of the last record.
    pub fn last(&self) -> u64 {
        self.frames.last().map_or(self.upto, |frame| frame.seq)
    }

    /// The records.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The bytes of the frames that are wanted, without copying; neighbours come in one piece.
    pub fn select(&self, mut wanted: impl FnMut(&Frame) -> bool) -> Vec<Bytes> {
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        let mut begin = 0;
        for frame in &self.frames {
            if wanted(frame) {
                match pieces.last_mut() {
                    Some((_, end)) if *end == begin => *end = frame.end,
                    _ => pieces.push((begin, frame.end)),
                }
            }
            begin = frame.end;
        }
        let slice = |(begin, end): (usize, usize)| self.whole.slice(begin..end.max(begin));
        pieces.into_iter().map(slice).collect()
    }
}

/// A buffer that JSON is written into.
struct Buffer<'a>(&'a mut BytesMut);

impl io::Write for Buffer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
