//! Forks: found in what comes in, believed when somebody else brings the proof, and never settled with again.

use super::Chain;
use crate::checks::{SettleError, open};
use crate::history::PeerHistory;
use job_model::sign::Signed;
use job_model::{Fork, HalfBlock, NodeId};

/// Most proofs kept in memory (about 3 kB each): anybody can fork with fresh keys for nothing. The node writes only those
/// of nodes it deals with into its ledger file.
pub const FORKS_KEPT: usize = 4096;

impl Chain {
    /// Forks that were seen, by author.
    pub fn forks(&self) -> impl Iterator<Item = (&NodeId, &Fork)> {
        self.forks.iter()
    }
    /// Whether we ever settled with a node, or have signed something for it.
    pub fn has_dealt_with(&self, node: &NodeId) -> bool {
        self.balances.contains_key(node) || self.histories.contains_key(node)
    }

    /// Takes a proof that somebody brought. Returns who forked, if that is news; the caller tells others and, for a node
    /// it deals with, appends the proof to the ledger file. A proof against this very node is none of its business:
    /// others will refuse it, and its operator has to find out who else has its key.
    pub fn convict(&mut self, fork: &Fork) -> Result<Option<NodeId>, SettleError> {
        let Some(author) = fork.author()? else {
            return Err(SettleError::NoProof);
        };
        if author == self.me || self.forks.contains_key(&author) || self.forks.len() >= FORKS_KEPT {
            return Ok(None);
        }
        self.forks.insert(author, fork.clone());
        Ok(Some(author))
    }

    /// Looks at a half block of a third party that a peer showed. Returns the proof if it contradicts one that is known;
    /// [`Chain::convict`] it. A block that fits is remembered.
    pub fn hear(&mut self, signed: &Signed<HalfBlock>) -> Result<Option<Fork>, SettleError> {
        let half = open(signed)?;
        if half.author == self.me || self.forks.contains_key(&half.author) {
            return Ok(None);
        }
        let found = self.witness.compare(signed, &half);
        if found.is_none() {
            self.witness.remember(signed, &half);
        }
        Ok(found)
    }

    /// Some blocks of others to show to a peer, chosen by `salt`: none of the peer's own.
    pub fn show(&self, peer: &NodeId, most: usize, salt: u64) -> Vec<Signed<HalfBlock>> {
        self.witness.sample(peer, most, salt)
    }

    /// Compares a peer's block with what is known of its chain. Whoever forked is banned, and the proof is kept.
    pub(super) fn admit(&mut self, signed: &Signed<HalfBlock>, half: &HalfBlock) -> Result<bool, SettleError> {
        if self.forks.contains_key(&half.author) {
            return Err(SettleError::Banned(half.author));
        }
        // A stranger is compared with an empty history and leaves no trace until a block of its is taken.
        let stranger = PeerHistory::default();
        let mut checked = self
            .histories
            .get(&half.author)
            .unwrap_or(&stranger)
            .check(signed, half);
        // A block for us may contradict one for somebody else.
        if let (Ok(_), Some(fork)) = (&checked, self.witness.compare(signed, half)) {
            checked = Err(SettleError::Fork(Box::new(fork)));
        }
        if let Err(SettleError::Fork(fork)) = &checked {
            self.forks.insert(half.author, Fork::clone(fork));
        }
        checked
    }
}
