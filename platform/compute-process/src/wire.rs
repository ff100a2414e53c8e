//! What parent and child say to each other: frames of a postcard header and a payload of plain bytes.
//!
//! A frame is the header's length (`u32`), the payload's length (`u64`), both little-endian, header, payload. Parent and
//! child are the same program, so there is no version; but neither believes the other's lengths, and memory for them is asked
//! for as the bytes come.

use crate::error::WireError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use tensor_compute::{DeviceInfo, FastAnswer, FastRequest, MAX_FAST_PAYLOAD_BYTES};

/// Largest header, in bytes: the texts of a tensor of texts, or the names of a model's inputs.
pub const MAX_HEADER_BYTES: usize = 64 << 20;

/// From parent to child.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ToChild {
    /// Opens a session under a new number.
    Open {
        /// The number.
        session: u64,
        /// Threads of one operation.
        threads: usize,
    },
    /// Asks a session, which has answered all before.
    Ask {
        /// The number.
        session: u64,
        /// What it may use.
        budget: Budget,
        /// Things of it that nobody names again.
        dropped: Vec<u64>,
        /// What is asked for.
        request: FastRequest,
    },
    /// The request that a session works on is to end soon.
    Stop {
        /// The number.
        session: u64,
    },
    /// Nobody asks this session again.
    Close {
        /// The number.
        session: u64,
    },
    /// Names the device. The answer has session 0.
    Describe {
        /// Whether to measure it.
        measure: bool,
    },
}

/// What a request may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Budget {
    /// Fuel.
    pub fuel: u64,
    /// Most that the session may hold in all, in bytes.
    pub memory_bytes: u64,
}

/// From child to parent: one for each [`ToChild::Ask`], and for [`ToChild::Describe`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum FromChild {
    /// What a session answers.
    Answer {
        /// The number.
        session: u64,
        /// Fuel that was spent.
        spent: u64,
        /// What the session holds now, in bytes.
        live_bytes: u64,
        /// The answer.
        result: Result<FastAnswer, WireError>,
    },
    /// What the device is and does.
    Described(Result<DeviceInfo, String>),
}

/// Makes a frame.
pub fn encode(header: &impl Serialize, payload: &[u8]) -> io::Result<Vec<u8>> {
    let header = postcard::to_stdvec(header).map_err(io::Error::other)?;
    let header_bytes = u32::try_from(header.len())
        .ok()
        .filter(|bytes| *bytes as usize <= MAX_HEADER_BYTES);
    let Some(header_bytes) = header_bytes.filter(|_| payload.len() <= MAX_FAST_PAYLOAD_BYTES) else {
        return Err(too_large(header.len() as u64, payload.len() as u64));
    };
    let mut frame = Vec::with_capacity(12 + header.len() + payload.len());
    frame.extend_from_slice(&header_bytes.to_le_bytes());
    frame.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(payload);
    Ok(frame)
}

/// Writes a frame and flushes.
pub fn write(to: &mut impl Write, header: &impl Serialize, payload: &[u8]) -> io::Result<()> {
    to.write_all(&encode(header, payload)?)?;
    to.flush()
}

/// Reads a frame; none at the end of the stream.
pub fn read<H: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<(H, Vec<u8>)>> {
    let mut lengths = [0_u8; 12];
    if !fill_or_end(from, &mut lengths)? {
        return Ok(None);
    }
    let ([a, b, c, d], payload) = lengths
        .split_first_chunk::<4>()
        .map_or(([0; 4], &[][..]), |(h, p)| (*h, p));
    let header = u64::from(u32::from_le_bytes([a, b, c, d]));
    let payload = payload.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if header > MAX_HEADER_BYTES as u64 || payload > MAX_FAST_PAYLOAD_BYTES as u64 {
        return Err(too_large(header, payload));
    }
    let header = postcard::from_bytes(&take(from, header)?).map_err(|error| {
        let why = format!("a frame that cannot be read: {error}");
        io::Error::new(io::ErrorKind::InvalidData, why)
    })?;
    Ok(Some((header, take(from, payload)?)))
}

/// Whether the buffer was filled; false if the stream ended before its first byte.
fn fill_or_end(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn take(from: &mut impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    /// Memory asked for before any byte came, in bytes.
    const FIRST_BYTES: u64 = 1 << 20;
    let mut taken = Vec::with_capacity(usize::try_from(bytes.min(FIRST_BYTES)).unwrap_or(0));
    from.take(bytes).read_to_end(&mut taken)?;
    if taken.len() as u64 == bytes {
        Ok(taken)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn too_large(header: u64, payload: u64) -> io::Error {
    let why = format!(
        "a frame of {header} and {payload} bytes; at most {MAX_HEADER_BYTES} and {MAX_FAST_PAYLOAD_BYTES} are allowed"
    );
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;
