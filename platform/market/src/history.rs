//! What a node knows of another one's chain: the half blocks that were addressed to it.
//!
//! A chain also has blocks for other peers, so positions may be missing here; but one position never has two
//! statements, and neighbours must link and add up. Whoever signs two blocks that contradict each other has forked:
//! [`Fork`] is the proof, and anybody can check it without trusting us.

use crate::checks::{SettleError, change, half_hash};
use job_model::sign::Signed;
use job_model::{BlobHash, Fork, HalfBlock};
use std::collections::BTreeMap;

/// Most blocks of one peer kept in memory to compare with (about 1.5 kB each). Older ones are in the ledger file.
pub const BLOCKS_KEPT: usize = 1024;

#[derive(Clone, Debug)]
struct Known {
    signed: Signed<HalfBlock>,
    half: HalfBlock,
    hash: BlobHash,
}

/// The blocks of one author that were addressed to us.
#[derive(Clone, Debug, Default)]
pub struct PeerHistory {
    blocks: BTreeMap<u64, Known>,
    /// Positions under this one may have been forgotten.
    forgotten_under: u64,
}

impl PeerHistory {
    /// Compares a block with those known. `Ok(true)`: it fits and is new. `Ok(false)`: it is known.
    pub fn check(&self, signed: &Signed<HalfBlock>, half: &HalfBlock) -> Result<bool, SettleError> {
        let seq = half.seq;
        if let Some(known) = self.blocks.get(&seq) {
            if known.half == *half {
                return Ok(false);
            }
            return Err(fork(&known.signed, signed));
        }
        if seq < self.forgotten_under {
            return Err(SettleError::Forgotten {
                author: half.author,
                seq,
            });
        }
        let expected = match seq.checked_sub(1).and_then(|before| self.blocks.get(&before)) {
            Some(before) if half.previous != before.hash => return Err(fork(&before.signed, signed)),
            Some(before) => Some(before.half.balance + change(half)),
            None if seq == 1 => Some(change(half)),
            None => None,
        };
        let expected = match seq.checked_add(1).and_then(|after| self.blocks.get(&after)) {
            Some(after) if after.half.previous != half_hash(signed) => return Err(fork(signed, &after.signed)),
            Some(after) => expected.or(Some(after.half.balance - change(&after.half))),
            None => expected,
        };
        match expected {
            Some(expected) if expected != half.balance => Err(SettleError::Balance {
                author: half.author,
                seq,
                stated: half.balance,
                expected,
            }),
            _ => Ok(true),
        }
    }

    /// Remembers a block that was checked.
    pub fn insert(&mut self, signed: Signed<HalfBlock>, half: HalfBlock) {
        let hash = half_hash(&signed);
        self.blocks.insert(half.seq, Known { signed, half, hash });
        if self.blocks.len() > BLOCKS_KEPT
            && let Some((seq, _)) = self.blocks.pop_first()
        {
            self.forgotten_under = seq.saturating_add(1);
        }
    }
}

fn fork(first: &Signed<HalfBlock>, second: &Signed<HalfBlock>) -> SettleError {
    SettleError::Fork(Box::new(Fork {
        first: first.clone(),
        second: second.clone(),
    }))
}
