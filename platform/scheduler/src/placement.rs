//! Placement strategies (F5): which of the nodes that could take a chunk gets it. Pure functions over [`Seat`]s.
//!
//! All strategies are deterministic: ties go to the first seat, and seats are in the order of node ids. Strategies that
//! draw do it by a hash of the chunk.

mod cheapest;
mod data_local;
mod least_loaded;
mod nearest;
mod power_of_two;
mod round_robin;
#[cfg(test)]
mod tests;

use crate::io::Candidate;
use crate::workers::NodeIx;
use job_model::{Chunk, Placement};

/// A node with room for replicas, in one pass over the queue.
#[derive(Clone, Debug)]
pub(crate) struct Seat<'a> {
    pub(crate) node: NodeIx,
    pub(crate) candidate: &'a Candidate,
    /// Replicas it may still get in this pass.
    pub(crate) room: u32,
    /// Replicas of ours in flight there.
    pub(crate) in_flight: u32,
    /// Whether it may run the chunk at hand.
    pub(crate) allowed: bool,
}

impl Seat<'_> {
    pub(crate) fn is_open(&self) -> bool {
        self.allowed && self.room > 0
    }
}

/// What is placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick<'a> {
    /// The chunk, for its slices.
    pub(crate) chunk: &'a Chunk,
    /// A hash of the chunk and its attempt.
    pub(crate) draw: u64,
    /// Placements of this task so far.
    pub(crate) turn: u64,
}

/// The seat that gets the chunk, or none if no seat is open.
pub(crate) fn choose(strategy: Placement, seats: &[Seat], pick: &Pick) -> Option<usize> {
    match strategy {
        Placement::RoundRobin => round_robin::choose(seats, pick),
        Placement::LeastLoaded => least_loaded::choose(seats),
        Placement::PowerOfTwo => power_of_two::choose(seats, pick),
        Placement::Cheapest => cheapest::choose(seats),
        Placement::Nearest => nearest::choose(seats),
        Placement::DataLocal => data_local::choose(seats, pick),
    }
}

/// The open seats with their indices.
fn open<'a, 'b>(seats: &'b [Seat<'a>]) -> impl Iterator<Item = (usize, &'b Seat<'a>)> {
    seats.iter().enumerate().filter(|(_, seat)| seat.is_open())
}

/// The open seat with the smallest key; the first of equals.
fn smallest<K: Ord>(seats: &[Seat], key: impl Fn(&Seat) -> K) -> Option<usize> {
    open(seats).min_by_key(|(_, seat)| key(seat)).map(|(at, _)| at)
}
