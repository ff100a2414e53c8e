//! A buffered stream over a [`Source`]: `std::io::BufRead`, reading blocks of at most 1 MiB.

use crate::source::{MAX_READ_BYTES, Source};
use std::io;

/// Reads a [`Source`] from some offset to its end. Holds one block of at most 1 MiB.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    /// Offset in the source behind the buffered block.
    offset: u64,
    block: Vec<u8>,
    /// Bytes of the block already consumed.
    used: usize,
}

impl Reader {
    pub(crate) const fn new(source: Source, offset: u64) -> Self {
        Self {
            source,
            offset,
            block: Vec::new(),
            used: 0,
        }
    }

    /// Offset in the source of the next byte.
    pub fn position(&self) -> u64 {
        self.offset - (self.block.len() - self.used) as u64
    }

    /// The rest of the buffered block, else the next block; none at the end. Cheaper than copying through `Read`.
    pub fn next_block(&mut self) -> Option<Vec<u8>> {
        if self.used == self.block.len() {
            self.load();
        }
        let block = std::mem::take(&mut self.block);
        let used = std::mem::take(&mut self.used);
        match used {
            _ if block.is_empty() => None,
            0 => Some(block),
            used => Some(block[used..].to_vec()),
        }
    }

    fn load(&mut self) {
        // The old block goes first, so that the new one can take its place.
        self.block = Vec::new();
        self.used = 0;
        if self.offset < self.source.size() {
            self.block = self.source.read_at(self.offset, MAX_READ_BYTES);
            self.offset += self.block.len() as u64;
        }
    }
}

impl io::BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.block.len() {
            self.load();
        }
        Ok(&self.block[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used = (self.used + amount).min(self.block.len());
    }
}

impl io::Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = io::BufRead::fill_buf(self)?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        io::BufRead::consume(self, count);
        Ok(count)
    }
}
