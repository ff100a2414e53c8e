//! The node that already holds most of what the chunk reads.

use super::least_loaded::load;
use super::{Pick, Seat, smallest};
use std::cmp::Reverse;

/// Bytes of the chunk's slices that lie at the node.
fn local_bytes(seat: &Seat, pick: &Pick) -> u64 {
    let held = |input: u32| seat.candidate.local_inputs.binary_search(&input).is_ok();
    pick.chunk
        .slices
        .iter()
        .filter(|slice| held(slice.input))
        .fold(0, |sum, slice| sum.saturating_add(slice.length))
}

/// The most local bytes; among equals the least load.
pub(super) fn choose(seats: &[Seat], pick: &Pick) -> Option<usize> {
    smallest(seats, |seat| (Reverse(local_bytes(seat, pick)), load(seat)))
}
