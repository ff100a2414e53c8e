//! The border to the guest backend for burn: what passes, who pays, and how a session's failures end a call. The session here
//! keeps bytes and computes nothing; burn itself is tested where it is.

use crate::guest;
use crate::rig::{Gone, LIMITS, MEMORY_BYTES, run_with};
use job_model::{NoVerdict, Outcome};
use std::sync::{Arc, Mutex};
use tensor_compute::{BurnHost, BurnSession, BurnUpload, ComputeError, Lease, Result, Session};
use wasm_runtime::{Engine, EngineOptions, LoadedJob, RunReport};

/// What a submitted batch makes the session do.
const FINE: u64 = 0;
const REFUSE: u64 = 1;
const PANIC: u64 = 2;
const TOO_LARGE: u64 = 3;
const TOO_DEAR: u64 = 4;
const FAIL: u64 = 5;

#[derive(Default)]
struct Keeper {
    seen: Arc<Mutex<Vec<String>>>,
}

struct Kept {
    seen: Arc<Mutex<Vec<String>>>,
    leases: Vec<Arc<Lease>>,
}

impl BurnHost for Keeper {
    fn open(&self, account: &Session) -> Result<Box<dyn BurnSession>> {
        account.charge(8, 0)?;
        let seen = Arc::clone(&self.seen);
        Ok(Box::new(Kept {
            seen,
            leases: Vec::new(),
        }))
    }
}

impl BurnSession for Kept {
    fn hello(&mut self, _: &Session) -> Result<Vec<u8>> {
        Ok(vec![0; 17])
    }

    fn submit(&mut self, account: &Session, batch: &[u8]) -> Result<()> {
        match batch.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) {
            Some(REFUSE) => Err(ComputeError::Argument {
                op: "burn",
                why: "unknown operation".to_owned(),
            }),
            Some(PANIC) => panic!("the panic that was asked for"),
            Some(TOO_LARGE) => account.lease(MEMORY_BYTES).map(drop),
            Some(TOO_DEAR) => account.charge(u64::MAX, 0),
            Some(FAIL) => Err(ComputeError::Device("the device is gone".to_owned())),
            _ => Ok(()),
        }
    }

    fn upload(&mut self, account: &Session, tensor: BurnUpload<'_>) -> Result<()> {
        self.leases.push(account.lease(tensor.bytes.len() as u64)?);
        self.seen.lock().unwrap().push(format!("{tensor:?}"));
        Ok(())
    }

    fn read(&mut self, _: &Session, tensor: &[u8]) -> Result<Vec<u8>> {
        Ok(tensor.repeat(3))
    }
}

/// The guest's job on an engine of its own.
fn job(burn: Option<Arc<dyn BurnHost>>) -> Option<(Arc<LoadedJob>, tempfile::TempDir)> {
    let dir = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        burn,
        ..EngineOptions::new(dir.path().to_owned(), 2, MEMORY_BYTES)
    };
    let engine = Engine::new(options).unwrap();
    Some((engine.load(guest::component()?).unwrap(), dir))
}

fn run(job: &LoadedJob, how: u64) -> RunReport {
    run_with(job, format!("tensors burn {how}").as_bytes(), Box::new(Gone), &LIMITS)
}

#[test]
fn a_session_gets_what_the_guest_sends() {
    let keeper = Arc::new(Keeper::default());
    let Some((job, _dir)) = job(Some(keeper.clone())) else {
        return;
    };
    let text = |how| String::from_utf8(run(&job, how).outcome.unwrap()).unwrap();
    assert_eq!(
        text(FINE),
        "hello 17\nsubmit Ok(())\nupload Ok(())\nread Ok([3, 3, 3])\n"
    );
    let refused = "submit Err(\"burn: unknown operation\")";
    assert_eq!(text(REFUSE).lines().nth(1), Some(refused));
    let upload = "BurnUpload { id: 3, shape: [2, 2], element_type: [9], bytes: [5, 5, 5, 5] }";
    assert_eq!(*keeper.seen.lock().unwrap(), [upload, upload]);
}

#[test]
fn a_session_that_fails_ends_the_call_and_not_the_node() {
    let Some((job, _dir)) = job(Some(Arc::new(Keeper::default()))) else {
        return;
    };
    let outcome = |how| run(&job, how).outcome.unwrap_err();
    assert_eq!(outcome(TOO_DEAR), Outcome::OutOfFuel);
    let limit = NoVerdict::MemoryLimit {
        limit_bytes: MEMORY_BYTES,
    };
    assert_eq!(outcome(TOO_LARGE), Outcome::NoVerdict(limit));
    assert_eq!(
        outcome(FAIL),
        Outcome::NoVerdict(NoVerdict::Host("the device is gone".to_owned()))
    );
    assert!(matches!(outcome(PANIC), Outcome::NoVerdict(NoVerdict::Host(text)) if text.contains("panicked")));
    assert!(run(&job, FINE).outcome.is_ok());
}

#[test]
fn a_handle_of_one_resource_is_none_of_another() {
    let Some((job, _dir)) = job(Some(Arc::new(Keeper::default()))) else {
        return;
    };
    let report = run_with(&job, b"tensors other-resource", Box::new(Gone), &LIMITS);
    assert!(matches!(report.outcome, Err(Outcome::Trap { detail, .. }) if detail.contains("handle")));
}

#[test]
fn without_burn_there_is_no_verdict() {
    let Some((job, _dir)) = job(None) else { return };
    let refused = NoVerdict::Refused("burn: this node does not run burn sessions".to_owned());
    assert_eq!(run(&job, FINE).outcome, Err(Outcome::NoVerdict(refused)));
}
