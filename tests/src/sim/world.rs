//! The world of a run: one queue of what happens when, the requester's scheduler with its journal, and the workers.

use super::books::{Books, HOLD};
use super::random::Random;
use super::worker::{Replica, SimWorker, truth};
use super::{SimFailure, SimOptions, SimReport};
use job_model::event::Posting;
use job_model::{
    BlobHash, Chunk, Event, JobId, MicroCredits, Placement, Plan, Priority, ProfileId, Requirements, TaskConfig,
    TaskId, TaskSpec, UnixMillis,
};
use scheduler::{Candidate, Ineligible, Input, Output, Scheduler, SchedulerOptions};
use std::collections::BTreeMap;
use std::sync::Arc;

/// No run may take longer, in simulated milliseconds.
const LONGEST_RUN_MS: u64 = 4 * 3_600_000;
/// The scheduler may ask for a wakeup at the same time at most so often in a row.
const MOST_WAKEUPS_AT_ONCE: u32 = 50;
/// Every how many inputs `explain` is asked whether a free node is passed over.
const EXPLAIN_EVERY: u64 = 7;

/// What happens at some time.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// An input reaches the requester; dropped when the requester was restarted since.
    Input(u32, Box<Input>),
    /// An assignment reaches a worker.
    Assign(usize, Vec<Replica>),
    /// A cancel reaches a worker.
    Cancel(usize, TaskId, Vec<(u32, u32)>),
    /// A worker looks at its queue.
    Work(usize),
    /// A replica is done, if the worker did not crash since.
    Done(usize, u32, Replica),
    /// A worker sends what it has.
    Flush(usize),
    /// Credits are posted.
    Post(TaskId, Vec<Posting>),
    /// Something breaks.
    Fault,
    /// The requester notices that a connection ended.
    Notice(usize),
    /// A crashed worker starts again.
    Revive(usize),
    /// A worker that was cut off is back.
    Heal(usize),
}

/// The world.
pub(super) struct World {
    pub(super) options: SimOptions,
    pub(super) random: Random,
    pub(super) now: u64,
    pub(super) workers: Vec<SimWorker>,
    pub(super) tasks: Vec<TaskId>,
    pub(super) happenings: BTreeMap<(u64, u64), What>,
    pub(super) sequence: u64,
    pub(super) scheduler: Scheduler,
    pub(super) journal: Vec<(Event, UnixMillis)>,
    pub(super) plan: Arc<Plan>,
    pub(super) books: Books,
    /// Counts restarts of the requester.
    pub(super) epoch: u32,
    pub(super) report: SimReport,
}

/// Runs a network to its end.
pub fn run(seed: u64, options: &SimOptions) -> Result<SimReport, SimFailure> {
    let mut world = World::new(seed, options.clone());
    match world.run() {
        Ok(()) => Ok(world.report),
        Err(what) => Err(SimFailure {
            seed,
            at_ms: world.now,
            what,
        }),
    }
}

pub(super) fn scheduler() -> Scheduler {
    Scheduler::new(SchedulerOptions {
        secret: [42; 32],
        ..SchedulerOptions::default()
    })
}

impl World {
    fn new(seed: u64, options: SimOptions) -> Self {
        let mut random = Random::new(seed);
        let workers = (0..options.nodes)
            .map(|n| SimWorker::draw(n, n < options.liars, &mut random))
            .collect();
        let weight = |n: u32| if n % 10 == 3 { 4 } else { 1 };
        let chunks = (0..options.chunks)
            .map(|n| Chunk {
                body: Vec::new(),
                slices: Vec::new(),
                weight: weight(n),
            })
            .collect();
        Self {
            random,
            now: 0,
            workers,
            tasks: Vec::new(),
            happenings: BTreeMap::new(),
            sequence: 0,
            scheduler: scheduler(),
            journal: Vec::new(),
            plan: Arc::new(Plan { chunks }),
            books: Books::default(),
            epoch: 0,
            report: SimReport::default(),
            options,
        }
    }

    pub(super) fn at(&mut self, when: u64, what: What) {
        self.sequence += 1;
        self.happenings.insert((when.max(self.now), self.sequence), what);
    }

    fn run(&mut self) -> Result<(), String> {
        self.submit_all();
        if self.options.fault_every_ms > 0 {
            self.at(self.options.fault_every_ms, What::Fault);
        }
        let mut wakeups = 0;
        while self.scheduler.active_tasks() > 0 || !self.happenings.is_empty() {
            let next = self.happenings.first_key_value().map(|((at, _), _)| *at);
            let wakeup = self.scheduler.next_wakeup().map(|at| at.0.max(self.now));
            match (next, wakeup) {
                (next, Some(wakeup)) if next.is_none_or(|next| wakeup <= next) => {
                    wakeups = if wakeup == self.now { wakeups + 1 } else { 0 };
                    check(wakeups < MOST_WAKEUPS_AT_ONCE, || {
                        "the scheduler wants to be woken again and again".into()
                    })?;
                    self.now = wakeup;
                    self.feed(Input::Tick)?;
                }
                (Some(_), _) => {
                    let Some(((at, _), what)) = self.happenings.pop_first() else {
                        break;
                    };
                    self.now = at;
                    wakeups = 0;
                    self.happen(what)?;
                }
                (None, _) => {
                    return Err(format!(
                        "nothing will happen any more, and tasks wait: {}",
                        self.complaints()
                    ));
                }
            }
            check(self.now < LONGEST_RUN_MS, || {
                format!("tasks do not end: {}", self.complaints())
            })?;
        }
        self.finish()
    }

    fn submit_all(&mut self) {
        for n in 0..self.options.tasks {
            let task = TaskId([n as u8 + 1; 32]);
            self.tasks.push(task);
            let placements = [
                Placement::LeastLoaded,
                Placement::RoundRobin,
                Placement::PowerOfTwo,
                Placement::Cheapest,
                Placement::Nearest,
                Placement::DataLocal,
            ];
            let priorities = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
            let config = TaskConfig {
                verify: self.options.verify,
                compare: self.options.compare(),
                placement: placements[self.random.below(6) as usize],
                priority: priorities[self.random.below(4) as usize],
                ..TaskConfig::default()
            };
            let requirements = Requirements {
                timeout_ms: 20_000,
                memory_bytes: 0,
                ..Requirements::default()
            };
            let (job, job_name) = (JobId([1; 32]), "sim".to_owned());
            let spec = Box::new(TaskSpec {
                job,
                job_name,
                params: Vec::new(),
                inputs: Vec::new(),
                requirements,
                config,
            });
            let when = self.random.below(500);
            self.at(
                when,
                What::Input(
                    0,
                    Box::new(Input::Submit {
                        task,
                        spec,
                        owner: String::new(),
                    }),
                ),
            );
            self.at(when + 5, What::Input(0, Box::new(self.planned(task))));
        }
    }

    pub(super) fn planned(&self, task: TaskId) -> Input {
        Input::Planned {
            task,
            plan: BlobHash([3; 32]),
            fuel: 10,
            chunks: Arc::clone(&self.plan),
        }
    }

    fn happen(&mut self, what: What) -> Result<(), String> {
        match what {
            What::Input(epoch, input) if epoch == self.epoch => {
                let planned = matches!(*input, Input::Planned { .. } | Input::PlanLoaded { .. });
                self.feed(*input)?;
                if planned {
                    self.offer_all()?;
                }
            }
            What::Input(..) => {}
            What::Assign(at, replicas) => {
                if self.workers[at].is_connected() {
                    self.workers[at].waiting.extend(replicas);
                    self.work(at);
                }
            }
            What::Cancel(at, task, replicas) => self.workers[at].cancel(task, &replicas),
            What::Work(at) => self.work(at),
            What::Done(at, life, replica) => self.done(at, life, replica),
            What::Flush(at) => self.flush(at),
            What::Post(task, postings) => {
                let event = Event::CreditsPosted { task, postings };
                self.scheduler.apply(&event, UnixMillis(self.now));
                self.record(event);
            }
            What::Fault => self.break_something()?,
            What::Notice(at) => self.notice(at)?,
            What::Revive(at) => self.revive(at)?,
            What::Heal(at) => self.heal(at)?,
        }
        Ok(())
    }

    /// Gives the scheduler an input, checks it, and does what it says.
    pub(super) fn feed(&mut self, input: Input) -> Result<(), String> {
        let out = self.decide(input)?;
        for output in out {
            self.perform(output);
        }
        Ok(())
    }

    /// The scheduler decides and the journal is written; nothing is done yet.
    pub(super) fn decide(&mut self, input: Input) -> Result<Vec<Output>, String> {
        let mut out = Vec::new();
        let about = format!("{input:?}");
        self.scheduler.handle(input, UnixMillis(self.now), &mut out);
        self.report.inputs += 1;
        self.scheduler
            .check_invariants()
            .map_err(|error| format!("{error}; the last input was {about:.300}"))?;
        for output in &out {
            if let Output::Event(event) = output {
                self.record(event.clone());
            }
        }
        if self.report.inputs.is_multiple_of(EXPLAIN_EVERY) {
            self.check_busy()
                .map_err(|what| format!("{what}; the last input was {about:.300}"))?;
        }
        Ok(out)
    }

    fn record(&mut self, event: Event) {
        let bytes = job_model::codec::encode(&event);
        for byte in BlobHash::of(&bytes).as_bytes().iter().take(8) {
            self.report.trace = self.report.trace.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte);
        }
        if let Some((task, postings)) = self.books.follow(&event)
            && !postings.is_empty()
        {
            let when = self.now + 1 + self.random.below(300);
            self.at(when, What::Post(task, postings));
        }
        self.journal.push((event, UnixMillis(self.now)));
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Event(Event::ReplicasAssigned {
                task, worker, replicas, ..
            }) => {
                let replicas = replicas
                    .into_iter()
                    .map(|(chunk, attempt)| (task, chunk, attempt))
                    .collect();
                let at = self.worker_at(&worker);
                self.at(self.now + self.workers[at].latency_ms, What::Assign(at, replicas));
            }
            Output::CancelReplicas {
                task, worker, replicas, ..
            } => {
                let at = self.worker_at(&worker);
                self.at(self.now + self.workers[at].latency_ms, What::Cancel(at, task, replicas));
            }
            Output::StartReduce { task } => {
                let input = Input::Reduced {
                    task,
                    result: BlobHash([5; 32]),
                    size: 1,
                };
                self.at(self.now + 10, What::Input(self.epoch, Box::new(input)));
            }
            Output::CheckReplicas { task, replicas } => self.check_replicas(task, &replicas),
            Output::CompareOutputs { task, pairs } => self.compare_outputs(task, &pairs),
            Output::Ignored { .. } => self.report.ignored += 1,
            Output::Event(_) => {}
        }
    }

    fn worker_at(&self, id: &job_model::NodeId) -> usize {
        self.workers.iter().position(|worker| worker.id == *id).unwrap_or(0)
    }

    /// Starts what fits into the worker's slots.
    fn work(&mut self, at: usize) {
        let (now, usual) = (self.now, self.options.chunk_ms);
        let worker = &mut self.workers[at];
        let mut started = Vec::new();
        while worker.alive && worker.frozen_until <= now && worker.running.len() < worker.slots as usize {
            let Some(replica) = worker.waiting.pop_front() else {
                break;
            };
            if worker.running.insert(replica) {
                started.push(replica);
            }
        }
        let (life, slowness) = (worker.life, worker.slowness);
        for replica in started {
            let weight = self.plan.chunks.get(replica.1 as usize).map_or(1, |chunk| chunk.weight);
            let took = (usual * weight * slowness / 100 + self.random.below(usual + 1)).max(1);
            self.at(now + took, What::Done(at, life, replica));
        }
    }

    fn done(&mut self, at: usize, life: u32, replica: Replica) {
        let worker = &mut self.workers[at];
        if worker.life != life {
            return;
        }
        if worker.frozen_until > self.now {
            let later = worker.frozen_until;
            return self.at(later, What::Done(at, life, replica));
        }
        worker.running.remove(&replica);
        let result = worker.result(
            replica,
            truth(&replica.0, replica.1, self.options.bad_chunk_in),
            self.options.jitter,
            &mut self.random,
        );
        worker.outbox.push((replica.0, result));
        self.at(self.now + 2, What::Flush(at));
        self.work(at);
    }

    /// Sends finished results, task by task. A worker that is cut off keeps them for later.
    fn flush(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        if !worker.is_connected() {
            return;
        }
        if worker.frozen_until > self.now {
            let later = worker.frozen_until;
            return self.at(later, What::Flush(at));
        }
        let mut by_task: BTreeMap<TaskId, Vec<_>> = BTreeMap::new();
        for (task, result) in worker.outbox.drain(..) {
            by_task.entry(task).or_default().push(result);
        }
        let (when, worker) = (self.now + worker.latency_ms, worker.id);
        for (task, results) in by_task {
            self.at(
                when,
                What::Input(self.epoch, Box::new(Input::Finished { task, worker, results })),
            );
        }
    }

    /// Offers every worker to every task that has not ended.
    pub(super) fn offer_all(&mut self) -> Result<(), String> {
        let open: Vec<TaskId> = self
            .scheduler
            .tasks()
            .filter(|view| !view.status.is_final())
            .map(|view| view.task)
            .collect();
        for task in open {
            let offers = self.workers.iter().map(candidate).collect();
            self.feed(Input::Offers { task, offers })?;
        }
        Ok(())
    }
}

fn candidate(worker: &SimWorker) -> Candidate {
    Candidate {
        node: worker.id,
        quote: 1,
        slots: worker.slots,
        hold: HOLD,
        credit: MicroCredits::MAX,
        price: MicroCredits(worker.slowness as i64),
        queued: 0,
        rtt_us: worker.latency_ms as u32 * 2_000,
        memory_bytes: 1 << 30,
        disk_bytes: 1 << 30,
        profile: ProfileId::default(),
        fast: None,
        local_inputs: Vec::new(),
        eligible: if worker.is_connected() {
            Ok(())
        } else {
            Err(Ineligible::Disconnected)
        },
    }
}

pub(super) fn check(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
