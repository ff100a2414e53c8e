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
        local_inputs: Vec::new(),
        eligible: Ok(()),
    }
}

fn measure(chunks: u32, workers: u8, verify: VerifyPolicy) {
    let task = TaskId([1; 32]);
    let spec = TaskSpec {
        job: JobId([2; 32]),
        job_name: "empty".into(),
        params: Vec::new(),
        inputs: Vec::new(),
        requirements: Requirements::default(),
        config: TaskConfig {
            verify,
            ..TaskConfig::default()
        },
    };
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
    let mut scheduler = Scheduler::new(SchedulerOptions::default());
    let mut inbox = VecDeque::from([
        Input::Submit {
            task,
            spec: Box::new(spec),
        },
        Input::Planned {
            task,
            plan: BlobHash::default(),
            fuel: 0,
            chunks: Arc::new(plan),
        },
        Input::Offers { task, offers },
    ]);
    let (mut now, mut spent, mut inputs) = (UnixMillis(0), 0, 0u64);
    let mut done = false;
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
                Output::StartReduce { .. } => done = true,
                _ => {}
            }
        }
    }
    assert!(done, "the task did not come to its end");
    println!(
        "{chunks} chunks, {workers} workers, {verify:?}: {} ns of CPU per chunk, {inputs} inputs",
        spent / u64::from(chunks)
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
    }
}

fn main() {
    let chunks = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    for workers in [3, 50, 200] {
        measure(chunks, workers, VerifyPolicy::None);
        measure(chunks, workers, VerifyPolicy::Quorum(2));
    }
}
