//! What a shard answers: sums over its samples, as plain little-endian numbers.

use p2pjob::prelude::*;

/// Sums over a shard's samples.
#[derive(Clone, PartialEq, Debug)]
pub struct ShardSum {
    /// Of the losses.
    pub loss: f64,
    /// How many samples.
    pub samples: u64,
    /// Of the gradients of all weights.
    pub gradient: Vec<f32>,
}

impl ShardSum {
    /// Loss (`f64`), samples (`u64`), gradients (`f32`), all little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + 4 * self.gradient.len());
        bytes.extend(self.loss.to_le_bytes());
        bytes.extend(self.samples.to_le_bytes());
        bytes.extend(self.gradient.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// The other way. An error for bytes that are no such sums.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let parts = bytes.split_first_chunk().and_then(|(loss, rest)| {
            let (samples, rest) = rest.split_first_chunk()?;
            let (gradient, odd) = rest.as_chunks();
            odd.is_empty().then_some((loss, samples, gradient))
        });
        let Some((loss, samples, gradient)) = parts else {
            bail!("a shard's sums have {} bytes: they are cut off", bytes.len());
        };
        Ok(Self {
            loss: f64::from_le_bytes(*loss),
            samples: u64::from_le_bytes(*samples),
            gradient: gradient.iter().map(|value| f32::from_le_bytes(*value)).collect(),
        })
    }
}
