//! One session, as the sandbox's host functions see it: a request goes out, and its reply is waited for with an eye on the
//! sandbox's stop signal.

use super::process::{Answer, Process};
use crate::wire::{self, Budget, FromChild, ToChild};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tensor_compute::{
    ComputeError, FastAnswer, FastOpening, FastReply, FastRequest, FastSession, Lease, Result, Session, StopSignal,
    element_count,
};

/// How often a waiting request looks at its stop signal: as often as a running guest does.
const LOOK: Duration = Duration::from_millis(10);

/// A session. Dropping it closes the one in the child.
pub(super) struct ProcessSession {
    process: Arc<Process>,
    session: u64,
    answers: Receiver<Answer>,
    stop: StopSignal,
    grace: Duration,
    /// What the child's session holds.
    held: Option<Arc<Lease>>,
    held_bytes: u64,
    failed: Option<String>,
}

impl ProcessSession {
    /// `process` has counted it already.
    pub(super) fn open(process: Arc<Process>, opening: FastOpening, grace: Duration) -> Result<Self> {
        let (session, answers) = process.line();
        let mut opened = Self {
            process,
            session,
            answers,
            stop: opening.stop,
            grace,
            held: None,
            held_bytes: 0,
            failed: None,
        };
        let threads = opening.threads;
        opened.send(&ToChild::Open { session, threads }, &[])?;
        Ok(opened)
    }

    fn send(&mut self, message: &ToChild, payload: &[u8]) -> Result<()> {
        let frame = wire::encode(message, payload).map_err(|error| ComputeError::Argument {
            op: "compute process",
            why: error.to_string(),
        })?;
        let mut frame = frame;
        let mut end = None;
        loop {
            match self.process.send(frame) {
                Ok(None) => return Ok(()),
                Ok(Some(back)) => frame = back,
                Err(fate) => return Err(self.fail(fate)),
            }
            // The writer is busy: with another session's megabytes, or with a child that does not read.
            std::thread::sleep(LOOK);
            if (self.stop)() && Instant::now() >= *end.get_or_insert_with(|| Instant::now() + self.grace) {
                return Err(self.give_up());
            }
        }
    }

    /// Waits for the answer. A child that does not stop when it should is killed.
    fn wait(&mut self) -> Result<Answer> {
        let mut end = None;
        loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Disconnected) => return Err(self.fail(self.process.fate())),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !(self.stop)() {
                continue;
            }
            match end {
                None => {
                    end = Some(Instant::now() + self.grace);
                    let session = self.session;
                    self.tell(&ToChild::Stop { session });
                }
                Some(end) if Instant::now() >= end => return Err(self.give_up()),
                Some(_) => {}
            }
        }
    }

    /// Says something that needs no answer. If there is no room now, the grace runs out: the child does not read.
    fn tell(&self, message: &ToChild) {
        if let Ok(frame) = wire::encode(message, &[]) {
            let _ = self.process.send(frame);
        }
    }

    fn give_up(&mut self) -> ComputeError {
        let why = "a compute process did not stop when it was asked to, and was killed";
        self.process.kill(why);
        self.failed = Some(why.to_owned());
        // The sandbox is cancelled or late: that is how its call ends.
        ComputeError::Cancelled
    }

    fn fail(&mut self, why: String) -> ComputeError {
        self.failed = Some(why.clone());
        ComputeError::Device(why)
    }

    /// Takes over what the child's session holds.
    fn account_for(&mut self, account: &Session, live_bytes: u64) -> Result<()> {
        if live_bytes != self.held_bytes {
            // The old lease goes first: both together could be over the limit. Nobody else leases meanwhile.
            self.held = None;
            self.held_bytes = 0;
            self.held = Some(account.lease(live_bytes)?);
            self.held_bytes = live_bytes;
        }
        Ok(())
    }
}

impl FastSession for ProcessSession {
    fn ask(&mut self, account: &Session, dropped: Vec<u64>, request: FastRequest, payload: &[u8]) -> Result<FastReply> {
        if let Some(why) = &self.failed {
            return Err(ComputeError::Device(why.clone()));
        }
        account.go_on()?;
        let elsewhere = account.live_bytes().saturating_sub(self.held_bytes);
        let message = ToChild::Ask {
            session: self.session,
            budget: Budget {
                fuel: account.fuel_left(),
                memory_bytes: account.limit_bytes().saturating_sub(elsewhere),
            },
            dropped,
            request,
        };
        self.send(&message, payload)?;
        let (message, payload) = self.wait()?;
        let FromChild::Answer {
            spent,
            live_bytes,
            result,
            ..
        } = message
        else {
            return Err(self.fail("the compute process gave another answer".to_owned()));
        };
        account.spend(spent);
        self.account_for(account, live_bytes)?;
        let answer = result.map_err(ComputeError::from)?;
        if let FastAnswer::Tensors(tensors) = &answer {
            for tensor in tensors {
                // What the parent computes with these lengths must not overflow.
                element_count("compute process", &tensor.shape, tensor.dtype)
                    .map_err(|error| ComputeError::Device(error.to_string()))?;
            }
        }
        Ok(FastReply { answer, payload })
    }
}

impl Drop for ProcessSession {
    fn drop(&mut self) {
        let session = self.session;
        self.tell(&ToChild::Close { session });
        self.process.hang_up(session);
        self.process.leave();
    }
}
