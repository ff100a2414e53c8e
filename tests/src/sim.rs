//! The simulator: the real scheduler among simulated workers, in simulated time, reproducible from a seed.
//!
//! A run draws a network and its faults from the seed: latency, slow, flaky and lying workers, crashes, stalls, partitions,
//! garbage on the wire, and restarts of the requester by replay of its journal. After every single input all invariants of
//! the scheduler are checked, and [`run`] ends with an error that names the seed when one does not hold, when work that
//! could be placed is not, when a replay shows another state, when an accepted result is wrong although a quorum or a check
//! was asked for, when credits are not conserved, or when a task does not come to its end.

mod books;
mod checks;
mod faults;
pub mod random;
mod restart;
mod rules;
mod worker;
mod world;

pub use random::Random;
pub use world::run;

use job_model::{Comparison, Tolerance, VerifyPolicy};

/// What a run is made of. Everything else follows from the seed.
#[derive(Clone, PartialEq, Debug)]
pub struct SimOptions {
    /// Workers.
    pub nodes: u32,
    /// How many of them lie, each in its own way.
    pub liars: u32,
    /// Tasks.
    pub tasks: u32,
    /// Chunks of each task.
    pub chunks: u32,
    /// How results are believed.
    pub verify: VerifyPolicy,
    /// Every how many milliseconds, on average, something breaks; 0: nothing does.
    pub fault_every_ms: u64,
    /// For how long things break, in milliseconds; after that all is healed and every task must end.
    pub faults_for_ms: u64,
    /// Mean duration of a chunk, in milliseconds.
    pub chunk_ms: u64,
    /// One chunk in this many fails with an error of the job; 0: none does.
    pub bad_chunk_in: u32,
    /// One check in this many cannot be done; 0: each can.
    pub failed_check_in: u64,
    /// No two nodes have the same bytes of a value, and values are compared by tolerance.
    pub jitter: bool,
    /// One comparison in this many cannot be done; 0: each can.
    pub failed_comparison_in: u64,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            nodes: 7,
            liars: 1,
            tasks: 3,
            chunks: 40,
            verify: VerifyPolicy::Quorum(2),
            fault_every_ms: 400,
            faults_for_ms: 20_000,
            chunk_ms: 80,
            bad_chunk_in: 0,
            failed_check_in: 0,
            jitter: false,
            failed_comparison_in: 0,
        }
    }
}

impl SimOptions {
    /// A network drawn from the seed: small or middling, calm or wild.
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5eed_0f0f);
        let nodes = 3 + random.below(10) as u32;
        let verify = match random.below(5) {
            0 => VerifyPolicy::None,
            1 => VerifyPolicy::Spot(0.3),
            2 => VerifyPolicy::Quorum(2),
            3 => VerifyPolicy::Check,
            _ => VerifyPolicy::Quorum(3),
        };
        // Enough honest nodes for a majority, with one to spare.
        let wanted = if let VerifyPolicy::Quorum(k) = verify {
            u32::from(k)
        } else {
            2
        };
        Self {
            nodes: nodes.max(wanted + 2),
            liars: random.below(u64::from(nodes.max(wanted + 2) - wanted)) as u32,
            tasks: 1 + random.below(4) as u32,
            chunks: 1 + random.below(60) as u32,
            verify,
            fault_every_ms: [0, 200, 500, 2_000][random.below(4) as usize],
            faults_for_ms: 5_000 + random.below(30_000),
            chunk_ms: [1, 20, 150, 1_500][random.below(4) as usize],
            bad_chunk_in: [0, 0, 2, 7][random.below(4) as usize],
            failed_check_in: [0, 0, 3, 12][random.below(4) as usize],
            jitter: random.one_in(3),
            // There are few nodes to spare, and a pair that cannot be compared costs one.
            failed_comparison_in: 0,
        }
    }

    /// How the tasks compare outputs.
    pub(crate) fn compare(&self) -> Comparison {
        if self.jitter {
            Comparison::Tolerance(Tolerance::default())
        } else {
            Comparison::Exact
        }
    }
}

/// What happened in a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SimReport {
    /// Inputs the scheduler took.
    pub inputs: u64,
    /// Tasks that completed, or failed because their chunks do.
    pub ended_well: u32,
    /// Tasks that failed for another reason: the reason.
    pub failed: Vec<String>,
    /// Accepted chunks whose result is wrong.
    pub wrong: u32,
    /// Accepted chunks.
    pub accepted: u32,
    /// Hedges placed.
    pub hedges: u32,
    /// Replicas lost.
    pub lost: u32,
    /// Liars that were found.
    pub liars_found: u32,
    /// Restarts of the requester.
    pub restarts: u32,
    /// Results that a check refuted.
    pub refuted: u32,
    /// Checks that could not be done.
    pub failed_checks: u32,
    /// Pairs of values that were close.
    pub close: u32,
    /// Pairs of values that were not.
    pub apart: u32,
    /// Replicas placed.
    pub assigned: u32,
    /// Inputs that were ignored.
    pub ignored: u64,
    /// Simulated milliseconds.
    pub took_ms: u64,
    /// A hash over all events: two runs of one seed have the same.
    pub trace: u64,
}

/// A run that broke a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimFailure {
    /// Runs it again.
    pub seed: u64,
    /// Simulated time, in milliseconds.
    pub at_ms: u64,
    /// Which rule, and how.
    pub what: String,
}

impl std::fmt::Display for SimFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "seed {} broke a rule after {} simulated ms: {}",
            self.seed, self.at_ms, self.what
        )
    }
}

impl std::error::Error for SimFailure {}
