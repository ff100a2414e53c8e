//! What a market is configured with.

use crate::credit::CreditOptions;
use crate::prices::PriceOptions;
use job_model::MicroCredits;
use serde::{Deserialize, Serialize};

/// What a market is made with (E1, E3).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketOptions {
    /// Own prices.
    pub prices: PriceOptions,
    /// `L_0`, where the credit line of every peer on the allow-list starts, and the most of the newcomers' budget one
    /// stranger gets; also where a shown balance starts.
    pub initial_credits: MicroCredits,
    /// A worker with this balance offers no more quotes: credits are for spending.
    pub max_balance: MicroCredits,
    /// Smallest transfer between nodes, fee included.
    pub min_transfer_amount: MicroCredits,
    /// Share of a transfer that is burned.
    pub transfer_fee: f64,
    /// Credit lines.
    pub credit: CreditOptions,
}

impl Default for MarketOptions {
    fn default() -> Self {
        Self {
            prices: PriceOptions::default(),
            initial_credits: MicroCredits::credits(100),
            max_balance: MicroCredits::credits(10_000),
            min_transfer_amount: MicroCredits(100_000),
            transfer_fee: 0.01,
            credit: CreditOptions::default(),
        }
    }
}
