//! Balances and prices. Values made for one answer; own nothing.

use super::{Hash, credits_text, finite};
use async_graphql::SimpleObject;
use node::control::protocol::{self, LedgerReport, PricesReport};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The ledger at a glance.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Ledger {
    /// Whose ledger it is.
    #[schema(value_type = Hash)]
    pub owner: String,
    /// The ledger file on the node's machine, for `p2pjob ledger verify`.
    pub file: String,
    /// How many records it has.
    pub records: u64,
    /// Sum of all balances, in micro-credits.
    pub balance: i64,
    /// The same, in credits.
    pub balance_credits: String,
    /// Dealings with each peer.
    pub rows: Vec<LedgerRow>,
}

/// Dealings with one peer, in micro-credits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct LedgerRow {
    /// The peer.
    #[schema(value_type = Hash)]
    pub peer: String,
    /// Earned from it.
    pub earned: i64,
    /// Paid to it.
    pub spent: i64,
    /// Held for its running replicas.
    pub held: i64,
    /// Positive when the peer owes.
    pub balance: i64,
    /// What it may still be given.
    pub credit_left: i64,
    /// Settlements it has not signed yet.
    pub unanswered: u32,
}

impl From<protocol::LedgerRow> for LedgerRow {
    fn from(row: protocol::LedgerRow) -> Self {
        Self {
            peer: row.peer.to_string(),
            earned: row.earned.0,
            spent: row.spent.0,
            held: row.held.0,
            balance: row.balance.0,
            credit_left: row.credit_left.0,
            unanswered: row.unanswered,
        }
    }
}

impl From<LedgerReport> for Ledger {
    fn from(report: LedgerReport) -> Self {
        Self {
            owner: report.owner.to_string(),
            file: report.file.display().to_string(),
            records: report.records,
            balance: report.balance.0,
            balance_credits: credits_text(report.balance),
            rows: report.rows.into_iter().map(LedgerRow::from).collect(),
        }
    }
}

/// Prices of this node.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Prices {
    /// `low`, `normal`, `high` or `critical` load.
    pub market_condition: String,
    /// What base prices are multiplied by.
    pub market_factor: f64,
    /// Per resource (`cpu`, `ram`, `disk`), at normal priority and average reputation, in credits.
    pub current_prices: BTreeMap<String, f64>,
    /// Per resource, in one hour.
    pub prediction_1h: BTreeMap<String, f64>,
    /// How the prediction is made.
    pub prediction_method: String,
    /// The factor over time, the oldest first.
    pub history: Vec<PricePoint>,
}

/// The market factor at a moment.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct PricePoint {
    /// When.
    pub at: u64,
    /// The factor.
    pub factor: f64,
}

fn finite_all(prices: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    prices.into_iter().map(|(name, price)| (name, finite(price))).collect()
}

impl From<PricesReport> for Prices {
    fn from(report: PricesReport) -> Self {
        let point = |(at, factor): (job_model::UnixMillis, f64)| PricePoint {
            at: at.0,
            factor: finite(factor),
        };
        Self {
            market_condition: report.market_condition,
            market_factor: finite(report.market_factor),
            current_prices: finite_all(report.current_prices),
            prediction_1h: finite_all(report.prediction_1h),
            prediction_method: report.prediction_method,
            history: report.history.into_iter().map(point).collect(),
        }
    }
}
