//! Transfers: credits that change hands without work. What may be given is decided here, what is signed is
//! [`Chain::propose_transfer`](crate::Chain::propose_transfer).
//!
//! A transfer moves the balance between two nodes, as a receipt does: the receiver may have that much more work done by
//! the payer, or owes it that much less. So a receiver takes one only within the payer's credit line; it does not make
//! that line longer, or credit lines could be bought with promises. Fee and amount together leave the payer; the fee is
//! nobody's.

use crate::credit::CreditError;
use crate::market::Market;
use job_model::{HalfBlock, MicroCredits, NodeId, UnixMillis};

/// Why credits are not given or not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// To itself.
    #[error("a node cannot transfer credits to itself; name another node")]
    Itself,
    /// Too little.
    #[error("{amount} credits are less than the smallest transfer of {least}")]
    Least {
        /// What was asked.
        amount: MicroCredits,
        /// The smallest.
        least: MicroCredits,
    },
    /// More than there is.
    #[error(
        "{amount} credits cannot be transferred: {free} are free (balance {balance}, held for running replicas {held}, in open transfers {giving})"
    )]
    Balance {
        /// What was asked, fee included.
        amount: MicroCredits,
        /// What could be given.
        free: MicroCredits,
        /// The balance.
        balance: MicroCredits,
        /// Held for replicas.
        held: MicroCredits,
        /// In transfers that are not taken yet.
        giving: MicroCredits,
    },
    /// The receiver has enough.
    #[error("with {amount} credits more this node would have {balance}, and the most is {most}")]
    Most {
        /// What would come.
        amount: MicroCredits,
        /// What it would have.
        balance: MicroCredits,
        /// The most.
        most: MicroCredits,
    },
    /// The receiver burns a larger share.
    #[error("{fee} credits are burned, this node takes transfers that burn {least}")]
    Fee {
        /// In the transfer.
        fee: MicroCredits,
        /// By the receiver's rule.
        least: MicroCredits,
    },
    /// The payer owes too much to be taken at its word.
    #[error(
        "the receiver would have to trust the payer for {amount} credits and trusts it for {room} more; the payer can run replicas for it first"
    )]
    Trust {
        /// What would come.
        amount: MicroCredits,
        /// What the credit line leaves.
        room: MicroCredits,
    },
    /// The credit line leaves nothing at all.
    #[error("the receiver does not take the payer's word for credits: {0}")]
    Credit(#[from] CreditError),
}

impl Market {
    /// What of `amount` is burned when it is transferred: the configured share, rounded up; the rest arrives. The share
    /// counts in millionths, at least 0 and at most all.
    pub fn transfer_fee(&self, amount: MicroCredits) -> MicroCredits {
        // `as` saturates and turns NaN into 0.
        let ppm = ((self.options.transfer_fee * 1e6).round() as i64).clamp(0, 1_000_000);
        let fee = (i128::from(amount.0.max(0)) * i128::from(ppm)).div_euclid(1_000_000);
        let exact = fee * 1_000_000 == i128::from(amount.0.max(0)) * i128::from(ppm);
        MicroCredits(i64::try_from(fee + i128::from(!exact)).unwrap_or(i64::MAX))
    }

    /// Whether this node may transfer `amount` to a peer while `giving` is in open transfers; returns what arrives and
    /// what is burned.
    pub fn may_give(
        &self,
        peer: &NodeId,
        amount: MicroCredits,
        giving: MicroCredits,
    ) -> Result<(MicroCredits, MicroCredits), TransferError> {
        if *peer == self.me() {
            return Err(TransferError::Itself);
        }
        if self.is_banned(peer) {
            return Err(CreditError::Banned(*peer).into());
        }
        let (least, fee) = (self.options.min_transfer_amount, self.transfer_fee(amount));
        if amount < least || amount - fee <= MicroCredits::ZERO {
            return Err(TransferError::Least { amount, least });
        }
        let own = self.balance();
        let free = own.balance - own.held - giving;
        if amount > free {
            let (balance, held) = (own.balance, own.held);
            return Err(TransferError::Balance {
                amount,
                free: free.max(MicroCredits::ZERO),
                balance,
                held,
                giving,
            });
        }
        let room = self.credit_left(peer);
        if amount - fee > room {
            return Err(TransferError::Trust {
                amount: amount - fee,
                room,
            });
        }
        Ok((amount - fee, fee))
    }

    /// Whether this node takes a transfer. Its signatures and sides are the chain's to check.
    pub fn may_take(&self, from: &NodeId, half: &HalfBlock, now: UnixMillis) -> Result<(), TransferError> {
        let Some(transfer) = half.transfer else { return Ok(()) };
        let amount = half.settlement.amount;
        let gross = MicroCredits(amount.0.saturating_add(transfer.fee.0));
        let least = self.options.min_transfer_amount;
        if gross < least {
            return Err(TransferError::Least { amount: gross, least });
        }
        let least = self.transfer_fee(gross);
        if transfer.fee < least {
            return Err(TransferError::Fee {
                fee: transfer.fee,
                least,
            });
        }
        let (balance, most) = (self.balance().balance + amount, self.options.max_balance);
        if balance > most {
            return Err(TransferError::Most { amount, balance, most });
        }
        let room = self.lent(from, now).1?;
        if amount > room {
            return Err(TransferError::Trust { amount, room });
        }
        Ok(())
    }

    /// Both sides have signed a transfer: our balance with the peer changes by `amount`, and if we gave, we burn the fee.
    pub(crate) fn transferred(&mut self, peer: NodeId, seq: u64, amount: MicroCredits, fee: MicroCredits) {
        if !self.journalled.signed.insert(seq) {
            return;
        }
        if amount < MicroCredits::ZERO {
            self.accounts.spend(peer, -amount);
            self.accounts.signed(peer, -amount);
            self.accounts.burn(fee);
        } else {
            self.accounts.earn(peer, amount);
        }
    }
}
