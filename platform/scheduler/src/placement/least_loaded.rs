//! The node with the shortest queue per slot.

use super::{Seat, smallest};

/// Replicas per slot, ours and those it reports, in thousandths; then the shorter way.
pub(super) fn load(seat: &Seat) -> (u64, u32) {
    let replicas = u64::from(seat.in_flight) + u64::from(seat.candidate.queued);
    (
        replicas * 1000 / u64::from(seat.candidate.slots.max(1)),
        seat.candidate.rtt_us,
    )
}

/// The seat with the least load.
pub(super) fn choose(seats: &[Seat]) -> Option<usize> {
    smallest(seats, load)
}
