//! Quotes on both sides: those this node issued as a worker, and those it got as a requester.
//!
//! Numbers of issued quotes grow with time even across restarts (the number is at least the time in milliseconds),
//! so one number never names two prices. A worker that restarts has forgotten what it issued: an assignment under an
//! old quote is refused, and the requester asks again.

use job_model::{JobId, NodeId, Priority, ProfileId, Quote, Rates, UnixMillis};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most issued quotes remembered: about one per requester, job and priority; the oldest are forgotten first.
pub const ISSUED_QUOTES: usize = 65_536;
/// An assignment that was on its way when its quote expired is still taken for this long, in milliseconds.
pub const QUOTE_GRACE_MS: u64 = 5_000;
/// Most quotes remembered per worker on the requester's side.
pub const RECEIVED_QUOTES_PER_WORKER: usize = 256;

/// What a requester asks a price for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuoteAsk {
    /// Who asks.
    pub requester: NodeId,
    /// For which job.
    pub job: JobId,
    /// For which priority.
    pub priority: Priority,
    /// The metering profile of this worker.
    pub profile: ProfileId,
    /// Sandboxes it would give at the same time.
    pub slots: u32,
}

/// Why an assignment does not fit a quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The number is not known here.
    #[error("quote {0} is not known here (it may be from before a restart); ask for a new quote")]
    Unknown(u64),
    /// Its time is over.
    #[error("quote {0} has expired; ask for a new quote")]
    Expired(u64),
    /// It names another requester or job.
    #[error("quote {0} was given to another requester or for another job")]
    Other(u64),
}

/// Quotes this node issued as a worker.
#[derive(Clone, Debug)]
pub struct Issued {
    worker: NodeId,
    validity_ms: u64,
    quotes: BTreeMap<u64, Quote>,
    last: u64,
}

impl Issued {
    /// No quotes yet.
    pub fn new(worker: NodeId, validity_ms: u64) -> Self {
        Self {
            worker,
            validity_ms,
            quotes: BTreeMap::new(),
            last: 0,
        }
    }
    /// Makes and remembers a quote.
    pub fn issue(&mut self, ask: &QuoteAsk, rates: Rates, now: UnixMillis) -> Quote {
        let number = now.0.max(self.last.saturating_add(1));
        self.last = number;
        let QuoteAsk {
            requester,
            job,
            priority,
            profile,
            slots,
        } = *ask;
        let (worker, expires) = (self.worker, now.plus(self.validity_ms));
        let quote = Quote {
            worker,
            requester,
            job,
            priority,
            profile,
            rates,
            slots,
            expires,
            number,
        };
        if self.quotes.len() >= ISSUED_QUOTES {
            self.quotes.pop_first();
        }
        self.quotes.insert(number, quote.clone());
        quote
    }

    /// The rates of work that was accepted while the quote was good, however long it took.
    pub fn agreed(&self, requester: &NodeId, job: &JobId, number: u64) -> Result<&Quote, QuoteError> {
        let quote = self.quotes.get(&number).ok_or(QuoteError::Unknown(number))?;
        if quote.requester != *requester || quote.job != *job {
            return Err(QuoteError::Other(number));
        }
        Ok(quote)
    }
    /// The rates a new assignment may be charged with.
    pub fn rates(&self, requester: &NodeId, job: &JobId, number: u64, now: UnixMillis) -> Result<Rates, QuoteError> {
        let quote = self.agreed(requester, job, number)?;
        if now > quote.expires.plus(QUOTE_GRACE_MS) {
            return Err(QuoteError::Expired(number));
        }
        Ok(quote.rates)
    }
}

/// The prices replicas were assigned under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Number of the quote.
    pub quote: u64,
    /// Its prices.
    pub rates: Rates,
    /// Its metering profile.
    pub profile: ProfileId,
}

/// Quotes this node got as a requester.
#[derive(Clone, Debug, Default)]
pub struct Received {
    quotes: BTreeMap<NodeId, BTreeMap<u64, Arc<Terms>>>,
}

impl Received {
    /// Remembers a quote; the lowest number of a worker goes when it has too many. Replicas keep their own terms.
    pub fn insert(&mut self, quote: &Quote) {
        let terms = Terms {
            quote: quote.number,
            rates: quote.rates,
            profile: quote.profile,
        };
        let of_worker = self.quotes.entry(quote.worker).or_default();
        of_worker.insert(quote.number, Arc::new(terms));
        if of_worker.len() > RECEIVED_QUOTES_PER_WORKER {
            of_worker.pop_first();
        }
    }
    /// The terms of a worker's quote. A number that never came has zero rates: such a replica is paid the least
    /// amount, and the worker will not sign for it.
    pub fn terms(&self, worker: &NodeId, number: u64) -> Arc<Terms> {
        self.find(worker, number).cloned().unwrap_or_else(|| {
            Arc::new(Terms {
                quote: number,
                rates: Rates::default(),
                profile: ProfileId::default(),
            })
        })
    }
    /// The terms, if the quote is known.
    pub fn find(&self, worker: &NodeId, number: u64) -> Option<&Arc<Terms>> {
        self.quotes.get(worker)?.get(&number)
    }
}
