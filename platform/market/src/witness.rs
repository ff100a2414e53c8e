//! What this node has seen of other nodes' chains, whoever the blocks were for: the memory that finds forks which no
//! single receiver could see.
//!
//! Only positions and links are compared here; balances are between two nodes and are theirs to check. Kept in memory
//! and bounded: nodes show each other random blocks all the time, so what one has forgotten another still has.

use job_model::receipt::half_hash;
use job_model::sign::Signed;
use job_model::{BlobHash, Fork, HalfBlock, NodeId};
use std::collections::{BTreeMap, VecDeque};

/// Most blocks kept (about 1 kB each); the oldest go first.
pub const RECORDS_KEPT: usize = 4096;
/// Most blocks of one author: nobody pushes the others out.
pub const RECORDS_PER_AUTHOR: usize = 64;

#[derive(Clone, Debug)]
struct Seen {
    signed: Signed<HalfBlock>,
    half: HalfBlock,
    hash: BlobHash,
}

/// Blocks by author and position.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    seen: BTreeMap<(NodeId, u64), Seen>,
    /// In the order they came.
    order: VecDeque<(NodeId, u64)>,
    by_author: BTreeMap<NodeId, usize>,
}

impl Witness {
    /// The proof, if a block contradicts one that was seen. Its signature was checked.
    pub fn compare(&self, signed: &Signed<HalfBlock>, half: &HalfBlock) -> Option<Fork> {
        let at = |seq: Option<u64>| self.seen.get(&(half.author, seq?));
        if let Some(same) = at(Some(half.seq)) {
            return (same.half != *half).then(|| fork(&same.signed, signed));
        }
        if let Some(before) = at(half.seq.checked_sub(1))
            && half.previous != before.hash
        {
            return Some(fork(&before.signed, signed));
        }
        let after = at(half.seq.checked_add(1))?;
        (after.half.previous != half_hash(signed)).then(|| fork(signed, &after.signed))
    }

    /// Remembers a block that contradicts nothing.
    pub fn remember(&mut self, signed: &Signed<HalfBlock>, half: &HalfBlock) {
        let place = (half.author, half.seq);
        if self.seen.contains_key(&place) {
            return;
        }
        if self.by_author.get(&half.author).copied().unwrap_or(0) >= RECORDS_PER_AUTHOR {
            let oldest = self.order.iter().position(|(author, _)| *author == half.author);
            if let Some(place) = oldest.and_then(|at| self.order.remove(at)) {
                self.forget(place);
            }
        }
        if self.order.len() >= RECORDS_KEPT
            && let Some(place) = self.order.pop_front()
        {
            self.forget(place);
        }
        self.order.push_back(place);
        *self.by_author.entry(half.author).or_default() += 1;
        let (signed, half, hash) = (signed.clone(), half.clone(), half_hash(signed));
        self.seen.insert(place, Seen { signed, half, hash });
    }

    fn forget(&mut self, place: (NodeId, u64)) {
        self.seen.remove(&place);
        if let Some(count) = self.by_author.get_mut(&place.0) {
            *count -= 1;
            if *count == 0 {
                self.by_author.remove(&place.0);
            }
        }
    }

    /// At most this many blocks of others than `peer`, chosen by `salt`; fewer when there are few.
    pub fn sample(&self, peer: &NodeId, most: usize, salt: u64) -> Vec<Signed<HalfBlock>> {
        let len = self.order.len() as u64;
        if len == 0 {
            return Vec::new();
        }
        // A stride that shares no factor with the length meets every place once before any twice.
        let stride = (1..len).map(|step| salt % len + step).find(|step| gcd(*step, len) == 1);
        let (start, stride) = (salt.rotate_left(32) % len, stride.unwrap_or(1));
        let places = (0..len).map(|step| (u128::from(start) + u128::from(step) * u128::from(stride)) % u128::from(len));
        places
            .filter_map(|at| self.order.get(usize::try_from(at).ok()?))
            .filter(|(author, _)| author != peer)
            .filter_map(|place| self.seen.get(place))
            .map(|seen| seen.signed.clone())
            .take(most)
            .collect()
    }

    /// How many blocks are kept.
    pub fn len(&self) -> usize {
        self.seen.len()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn fork(first: &Signed<HalfBlock>, second: &Signed<HalfBlock>) -> Fork {
    Fork {
        first: first.clone(),
        second: second.clone(),
    }
}
