//! What the market is told and what it wants done.

use crate::settlement::SettlementDraft;
use job_model::Event;

/// What the market is told besides events.
#[derive(Clone, Copy, Debug)]
pub enum MarketInput<'a> {
    /// This event was applied. Tell every event once, after [`Market::apply`].
    Applied(&'a Event),
    /// Time passes (once a second is plenty), or, with `force`, everything shall be settled now: before a shutdown,
    /// or when a person asks.
    FlushSettlements {
        /// Also batches that are neither full nor old.
        force: bool,
    },
}

/// What the market wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum MarketOutput {
    /// Apply, journal and publish this event.
    Event(Event),
    /// Chain this with [`Chain::propose`], append the record to the ledger file, apply and journal the
    /// `SettlementProposed` it comes with, and send it.
    Propose(SettlementDraft),
}
