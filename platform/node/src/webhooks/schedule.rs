//! When a delivery is tried again: doubling pauses with jitter. Pure: the same delivery and attempt have the same pause, also
//! after a restart.

use crate::config::WebhookSection;

/// Share of a pause that jitter may take away: one quarter, so that receivers that failed together are not all called
/// again together.
const JITTER_DIVISOR: u64 = 4;

/// Milliseconds to wait after so many failures (1 is the first) of the delivery with this id.
pub fn pause_ms(config: &WebhookSection, id: &str, failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1);
    let factor = 1u64.checked_shl(doublings).unwrap_or(u64::MAX);
    let longest = config.first_pause_ms.saturating_mul(factor).min(config.max_pause_ms);
    longest - drawn(id, failures, longest / JITTER_DIVISOR)
}

/// A number of 0..=most, drawn from what is known.
fn drawn(id: &str, failures: u32, most: u64) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(id.as_bytes()).update(&failures.to_be_bytes());
    let bytes = hasher.finalize();
    let word = bytes
        .as_bytes()
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    most.checked_add(1).map_or(word, |count| word % count)
}

#[cfg(test)]
mod tests;
