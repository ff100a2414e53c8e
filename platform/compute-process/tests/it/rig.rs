//! A host whose children are this crate's own program, and sessions on it.

use compute_process::{ProcessHost, ProcessOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tensor_compute::{
    DType, FastAnswer, FastHost, FastOpening, FastReply, FastRequest, FastSession, Result, Session, Settings,
    TensorInfo,
};

pub const MEMORY_BYTES: u64 = 256 << 20;
/// How long anything here may take. Generous, for machines that do much else.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn options(gpu: &str) -> ProcessOptions {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_compute-child"));
    ProcessOptions::new(program, vec![gpu.to_owned()])
}

pub fn host() -> ProcessHost {
    ProcessHost::new(options("off"))
}

/// A session with the account of its sandbox.
pub struct Bench {
    pub account: Session,
    pub session: Box<dyn FastSession>,
    stop: Arc<AtomicBool>,
}

impl Bench {
    pub fn new(host: &dyn FastHost, owner: u8) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let settings = Settings {
            threads: 1,
            stop: Arc::new(move || flag.load(Ordering::Relaxed)),
            ..Settings::default()
        };
        let opening = FastOpening {
            owner: [owner; 32],
            threads: 1,
            stop: Arc::clone(&settings.stop),
        };
        let account = Session::new(settings, MEMORY_BYTES);
        account.grant(u64::MAX / 2);
        Self {
            account,
            session: host.open(opening).unwrap(),
            stop,
        }
    }

    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    pub fn ask(&mut self, request: FastRequest, payload: &[u8]) -> Result<FastReply> {
        self.session.ask(&self.account, Vec::new(), request, payload)
    }

    pub fn tensor(&mut self, request: FastRequest) -> Result<TensorInfo> {
        match self.ask(request, &[])?.answer {
            FastAnswer::Tensors(mut tensors) => Ok(tensors.remove(0)),
            other => panic!("{other:?}"),
        }
    }

    pub fn filled(&mut self, shape: &[usize], value: f64) -> Result<TensorInfo> {
        self.tensor(FastRequest::Filled {
            dtype: DType::F32,
            shape: shape.to_vec(),
            value,
        })
    }

    pub fn bytes(&mut self, dtype: DType, shape: &[usize], bytes: &[u8]) -> TensorInfo {
        let begin = FastRequest::Begin {
            dtype,
            shape: shape.to_vec(),
        };
        let FastAnswer::Made(to) = self.ask(begin, &[]).unwrap().answer else {
            panic!("no number")
        };
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        self.ask(FastRequest::Put { to, offset: 0 }, head).unwrap();
        let offset = head.len() as u64;
        self.ask(FastRequest::Put { to, offset }, tail).unwrap();
        self.tensor(FastRequest::Finish { of: to }).unwrap()
    }

    pub fn floats(&mut self, of: u64, count: usize) -> Vec<f32> {
        let length = 4 * count as u64;
        let bytes = self
            .ask(FastRequest::Read { of, offset: 0, length }, &[])
            .unwrap()
            .payload;
        bytes
            .chunks(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect()
    }
}

/// Waits until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

/// The processes whose parent is this test, by number, that run the child's program.
pub fn children() -> Vec<i32> {
    let mine = std::process::id().to_string();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some((name, rest)) = stat.rsplit_once(')') else {
            return false;
        };
        name.contains("(compute-child") && rest.split_whitespace().nth(1) == Some(mine.as_str())
    };
    numbers.filter(is_child).collect()
}

/// Sends a signal to a child of ours.
pub fn signal(pid: i32, signal: libc::c_int) {
    // SAFETY: kill takes two integers and touches no memory of ours; the process is a child that nobody has waited for.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}
