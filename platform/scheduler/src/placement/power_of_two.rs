//! The less loaded of two nodes drawn by hash (Mitzenmacher 2001): nearly as even as asking all, and requesters that
//! do not know each other do not all run to the same idle node.

use super::least_loaded::load;
use super::{Pick, Seat, open};

/// Draws two distinct open seats and takes the less loaded.
pub(super) fn choose(seats: &[Seat], pick: &Pick) -> Option<usize> {
    let count = open(seats).count() as u64;
    let first = (pick.draw & u64::from(u32::MAX)).checked_rem(count)?;
    let step = if count > 1 {
        1 + (pick.draw >> 32) % (count - 1)
    } else {
        0
    };
    let second = (first + step) % count;
    let seat = |nth: u64| open(seats).nth(usize::try_from(nth).ok()?);
    let (one, other) = (seat(first)?, seat(second)?);
    Some(if load(other.1) < load(one.1) { other.0 } else { one.0 })
}
