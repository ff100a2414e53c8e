//! The parent's side: one process for each owner, and the sessions in it.
//!
//! [`ProcessHost`] owns the processes. It starts one when an owner's first session opens, ends it when nobody has used it for
//! [`IDLE`], and when it is dropped itself. A process that died is forgotten at once, so that the next session starts another.

mod process;
mod session;

use process::Process;
use session::ProcessSession;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tensor_compute::{ComputeError, DeviceInfo, FastHost, FastOpening, FastSession, Result};

/// Most processes at once: each may hold as much memory as its sandboxes may, and a GPU's context.
const PROCESSES_MAX: usize = 16;
/// How long a process without sessions is kept: its device is open and its shaders are compiled.
const IDLE: Duration = Duration::from_secs(60);
/// How long a process may take to open its device and measure it. Compiling shaders on a slow processor takes seconds.
const DESCRIBE_PATIENCE: Duration = Duration::from_secs(120);

/// How processes are started.
#[derive(Clone, Debug)]
pub struct ProcessOptions {
    /// The program whose [`crate::serve`] is to run: this one.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables of its environment beside those of this process.
    pub variables: Vec<(String, String)>,
    /// How long a process may go on after it was asked to stop, or hang; then it is killed.
    pub grace: Duration,
    /// How long a process without sessions is kept.
    pub idle: Duration,
}

impl ProcessOptions {
    /// `program` with `arguments`, and the patience that nodes have.
    pub fn new(program: PathBuf, arguments: Vec<String>) -> Self {
        Self {
            program,
            arguments,
            variables: Vec::new(),
            grace: Duration::from_secs(2),
            idle: IDLE,
        }
    }
}

/// Opens sessions of class `fast`.
pub struct ProcessHost {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    options: ProcessOptions,
    processes: Mutex<HashMap<[u8; 32], Arc<Process>>>,
}

impl ProcessHost {
    /// Starts nothing yet.
    pub fn new(options: ProcessOptions) -> Self {
        let processes = Mutex::default();
        let inner = Arc::new(Inner { options, processes });
        Self { inner }
    }
}

impl Drop for ProcessHost {
    fn drop(&mut self) {
        let processes = std::mem::take(&mut *self.inner.processes());
        processes.values().for_each(|process| process.end());
    }
}

impl FastHost for ProcessHost {
    fn open(&self, opening: FastOpening) -> Result<Box<dyn FastSession>> {
        let process = self.inner.process(opening.owner)?;
        Ok(Box::new(ProcessSession::open(
            process,
            opening,
            self.inner.options.grace,
        )?))
    }

    /// In a process of its own, which ends afterwards.
    fn describe(&self, measure: bool) -> std::result::Result<DeviceInfo, String> {
        let process = Process::start(&self.inner.options, Weak::new(), [0; 32]).map_err(|error| error.to_string())?;
        process.describe(measure, DESCRIBE_PATIENCE)
    }
}

impl Inner {
    /// The guarded map holds no invariant across a panic, so poison is ignored.
    fn processes(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The owner's process, with one session more counted; started if there is none.
    fn process(self: &Arc<Self>, owner: [u8; 32]) -> Result<Arc<Process>> {
        let mut processes = self.processes();
        if let Some(process) = processes.get(&owner).filter(|process| process.enter()) {
            return Ok(Arc::clone(process));
        }
        processes.remove(&owner);
        if processes.len() >= PROCESSES_MAX {
            let idle = processes.iter().find(|(_, process)| process.sessions() == 0);
            let idle = idle.map(|(owner, _)| *owner).ok_or_else(|| {
                ComputeError::Device(format!(
                    "all {PROCESSES_MAX} compute processes are in use; fewer sandboxes at once need fewer"
                ))
            })?;
            if let Some(process) = processes.remove(&idle) {
                process.end();
            }
        }
        let process = Process::start(&self.options, Arc::downgrade(self), owner).map_err(|error| {
            let program = self.options.program.display();
            ComputeError::Device(format!("could not start the compute process {program}: {error}"))
        })?;
        process.enter();
        processes.insert(owner, Arc::clone(&process));
        Ok(process)
    }

    /// Forgets a process that is no more.
    pub(crate) fn forget(&self, owner: [u8; 32], process: &Process) {
        let mut processes = self.processes();
        if processes
            .get(&owner)
            .is_some_and(|other| std::ptr::eq(other.as_ref(), process))
        {
            processes.remove(&owner);
        }
    }

    /// Forgets a process if it has no sessions; whether it has none.
    pub(crate) fn forget_idle(&self, owner: [u8; 32], process: &Process) -> bool {
        let mut processes = self.processes();
        let idle = process.sessions() == 0;
        if idle
            && processes
                .get(&owner)
                .is_some_and(|other| std::ptr::eq(other.as_ref(), process))
        {
            processes.remove(&owner);
        }
        idle
    }
}
