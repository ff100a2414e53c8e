//! One node after the other.

use super::{Pick, Seat, open};

/// The open seats take turns.
pub(super) fn choose(seats: &[Seat], pick: &Pick) -> Option<usize> {
    let count = open(seats).count() as u64;
    let nth = pick.turn.checked_rem(count)?;
    open(seats).nth(usize::try_from(nth).ok()?).map(|(at, _)| at)
}
