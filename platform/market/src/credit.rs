//! Credit lines: how much a peer may owe this node before it has to give something (trust.md, section 3; the shape is
//! Swarm bee's).
//!
//! `L_ij = min(L_max, L_0 + alpha * S_ij)`. `S_ij` is what j gave i and i verified and both signed, halving every 30
//! days; consuming does not make a line longer. `L_0` is for peers on the allow-list; strangers take theirs out of one
//! budget per window that all of them share, so that a thousand fresh keys get no more than one.
//!
//! Volumes follow from the journal. Claims (what was admitted or run and is not signed) and the window are not kept
//! over a restart: what they guard is bounded by the budget all the same, and a requester cannot make a node restart.

use crate::decay::Fading;
use job_model::{MicroCredits, NodeId, UnixMillis};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Admitted replicas that were never heard of again (cancelled, requester gone) stop counting with this half-life, in
/// milliseconds: the default time limit of a replica.
const ADMITTED_HALF_LIFE_MS: u64 = 300_000;
/// Work that was done and never signed for is forgiven with this half-life, in milliseconds: a day.
const CLAIM_HALF_LIFE_MS: u64 = 86_400_000;
/// Requesters with open claims at the same time; one more has to wait.
pub const CLAIMS_KEPT: usize = 4096;

/// How far this node trusts others with credits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CreditOptions {
    /// `L_max`: no line is longer.
    pub max_line: MicroCredits,
    /// `alpha` in thousandths: how much of what a peer gave is added to its line.
    pub growth_permille: u32,
    /// `S` halves in this time, in milliseconds.
    pub half_life_ms: u64,
    /// What all strangers together may newly owe per window.
    pub newcomer_budget: MicroCredits,
    /// The window, in milliseconds.
    pub newcomer_window_ms: u64,
    /// Share of this node's sandbox time, in thousandths, for low-priority work of peers that have no credit left.
    pub reserve_permille: u32,
}

impl Default for CreditOptions {
    fn default() -> Self {
        Self {
            max_line: MicroCredits::credits(1000),
            growth_permille: 500,
            half_life_ms: 30 * 86_400_000,
            newcomer_budget: MicroCredits::credits(100),
            newcomer_window_ms: 86_400_000,
            reserve_permille: 50,
        }
    }
}

/// Why a requester gets nothing for credit now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    /// Its own line is used up.
    #[error(
        "you owe this node {owed} credits and your credit line is {line}: run replicas for this node, or use priority low"
    )]
    Line {
        /// What it owes, open work included.
        owed: MicroCredits,
        /// Its line.
        line: MicroCredits,
    },
    /// The budget of all strangers is used up.
    #[error(
        "the {budget} credits that this node lends to newcomers per window are lent; run replicas for this node, use priority low, or come back in {wait_s} s"
    )]
    Newcomers {
        /// The budget.
        budget: MicroCredits,
        /// Until the next window, in seconds.
        wait_s: u64,
    },
    /// Too many requesters at once.
    #[error("this node works for {CLAIMS_KEPT} requesters already; come back later")]
    Crowded,
    /// Its key signed two contradicting records.
    #[error("node {0} has forked its chain; nothing is done for it any more")]
    Banned(NodeId),
}

/// Work done or accepted for one requester that no receipt covers yet.
#[derive(Clone, Copy, Debug, Default)]
struct Claim {
    /// Estimates of replicas that were accepted.
    admitted: Fading,
    /// Prices of replicas that were run.
    ran: Fading,
    /// What of its debt is charged to the newcomers' window or was there before.
    excess: MicroCredits,
}

impl Claim {
    fn open(&self, now: UnixMillis) -> MicroCredits {
        self.admitted.left(now, ADMITTED_HALF_LIFE_MS) + self.ran.left(now, CLAIM_HALF_LIFE_MS)
    }
}

/// What stands behind the lines of all peers.
#[derive(Clone, Debug, Default)]
pub struct CreditBook {
    /// What each peer gave this node, signed by both.
    given: BTreeMap<NodeId, Fading>,
    /// What this node gave each peer, signed by both: what our line there rests on.
    taken: BTreeMap<NodeId, Fading>,
    listed: BTreeSet<NodeId>,
    claims: BTreeMap<NodeId, Claim>,
    window: u64,
    /// Charged to the window.
    drawn: MicroCredits,
}

/// What the book needs to know of the one who asks: the options, `L_0`, and what it owes by its account.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The options.
    pub options: &'a CreditOptions,
    /// `L_0`.
    pub initial: MicroCredits,
    /// What the peer owes by signed receipts; negative when this node owes.
    pub owed: MicroCredits,
}

/// `thousandths` of an amount, rounded down; nothing of a negative one.
fn share(amount: MicroCredits, permille: u32) -> MicroCredits {
    let part = i128::from(amount.0.max(0)) * i128::from(permille) / 1000;
    MicroCredits(i64::try_from(part).unwrap_or(i64::MAX))
}

impl CreditBook {
    /// The peers whose line starts at `L_0` of their own.
    pub fn list(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        self.listed = nodes.into_iter().collect();
    }
    /// A peer gave this (positive) or got it (negative), signed by both sides.
    pub fn settled(&mut self, peer: NodeId, amount: MicroCredits, now: UnixMillis, half_life_ms: u64) {
        let side = if amount > MicroCredits::ZERO {
            &mut self.given
        } else {
            &mut self.taken
        };
        let volume = MicroCredits(amount.0.saturating_abs());
        side.entry(peer).or_default().add(volume, now, half_life_ms);
    }

    /// The part of a peer's line that is its own.
    pub fn own_line(&self, peer: &NodeId, terms: &Terms<'_>, now: UnixMillis) -> MicroCredits {
        let start = if self.listed.contains(peer) {
            terms.initial
        } else {
            MicroCredits::ZERO
        };
        self.line(self.given.get(peer), start, terms, now)
    }
    /// The line this node expects from a peer: the same rule, seen from there, as if it had put us on its list.
    pub fn expected_line(&self, peer: &NodeId, terms: &Terms<'_>, now: UnixMillis) -> MicroCredits {
        self.line(self.taken.get(peer), terms.initial, terms, now)
    }
    fn line(&self, volume: Option<&Fading>, start: MicroCredits, terms: &Terms<'_>, now: UnixMillis) -> MicroCredits {
        let settled = volume.map_or(MicroCredits::ZERO, |v| v.left(now, terms.options.half_life_ms));
        (start + share(settled, terms.options.growth_permille)).min(terms.options.max_line)
    }

    /// What a peer owes, open work included.
    pub fn exposure(&self, peer: &NodeId, terms: &Terms<'_>, now: UnixMillis) -> MicroCredits {
        terms.owed
            + self
                .claims
                .get(peer)
                .map_or(MicroCredits::ZERO, |claim| claim.open(now))
    }

    /// How much more a peer may be lent now.
    pub fn room(&self, peer: &NodeId, terms: &Terms<'_>, now: UnixMillis) -> Result<MicroCredits, CreditError> {
        let (owed, own) = (self.exposure(peer, terms, now), self.own_line(peer, terms, now));
        if self.listed.contains(peer) {
            return if owed < own {
                Ok(own - owed)
            } else {
                Err(CreditError::Line { owed, line: own })
            };
        }
        // A stranger: its own part, then what the shared budget still has, at most `L_0` of it.
        let line = (own + terms.initial).min(terms.options.max_line).max(own);
        if owed >= line {
            return Err(CreditError::Line { owed, line });
        }
        let own_room = (own - owed).max(MicroCredits::ZERO);
        let shared = (terms.options.newcomer_budget - self.drawn_in(terms.options, now)).max(MicroCredits::ZERO);
        let room = (line - owed).min(own_room + shared);
        if room > MicroCredits::ZERO {
            return Ok(room);
        }
        let window = terms.options.newcomer_window_ms.max(1);
        Err(CreditError::Newcomers {
            budget: terms.options.newcomer_budget,
            wait_s: (window - now.0 % window).div_ceil(1000),
        })
    }

    fn drawn_in(&self, options: &CreditOptions, now: UnixMillis) -> MicroCredits {
        // A clock that goes back stays in the window it was in: nobody gets a budget twice.
        if now.0 / options.newcomer_window_ms.max(1) <= self.window {
            self.drawn
        } else {
            MicroCredits::ZERO
        }
    }

    /// Whether one more requester can be remembered.
    pub fn has_place(&mut self, peer: &NodeId, now: UnixMillis) -> bool {
        if self.claims.contains_key(peer) || self.claims.len() < CLAIMS_KEPT {
            return true;
        }
        self.claims.retain(|_, claim| claim.open(now) > MicroCredits::ZERO);
        self.claims.len() < CLAIMS_KEPT
    }

    /// Changes a peer's claim: `admitted` and `ran` are added, what was charged to the newcomers' window follows.
    pub fn claim(
        &mut self,
        peer: NodeId,
        (admitted, ran): (MicroCredits, MicroCredits),
        terms: &Terms<'_>,
        now: UnixMillis,
    ) {
        self.touch(peer, terms, now);
        let claim = self.claims.entry(peer).or_default();
        claim.admitted.add(admitted, now, ADMITTED_HALF_LIFE_MS);
        claim.ran.add(ran, now, CLAIM_HALF_LIFE_MS);
        self.charge(peer, terms, now);
    }

    /// A debt that is older than the claim is not charged to today's window.
    fn touch(&mut self, peer: NodeId, terms: &Terms<'_>, now: UnixMillis) {
        if !self.claims.contains_key(&peer) {
            let excess = (terms.owed - self.own_line(&peer, terms, now)).max(MicroCredits::ZERO);
            self.claims.insert(
                peer,
                Claim {
                    excess,
                    ..Claim::default()
                },
            );
        }
    }

    /// Compares what a stranger owes above its own line with what was charged for it.
    fn charge(&mut self, peer: NodeId, terms: &Terms<'_>, now: UnixMillis) {
        self.drawn = self.drawn_in(terms.options, now);
        self.window = self.window.max(now.0 / terms.options.newcomer_window_ms.max(1));
        if self.listed.contains(&peer) {
            return;
        }
        let excess = (self.exposure(&peer, terms, now) - self.own_line(&peer, terms, now)).max(MicroCredits::ZERO);
        if let Some(claim) = self.claims.get_mut(&peer) {
            self.drawn = (self.drawn + excess - claim.excess).max(MicroCredits::ZERO);
            claim.excess = excess;
        }
    }
}
