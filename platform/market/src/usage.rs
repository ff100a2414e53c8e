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
    /// Mean distance from the mean, of about the last [`MEAN_OVER`] as well.
    pub spread: Usage,
}

impl MeanUsage {
    /// The mean less, and plus, twice the mean distance from it: nearly all replicas of a steady job are between.
    pub fn between(&self) -> (Usage, Usage) {
        let bounds = |mean: u64, spread: u64| {
            let off = spread.saturating_mul(2);
            (mean.saturating_sub(off), mean.saturating_add(off))
        };
        let (mean, spread) = (&self.mean, &self.spread);
        let fuel = bounds(mean.fuel, spread.fuel);
        let input = bounds(mean.input_bytes, spread.input_bytes);
        let output = bounds(mean.output_bytes, spread.output_bytes);
        let memory = bounds(mean.memory_bytes, spread.memory_bytes);
        let usage = |fuel, input_bytes, output_bytes, memory_bytes| Usage {
            fuel,
            input_bytes,
            output_bytes,
            memory_bytes,
            wall_us: 0,
        };
        (
            usage(fuel.0, input.0, output.0, memory.0),
            usage(fuel.1, input.1, output.1, memory.1),
        )
    }
    /// The next replica. The first one is the mean, and says nothing of the spread.
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
        if self.count == 1 {
            self.mean = Usage { wall_us: 0, ..*usage };
            return;
        }
        let off = |mean: u64, new: u64| mean.abs_diff(new);
        let (mean, spread) = (&self.mean, &mut self.spread);
        spread.fuel = step(spread.fuel, off(mean.fuel, usage.fuel));
        spread.input_bytes = step(spread.input_bytes, off(mean.input_bytes, usage.input_bytes));
        spread.output_bytes = step(spread.output_bytes, off(mean.output_bytes, usage.output_bytes));
        spread.memory_bytes = step(spread.memory_bytes, off(mean.memory_bytes, usage.memory_bytes));
        self.mean.fuel = step(self.mean.fuel, usage.fuel);
        self.mean.input_bytes = step(self.mean.input_bytes, usage.input_bytes);
        self.mean.output_bytes = step(self.mean.output_bytes, usage.output_bytes);
        self.mean.memory_bytes = step(self.mean.memory_bytes, usage.memory_bytes);
    }
}
