//! What breaks, and how it heals.

use super::world::{What, World};
use job_model::event::ReplicaResult;
use job_model::{Outcome, Output, Usage};
use scheduler::Input;

/// After this long a lost connection is noticed, in milliseconds.
const NOTICED_AFTER_MS: u64 = 2_000;

/// Something that breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    Crash,
    Freeze,
    Partition,
    Garbage,
    RestartRequester,
    CancelTask,
}

impl World {
    /// Breaks something and says when the next thing breaks.
    pub(super) fn break_something(&mut self) -> Result<(), String> {
        let every = self.options.fault_every_ms;
        if self.now < self.options.faults_for_ms {
            let next = self.now + 1 + self.random.below(2 * every);
            self.at(next, What::Fault);
        }
        let fault = match self.random.below(20) {
            0..=5 => Fault::Crash,
            6..=10 => Fault::Freeze,
            11..=13 => Fault::Partition,
            14..=16 => Fault::Garbage,
            17..=18 => Fault::RestartRequester,
            _ => Fault::CancelTask,
        };
        let victim = self.random.below(self.workers.len() as u64) as usize;
        let pause = 100 + self.random.below(8_000);
        match fault {
            Fault::Crash => self.crash(victim, pause),
            Fault::Freeze => {
                let until = self.now + pause;
                self.workers[victim].frozen_until = until;
                self.at(until, What::Work(victim));
            }
            Fault::Partition => {
                for other in 0..self.workers.len() {
                    if self.random.one_in(2) {
                        self.cut_off(other, pause);
                    }
                }
            }
            Fault::Garbage => return self.send_garbage(victim),
            Fault::RestartRequester => return self.restart_requester(),
            Fault::CancelTask if self.random.one_in(8) => {
                let task = self.tasks[self.random.below(self.tasks.len() as u64) as usize];
                return self.feed(Input::Cancel {
                    task,
                    reason: "not needed".into(),
                });
            }
            Fault::CancelTask => {}
        }
        Ok(())
    }

    fn crash(&mut self, victim: usize, pause: u64) {
        if self.workers[victim].alive {
            self.workers[victim].crash();
            let noticed = self.now + self.random.below(NOTICED_AFTER_MS);
            self.at(noticed, What::Notice(victim));
            self.at(self.now + pause, What::Revive(victim));
        }
    }

    fn cut_off(&mut self, victim: usize, pause: u64) {
        if !self.workers[victim].cut {
            self.workers[victim].cut = true;
            let noticed = self.now + self.random.below(NOTICED_AFTER_MS);
            self.at(noticed, What::Notice(victim));
            self.at(self.now + pause, What::Heal(victim));
        }
    }

    /// The requester looks at a connection: it is down, or it is not any more.
    pub(super) fn notice(&mut self, victim: usize) -> Result<(), String> {
        let worker = self.workers[victim].id;
        let input = if self.workers[victim].is_connected() {
            Input::WorkerUp { worker }
        } else {
            Input::WorkerDown { worker }
        };
        self.feed(input)?;
        self.offer_all()
    }

    pub(super) fn revive(&mut self, victim: usize) -> Result<(), String> {
        self.workers[victim].alive = true;
        self.workers[victim].frozen_until = 0;
        self.notice_return(victim)
    }

    pub(super) fn heal(&mut self, victim: usize) -> Result<(), String> {
        self.workers[victim].cut = false;
        self.at(self.now + 1, What::Flush(victim));
        self.notice_return(victim)
    }

    /// A new connection tells the requester that the old one ended, even when that went unnoticed.
    fn notice_return(&mut self, victim: usize) -> Result<(), String> {
        if self.workers[victim].is_connected() {
            self.feed(Input::WorkerDown {
                worker: self.workers[victim].id,
            })?;
            return self.notice(victim);
        }
        Ok(())
    }

    /// A worker sends results of what it was never given, of what others were given, and twice.
    fn send_garbage(&mut self, victim: usize) -> Result<(), String> {
        let task = self.tasks[self.random.below(self.tasks.len() as u64) as usize];
        let worker = self.workers[victim].id;
        // Only liars forge results of replicas they hold; others repeat themselves with attempts that do not exist.
        let first = if self.workers[victim].liar { 0 } else { 1_000 };
        let mut results = Vec::new();
        for _ in 0..self.random.below(6) {
            let (chunk, attempt) = (self.random.below(90) as u32, first + self.random.below(4) as u32);
            let outcome = Outcome::Value(Output::Inline(format!("garbage of {}", worker.short()).into_bytes()));
            results.push(ReplicaResult {
                chunk,
                attempt,
                outcome,
                usage: Usage::default(),
                log: String::new(),
                metrics: job_model::JobMetrics::default(),
            });
        }
        let replicas = results
            .iter()
            .map(|result| (result.chunk, result.attempt + 1_000))
            .collect();
        self.feed(Input::Lost {
            task,
            worker,
            why: job_model::LossReason::Stalled,
            replicas,
        })?;
        self.feed(Input::Finished { task, worker, results })
    }
}
