//! The child's side: reads frames until standard input ends, and hands them to the threads of its sessions.
//!
//! Nothing is kept: when the stream ends, so does the process, whatever its threads are at. A panic in a session's request is
//! that request's error; a device that fails ends the process.

mod session;

use crate::device::{self, Gpu};
use crate::wire::{self, FromChild, ToChild};
use session::Worker;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tensor_compute::Accelerator;

/// Requests that wait for one session: it has at most one, and a farewell.
const WAITING_MAX: usize = 2;
/// Stack of a session's thread, in bytes: as that of a sandbox's, because the same kernels and parsers run on it.
const STACK_BYTES: usize = 8 << 20;

/// How the child computes.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Which GPU.
    pub gpu: Gpu,
}

/// What all sessions of a child share.
pub(crate) struct Shared {
    options: ServeOptions,
    out: Mutex<Box<dyn Write + Send>>,
    /// Opened when the first session needs it; none where there is no such device.
    accelerator: OnceLock<Option<Arc<dyn Accelerator>>>,
}

impl Shared {
    fn accelerator(&self) -> Option<Arc<dyn Accelerator>> {
        let open = || match device::open(&self.options.gpu) {
            Ok(opened) => opened,
            Err(why) => {
                eprintln!("{why}; computing on the processor");
                None
            }
        };
        self.accelerator.get_or_init(open).clone()
    }

    /// Sends an answer. If the parent is gone there is nobody to work for.
    fn send(&self, message: &FromChild, payload: &[u8]) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if wire::write(&mut *out, message, payload).is_err() {
            std::process::exit(0);
        }
    }
}

struct Line {
    requests: SyncSender<(ToChild, Vec<u8>)>,
    stop: Arc<AtomicBool>,
}

/// Serves until `input` ends.
///
/// # Errors
/// A frame that cannot be read: the parent is not one of ours.
pub fn serve(options: ServeOptions, mut input: impl Read, output: Box<dyn Write + Send>) -> io::Result<()> {
    be_first_to_go();
    let shared = Arc::new(Shared {
        options,
        out: Mutex::new(output),
        accelerator: OnceLock::new(),
    });
    let mut lines: HashMap<u64, Line> = HashMap::new();
    while let Some((message, payload)) = wire::read::<ToChild>(&mut input)? {
        match message {
            ToChild::Open { session, threads } => {
                let (requests, waiting) = sync_channel(WAITING_MAX);
                let stop = Arc::new(AtomicBool::new(false));
                let worker = Worker::new(session, threads, Arc::clone(&stop), Arc::clone(&shared));
                std::thread::Builder::new()
                    .name(format!("session-{session}"))
                    .stack_size(STACK_BYTES)
                    .spawn(move || worker.run(&waiting))?;
                lines.insert(session, Line { requests, stop });
            }
            ToChild::Stop { session } => {
                if let Some(line) = lines.get(&session) {
                    line.stop.store(true, Ordering::Relaxed);
                }
            }
            ToChild::Close { session } => {
                // The thread ends when its line does.
                if let Some(line) = lines.remove(&session) {
                    line.stop.store(true, Ordering::Relaxed);
                }
            }
            ToChild::Describe { measure } => {
                let found = device::describe(&shared.options.gpu, measure);
                shared.send(&FromChild::Described(found), &[]);
            }
            ToChild::Ask { session, .. } => {
                let line = lines.get(&session);
                if line.is_none_or(|line| line.requests.try_send((message, payload)).is_err()) {
                    let why = format!("session {session} is not open, or has not answered yet");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                }
            }
        }
    }
    Ok(())
}

/// When the machine has no memory left, the system is to end this process and not the node.
fn be_first_to_go() {
    // Only Linux has it, and a system that forbids it loses nothing but this order.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}
