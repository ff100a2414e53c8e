//! `output`: takes the result of `run` or `reduce`, up to the task's limit.

use super::{Host, HostState, Stop, cost, enter};
use std::io::{BufWriter, Write};
use wasmtime::AsContext;
use wasmtime::component::{Linker, WasmList};

pub(super) const NAME: &str = "p2pjob:job/output@0.1.0";
/// Buffer in front of a stream, in bytes: jobs may write a line at a time.
const STREAM_BUFFER_BYTES: usize = 64 << 10;

/// Where written bytes go.
enum Sink {
    /// `plan`, `describe` and `check` have no output.
    Closed,
    /// Kept, for `run`.
    Memory(Vec<u8>),
    /// Passed on, for `reduce`.
    Stream(BufWriter<Box<dyn Write + Send>>),
}

/// The output of one call.
pub(crate) struct Output {
    sink: Sink,
    written_bytes: u64,
    limit_bytes: u64,
}

impl Output {
    pub(crate) fn closed() -> Self {
        Self {
            sink: Sink::Closed,
            written_bytes: 0,
            limit_bytes: 0,
        }
    }

    pub(crate) fn memory(limit_bytes: u64) -> Self {
        Self {
            sink: Sink::Memory(Vec::new()),
            written_bytes: 0,
            limit_bytes,
        }
    }

    pub(crate) fn stream(to: Box<dyn Write + Send>, limit_bytes: u64) -> Self {
        let sink = Sink::Stream(BufWriter::with_capacity(STREAM_BUFFER_BYTES, to));
        Self {
            sink,
            written_bytes: 0,
            limit_bytes,
        }
    }

    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Makes room for so many bytes, as far as the limit lets them in.
    pub(super) fn expect(&mut self, bytes: usize) {
        let left = self.limit_bytes.saturating_sub(self.written_bytes);
        if let Sink::Memory(kept) = &mut self.sink {
            kept.reserve(bytes.min(usize::try_from(left).unwrap_or(usize::MAX)));
        }
    }

    /// Takes bytes, up to the limit.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let total = self.written_bytes.saturating_add(bytes.len() as u64);
        match &mut self.sink {
            Sink::Closed => {
                return Err(Stop::Refused(
                    "output.write: only run and reduce have an output".to_owned(),
                ));
            }
            _ if total > self.limit_bytes => {
                return Err(Stop::Refused(format!(
                    "output.write: over the limit of {} bytes; ask for more with --max-output, or cut smaller chunks",
                    self.limit_bytes
                )));
            }
            Sink::Memory(kept) => kept.extend_from_slice(bytes),
            Sink::Stream(stream) => stream.write_all(bytes).map_err(|error| write_failed(&error))?,
        }
        self.written_bytes = total;
        Ok(())
    }

    /// Ends the output: the kept bytes (none of a stream), or why the stream's last bytes could not be written.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Stop> {
        match self.sink {
            Sink::Closed => Ok(Vec::new()),
            Sink::Memory(bytes) => Ok(bytes),
            Sink::Stream(mut stream) => stream
                .flush()
                .map(|()| Vec::new())
                .map_err(|error| write_failed(&error)),
        }
    }
}

fn write_failed(error: &std::io::Error) -> Stop {
    Stop::Host(format!("could not write the output: {error}"))
}

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker
        .instance(NAME)?
        .func_wrap("write", |mut host: Host<'_>, (bytes,): (WasmList<u8>,)| {
            enter(&mut host, bytes.len() as u64, cost::COPY_FUEL_PER_BYTE)?;
            // The guest's memory and our state both live in the store; the output leaves it while it reads that memory.
            let mut output = std::mem::replace(&mut host.data_mut().output, Output::closed());
            let written = output.write(bytes.as_le_slice(host.as_context()));
            host.data_mut().output = output;
            Ok(written?)
        })
}
