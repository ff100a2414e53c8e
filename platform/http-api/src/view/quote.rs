//! What a task would cost. A value made for one answer; owns nothing.

use super::{Hash, credits_text};
use async_graphql::SimpleObject;
use node::control::protocol::{self, QuoteReport};
use serde::Serialize;
use utoipa::ToSchema;

/// What a task would cost.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Quote {
    /// The job's hash.
    #[schema(value_type = Hash)]
    pub job: String,
    /// Its name.
    pub job_name: String,
    /// How many chunks it would have.
    pub chunks: u32,
    /// Chunks whose results are known already.
    pub recalled: u32,
    /// Replicas per chunk that the policy wants at least.
    pub replicas: u32,
    /// Expected price of the whole task, in micro-credits.
    pub estimate: i64,
    /// Expected price, in credits.
    pub estimate_credits: String,
    /// The least it will nearly always cost, in micro-credits; null if fewer than two replicas of the job were seen.
    pub estimate_low: Option<i64>,
    /// The most it will nearly always cost, in micro-credits.
    pub estimate_high: Option<i64>,
    /// Whether the estimate rests on earlier runs of the same job.
    pub from_history: bool,
    /// What each node offers.
    pub workers: Vec<WorkerQuote>,
    /// Bytes of all inputs.
    pub input_bytes: u64,
}

/// One node's offer.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct WorkerQuote {
    /// The node.
    #[schema(value_type = Hash)]
    pub node: String,
    /// Its prices; null where it does not offer.
    pub rates: Option<Rates>,
    /// Sandboxes it would give at the same time.
    pub slots: u32,
    /// Expected price of one replica, in micro-credits.
    pub expected: i64,
    /// Why it does not offer, if it does not.
    pub refused: Option<String>,
}

/// Prices per unit of metered usage, in micro-credits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema, SimpleObject)]
#[graphql(rename_fields = "snake_case")]
pub struct Rates {
    /// Per 10^9 fuel.
    pub cpu: i64,
    /// Per GiB of sandbox memory and 10^9 fuel.
    pub ram: i64,
    /// Per GiB read or written.
    pub disk: i64,
}

impl From<job_model::Rates> for Rates {
    fn from(rates: job_model::Rates) -> Self {
        Self {
            cpu: rates.cpu.0,
            ram: rates.ram.0,
            disk: rates.disk.0,
        }
    }
}

impl From<protocol::WorkerQuote> for WorkerQuote {
    fn from(quote: protocol::WorkerQuote) -> Self {
        Self {
            node: quote.node.to_string(),
            rates: quote.rates.map(Rates::from),
            slots: quote.slots,
            expected: quote.expected.0,
            refused: quote.refused,
        }
    }
}

impl From<QuoteReport> for Quote {
    fn from(report: QuoteReport) -> Self {
        Self {
            job: report.job.to_string(),
            job_name: report.job_name,
            chunks: report.chunks,
            recalled: report.recalled,
            replicas: report.replicas,
            estimate: report.estimate.0,
            estimate_credits: credits_text(report.estimate),
            estimate_low: report.between.map(|(low, _)| low.0),
            estimate_high: report.between.map(|(_, high)| high.0),
            from_history: report.from_history,
            workers: report.workers.into_iter().map(WorkerQuote::from).collect(),
            input_bytes: report.input_bytes,
        }
    }
}
