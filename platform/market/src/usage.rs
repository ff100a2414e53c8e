//! What replicas of a job use, as far as was seen.

use job_model::Usage;

/// The mean usage of a job follows about this many of its last replicas.
const MEAN_OVER: u64 = 16;
/// What a replica of a job that was never seen is expected to use: a tenth of a second of code in a small sandbox.
pub const UNKNOWN_JOB_USAGE: Usage = Usage {
    fuel: 1_000_000_000,
    input_bytes: 1 << 20,
    output_bytes: 64 << 10,
    memory_bytes: 64 << 20,
    wall_us: 0,
};

/// Mean usage of a job's replicas.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanUsage {
    pub count: u64,
    pub mean: Usage,
}

impl MeanUsage {
    pub fn add(&mut self, usage: &Usage) {
        self.count = self.count.saturating_add(1);
        let share = self.count.min(MEAN_OVER);
        let step = |mean: u64, new: u64| {
            if new >= mean {
                mean + (new - mean).div_ceil(share)
            } else {
                mean - (mean - new) / share
            }
        };
        self.mean.fuel = step(self.mean.fuel, usage.fuel);
        self.mean.input_bytes = step(self.mean.input_bytes, usage.input_bytes);
        self.mean.output_bytes = step(self.mean.output_bytes, usage.output_bytes);
        self.mean.memory_bytes = step(self.mean.memory_bytes, usage.memory_bytes);
    }
}
