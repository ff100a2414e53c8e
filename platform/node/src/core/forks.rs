//! Forks of other nodes' chains: found by showing each other records, told to everybody, and never forgiven.
//!
//! A proof against a node we deal with goes into the ledger file and is there after a restart; one against a stranger is
//! kept in memory only, since anybody can make such proofs with fresh keys. Showing records costs a peer some signature
//! checks, so each is listened to at most once in [`LISTEN_EVERY_MS`].

use super::Core;
use crate::effects::Effect;
use job_model::limits::MAX_RECORDS;
use job_model::sign::Signed;
use job_model::{BlobHash, Fork, HalfBlock, Message, NodeId};
use market::LedgerRecord;

/// One random peer is shown records this often, in milliseconds.
const SHOW_EVERY_MS: u64 = 5_000;
/// A peer's records are looked at this often at most, in milliseconds: it shows them to each of its peers in turn.
const LISTEN_EVERY_MS: u64 = 1_000;

impl Core {
    /// Shows some records of third parties to one connected peer. Which ones follows from the time and our key: nobody
    /// else can foresee it.
    pub(super) fn show_records(&mut self) {
        if self.now.since(self.shown_at) < SHOW_EVERY_MS {
            return;
        }
        self.shown_at = self.now;
        let connected: Vec<NodeId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.connected)
            .map(|(node, _)| *node)
            .collect();
        let salt = self.salt();
        let at = usize::try_from(salt).unwrap_or(0).checked_rem(connected.len());
        if let Some(peer) = at.and_then(|at| connected.get(at).copied()) {
            self.show_to(peer, false);
        }
    }

    fn salt(&self) -> u64 {
        let signature = self.key.sign("records-shown", &self.now.0.to_le_bytes());
        let hash = BlobHash::of(&signature.0);
        hash.as_bytes()
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes) >> 1)
    }

    fn show_to(&mut self, peer: NodeId, answer: bool) {
        let halves = self.chain.show(&peer, MAX_RECORDS, self.salt());
        if !halves.is_empty() {
            self.send(peer, Message::Records { halves, answer });
        }
    }

    /// A peer shows records of third parties.
    pub(super) fn on_records(&mut self, from: NodeId, halves: &[Signed<HalfBlock>], answer: bool) {
        let last = self.heard_at.get(&from).copied().unwrap_or_default();
        if self.now.since(last) < LISTEN_EVERY_MS {
            return tracing::debug!(node = %from.short(), "records dropped: they come too often");
        }
        self.heard_at.insert(from, self.now);
        for half in halves.iter().take(MAX_RECORDS) {
            match self.chain.hear(half) {
                Ok(Some(fork)) => self.on_fork(fork),
                Ok(None) => {}
                Err(error) => tracing::debug!(node = %from.short(), %error, "a record is not valid"),
            }
        }
        if !answer {
            self.show_to(from, true);
        }
    }

    /// Somebody, or our own records, prove a fork.
    pub(super) fn on_fork(&mut self, fork: Fork) {
        match self.chain.convict(&fork) {
            Ok(Some(author)) => self.ban(author, fork),
            Ok(None) if fork.first.node == self.me => tracing::error!(
                "this node's own key has signed two records at one position: the data directory was copied or an old \
                 ledger file was put back; other nodes will not deal with this key any more. Start with a new data directory"
            ),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "a proof of a fork is not valid"),
        }
    }

    /// From now on nothing is lent to, bought from or settled with the node; everybody is told.
    pub(super) fn ban(&mut self, author: NodeId, fork: Fork) {
        tracing::warn!(node = %author.short(), "the node has forked its chain; nothing is done with it any more");
        if self.chain.has_dealt_with(&author) || self.is_connected(&author) {
            self.append_ledger(&LedgerRecord::Fork(Box::new(fork.clone())));
        }
        self.market.ban(author);
        self.forget_quotes_of(author);
        self.effect(Effect::AnnounceFork(Box::new(fork)));
    }

    /// A peer is gone: when it last showed records is forgotten with it.
    pub(super) fn forget_listener(&mut self, peer: &NodeId) {
        self.heard_at.remove(peer);
    }
}
