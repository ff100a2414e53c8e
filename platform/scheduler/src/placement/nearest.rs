//! The node with the shortest round trip.

use super::{Seat, smallest};

/// The lowest round-trip time; among equals the fewest replicas of ours.
pub(super) fn choose(seats: &[Seat]) -> Option<usize> {
    smallest(seats, |seat| (seat.candidate.rtt_us, seat.in_flight))
}
