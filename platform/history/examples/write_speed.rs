//! How fast chunks are written: `cargo run -p history --example write_speed [URL]`. Without a URL, SQLite in a temporary
//! folder. Prints rows per second, and the processor time of this process.

#![expect(clippy::unwrap_used, reason = "an example ends at the first error")]

use history::{Batch, ChunkChange, ChunkState, History, Submitted, TaskChange};
use job_model::task::{Priority, VerifyPolicy};
use job_model::{JobId, MicroCredits, NodeId, TaskId, UnixMillis};
use std::time::Instant;

/// Chunks of the task.
const CHUNKS: u32 = 100_000;
/// Rows of a batch, as the recorder writes them.
const BATCH_ROWS: u32 = 5_000;

fn task() -> TaskChange {
    let submitted = Submitted {
        owner: String::new(),
        job: JobId([1; 32]),
        job_name: "range_reduce".to_owned(),
        priority: Priority::Normal,
        verify: VerifyPolicy::Quorum(2),
        params: "{}".to_owned(),
        params_bytes: 2,
        inputs: 0,
        input_bytes: 0,
        max_price: None::<MicroCredits>,
        at: UnixMillis(1),
        recalled_confidence: 0.9,
    };
    TaskChange {
        submitted: Some(Box::new(submitted)),
        ..TaskChange::new(TaskId([2; 32]))
    }
}

/// A chunk is written twice: when its replicas are placed and one has finished, and when it is decided.
fn change(chunk: u32, decided: bool) -> ChunkChange {
    let attempt = u32::from(decided);
    ChunkChange {
        state: if decided {
            ChunkState::Accepted
        } else {
            ChunkState::Open
        },
        winner: decided.then_some(0),
        replicas: if decided { 0 } else { 2 },
        outcomes: format!("{attempt}v "),
        verdicts: if decided { "0a 1a ".to_owned() } else { String::new() },
        workers: format!("{} ", NodeId([3 + attempt as u8; 32])),
        wall_us: 1_500,
        fuel: 1_000_000,
        at: UnixMillis(2),
        ..ChunkChange::new(TaskId([2; 32]), chunk)
    }
}

fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    after
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let url = std::env::args().nth(1);
    let url = url.unwrap_or_else(|| format!("sqlite:{}/history.db", folder.path().display()));
    let history = History::open(&url).await.unwrap();
    let node = NodeId([7; 32]);
    let mut seq = history.resume(node).await.unwrap().recorded_seq;
    let (started, ticks) = (Instant::now(), cpu_ticks());
    let mut written = 0;
    for decided in [false, true] {
        for first in (0..CHUNKS).step_by(BATCH_ROWS as usize) {
            let mut batch = Batch::new(node, seq);
            seq += 1;
            batch.to_seq = seq;
            if first == 0 && !decided {
                batch.tasks.push(task());
            }
            batch
                .chunks
                .extend((first..first + BATCH_ROWS).map(|chunk| change(chunk, decided)));
            history.record(&batch).await.unwrap();
            written += BATCH_ROWS;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu = (cpu_ticks() - ticks) as f64 / 100.0;
    println!(
        "{CHUNKS} chunks, {written} row writes: {seconds:.2} s, {cpu:.2} s of processor time in this process, {:.0} rows/s",
        f64::from(written) / seconds
    );
    if url.starts_with("sqlite:") {
        history.close().await;
        let bytes = std::fs::metadata(folder.path().join("history.db")).map_or(0, |file| file.len());
        println!(
            "the file has {:.1} MB, {} bytes per chunk",
            bytes as f64 / 1e6,
            bytes / u64::from(CHUNKS)
        );
    }
}
