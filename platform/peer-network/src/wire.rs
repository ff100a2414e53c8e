//! Frames: a big-endian u32 length, then that many bytes of CBOR. [`FrameBuffer`] is pure and sees a stranger's bytes;
//! [`FrameReader`] feeds it from a stream and owns both. A frame is never buffered beyond its limit.

use crate::fault::{Fault, Misbehaviour};
use bytes::{Buf, Bytes, BytesMut};
use iroh::endpoint::{ReadError, RecvStream};
use job_model::Message;
use job_model::NodeId;
use job_model::codec::{self, DecodeError};
use job_model::limits::MAX_FRAME_BYTES;
use job_model::message::{Advert, Hello, PROTOCOL_VERSION};
use serde::Deserialize;

/// Bytes of the length before each frame.
pub(crate) const LENGTH_BYTES: usize = 4;
/// Largest hello, in bytes: nobody may make us buffer more before we know who it is.
pub(crate) const MAX_HELLO_BYTES: usize = 8 << 10;
/// Most bytes taken from the transport at once: a few packets' worth, copied once.
const READ_CHUNK_BYTES: usize = 64 << 10;
/// Longest agent text kept, in characters.
const MAX_AGENT_CHARS: usize = 128;
/// Most addresses in an advert: a node has a few interfaces, not hundreds to make us dial.
pub(crate) const MAX_ADDRESSES: usize = 8;

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    bytes: BytesMut,
    limit: usize,
}

impl FrameBuffer {
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            limit,
        }
    }

    /// The limit for the frames that follow.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether the stream may end here.
    pub fn is_between_frames(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next whole frame, if there is one.
    pub fn pop(&mut self) -> Result<Option<Bytes>, Misbehaviour> {
        let Some(prefix) = self.bytes.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > self.limit {
            return Err(Misbehaviour::Oversized {
                bytes: length,
                limit: self.limit,
            });
        }
        if self.bytes.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        self.bytes.advance(LENGTH_BYTES);
        Ok(Some(self.bytes.split_to(length).freeze()))
    }
}

/// Reads frames from a peer's stream.
pub(crate) struct FrameReader {
    stream: RecvStream,
    buffer: FrameBuffer,
}

impl FrameReader {
    pub fn new(stream: RecvStream) -> Self {
        Self {
            stream,
            buffer: FrameBuffer::new(MAX_HELLO_BYTES),
        }
    }

    /// From now on frames may have the full size.
    pub fn allow_full_frames(&mut self) {
        self.buffer.set_limit(MAX_FRAME_BYTES);
    }

    /// The next frame; none at the orderly end of the stream. Cancel safe: what was read stays in the buffer.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(frame) = self.buffer.pop()? {
                return Ok(Some(frame));
            }
            match self.stream.read_chunk(READ_CHUNK_BYTES).await {
                Ok(Some(chunk)) => self.buffer.push(&chunk),
                Ok(None) if self.buffer.is_between_frames() => return Ok(None),
                Ok(None) => return Err(Misbehaviour::CutFrame.into()),
                Err(ReadError::ConnectionLost(error)) => return Err(error.into()),
                Err(error) => return Err(Fault::Broken(error.to_string())),
            }
        }
    }
}

/// Only the version of a hello: all that another version must keep.
#[derive(Deserialize)]
struct VersionOnly {
    version: u16,
}

#[derive(Deserialize)]
enum Opening {
    Hello(VersionOnly),
}

/// A hello whose version and signature are checked.
pub(crate) struct Greeting {
    pub agent: String,
    pub advert: Advert,
}

/// Checks the first frame of a peer.
pub(crate) fn check_hello(frame: &[u8], peer: &NodeId) -> Result<Greeting, Fault> {
    let Opening::Hello(VersionOnly { version }) =
        codec::decode(frame, MAX_HELLO_BYTES).map_err(Misbehaviour::NoHello)?;
    if version != PROTOCOL_VERSION {
        return Err(Fault::Version { theirs: version });
    }
    let hello: Hello = match codec::decode(frame, MAX_HELLO_BYTES).map_err(Misbehaviour::NoHello)? {
        Message::Hello(hello) => *hello,
        _ => {
            let why = "another message".to_owned();
            return Err(Misbehaviour::NoHello(DecodeError::Malformed { what: "Hello", why }).into());
        }
    };
    if hello.advert.node != *peer {
        return Err(Misbehaviour::ForeignAdvert(hello.advert.node).into());
    }
    let mut advert = hello.advert.open().map_err(Misbehaviour::Signature)?;
    advert.addresses.truncate(MAX_ADDRESSES);
    let agent = hello
        .agent
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_AGENT_CHARS)
        .collect();
    Ok(Greeting { agent, advert })
}

/// Checks any later frame of a peer.
pub(crate) fn check_message(frame: &[u8]) -> Result<Message, Misbehaviour> {
    match codec::decode::<Message>(frame, MAX_FRAME_BYTES) {
        Ok(Message::Hello(_)) => Err(Misbehaviour::SecondHello),
        Ok(message) => Ok(message),
        Err(error) => Err(Misbehaviour::Garbage(error)),
    }
}

/// A frame's length as it goes before the frame. The caller has checked the limit.
pub(crate) fn length_prefix(body: &[u8]) -> [u8; LENGTH_BYTES] {
    u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes()
}
