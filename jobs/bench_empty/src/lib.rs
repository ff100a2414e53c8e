//! Chunks that do nothing, or fail on purpose: what is left is what the platform itself costs.
//! Chunks are distinct, so that none is recalled from memory for another.

use p2pjob::prelude::*;

/// The job.
pub struct BenchEmpty;

/// How many chunks, how large, and which of them fail.
#[params]
pub struct Params {
    /// Number of chunks.
    #[schemars(range(min = 1))]
    chunks: u32,
    /// Every so many chunks one fails on purpose; 0 is none, 2 is half of them.
    #[serde(default)]
    fail_every: u32,
    /// Bytes of padding in the body of every chunk.
    #[serde(default)]
    #[schemars(range(max = 65_000))]
    body_bytes: u32,
    /// Written into every chunk, so that two tasks with different salts share no results.
    #[serde(default)]
    salt: u64,
}

impl Job for BenchEmpty {
    type Params = Params;
    /// Number, whether it fails, salt, padding.
    type Chunk = (u32, bool, u64, String);
    type Partial = Raw;
    type Output = u32;
    const VERIFY: Verify = Verify::None;

    fn plan(params: &Params, _: &Inputs, _: &PlanHint) -> Result<Vec<Cut<Self::Chunk>>> {
        let fails = |number: u32| params.fail_every > 0 && number.is_multiple_of(params.fail_every);
        let padding = || " ".repeat(params.body_bytes as usize);
        Ok((0..params.chunks)
            .map(|number| Cut::new((number, fails(number), params.salt, padding())))
            .collect())
    }

    fn run((number, fails, _, _): Self::Chunk, _: &Slices) -> Result<Raw> {
        if fails {
            bail!("chunk {number} failed on purpose");
        }
        Ok(Raw(Vec::new()))
    }

    fn reduce(_: &Params, partials: Partials<Raw>) -> Result<u32> {
        let mut count = 0;
        for partial in partials {
            partial?;
            count += 1;
        }
        Ok(count)
    }
}

export_job!(BenchEmpty);

#[cfg(test)]
mod tests;
