//! The streamed output of `run` or `reduce`.

use std::io;

/// Bytes gathered before the platform is called: enough that the calls do not count, little beside a guest's memory.
const BUFFER_BYTES: usize = 64 << 10;

/// Writes to the output of the running function, through a buffer of 64 KiB. What is in the buffer is written when
/// the writer is flushed or dropped. All writers of a call append to the same output.
#[derive(Debug, Default)]
pub struct OutputWriter {
    buffer: Vec<u8>,
}

impl OutputWriter {
    /// A writer with an empty buffer.
    pub const fn new() -> Self {
        Self { buffer: Vec::new() }
    }

    /// Appends bytes without a detour through the buffer.
    pub(crate) fn write_vec(&mut self, bytes: Vec<u8>) {
        self.pour();
        if !bytes.is_empty() {
            crate::host::output_write(&bytes);
        }
    }

    fn pour(&mut self) {
        if !self.buffer.is_empty() {
            crate::host::output_write(&self.buffer);
            self.buffer.clear();
        }
    }
}

impl io::Write for OutputWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.pour();
        }
        if bytes.len() >= BUFFER_BYTES {
            crate::host::output_write(bytes);
        } else {
            if self.buffer.capacity() == 0 {
                self.buffer.reserve_exact(BUFFER_BYTES);
            }
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pour();
        Ok(())
    }
}

impl Drop for OutputWriter {
    fn drop(&mut self) {
        self.pour();
    }
}
