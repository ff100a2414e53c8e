//! What the scheduler may be told once, at start. Configuration ends here: nothing below reads an environment.

use job_model::limits::{MAX_ATTEMPTS, MAX_BATCH_REPLICAS};

/// How the scheduler behaves. Every wait and every size has its unit in its name.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerOptions {
    /// Work kept at one worker, in milliseconds of its observed pace: enough to hide the way there and back, and little
    /// enough that a lost or slow worker sits on few chunks.
    pub work_ahead_ms: u64,
    /// Most replicas in flight per slot of a worker, however fast it is: bounds what its loss costs.
    pub max_in_flight_per_slot: u32,
    /// A running replica gets a hedge when it is this many times older than the median of the task's finished ones.
    pub hedge_factor: u32,
    /// No replica younger than this gets a hedge, in milliseconds.
    pub hedge_min_ms: u64,
    /// Finished replicas a task needs before its median says anything; until then a replica is hedged after `stall_ms`.
    pub hedge_samples: u32,
    /// How often a task with slow replicas is looked at again, in milliseconds.
    pub hedge_check_ms: u64,
    /// A worker that has said nothing for this long past the task's own time limit has lost its replicas, in
    /// milliseconds. Also the hedge age while nothing is known of a task's durations.
    pub stall_ms: u64,
    /// A task goes before one of the next higher priority when it was submitted this many milliseconds earlier.
    pub aging_ms: u64,
    /// Most executions of one chunk that end at the worker, failures and refusals included. At least twice the quorum.
    pub max_attempts: u32,
    /// Most executions of one chunk that are lost with their worker: more than `max_attempts`, for in a restless network
    /// that says little about the chunk; bounded, for a chunk could be what kills workers. Executions that our own
    /// restart or a decision made superfluous count nowhere.
    pub max_losses: u32,
    /// On how many distinct nodes a chunk must meet the same limit (memory, stack, time) before the task fails for it.
    pub same_limit_nodes: u32,
    /// First pause of a worker that refused or failed a replica of a task, in milliseconds; doubles each time.
    pub backoff_ms: u64,
    /// Longest such pause, in milliseconds.
    pub backoff_max_ms: u64,
    /// Most replicas, results or verdicts in one event.
    pub batch: usize,
    /// Mixed into the draw of spot checks, so that no worker can foresee them. Must be the same after a restart:
    /// derive it from the node's key.
    pub secret: [u8; 32],
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            work_ahead_ms: 500,
            max_in_flight_per_slot: 1024,
            hedge_factor: 4,
            hedge_min_ms: 1_000,
            hedge_samples: 3,
            hedge_check_ms: 200,
            stall_ms: 10_000,
            aging_ms: 60_000,
            max_attempts: MAX_ATTEMPTS,
            max_losses: 4 * MAX_ATTEMPTS,
            same_limit_nodes: 3,
            backoff_ms: 250,
            backoff_max_ms: 30_000,
            batch: MAX_BATCH_REPLICAS,
            secret: [0; 32],
        }
    }
}
