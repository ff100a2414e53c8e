//! The node with the lowest expected price.

use super::least_loaded::load;
use super::{Seat, smallest};

/// The lowest price; among equals the least load.
pub(super) fn choose(seats: &[Seat]) -> Option<usize> {
    smallest(seats, |seat| (seat.candidate.price, load(seat)))
}
