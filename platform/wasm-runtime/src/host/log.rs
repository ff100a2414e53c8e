//! `log`: keeps the lines a job writes, up to a bound, for people; they never enter a vote.

use super::{Host, HostState, cost, enter};
use crate::bindings::p2pjob::job::log::Level;
use crate::outcome::cut;
use job_model::limits::{MAX_LOG_LINES, MAX_TEXT_BYTES};
use wasmtime::AsContext;
use wasmtime::component::{Linker, WasmStr};

pub(super) const NAME: &str = "p2pjob:job/log@0.1.0";
/// Most text kept of one call, in bytes: a log travels with a result, and a thousand lines of 8 KiB would not fit a frame.
const LOG_BYTES_MAX: usize = 256 << 10;

/// The log of one call.
#[derive(Default)]
pub(crate) struct Log {
    text: String,
    lines: usize,
    dropped: u32,
    /// The last line, if it was an error: what a panic hook writes just before the trap.
    last_error: Option<String>,
}

impl Log {
    /// Takes a message that is already cut.
    fn write(&mut self, level: Level, message: &str) {
        let mark = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        self.last_error = matches!(level, Level::Error).then(|| message.to_owned());
        let line_bytes = mark.len() + message.len() + ": \n".len();
        if self.lines >= MAX_LOG_LINES || self.text.len() + line_bytes > LOG_BYTES_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.lines += 1;
        self.text.push_str(mark);
        self.text.push_str(": ");
        // A job's text may end up on a terminal: no escape sequences from strangers.
        self.text.extend(message.chars().map(|c| {
            if c.is_control() && c != '\n' && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        }));
        self.text.push('\n');
    }

    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// The kept text, and how many lines were not kept.
    pub(crate) fn finish(self) -> (String, u32) {
        (self.text, self.dropped)
    }
}

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker
        .instance(NAME)?
        .func_wrap("write", |mut host: Host<'_>, (level, message): (Level, WasmStr)| {
            let (bytes, message) = {
                let text = message.to_str(host.as_context())?;
                (text.len() as u64, cut(&text, MAX_TEXT_BYTES).to_owned())
            };
            enter(&mut host, bytes, cost::COPY_FUEL_PER_BYTE)?;
            host.data_mut().log.write(level, &message);
            Ok(())
        })
}
