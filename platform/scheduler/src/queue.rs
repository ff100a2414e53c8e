//! Chunks of one task that want replicas now, grouped by who must not run them.
//!
//! All chunks of a group may run on exactly the same nodes, so a pass over the queue looks at each *group* once, however
//! many chunks it has, and `explain` has one answer per group. Groups that have chunks under way come first: finishing
//! what is started keeps few results waiting for a second opinion.

use crate::workers::NodeIx;
use std::collections::{BTreeMap, BTreeSet};

/// What the chunks of a group have in common. The order of the fields is the order of the queue.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct GroupKey {
    /// Smaller goes first: more replicas done or running, then more tried.
    rank: u32,
    /// Nodes that run a replica or have a vote: never again. Ascending.
    pub(crate) hard: Vec<NodeIx>,
    /// Nodes where a replica brought nothing: only if there is no other. Ascending.
    pub(crate) soft: Vec<NodeIx>,
    /// Replicas each chunk wants now, at least 1.
    pub(crate) missing: u32,
}

impl GroupKey {
    pub(crate) fn new(mut hard: Vec<NodeIx>, mut soft: Vec<NodeIx>, missing: u32) -> Self {
        hard.sort_unstable();
        hard.dedup();
        soft.sort_unstable();
        soft.dedup();
        soft.retain(|node| hard.binary_search(node).is_err());
        let started = hard.len() as u32 * 2 + u32::from(!soft.is_empty());
        Self {
            rank: u32::MAX - started,
            hard,
            soft,
            missing,
        }
    }
    pub(crate) fn is_hard(&self, node: NodeIx) -> bool {
        self.hard.binary_search(&node).is_ok()
    }
    pub(crate) fn is_soft(&self, node: NodeIx) -> bool {
        self.soft.binary_search(&node).is_ok()
    }
}

/// The queue. A chunk is in at most one group; it remembers the group's number.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct WaitingQueue {
    numbers: BTreeMap<GroupKey, u32>,
    groups: Vec<(Option<GroupKey>, BTreeSet<u32>)>,
    free: Vec<u32>,
    len: u32,
}

impl WaitingQueue {
    /// How many chunks wait.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }
    /// The groups in order, with their chunks in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&GroupKey, &BTreeSet<u32>)> {
        self.numbers
            .iter()
            .filter_map(|(key, number)| self.groups.get(*number as usize).map(|(_, chunks)| (key, chunks)))
    }
    /// The key of a group.
    pub(crate) fn key(&self, number: u32) -> Option<&GroupKey> {
        self.groups.get(number as usize)?.0.as_ref()
    }
    /// Whether the group has the chunk.
    pub(crate) fn contains(&self, number: u32, chunk: u32) -> bool {
        self.groups
            .get(number as usize)
            .is_some_and(|(_, chunks)| chunks.contains(&chunk))
    }
    /// Puts a chunk into the group of this key and returns the group's number.
    pub(crate) fn insert(&mut self, key: GroupKey, chunk: u32) -> u32 {
        let number = self.number(key);
        if let Some((_, chunks)) = self.groups.get_mut(number as usize)
            && chunks.insert(chunk)
        {
            self.len += 1;
        }
        number
    }
    /// Puts all chunks below `count` into one group.
    pub(crate) fn fill(&mut self, key: GroupKey, count: u32) -> u32 {
        let number = self.number(key);
        if let Some((_, chunks)) = self.groups.get_mut(number as usize) {
            *chunks = (0..count).collect();
            self.len = count;
        }
        number
    }
    /// Takes a chunk out of its group.
    pub(crate) fn remove(&mut self, number: u32, chunk: u32) {
        let Some((key, chunks)) = self.groups.get_mut(number as usize) else {
            return;
        };
        if chunks.remove(&chunk) {
            self.len -= 1;
        }
        if chunks.is_empty()
            && let Some(key) = key.take()
        {
            self.numbers.remove(&key);
            self.free.push(number);
        }
    }
    fn number(&mut self, key: GroupKey) -> u32 {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.free.pop().unwrap_or(self.groups.len() as u32);
        match self.groups.get_mut(number as usize) {
            Some(slot) => slot.0 = Some(key.clone()),
            None => self.groups.push((Some(key.clone()), BTreeSet::new())),
        }
        self.numbers.insert(key, number);
        number
    }
}
