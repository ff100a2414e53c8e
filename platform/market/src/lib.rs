//! The market decides what work costs and who owes whom. Pure: no clock, no disk, no network, no randomness; `node`
//! feeds it events and times and performs what it asks for.
//!
//! The way of a credit (trust.md, section 3, after TigerBeetle's two phases):
//!
//! 1. **quote**: the worker signs [`Rates`](job_model::Rates) made by [`Market::issue_quote`];
//! 2. **hold**: the requester assigns replicas and sets an estimate aside, `Event::ReplicasAssigned`;
//! 3. **post or void**: judged replicas are paid or not, `Event::CreditsPosted`; lost ones are released;
//! 4. **settle**: paid lines wait in batches until [`MarketOutput::Propose`]; [`Chain::propose`] signs the requester's
//!    half block, the worker's [`Chain::accept_proposal`] answers, [`Chain::accept_answer`] closes it.
//!
//! Who owns what: [`Market`] holds what follows from the journal and changes only in [`Market::apply`], so replaying
//! the journal restores it. [`Chain`] holds what follows from the ledger file and is restored from it. After a crash
//! the two may differ by the last few steps; [`Market::reconcile`] names the events that are missing.
//!
//! The order `node` keeps so that a crash loses nothing and pays nothing twice: journal `CreditsPosted` before
//! proposing; append the ledger record before sending a half block; then journal `SettlementProposed` or
//! `SettlementSigned`.
//!
//! How far others are trusted is decided here as well: [`credit`] (who may owe how much), [`Market::admit`] (what a worker
//! runs before it is paid), [`reputation`] (who was right, and who was there).

pub mod accounts;
mod admission;
pub mod chain;
pub mod checks;
pub mod credit;
mod decay;
pub mod history;
mod io;
mod laws;
pub mod ledger_file;
pub mod ledger_verify;
mod market;
mod options;
pub mod prices;
mod queue;
pub mod quotes;
mod replicas;
pub mod reputation;
pub mod settlement;
mod transfers;
mod usage;
pub mod views;
pub mod witness;

pub use admission::AdmissionAsk;
pub use chain::Chain;
pub use checks::{Ran, SettleError};
pub use credit::{CreditError, CreditOptions};
pub use io::{MarketInput, MarketOutput};
pub use job_model::Fork;
pub use laws::InvariantError;
pub use ledger_file::{LedgerError, LedgerRecord, LedgerTail, read_ledger};
pub use ledger_verify::{LedgerReport, verify_ledger};
pub use market::Market;
pub use options::MarketOptions;
pub use prices::{Condition, PriceOptions, PriceView, ReputationLevel};
pub use queue::{LINES_PER_SETTLEMENT, SETTLE_AFTER_MS};
pub use quotes::{QuoteAsk, QuoteError};
pub use reputation::{Beta, Counts, Trust};
pub use settlement::{Answered, Closed, Link, Proposal, ReplayError, SettlementDraft, TransferProposal};
pub use transfers::TransferError;
pub use usage::UNKNOWN_JOB_USAGE;
pub use views::{BalanceView, LedgerRow};

#[cfg(test)]
mod tests;
