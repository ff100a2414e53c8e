//! What scheduling costs: CPU time of the scheduler per chunk, from submit to the last verdict.
//!
//! `cargo run --release -p scheduler --example scheduling_cost [CHUNKS]`. Time is simulated; only the scheduler works.

use job_model::event::ReplicaResult;
use job_model::{
    BlobHash, Chunk, Event, JobId, MicroCredits, NodeId, Outcome, Plan, ProfileId, Requirements, TaskConfig, TaskId,
    TaskSpec, UnixMillis, Usage, VerifyPolicy,
};
use scheduler::{Candidate, Input, Output, Scheduler, SchedulerOptions};
use std::collections::VecDeque;
use std::sync::Arc;

/// CPU time of this process so far, in nanoseconds.
fn cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn candidate(node: NodeId) -> Candidate {
    Candidate {
        node,
        quote: 1,
        slots: 2,
        hold: MicroCredits(10),
        credit: MicroCredits::MAX,
        price: MicroCredits(5),
        queued: 0,
        rtt_us: 300,
        memory_bytes: 1 << 32,
        disk_bytes: 1 << 40,
        profile: ProfileId::default(),
        fast: None,
        local_inputs: Vec::new(),
        eligible: Ok(()),
    }
}

fn spec(verify: VerifyPolicy) -> TaskSpec {
    TaskSpec {
        job: JobId([2; 32]),
        job_name: "empty".into(),
        params: Vec::new(),
        inputs: Vec::new(),
        requirements: Requirements::default(),
        config: TaskConfig {
            verify,
            ..TaskConfig::default()
        },
    }
}

/// The inputs that start so many equal tasks.
fn submissions(tasks: u32, spec: &TaskSpec, plan: &Arc<Plan>, offers: &[Candidate]) -> VecDeque<Input> {
    let mut inbox = VecDeque::new();
    for n in 0..tasks {
        let mut id = [1; 32];
        id[..4].copy_from_slice(&n.to_le_bytes());
        let task = TaskId(id);
        inbox.push_back(Input::Submit {
            owner: String::new(),
            task,
            spec: Box::new(spec.clone()),
        });
        inbox.push_back(Input::Planned {
            task,
            plan: BlobHash::default(),
            fuel: 0,
            chunks: Arc::clone(plan),
        });
        inbox.push_back(Input::Offers {
            task,
            offers: offers.to_vec(),
        });
    }
    inbox
}

fn measure(tasks: u32, chunks: u32, workers: u8, verify: VerifyPolicy) {
    let spec = spec(verify);
    let plan = Plan {
        chunks: (0..chunks)
            .map(|_| Chunk {
                body: Vec::new(),
                slices: Vec::new(),
                weight: 1,
            })
            .collect(),
    };
    let offers = (1..=workers).map(|n| candidate(NodeId([n; 32]))).collect();
    let offers: Vec<Candidate> = offers;
    let plan = Arc::new(plan);
    let mut scheduler = Scheduler::new(SchedulerOptions::default());
    let mut inbox = submissions(tasks, &spec, &plan, &offers);
    let (mut now, mut spent, mut inputs) = (UnixMillis(0), 0, 0u64);
    let mut done = 0;
    while let Some(input) = inbox.pop_front() {
        let mut out = Vec::new();
        now = now.plus(1);
        inputs += 1;
        let before = cpu_ns();
        scheduler.handle(input, now, &mut out);
        std::hint::black_box(scheduler.next_wakeup());
        spent += cpu_ns() - before;
        for output in out {
            match output {
                Output::Event(Event::ReplicasAssigned {
                    task, worker, replicas, ..
                }) => {
                    // Results come back in batches of at most 64, as over a connection.
                    for part in replicas.chunks(64) {
                        inbox.push_back(Input::Finished {
                            task,
                            worker,
                            results: part.iter().map(result).collect(),
                        });
                    }
                }
                Output::StartReduce { task } => {
                    done += 1;
                    inbox.push_back(Input::Reduced {
                        task,
                        result: BlobHash::default(),
                        size: 0,
                    });
                }
                _ => {}
            }
        }
    }
    assert_eq!(done, tasks, "tasks did not come to their end");
    println!(
        "{tasks} tasks of {chunks} chunks, {workers} workers, {verify:?}: {} ns of CPU per chunk, {inputs} inputs",
        spent / u64::from(chunks) / u64::from(tasks)
    );
}

fn result(replica: &(u32, u32)) -> ReplicaResult {
    let output = job_model::Output::Inline(replica.0.to_le_bytes().to_vec());
    ReplicaResult {
        chunk: replica.0,
        attempt: replica.1,
        outcome: Outcome::Value(output),
        usage: Usage::default(),
        log: String::new(),
        metrics: job_model::JobMetrics::default(),
    }
}

fn main() {
    let chunks = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    for workers in [3, 50, 200] {
        measure(1, chunks, workers, VerifyPolicy::None);
        measure(1, chunks, workers, VerifyPolicy::Quorum(2));
    }
    measure(1000, 10, 3, VerifyPolicy::Quorum(2));
}
