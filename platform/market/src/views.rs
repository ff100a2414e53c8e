//! What people see of the accounts. These types cross to the command line, hence serde.

use crate::market::Market;
use job_model::{MicroCredits, NodeId};
use serde::{Deserialize, Serialize};

/// A node's own credits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BalanceView {
    /// `initial + earned - spent - burned`.
    pub balance: MicroCredits,
    /// The credit every node starts with.
    pub initial: MicroCredits,
    /// Signed earnings over all peers.
    pub earned: MicroCredits,
    /// Payments over all peers, signed or not.
    pub spent: MicroCredits,
    /// Set aside for running replicas; still part of `balance`.
    pub held: MicroCredits,
    /// Payments whose settlement is not signed by the worker yet; part of `spent`.
    pub unsettled: MicroCredits,
    /// Fees of transfers, gone for good.
    #[serde(default)]
    pub burned: MicroCredits,
}

/// What stands between this node and one peer, for `p2pjob ledger`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The peer.
    pub peer: NodeId,
    /// Got from it.
    pub earned: MicroCredits,
    /// Paid to it.
    pub spent: MicroCredits,
    /// The part of `spent` that it has not signed for yet.
    pub unsettled: MicroCredits,
    /// Set aside for its running replicas.
    pub held: MicroCredits,
    /// What it owes us; negative when we owe.
    pub balance: MicroCredits,
    /// How much more work it would do for us before we must earn.
    pub credit_left: MicroCredits,
}

impl Market {
    /// The node's own credits.
    pub fn balance(&self) -> BalanceView {
        let mut view = BalanceView {
            initial: self.options.initial_credits,
            burned: self.accounts.burned(),
            ..BalanceView::default()
        };
        for (_, account) in self.accounts.peers() {
            view.earned += account.earned;
            view.spent += account.spent;
            view.held += account.held;
            view.unsettled += account.spent - account.spent_signed;
        }
        view.balance = view.initial + view.earned - view.spent - view.burned;
        view
    }
    /// One row per peer with an account, by id.
    pub fn ledger(&self) -> Vec<LedgerRow> {
        self.accounts
            .peers()
            .map(|(peer, account)| LedgerRow {
                peer: *peer,
                earned: account.earned,
                spent: account.spent,
                unsettled: account.spent - account.spent_signed,
                held: account.held,
                balance: account.balance(),
                credit_left: self.credit_left(peer),
            })
            .collect()
    }
}
