//! What a node's HTTP side carries: questions for one task among ten thousand, on one core.

use crate::Row;
use p2pjob_tests::{Cluster, ClusterOptions, Connection, HttpClient, HttpRequest, Node};
use serde_json::json;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Tasks that the node has stored.
const TASKS: usize = 10_000;
/// Connections that submit them.
const SUBMITTERS: usize = 16;
/// Connections that ask at the same time.
const ASKERS: usize = 8;
/// How long they ask.
const ASKING: Duration = Duration::from_secs(5);

/// One node that serves HTTP and runs its own chunks.
fn one_node() -> Cluster {
    Cluster::start_with(&ClusterOptions {
        nodes: 1,
        flags: vec!["--slots".to_owned(), "1".to_owned()],
    })
}

/// `GET /tasks/{id}` with [`TASKS`] stored.
pub fn measure() -> Vec<Row> {
    let cluster = one_node();
    let node = cluster.node(0);
    let http = node.http();
    let started = Instant::now();
    let tasks = submit_all(&http);
    let stored = TASKS as f64 / started.elapsed().as_secs_f64();
    pin_to_core(node, 0);
    let (mut waits, elapsed) = ask(&http, &tasks);
    pin_to_core(node, usize::MAX);
    waits.sort_unstable();
    let per_second = waits.len() as f64 / elapsed.as_secs_f64();
    let p99 = waits[waits.len() * 99 / 100].as_secs_f64() * 1000.0;
    vec![
        Row::plain(
            "tasks submitted over HTTP and run, one chunk each",
            format!("{stored:.0} tasks/s"),
        ),
        Row::judged(
            "`GET /tasks/{id}`, 10 000 stored, node on one core",
            format!("{per_second:.0} req/s"),
            ">= 5000 /s",
            per_second >= 5000.0,
        ),
        Row::judged(
            "the same, 99th percentile, 8 connections",
            format!("{p99:.2} ms"),
            "< 5 ms",
            p99 < 5.0,
        ),
    ]
}

fn submit_all(http: &HttpClient) -> Vec<String> {
    let found = Mutex::new(Vec::with_capacity(TASKS));
    std::thread::scope(|scope| {
        for submitter in 0..SUBMITTERS {
            let found = &found;
            scope.spawn(move || {
                let mut connection = http.connect();
                for salt in (submitter..TASKS).step_by(SUBMITTERS) {
                    let body = json!({ "job": "bench_empty", "params": { "chunks": 1, "salt": salt }, "config": { "verify": "none" } });
                    let answer = connection
                        .send(&HttpRequest::post("/api/v1/tasks", &body))
                        .expect("an answer");
                    let task = answer.expect_status(201).json().text("task_id").to_owned();
                    // A few at a time: what is measured is a node that has stored many, not one that has many to do.
                    while !ended(&mut connection, &task) {}
                    found.lock().expect("no submitter panicked").push(task);
                }
            });
        }
    });
    found.into_inner().expect("no submitter panicked")
}

/// Whether a task has ended.
fn ended(connection: &mut Connection, task: &str) -> bool {
    let answer = connection.send(&HttpRequest::get(&format!("/api/v1/tasks/{task}")));
    let report = answer.expect("an answer").expect_status(200).json();
    !matches!(report.text("status"), "pending" | "running")
}

fn ask(http: &HttpClient, tasks: &[String]) -> (Vec<Duration>, Duration) {
    let all = Mutex::new(Vec::new());
    let started = Instant::now();
    std::thread::scope(|scope| {
        for asker in 0..ASKERS {
            let all = &all;
            scope.spawn(move || {
                let mut connection = http.connect();
                let mut waits = Vec::new();
                let mut at = asker;
                while started.elapsed() < ASKING {
                    // A stride that visits every task before it comes back.
                    at = (at + 7919) % tasks.len();
                    let asked = Instant::now();
                    let answer = connection.send(&HttpRequest::get(&format!("/api/v1/tasks/{}", tasks[at])));
                    assert_eq!(answer.expect("an answer").status(), 200);
                    waits.push(asked.elapsed());
                }
                all.lock().expect("no asker panicked").extend(waits);
            });
        }
    });
    let elapsed = started.elapsed();
    (all.into_inner().expect("no asker panicked"), elapsed)
}

/// Keeps every thread of a node on one core; on all cores for a core that does not exist.
fn pin_to_core(node: &Node, core: usize) {
    let pid = node.pid().expect("the node runs");
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a running process");
    // SAFETY: the set is plain data that the call only reads; a thread that has ended meanwhile is an error code.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let cores = if core < libc::CPU_SETSIZE as usize {
            core..core + 1
        } else {
            0..libc::CPU_SETSIZE as usize
        };
        cores.for_each(|core| libc::CPU_SET(core, &mut set));
        for thread in threads.flatten() {
            let id = thread.file_name().to_string_lossy().parse().expect("a thread's number");
            libc::sched_setaffinity(id, size_of::<libc::cpu_set_t>(), &raw const set);
        }
    }
}
