//! The address book: which nodes we know, where they listen, and when to dial them next. Pure: time is passed in.
//!
//! Bootstrap peers stay for ever; others come from adverts and the oldest unreachable ones give way. A wait doubles
//! with every failed dial up to a cap and starts anew when the peer's address changes.

use crate::options::BootstrapPeer;
use crate::wire::MAX_ADDRESSES;
use job_model::NodeId;
use job_model::message::Advert;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Wait before the first redial.
pub(crate) const RETRY_FIRST: Duration = Duration::from_millis(200);
/// Longest wait between dials: a peer that comes back is found again within this time.
pub(crate) const RETRY_CAP: Duration = Duration::from_secs(5);
/// Wait after a refusal: the other side must change first.
pub(crate) const REFUSED_WAIT: Duration = Duration::from_secs(30);
/// Most nodes kept in the book.
const MAX_KNOWN: usize = 1024;

/// What is known of a node.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub bootstrap: Option<SocketAddr>,
    /// What the node says.
    pub addresses: Vec<SocketAddr>,
    /// Where its last connection came from: right when the node sits behind a mapping it does not know.
    pub observed: Option<SocketAddr>,
    pub seq: u64,
    pub attempts: u32,
    pub next_try: Instant,
    pub last_error: Option<String>,
    dialing: bool,
    last_heard: Instant,
}

/// What an advert changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learned {
    /// Nothing: the advert is not newer.
    Stale,
    /// The node said something new at its known addresses.
    Newer,
    /// The node can be reached elsewhere, or was not known.
    Moved,
}

/// The book.
#[derive(Debug)]
pub(crate) struct Book {
    me: NodeId,
    entries: BTreeMap<NodeId, Entry>,
}

impl Book {
    pub fn new(me: NodeId) -> Self {
        Self {
            me,
            entries: BTreeMap::new(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&NodeId, &Entry)> {
        self.entries.iter()
    }

    fn entry(&mut self, node: NodeId, now: Instant) -> &mut Entry {
        if !self.entries.contains_key(&node) && self.entries.len() >= MAX_KNOWN {
            let oldest = self
                .entries
                .iter()
                .filter(|(_, e)| e.bootstrap.is_none())
                .min_by_key(|(_, e)| e.last_heard);
            if let Some(node) = oldest.map(|(node, _)| *node) {
                self.entries.remove(&node);
            }
        }
        self.entries.entry(node).or_insert_with(|| Entry {
            bootstrap: None,
            addresses: Vec::new(),
            observed: None,
            seq: 0,
            attempts: 0,
            next_try: now,
            last_error: None,
            dialing: false,
            last_heard: now,
        })
    }

    /// A peer the user named. Tried at once.
    pub fn add_bootstrap(&mut self, peer: BootstrapPeer, now: Instant) {
        if peer.node == self.me {
            return;
        }
        let entry = self.entry(peer.node, now);
        entry.bootstrap = Some(peer.addr);
        entry.attempts = 0;
        entry.next_try = now;
    }

    /// An advert heard by gossip: only a newer one counts.
    pub fn learn(&mut self, node: NodeId, advert: &Advert, now: Instant) -> Learned {
        match self.entries.get(&node) {
            _ if node == self.me => Learned::Stale,
            Some(entry) if entry.seq >= advert.seq => Learned::Stale,
            _ => self.take(node, advert, now),
        }
    }

    /// An advert from the node's own mouth: counts even if the node's clock went back.
    pub fn learn_direct(
        &mut self,
        node: NodeId,
        advert: &Advert,
        observed: Option<SocketAddr>,
        now: Instant,
    ) -> Learned {
        let learned = self.take(node, advert, now);
        self.entry(node, now).observed = observed;
        learned
    }

    fn take(&mut self, node: NodeId, advert: &Advert, now: Instant) -> Learned {
        let usable: Vec<SocketAddr> = advert
            .addresses
            .iter()
            .copied()
            .filter(is_dialable)
            .take(MAX_ADDRESSES)
            .collect();
        let entry = self.entry(node, now);
        entry.seq = advert.seq;
        entry.last_heard = now;
        if entry.addresses == usable {
            return Learned::Newer;
        }
        entry.addresses = usable;
        entry.attempts = 0;
        entry.next_try = now;
        Learned::Moved
    }

    /// Where the node may listen, newest word first.
    pub fn addresses(&self, node: &NodeId) -> Vec<SocketAddr> {
        let Some(entry) = self.entries.get(node) else {
            return Vec::new();
        };
        let mut all = entry.addresses.clone();
        for addr in [entry.observed, entry.bootstrap].into_iter().flatten() {
            if !all.contains(&addr) {
                all.push(addr);
            }
        }
        all
    }

    /// Up to `room` nodes to dial now, marked as being dialled. `busy` tells who is connected or not wanted.
    pub fn take_due(&mut self, now: Instant, room: usize, busy: impl Fn(&NodeId) -> bool) -> Vec<NodeId> {
        let dialing = self.entries.values().filter(|entry| entry.dialing).count();
        let mut due: Vec<NodeId> = Vec::new();
        for (node, entry) in &mut self.entries {
            if due.len() + dialing >= room {
                break;
            }
            if entry.waits() && entry.next_try <= now && !busy(node) {
                entry.dialing = true;
                due.push(*node);
            }
        }
        due
    }

    /// When the next dial is due.
    pub fn next_due(&self, busy: impl Fn(&NodeId) -> bool) -> Option<Instant> {
        self.entries
            .iter()
            .filter(|(node, entry)| entry.waits() && !busy(node))
            .map(|(_, entry)| entry.next_try)
            .min()
    }

    /// A dial brought nothing. Waits longer each time.
    pub fn dial_failed(&mut self, node: &NodeId, now: Instant, why: String) {
        if let Some(entry) = self.entries.get_mut(node) {
            entry.dialing = false;
            entry.attempts = entry.attempts.saturating_add(1);
            entry.next_try = now + backoff(node, entry.attempts);
            entry.last_error = Some(why);
        }
    }

    /// A dial ended because the pair has another connection; nobody is to blame.
    pub fn dial_unneeded(&mut self, node: &NodeId, now: Instant) {
        if let Some(entry) = self.entries.get_mut(node) {
            entry.dialing = false;
            entry.next_try = now + RETRY_FIRST;
        }
    }

    /// The peer and we cannot talk until then. True if this reason is new.
    pub fn wait_until(&mut self, node: NodeId, until: Instant, why: String) -> bool {
        let entry = self.entry(node, until);
        entry.dialing = false;
        entry.next_try = until;
        let new = entry.last_error.as_ref() != Some(&why);
        entry.last_error = Some(why);
        new
    }

    /// A connection is up.
    pub fn connected(&mut self, node: &NodeId, now: Instant) {
        if let Some(entry) = self.entries.get_mut(node) {
            entry.dialing = false;
            entry.attempts = 0;
            entry.last_error = None;
            entry.last_heard = now;
        }
    }

    /// A connection has ended.
    pub fn lost(&mut self, node: &NodeId, now: Instant, why: String) {
        if let Some(entry) = self.entries.get_mut(node) {
            entry.next_try = now + backoff(node, entry.attempts);
            entry.last_error = Some(why);
        }
    }
}

impl Entry {
    fn waits(&self) -> bool {
        !self.dialing && (self.bootstrap.is_some() || !self.addresses.is_empty())
    }
}

/// 200 ms, doubled per failure up to the cap, and up to a quarter less by a hash of node and attempt: many nodes that
/// lost the same peer do not return in step. No randomness, so tests see the same times.
pub(crate) fn backoff(node: &NodeId, attempts: u32) -> Duration {
    let doubled = RETRY_FIRST.saturating_mul(1 << attempts.min(10)).min(RETRY_CAP);
    let hash = blake3::Hasher::new()
        .update(node.as_bytes())
        .update(&attempts.to_le_bytes())
        .finalize();
    let quarter = doubled / 4;
    doubled - quarter * u32::from(hash.as_bytes()[0]) / 256
}

/// Whether a stranger's address may be dialled at all.
fn is_dialable(addr: &SocketAddr) -> bool {
    addr.port() != 0 && !addr.ip().is_unspecified() && !addr.ip().is_multicast()
}
