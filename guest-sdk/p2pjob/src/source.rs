//! Reading an input or a slice, by range or as a stream.

use crate::reader::Reader;

/// Most bytes the platform returns from one read.
pub(crate) const MAX_READ_BYTES: u32 = 1 << 20;

/// Bytes a job may read: a whole input in `plan`, one slice of the chunk in `run`. A handle; it holds no bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    index: u32,
    size: u64,
}

impl Source {
    pub(crate) const fn new(index: u32, size: u64) -> Self {
        Self { index, size }
    }

    /// Its index among the inputs or slices.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// Length in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `offset` on, at most `length` and at most 1 MiB; fewer at the end.
    pub fn read_at(&self, offset: u64, length: u32) -> Vec<u8> {
        crate::host::read(self.index, offset, length.min(MAX_READ_BYTES))
    }

    /// All bytes. For small inputs: they must fit in the sandbox's memory.
    pub fn read_all(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        while (all.len() as u64) < self.size {
            let block = self.read_at(all.len() as u64, MAX_READ_BYTES);
            if block.is_empty() {
                break;
            }
            all.extend_from_slice(&block);
        }
        all
    }

    /// A buffered stream from the first byte on.
    pub const fn reader(&self) -> Reader {
        Reader::new(*self, 0)
    }

    /// A buffered stream from `offset` on.
    pub const fn reader_from(&self, offset: u64) -> Reader {
        Reader::new(*self, offset)
    }

    /// Calls `each` with every word, split at Unicode white space, in order. A word is a byte string, since the text
    /// may not be valid UTF-8. Memory: one block of 1 MiB plus the longest word.
    pub fn for_each_word(&self, each: impl FnMut(&[u8])) {
        let mut splitter = crate::words::WordSplitter::new(each);
        let mut reader = self.reader();
        while let Some(block) = reader.next_block() {
            splitter.feed(&block);
        }
        splitter.finish();
    }

    /// Calls `each` with every line without its `\n` or `\r\n`, in order. The last line may lack its end; the nothing
    /// after a final `\n` is no line. Stops at the first error. Memory: one block of 1 MiB plus the longest line.
    pub fn for_each_line<E>(&self, mut each: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.for_each_line_at(|_, line| each(line))
    }

    /// Like `for_each_line`; `each` also gets the offset of the line's first byte.
    pub fn for_each_line_at<E>(&self, mut each: impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut reader = self.reader();
        let mut carry = Vec::new();
        let mut offset = 0;
        while let Some(block) = reader.next_block() {
            let mut rest = block.as_slice();
            while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let (line, behind) = (&rest[..at], &rest[at + 1..]);
                let length = (carry.len() + at + 1) as u64;
                if carry.is_empty() {
                    each(offset, without_return(line))?;
                } else {
                    carry.extend_from_slice(line);
                    each(offset, without_return(&carry))?;
                    carry.clear();
                }
                offset += length;
                rest = behind;
            }
            carry.extend_from_slice(rest);
        }
        if carry.is_empty() {
            Ok(())
        } else {
            each(offset, without_return(&carry))
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
