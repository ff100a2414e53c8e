//! The little language of the tests: one input per line, one line per output.
//!
//! Tasks are `t1`..`t9` (a leading `tN`, else `t1`), nodes `n1`..`n99`, replicas `CHUNK/ATTEMPT`. An outcome is `=a`
//! (value), `=E:text` (guest error), `=!mem`, `=!time`, `=!host` (no verdict).

use crate::{Candidate, Ineligible, Input, Output, Scheduler, SchedulerOptions};
use job_model::event::{CheckVerdict, CompareVerdict, OutputComparison, Posting, ReplicaCheck, ReplicaResult};
use job_model::quote::DeviceKind;
use job_model::{
    BlobHash, Chunk, Event, FloatClass, JobId, LossReason, MicroCredits, NoVerdict, NodeId, Outcome, Placement, Plan,
    Priority, ProfileId, Requirements, Slice, TaskConfig, TaskFailure, TaskId, TaskSpec, UnixMillis, Usage,
    VerifyPolicy,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Script {
    scheduler: Scheduler,
    now: UnixMillis,
    events: Vec<(Event, UnixMillis)>,
    plans: BTreeMap<TaskId, Arc<Plan>>,
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse()
        .unwrap_or_else(|_| panic!("expected a number, got {text:?}"))
}

/// `CHUNK=VALUE`, a result that is known already.
fn known(text: &str) -> Option<(u32, job_model::Output)> {
    let (chunk, value) = text.split_once('=')?;
    Some((number(chunk), job_model::Output::Inline(value.as_bytes().to_vec())))
}

pub(super) fn task_id(n: u8) -> TaskId {
    TaskId([n; 32])
}

fn node_id(name: &str) -> NodeId {
    NodeId([number(name.trim_start_matches('n')); 32])
}

fn replica(text: &str) -> (u32, u32) {
    let (chunk, attempt) = text
        .split_once('/')
        .unwrap_or_else(|| panic!("expected CHUNK/ATTEMPT, got {text:?}"));
    (number(chunk), number(attempt))
}

fn outcome(text: &str) -> Outcome {
    match text {
        "!mem" => Outcome::NoVerdict(NoVerdict::MemoryLimit { limit_bytes: 64 }),
        "!time" => Outcome::NoVerdict(NoVerdict::TimedOut { limit_ms: 9 }),
        "!host" => Outcome::NoVerdict(NoVerdict::Host("disk full".into())),
        _ => match text.strip_prefix("E:") {
            Some(message) => Outcome::GuestError(message.replace('_', " ")),
            None => Outcome::Value(job_model::Output::Inline(text.as_bytes().to_vec())),
        },
    }
}

/// What a check said of a replica: `CHUNK/ATTEMPT=right`, `=wrong`, or why it could not be done.
fn said(text: &str) -> ReplicaCheck {
    let (which, what) = text
        .split_once('=')
        .unwrap_or_else(|| panic!("expected CHUNK/ATTEMPT=VERDICT, got {text:?}"));
    let (chunk, attempt) = replica(which);
    let verdict = match what {
        "right" => CheckVerdict::Accepted,
        "wrong" => CheckVerdict::Refuted,
        why => CheckVerdict::Failed(why.replace('_', " ")),
    };
    let usage = Usage::default();
    ReplicaCheck {
        chunk,
        attempt,
        verdict,
        usage,
    }
}

/// What a comparison showed: `CHUNK/REFERENCE~ATTEMPT=close`, `=apart`, or why it could not be done.
fn compared(text: &str) -> OutputComparison {
    let (which, what) = text
        .split_once('=')
        .unwrap_or_else(|| panic!("expected CHUNK/REFERENCE~ATTEMPT=VERDICT, got {text:?}"));
    let (first, attempt) = which.split_once('~').expect("a pair");
    let (chunk, reference) = replica(first);
    let (verdict, difference) = match what {
        "close" => (CompareVerdict::Close, Some(2.5e-7)),
        "apart" => (CompareVerdict::Apart, Some(0.5)),
        why => (CompareVerdict::Failed(why.replace('_', " ")), None),
    };
    OutputComparison {
        chunk,
        reference,
        attempt: number(attempt),
        verdict,
        difference,
    }
}

fn policy(text: &str) -> VerifyPolicy {
    match text.split_once('=') {
        None if text == "none" => VerifyPolicy::None,
        None if text == "check" => VerifyPolicy::Check,
        Some(("quorum", k)) => VerifyPolicy::Quorum(number(k)),
        Some(("spot", p)) => VerifyPolicy::Spot(number(p)),
        _ => panic!("expected none, quorum=K or spot=P, got {text:?}"),
    }
}

fn list(replicas: &[(u32, u32)]) -> String {
    replicas
        .iter()
        .map(|(chunk, attempt)| format!(" {chunk}/{attempt}"))
        .collect()
}

fn name(node: &NodeId) -> String {
    format!("n{}", node.0[0])
}

/// One line per output. Events that only repeat the input are left out.
fn render(output: &Output) -> Option<String> {
    let event = match output {
        Output::Event(event) => event,
        Output::StartReduce { .. } => return Some("reduce".into()),
        Output::CheckReplicas { replicas, .. } => return Some(format!("check{}", list(replicas))),
        Output::CompareOutputs { pairs, .. } => {
            let pair = |(chunk, reference, attempt): &(u32, u32, u32)| format!(" {chunk}/{reference}~{attempt}");
            return Some(format!("compare{}", pairs.iter().map(pair).collect::<String>()));
        }
        Output::CancelReplicas { worker, replicas, .. } => {
            return Some(format!("cancel {}{}", name(worker), list(replicas)));
        }
        Output::Ignored { replicas, why, .. } => return Some(format!("ignored{}: {why}", list(replicas))),
    };
    Some(match event {
        Event::ReplicasAssigned {
            worker,
            reason,
            replicas,
            ..
        } => format!("assign {} {reason:?}{}", name(worker), list(replicas)),
        Event::ReplicasLost {
            worker, why, replicas, ..
        } => format!("lost {}{}: {why}", name(worker), list(replicas)),
        Event::ChunksVerified { verdicts, .. } => {
            let one = |v: &job_model::event::ChunkVerdict| {
                let judged: String = v
                    .replicas
                    .iter()
                    .map(|(attempt, node, verdict)| format!(" {attempt}:{}={verdict:?}", name(node)))
                    .collect();
                format!("chunk {} winner {}{judged}", v.chunk, v.winner)
            };
            verdicts.iter().map(one).collect::<Vec<_>>().join("; ")
        }
        Event::NodeDistrusted { node, chunk, .. } => format!("distrust {} chunk {chunk}", name(node)),
        Event::ChunksRecalled { chunks, .. } => format!("recalled {}", chunks.len()),
        Event::TaskCompleted { .. } => "completed".into(),
        Event::TaskFailed { failure, .. } => format!("failed: {failure}"),
        Event::TaskCancelled { reason, .. } => format!("cancelled: {reason}"),
        _ => return None,
    })
}

impl Script {
    pub(super) fn new() -> Self {
        let scheduler = Scheduler::new(SchedulerOptions::default());
        Self {
            scheduler,
            now: UnixMillis(1_000_000),
            events: Vec::new(),
            plans: BTreeMap::new(),
        }
    }

    /// Runs one line: `submit POLICY CHUNKS [KEY=VALUE..]`, `plan`, `offer NODE[,KEY=VALUE..]..`, `recall CHUNK=VALUE..`,
    /// `NODE CHUNK/ATTEMPT=OUTCOME..`, `check CHUNK/ATTEMPT=right|wrong|WHY..`,
    /// `compare CHUNK/REFERENCE~ATTEMPT=close|apart|WHY..`, `lost NODE WHY REPLICA..`, `down NODE`, `up NODE`, `wait MS`,
    /// `cancel WHY`, `reduced`, `post NODE RELEASED AMOUNT`, `restart`, `explain`, `state`, `chunk N`, `wake`.
    pub(super) fn input(&mut self, line: &str) -> Vec<String> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let task = match words[0].strip_prefix('t').and_then(|n| n.parse().ok()) {
            Some(n) => {
                words.remove(0);
                task_id(n)
            }
            None => task_id(1),
        };
        let (verb, args) = (words[0], &words[1..]);
        match verb {
            "submit" => self.submit(task, args),
            "plan" => self.give(Input::PlanLoaded {
                task,
                chunks: Arc::clone(&self.plans[&task]),
            }),
            "offer" => self.give(Input::Offers {
                task,
                offers: args.iter().map(|text| candidate(text)).collect(),
            }),
            "recall" => self.give(Input::Recalled {
                task,
                chunks: args.iter().filter_map(|text| known(text)).collect(),
            }),
            "check" => self.give(Input::Checked {
                task,
                checks: args.iter().map(|text| said(text)).collect(),
            }),
            "compare" => self.give(Input::Compared {
                task,
                comparisons: args.iter().map(|text| compared(text)).collect(),
            }),
            "lost" => self.lost(task, args),
            "down" => self.give(Input::WorkerDown {
                worker: node_id(args[0]),
            }),
            "up" => self.give(Input::WorkerUp {
                worker: node_id(args[0]),
            }),
            "wait" => {
                self.now = self.now.plus(number(args[0]));
                self.give(Input::Tick)
            }
            "cancel" => self.give(Input::Cancel {
                task,
                reason: args.join(" "),
            }),
            "reduced" => self.give(Input::Reduced {
                task,
                result: BlobHash([9; 32]),
                size: 1,
            }),
            "reduce-failed" => self.give(Input::ReduceFailed {
                task,
                failure: TaskFailure::Reduce(args.join(" ")),
            }),
            "post" => self.post(task, args),
            "restart" => self.restart(),
            "explain" => self.explain(task),
            "state" => self.state(task),
            "chunk" => vec![self.scheduler.chunk(task, number(args[0])).expect("a chunk").verdict],
            "wake" => vec![
                self.scheduler
                    .next_wakeup()
                    .map_or("never".into(), |at| format!("in {}", at.since(self.now))),
            ],
            worker => self.results(task, worker, args),
        }
    }

    fn lost(&mut self, task: TaskId, args: &[&str]) -> Vec<String> {
        let why = match args[1] {
            "disconnected" => LossReason::Disconnected,
            "refused" => LossReason::Refused("queue full".into()),
            other => panic!("unknown loss {other:?}"),
        };
        let replicas = args[2..].iter().map(|text| replica(text)).collect();
        self.give(Input::Lost {
            task,
            worker: node_id(args[0]),
            why,
            replicas,
        })
    }

    fn give(&mut self, input: Input) -> Vec<String> {
        let mut out = Vec::new();
        self.scheduler.handle(input, self.now, &mut out);
        for output in &out {
            if let Output::Event(event) = output {
                self.events.push((event.clone(), self.now));
            }
        }
        if let Err(error) = self.scheduler.check_invariants() {
            panic!("{error}; the outputs were {out:?}");
        }
        out.iter().filter_map(render).collect()
    }

    fn submit(&mut self, task: TaskId, args: &[&str]) -> Vec<String> {
        let mut spec = TaskSpec {
            job: JobId([7; 32]),
            job_name: "test".into(),
            params: Vec::new(),
            inputs: Vec::new(),
            requirements: Requirements {
                memory_bytes: 64,
                timeout_ms: 60_000,
                ..Requirements::default()
            },
            config: TaskConfig {
                verify: policy(args[0]),
                ..TaskConfig::default()
            },
        };
        for option in &args[2..] {
            set_option(&mut spec, option);
        }
        let slices = |n: u32| {
            vec![Slice {
                input: n % 2,
                offset: 0,
                length: 100,
            }]
        };
        let chunks: Vec<Chunk> = (0..number(args[1]))
            .map(|n| Chunk {
                body: Vec::new(),
                slices: slices(n),
                weight: 1,
            })
            .collect();
        let plan = Arc::new(Plan { chunks });
        self.plans.insert(task, Arc::clone(&plan));
        let mut lines = self.give(Input::Submit {
            owner: String::new(),
            task,
            spec: Box::new(spec),
        });
        lines.extend(self.give(Input::Planned {
            task,
            plan: BlobHash([8; 32]),
            fuel: 1,
            chunks: plan,
        }));
        lines
    }

    fn results(&mut self, task: TaskId, worker: &str, args: &[&str]) -> Vec<String> {
        let one = |text: &&str| {
            let (which, what) = text
                .split_once('=')
                .unwrap_or_else(|| panic!("expected CHUNK/ATTEMPT=OUTCOME, got {text:?}"));
            let (chunk, attempt) = replica(which);
            ReplicaResult {
                chunk,
                attempt,
                outcome: outcome(what),
                usage: Usage {
                    fuel: 5,
                    ..Usage::default()
                },
                log: String::new(),
                metrics: job_model::JobMetrics::default(),
            }
        };
        self.give(Input::Finished {
            task,
            worker: node_id(worker),
            results: args.iter().map(one).collect(),
        })
    }

    fn post(&mut self, task: TaskId, args: &[&str]) -> Vec<String> {
        let posting = Posting {
            worker: node_id(args[0]),
            released: MicroCredits(number(args[1])),
            amount: MicroCredits(number(args[2])),
        };
        let event = Event::CreditsPosted {
            task,
            postings: vec![posting],
        };
        self.scheduler.apply(&event, self.now);
        self.events.push((event, self.now));
        Vec::new()
    }

    fn restart(&mut self) -> Vec<String> {
        self.scheduler = self.replayed();
        self.give(Input::Restarted)
    }

    fn replayed(&self) -> Scheduler {
        let mut scheduler = Scheduler::new(SchedulerOptions::default());
        for (event, at) in &self.events {
            scheduler.apply(event, *at);
        }
        scheduler
    }

    /// Explanation, view and record of one chunk as JSON.
    pub(super) fn json(&self, task: u8, chunk: u32) -> [serde_json::Value; 3] {
        let task = task_id(task);
        let explanation = serde_json::to_value(self.scheduler.explain(task, self.now));
        let view = serde_json::to_value(self.scheduler.task(task));
        let chunk = serde_json::to_value(self.scheduler.chunk(task, chunk));
        [explanation, view, chunk].map(|value| value.expect("views serialise"))
    }

    pub(super) fn check_replay(&self) {
        let replayed = self.replayed();
        assert!(
            replayed.tasks().eq(self.scheduler.tasks()),
            "replaying the events shows other tasks"
        );
        replayed.check_invariants().expect("the replayed state is consistent");
    }

    fn explain(&self, task: TaskId) -> Vec<String> {
        let explanation = self.scheduler.explain(task, self.now).expect("a task");
        let mut lines = vec![explanation.summary];
        for group in explanation.waiting {
            lines.push(format!(
                "{} chunk(s) from {:?}, {} missing: {}",
                group.chunks, group.first_chunks[0], group.missing, group.summary
            ));
            lines.extend(
                group
                    .nodes
                    .iter()
                    .map(|reason| format!("- {}: {}; {}", name(&reason.node), reason.text, reason.remedy)),
            );
        }
        lines
    }

    fn state(&self, task: TaskId) -> Vec<String> {
        let view = self.scheduler.task(task).expect("a task");
        let c = view.chunks;
        let mut line = format!(
            "{:?} total={} accepted={} failed={} recalled={}",
            view.status, c.total, c.accepted, c.failed, c.recalled
        );
        line += &format!(
            " running={} waiting={} spent={} held={}",
            c.running, c.waiting, view.spent.0, view.held.0
        );
        let mut lines = vec![line];
        lines.extend(
            view.errors
                .iter()
                .map(|e| format!("error x{} from chunks {:?}: {}", e.count, e.first_chunks, e.message)),
        );
        lines
    }
}

fn set_option(spec: &mut TaskSpec, option: &str) {
    match option.split_once('=').unwrap_or((option, "")) {
        ("priority", "low") => spec.config.priority = Priority::Low,
        ("priority", "high") => spec.config.priority = Priority::High,
        ("priority", "critical") => spec.config.priority = Priority::Critical,
        ("max", amount) => spec.config.max_price = Some(MicroCredits(number(amount))),
        ("deadline", ms) => spec.config.deadline_ms = Some(number(ms)),
        ("class", "fast") => spec.requirements.float_class = FloatClass::Fast,
        ("gpu", _) => spec.requirements.gpu = true,
        ("compare", words) => spec.config.compare = words.parse().expect("a comparison"),
        ("place", "round_robin") => spec.config.placement = Placement::RoundRobin,
        ("place", "cheapest") => spec.config.placement = Placement::Cheapest,
        ("place", "data_local") => spec.config.placement = Placement::DataLocal,
        (other, _) => panic!("unknown option {other:?}"),
    }
}

fn candidate(text: &str) -> Candidate {
    let mut parts = text.split(',');
    let mut candidate = Candidate {
        node: node_id(parts.next().unwrap_or_default()),
        quote: 1,
        slots: 4,
        hold: MicroCredits(10),
        credit: MicroCredits(1_000_000),
        price: MicroCredits(5),
        queued: 0,
        rtt_us: 100,
        memory_bytes: 1 << 20,
        disk_bytes: 1 << 20,
        profile: ProfileId::default(),
        fast: None,
        local_inputs: Vec::new(),
        eligible: Ok(()),
    };
    for part in parts {
        match part.split_once('=').unwrap_or((part, "")) {
            ("slots", n) => candidate.slots = number(n),
            ("hold", n) => candidate.hold = MicroCredits(number(n)),
            ("credit", n) => candidate.credit = MicroCredits(number(n)),
            ("price", n) => candidate.price = MicroCredits(number(n)),
            ("mem", n) => candidate.memory_bytes = number(n),
            ("has", n) => candidate.local_inputs = vec![number(n)],
            ("fast", "gpu") => candidate.fast = Some(DeviceKind::Gpu),
            ("fast", _) => candidate.fast = Some(DeviceKind::Cpu),
            ("refused", _) => candidate.eligible = Err(Ineligible::QuoteRefused { why: "too busy".into() }),
            ("gone", _) => candidate.eligible = Err(Ineligible::Disconnected),
            (other, _) => panic!("unknown key {other:?}"),
        }
    }
    candidate
}
