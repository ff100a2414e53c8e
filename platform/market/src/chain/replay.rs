//! Restoring a chain from its ledger file.

use super::{Chain, Open};
use crate::checks::{SettleError, half_hash, open};
use crate::ledger_file::LedgerRecord;
use crate::settlement::ReplayError;
use job_model::HalfBlock;
use job_model::sign::Signed;

impl Chain {
    /// Takes one record of the own ledger file, in order. Signatures and links of the own blocks are checked;
    /// `verify_ledger` checks the rest.
    pub fn replay(&mut self, record: LedgerRecord) -> Result<(), ReplayError> {
        match record {
            LedgerRecord::Proposed { half: signed, lines } => {
                let half = self.replay_own(&signed)?;
                self.unanswered.insert(
                    half.seq,
                    Open {
                        hash: half_hash(&signed),
                        signed,
                        half,
                        lines,
                    },
                );
            }
            LedgerRecord::Answered { proposal, answer } => {
                let half = open(&answer)?;
                if !self.unanswered.contains_key(&proposal) {
                    return Err(ReplayError::NotProposed(proposal));
                }
                self.take_closed(proposal, &answer, half);
            }
            LedgerRecord::Countersigned { proposal, answer, .. } => {
                let half = open(&proposal)?;
                let own = open(&answer)?;
                self.check_next(&own)?;
                self.take_answered(&proposal, half, &answer, &own);
            }
            LedgerRecord::Fork(fork) => {
                if let Some(author) = fork.author().map_err(SettleError::from)? {
                    self.forks.insert(author, *fork);
                }
            }
        }
        Ok(())
    }

    fn replay_own(&mut self, signed: &Signed<HalfBlock>) -> Result<HalfBlock, ReplayError> {
        let half = open(signed)?;
        self.check_next(&half)?;
        self.push(signed, &half);
        Ok(half)
    }

    fn check_next(&self, own: &HalfBlock) -> Result<(), ReplayError> {
        if own.author != self.me {
            return Err(ReplayError::Owner(own.author));
        }
        let expected = self.seq.saturating_add(1);
        if own.seq != expected || own.previous != self.head {
            return Err(ReplayError::Order {
                found: own.seq,
                expected,
            });
        }
        Ok(())
    }
}
