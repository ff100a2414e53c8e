//! One process: its pipes, the threads at them, and its end.
//!
//! Three threads: the writer (so that a child that does not read blocks nobody who must look at a deadline), the reader, which
//! hands answers to whoever waits and buries the process when its output ends, and one that brings its standard error into
//! the log. They hold the process; nobody waits for them.

use super::{Inner, ProcessOptions};
use crate::wire::{self, FromChild, ToChild};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tensor_compute::DeviceInfo;

/// Frames that wait for the writer. A session has two at most.
const FRAMES_MAX: usize = 1024;
/// Longest line of the child's standard error that is kept, in bytes.
const LINE_BYTES_MAX: u64 = 4 << 10;
/// Most such lines of one child that go into the log: a driver may complain at every operation.
const LINES_MAX: u64 = 1000;
/// The number of [`ToChild::Describe`]'s answer.
const NO_SESSION: u64 = 0;

/// A message and its bytes.
pub(super) type Answer = (FromChild, Vec<u8>);

/// A process. See the module.
pub(crate) struct Process {
    /// None once the process has been waited for: its number may be another's then.
    child: Mutex<Option<Child>>,
    id: u32,
    frames: Mutex<Option<SyncSender<Vec<u8>>>>,
    waiting: Mutex<HashMap<u64, SyncSender<Answer>>>,
    sessions: AtomicUsize,
    newest: AtomicU64,
    /// Whether no session may open any more.
    over: AtomicBool,
    /// How it ended.
    fate: Mutex<Option<String>>,
}

impl Process {
    /// Starts it. `inner` is told when it ends.
    pub(super) fn start(options: &ProcessOptions, inner: Weak<Inner>, owner: [u8; 32]) -> io::Result<Arc<Self>> {
        let mut child = Command::new(&options.program)
            .args(&options.arguments)
            .envs(options.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C at a terminal is for the node, which ends its children itself.
            .process_group(0)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(io::Error::other("a pipe is missing"));
        };
        let (frames, to_write) = sync_channel(FRAMES_MAX);
        let process = Arc::new(Self {
            id: child.id(),
            child: Mutex::new(Some(child)),
            frames: Mutex::new(Some(frames)),
            waiting: Mutex::default(),
            sessions: AtomicUsize::new(0),
            newest: AtomicU64::new(NO_SESSION),
            over: AtomicBool::new(false),
            fate: Mutex::default(),
        });
        tracing::debug!(pid = process.id, "a compute process started");
        let (writer, idle, forget) = (Arc::clone(&process), options.idle, inner.clone());
        spawn("compute-write", move || {
            writer.write(input, &to_write, idle, &(forget, owner))
        })?;
        let pid = process.id;
        spawn("compute-log", move || log(pid, errors))?;
        let reader = Arc::clone(&process);
        spawn("compute-read", move || {
            reader.read(output);
            if let Some(inner) = inner.upgrade() {
                inner.forget(owner, &reader);
            }
        })?;
        Ok(process)
    }

    /// Counts a session more; false if the process is over.
    pub(super) fn enter(&self) -> bool {
        self.sessions.fetch_add(1, Ordering::SeqCst);
        let alive = !self.over.load(Ordering::SeqCst);
        if !alive {
            self.leave();
        }
        alive
    }

    /// Counts a session less.
    pub(super) fn leave(&self) {
        self.sessions.fetch_sub(1, Ordering::SeqCst);
    }

    /// Sessions that are open.
    pub(super) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::SeqCst)
    }

    /// A number for a session, and where its answers come.
    pub(super) fn line(&self) -> (u64, Receiver<Answer>) {
        let session = self.newest.fetch_add(1, Ordering::Relaxed) + 1;
        (session, self.line_of(session))
    }

    fn line_of(&self, session: u64) -> Receiver<Answer> {
        // One request at a time has one answer.
        let (answers, line) = sync_channel(1);
        if !self.over.load(Ordering::SeqCst) {
            lock(&self.waiting).insert(session, answers);
        }
        line
    }

    /// Nobody waits for this session's answers any more.
    pub(super) fn hang_up(&self, session: u64) {
        lock(&self.waiting).remove(&session);
    }

    /// Hands a frame to the writer, which may have no room now: then it comes back. An error if the process is over.
    pub(super) fn send(&self, frame: Vec<u8>) -> Result<Option<Vec<u8>>, String> {
        let frames = lock(&self.frames);
        let Some(frames) = frames.as_ref() else {
            return Err(self.fate());
        };
        match frames.try_send(frame) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(frame)) => Ok(Some(frame)),
            Err(TrySendError::Disconnected(_)) => Err(self.fate()),
        }
    }

    /// How it ended, in words.
    pub(super) fn fate(&self) -> String {
        let fate = lock(&self.fate).clone();
        fate.unwrap_or_else(|| "the compute process is ending".to_owned())
    }

    /// Lets it end by itself: its standard input closes once what waits is written.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        lock(&self.frames).take();
    }

    /// Ends it now. `why` is what its sessions are told.
    pub(super) fn kill(&self, why: &str) {
        lock(&self.fate).get_or_insert_with(|| why.to_owned());
        self.end();
        if let Some(child) = lock(&self.child).as_mut() {
            // It may be gone already.
            let _ = child.kill();
        }
    }

    /// Asks for the device and ends the process.
    pub(super) fn describe(&self, measure: bool, patience: Duration) -> Result<DeviceInfo, String> {
        let line = self.line_of(NO_SESSION);
        let frame = wire::encode(&ToChild::Describe { measure }, &[]).map_err(|error| error.to_string())?;
        self.send(frame)?;
        let answer = line.recv_timeout(patience);
        let result = match answer {
            Ok((FromChild::Described(found), _)) => found,
            Ok(_) => Err("the compute process gave another answer".to_owned()),
            Err(RecvTimeoutError::Disconnected) => Err(self.fate()),
            Err(RecvTimeoutError::Timeout) => Err(format!("no answer within {} s", patience.as_secs())),
        };
        self.kill("the device is described");
        result
    }

    fn write(&self, mut input: ChildStdin, frames: &Receiver<Vec<u8>>, idle: Duration, home: &(Weak<Inner>, [u8; 32])) {
        loop {
            match frames.recv_timeout(idle) {
                Ok(frame) => {
                    if io::Write::write_all(&mut input, &frame).is_err() {
                        // The reader says what became of it.
                        return self.end();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let (inner, owner) = home;
                    if inner.upgrade().is_none_or(|inner| inner.forget_idle(*owner, self)) {
                        return self.end();
                    }
                }
            }
        }
    }

    fn read(&self, output: ChildStdout) {
        let mut output = BufReader::new(output);
        loop {
            let (message, payload) = match wire::read::<FromChild>(&mut output) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(error) => {
                    self.kill(&format!("the compute process sent what cannot be: {error}"));
                    break;
                }
            };
            let session = match &message {
                FromChild::Answer { session, .. } => *session,
                FromChild::Described(_) => NO_SESSION,
            };
            // A session that hung up, or one that has an answer it did not ask for.
            if let Some(answers) = lock(&self.waiting).get(&session) {
                let _ = answers.try_send((message, payload));
            }
        }
        self.bury();
    }

    /// Waits for a process whose output has ended, and tells everybody.
    fn bury(&self) {
        let ending = self.over.load(Ordering::SeqCst);
        self.end();
        let child = lock(&self.child).take();
        if let Some(mut child) = child {
            if !ending {
                // It closed its output and may live on.
                let _ = child.kill();
            }
            let status = child.wait();
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            tracing::debug!(pid = self.id, status, "a compute process ended");
            lock(&self.fate).get_or_insert_with(|| format!("the compute process ended ({status})"));
        }
        lock(&self.waiting).clear();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Brings lines into the log until the stream ends.
fn log(pid: u32, errors: ChildStderr) {
    let mut errors = BufReader::new(errors);
    let mut seen = 0;
    loop {
        let mut line = Vec::new();
        match (&mut errors).take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => seen += 1,
        }
        match seen {
            ..LINES_MAX => tracing::warn!(pid, "compute process: {}", String::from_utf8_lossy(&line).trim_end()),
            LINES_MAX => tracing::warn!(pid, "compute process: more lines are not shown"),
            _ => {}
        }
    }
}

/// The guarded values hold no invariant across a panic, so poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
