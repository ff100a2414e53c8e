//! In which order a group of batches reaches the disk when it settles: what was paid, the ledger file, what says so.

use job_model::Event;

/// Which part of a group of batches a transaction holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Everything,
    BeforeLedger,
    AfterLedger,
}

impl Step {
    pub(super) fn takes(self, event: &Event) -> bool {
        let settles = matches!(event, Event::SettlementProposed { .. } | Event::SettlementSigned { .. });
        match self {
            Self::Everything => true,
            Self::BeforeLedger => !settles,
            Self::AfterLedger => settles,
        }
    }
}
