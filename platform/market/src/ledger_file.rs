//! The ledger file: an append-only sequence of records that only its owner writes and that anybody can check offline.
//!
//! ```text
//! header: 16 bytes "p2pjob-ledger-1\n", 32 bytes the owner's node id
//! record: u32 length of the body (little endian), 32 bytes chain hash, body (CBOR LedgerRecord)
//! chain hash = BLAKE3(chain hash of the record before (of the header: BLAKE3(header)) || body)
//! ```
//!
//! A crash while appending leaves a last record that ends early: it was never sent, and truncating the file to
//! [`LedgerTail::offset`] makes it whole. A record whose bytes were changed breaks the chain hash: that is never
//! repaired here. These are pure functions over bytes; `node` owns the file and syncs it.

use job_model::codec::{DecodeError, decode, encode};
use job_model::sign::Signed;
use job_model::{BlobHash, Fork, HalfBlock, NodeId, ReceiptLine};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// First bytes of a ledger file; the number is the version of the format.
pub const MAGIC: &[u8; 16] = b"p2pjob-ledger-1\n";
/// Bytes of the header.
pub const HEADER_BYTES: usize = 48;
/// Largest body of a record, in bytes: two half blocks and the lines of one settlement, with room.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
const FRAME_BYTES: usize = 36;

/// One record of a ledger file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LedgerRecord {
    /// The owner pays: its half block.
    Proposed {
        /// The owner's half.
        half: Signed<HalfBlock>,
        /// The lines under the settlement's root.
        lines: Vec<ReceiptLine>,
    },
    /// The worker's answer to an earlier record.
    Answered {
        /// Position of the proposal in the owner's chain.
        proposal: u64,
        /// The worker's half.
        answer: Signed<HalfBlock>,
    },
    /// The owner is paid: both halves.
    Countersigned {
        /// The requester's half.
        proposal: Signed<HalfBlock>,
        /// The owner's half.
        answer: Signed<HalfBlock>,
        /// The lines under the settlement's root.
        lines: Vec<ReceiptLine>,
    },
    /// Proof that a peer forked its chain.
    Fork(Box<Fork>),
}

/// Why a ledger file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The medium failed.
    #[error("ledger file: {0}")]
    Io(#[from] std::io::Error),
    /// The header ends early: the file was never completed, and holds nothing.
    #[error("the header ends after {0} of {HEADER_BYTES} bytes; the file holds no record and can be deleted")]
    TornHeader(usize),
    /// Another file, or another version.
    #[error("not a ledger file of version 1")]
    Magic,
    /// The last record ends early: it was being written when the node died.
    #[error("record {record} ends early; it was never sent: truncate the file to {offset} bytes")]
    Torn {
        /// Number of the record, from 1.
        record: u64,
        /// Where it begins, in bytes from the start of the file.
        offset: u64,
    },
    /// The bytes are not those that were written.
    #[error("record {record} at byte {offset} was changed or is damaged: {why}")]
    Corrupt {
        /// Number of the record, from 1.
        record: u64,
        /// Where it begins, in bytes from the start of the file.
        offset: u64,
        /// What is wrong.
        why: String,
    },
}

/// Where a ledger file ends: what the next record is chained to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerTail {
    /// Whose ledger it is.
    pub owner: NodeId,
    /// Chain hash of the last record.
    pub hash: BlobHash,
    /// Length in bytes of what is whole.
    pub offset: u64,
    /// How many records.
    pub records: u64,
}

/// The header of a new ledger file, and its tail.
pub fn new_ledger(owner: NodeId) -> (Vec<u8>, LedgerTail) {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(owner.as_bytes());
    let tail = LedgerTail {
        owner,
        hash: BlobHash::of(&header),
        offset: HEADER_BYTES as u64,
        records: 0,
    };
    (header, tail)
}

/// The bytes to append for a record, and the tail after them. The tail counts only once the bytes are on disk.
pub fn encode_record(tail: &LedgerTail, record: &LedgerRecord) -> (Vec<u8>, LedgerTail) {
    let body = encode(record);
    let hash = chain_hash(&tail.hash, &body);
    let mut bytes = Vec::with_capacity(FRAME_BYTES + body.len());
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(hash.as_bytes());
    bytes.extend_from_slice(&body);
    let next = LedgerTail {
        owner: tail.owner,
        hash,
        offset: tail.offset.saturating_add(bytes.len() as u64),
        records: tail.records.saturating_add(1),
    };
    (bytes, next)
}

fn chain_hash(before: &BlobHash, body: &[u8]) -> BlobHash {
    let mut bytes = Vec::with_capacity(32 + body.len());
    bytes.extend_from_slice(before.as_bytes());
    bytes.extend_from_slice(body);
    BlobHash::of(&bytes)
}

/// Reads a ledger file from its start.
pub fn read_ledger<R: Read>(mut reader: R) -> Result<LedgerReader<R>, LedgerError> {
    let mut header = [0u8; HEADER_BYTES];
    let got = fill(&mut reader, &mut header)?;
    if got < HEADER_BYTES {
        return Err(LedgerError::TornHeader(got));
    }
    let (magic, owner) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(LedgerError::Magic);
    }
    let owner = NodeId(<[u8; 32]>::try_from(owner).unwrap_or_default());
    let tail = LedgerTail {
        owner,
        hash: BlobHash::of(&header),
        offset: HEADER_BYTES as u64,
        records: 0,
    };
    Ok(LedgerReader {
        reader,
        tail,
        ended: false,
    })
}

/// Reads as much as there is, up to the buffer's length; returns how much.
fn fill<R: Read>(reader: &mut R, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while let Some(rest) = buffer.get_mut(got..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// The records of a ledger file, one after the other. Ends at the first error.
#[derive(Debug)]
pub struct LedgerReader<R> {
    reader: R,
    tail: LedgerTail,
    ended: bool,
}

impl<R: Read> LedgerReader<R> {
    /// The end of what was read so far. After the iterator ended, or gave [`LedgerError::Torn`], the next record goes
    /// here.
    pub fn tail(&self) -> LedgerTail {
        self.tail
    }

    fn read_record(&mut self) -> Result<Option<LedgerRecord>, LedgerError> {
        let (record, offset) = (self.tail.records.saturating_add(1), self.tail.offset);
        let mut frame = [0u8; FRAME_BYTES];
        let got = fill(&mut self.reader, &mut frame)?;
        if got == 0 {
            return Ok(None);
        }
        if got < FRAME_BYTES {
            return Err(LedgerError::Torn { record, offset });
        }
        let corrupt = |why: String| LedgerError::Corrupt { record, offset, why };
        let (length, hash) = frame.split_at(4);
        let length = u32::from_le_bytes(<[u8; 4]>::try_from(length).unwrap_or_default()) as usize;
        if length > MAX_RECORD_BYTES {
            return Err(corrupt(format!(
                "it claims {length} bytes, at most {MAX_RECORD_BYTES} are allowed"
            )));
        }
        let mut body = vec![0u8; length];
        if fill(&mut self.reader, &mut body)? < length {
            return Err(LedgerError::Torn { record, offset });
        }
        let expected = chain_hash(&self.tail.hash, &body);
        if expected.as_bytes() != hash {
            return Err(if self.zeros_to_the_end(&frame, &body)? {
                // Some file systems leave zeros where a record was being written when the power went.
                LedgerError::Torn { record, offset }
            } else {
                corrupt("its chain hash does not fit".to_owned())
            });
        }
        let decoded: LedgerRecord =
            decode(&body, MAX_RECORD_BYTES).map_err(|error: DecodeError| corrupt(error.to_string()))?;
        self.tail.hash = expected;
        self.tail.offset = offset.saturating_add((FRAME_BYTES + length) as u64);
        self.tail.records = record;
        Ok(Some(decoded))
    }

    fn zeros_to_the_end(&mut self, frame: &[u8], body: &[u8]) -> std::io::Result<bool> {
        if frame.iter().chain(body).any(|byte| *byte != 0) {
            return Ok(false);
        }
        let mut buffer = [0u8; 4096];
        loop {
            let got = fill(&mut self.reader, &mut buffer)?;
            if got == 0 {
                return Ok(true);
            }
            if buffer.iter().take(got).any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
    }
}

impl<R: Read> Iterator for LedgerReader<R> {
    type Item = Result<LedgerRecord, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read_record().transpose();
        self.ended = !matches!(read, Some(Ok(_)));
        read
    }
}
