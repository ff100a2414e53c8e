//! [`Market`]: the accounts, prices and open settlements of one node.
//!
//! State changes only in [`Market::apply`] (events, in journal order, each exactly once) and, for what is not kept
//! over a restart, in [`Market::observe_load`], [`Market::issue_quote`] and the marks that keep [`Market::handle`]
//! from saying the same thing twice.

mod follow;

use crate::accounts::Accounts;
use crate::admission::Admissions;
use crate::credit::CreditBook;
use crate::options::MarketOptions;
use crate::prices::{PriceBook, PriceView, ReputationLevel};
use crate::queue::{Queue, QueueKey};
use crate::quotes::{Issued, QuoteAsk, QuoteError, Received};
use crate::replicas::TaskBook;
use crate::reputation::{Counts, Evidence, Reputation, Trust};
use crate::usage::{MeanUsage, UNKNOWN_JOB_USAGE};
use job_model::event::ChunkVerdict;
use job_model::{Event, JobId, LossReason, MicroCredits, NodeId, Priority, Quote, Rates, TaskId, UnixMillis, Usage};
use std::collections::{BTreeMap, BTreeSet};

/// These were given up, not taken back: the worker may have run them all the same.
fn may_come_late(why: &LossReason) -> bool {
    matches!(
        why,
        LossReason::Disconnected | LossReason::Stalled | LossReason::Restarted
    )
}

/// A hold is this many times the mean price of a replica of the job, so that few replicas cost more than was held.
const HOLD_TIMES_MEAN: i64 = 2;

/// Settlements in the journal: which of our chain's positions were applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journalled {
    proposed: BTreeSet<u64>,
    pub(crate) signed: BTreeSet<u64>,
}

/// The market of one node. See the module's description.
#[derive(Clone, Debug)]
pub struct Market {
    me: NodeId,
    pub(crate) options: MarketOptions,
    prices: PriceBook,
    issued: Issued,
    received: Received,
    pub(crate) accounts: Accounts,
    pub(crate) tasks: BTreeMap<TaskId, TaskBook>,
    pub(crate) queues: BTreeMap<QueueKey, Queue>,
    /// Amounts in proposals the worker has not signed yet.
    pub(crate) proposed: BTreeMap<NodeId, MicroCredits>,
    pub(crate) journalled: Journalled,
    usage: BTreeMap<JobId, MeanUsage>,
    pub(crate) reputation: Reputation,
    pub(crate) credit: CreditBook,
    pub(crate) admissions: Admissions,
    /// Sandboxes of this node.
    pub(crate) slots: u32,
    /// When the last event happened: what reports go by that are given no time.
    pub(crate) latest: UnixMillis,
}

impl Market {
    /// A market with empty accounts.
    pub fn new(options: MarketOptions, me: NodeId) -> Self {
        Self {
            me,
            options,
            prices: PriceBook::new(options.prices),
            issued: Issued::new(me, options.prices.quote_validity_ms),
            received: Received::default(),
            accounts: Accounts::default(),
            tasks: BTreeMap::new(),
            queues: BTreeMap::new(),
            proposed: BTreeMap::new(),
            journalled: Journalled::default(),
            usage: BTreeMap::new(),
            reputation: Reputation::default(),
            credit: CreditBook::default(),
            admissions: Admissions::default(),
            slots: 1,
            latest: UnixMillis::default(),
        }
    }
    /// Whose market it is.
    pub fn me(&self) -> NodeId {
        self.me
    }

    // ---- The worker's side ------------------------------------------------------------------------------------------

    /// What this node charges now.
    pub fn rates(&self, priority: Priority, level: ReputationLevel) -> Rates {
        self.prices.rates(priority, level)
    }
    /// Tells how busy this node is: running and waiting replicas over slots; 1 is fully busy.
    pub fn observe_load(&mut self, load: f64, now: UnixMillis) {
        self.prices.observe(load, now);
    }
    /// Own prices for people and charts (E2).
    pub fn prices(&self, now: UnixMillis) -> PriceView {
        self.prices.view(now)
    }
    /// Makes and remembers a quote for a requester, by its priority and what is known of it. Its number is new.
    pub fn issue_quote(&mut self, ask: &QuoteAsk, now: UnixMillis) -> Quote {
        let rates = self
            .prices
            .rates(ask.priority, self.reputation.level(&ask.requester, now));
        self.issued.issue(ask, rates, now)
    }
    /// The rates an assignment under one of our quotes is charged with.
    pub fn issued_rates(
        &self,
        requester: &NodeId,
        job: &JobId,
        number: u64,
        now: UnixMillis,
    ) -> Result<Rates, QuoteError> {
        self.issued.rates(requester, job, number, now)
    }
    /// The rates of a replica that was accepted under one of our quotes and has run now, be the quote over or not.
    pub fn agreed_rates(&self, requester: &NodeId, job: &JobId, number: u64) -> Result<Rates, QuoteError> {
        self.issued.agreed(requester, job, number).map(|quote| quote.rates)
    }
    /// Whether this node may still earn: its balance is under the maximum.
    pub fn may_earn(&self) -> bool {
        self.balance().balance < self.options.max_balance
    }

    // ---- The requester's side ---------------------------------------------------------------------------------------

    /// The rates of a quote that was received, by its number.
    pub fn quote_rates(&self, worker: &NodeId, number: u64) -> Option<Rates> {
        self.received.find(worker, number).map(|terms| terms.rates)
    }
    /// How much this node may owe and hold at a worker, by the worker's rule: it grows with what we did for it. The
    /// worker may lend less to strangers; then it says so when it is asked for a quote.
    pub fn credit_line(&self, worker: &NodeId) -> MicroCredits {
        self.line_at(worker)
    }
    /// How much more work a worker would do for us: the credit line, plus what it owes us or minus what we owe, minus
    /// what is held. Never negative.
    pub fn credit_left(&self, worker: &NodeId) -> MicroCredits {
        let account = self.accounts.peer(worker);
        (self.credit_line(worker) + account.balance() - account.held).max(MicroCredits::ZERO)
    }
    /// What a replica of a job is expected to use: the mean of what its replicas used lately, or
    /// [`UNKNOWN_JOB_USAGE`] for a job that was never seen to run.
    pub fn expected_usage(&self, job: &JobId) -> Usage {
        self.usage.get(job).map_or(UNKNOWN_JOB_USAGE, |seen| seen.mean)
    }
    /// Whether replicas of a job were seen to run.
    pub fn knows_job(&self, job: &JobId) -> bool {
        self.usage.contains_key(job)
    }
    /// What a replica of a job is expected to cost at these rates.
    pub fn expected_price(&self, job: &JobId, rates: &Rates) -> MicroCredits {
        rates.price(&self.expected_usage(job))
    }
    /// What to hold for one replica: twice the expected price. It is an estimate, not a cap: a replica that costs more
    /// is paid what the quote says; the fuel limit is the cap.
    pub fn estimate_hold(&self, job: &JobId, rates: &Rates) -> MicroCredits {
        MicroCredits(self.expected_price(job, rates).0.saturating_mul(HOLD_TIMES_MEAN))
    }
    /// How many right and wrong results, failures and so on a node brought us.
    pub fn judged(&self, node: &NodeId) -> Counts {
        self.reputation.counts(node)
    }
    /// What is believed of a node, first hand: for one job, or over all.
    pub fn trust(&self, node: &NodeId, job: Option<&JobId>) -> Trust {
        self.reputation.trust(node, job, self.latest)
    }
    /// How a node is known here; the rule is [`Trust::level`]. Who was caught or forked is terrible.
    pub fn level(&self, node: &NodeId) -> ReputationLevel {
        self.reputation.level(node, self.latest)
    }
    /// Whether a node was proven to have forked its chain.
    pub fn is_banned(&self, node: &NodeId) -> bool {
        self.reputation.is_banned(node)
    }
    /// Nothing is lent to, bought from or settled with a node whose fork was proven. The proof is in the ledger file, not
    /// in the journal: tell it again after a restart.
    pub fn ban(&mut self, node: NodeId) {
        self.reputation.convict(node);
    }

    // ---- Events -----------------------------------------------------------------------------------------------------

    /// Takes one event into the accounts. The only way they change; replaying the journal restores them.
    pub fn apply(&mut self, event: &Event, at: UnixMillis) {
        self.latest = self.latest.max(at);
        match event {
            Event::TaskSubmitted { task, spec, .. } => {
                let me = self.me;
                self.tasks.entry(*task).or_insert_with(|| TaskBook::new(spec, me));
            }
            Event::QuoteReceived { quote } => self.received.insert(quote),
            Event::ReplicasAssigned {
                task,
                worker,
                quote,
                hold,
                replicas,
                ..
            } => {
                let terms = self.received.terms(worker, *quote);
                if let Some(book) = self.tasks.get_mut(task) {
                    let held = book.assign(*worker, &terms, *hold, replicas);
                    self.accounts.hold(*worker, held);
                }
            }
            Event::ReplicasFinished { task, worker, results } => {
                self.saw_failures(task, worker, results, at);
                let released = self
                    .tasks
                    .get_mut(task)
                    .map_or(MicroCredits::ZERO, |book| book.finish(worker, results));
                self.accounts.release(*worker, released);
            }
            Event::ReplicasLost {
                task,
                worker,
                why,
                replicas,
            } => {
                self.saw_loss(task, worker, (why, replicas.len()), at);
                let released = self.tasks.get_mut(task).map_or(MicroCredits::ZERO, |book| {
                    book.lose(worker, replicas, may_come_late(why))
                });
                self.accounts.release(*worker, released);
            }
            Event::ChunksVerified { task, verdicts } => self.judge(task, verdicts, at),
            Event::CreditsPosted { task, .. } => self.post(task, at),
            Event::NodeDistrusted { node, .. } => self.reputation.distrust(*node),
            Event::TaskCompleted { task, .. } | Event::TaskFailed { task, .. } | Event::TaskCancelled { task, .. } => {
                self.end(task)
            }
            Event::SettlementProposed {
                worker,
                seq,
                task,
                quote,
                lines,
            } => self.proposed(*worker, *seq, (*worker, *task, *quote), *lines),
            Event::SettlementSigned { peer, seq, amount, fee } => match fee {
                None => self.signed(*peer, *seq, *amount, at),
                Some(fee) => self.transferred(*peer, *seq, *amount, *fee),
            },
            // A check or comparison is followed by a verdict, which is what is paid for.
            Event::JobPublished { .. }
            | Event::TaskPlanned { .. }
            | Event::ChunksRecalled { .. }
            | Event::ReplicasChecked { .. }
            | Event::OutputsCompared { .. } => {}
        }
    }

    fn judge(&mut self, task: &TaskId, verdicts: &[ChunkVerdict], at: UnixMillis) {
        let Some(book) = self.tasks.get_mut(task) else { return };
        let (job, judged) = (book.job, book.judge(verdicts));
        let usage = self.usage.entry(book.job).or_default();
        for agreed in &judged.usages {
            usage.add(agreed);
        }
        if usage.count == 0 {
            self.usage.remove(&book.job);
        }
        for (node, verdict) in judged.verdicts {
            if let Some(evidence) = Evidence::of_verdict(verdict) {
                self.reputation.saw(node, job, (evidence, 1), at);
            }
        }
    }

    fn post(&mut self, task: &TaskId, at: UnixMillis) {
        let Some(book) = self.tasks.get_mut(task) else { return };
        let (job, batch) = (book.job, book.post().unwrap_or_default());
        let ended = book.is_ended();
        self.forget_done(task);
        for (worker, due) in batch {
            self.accounts.release(worker, due.released);
            self.accounts.spend(worker, due.amount);
            for (terms, line) in due.lines {
                let queue = self
                    .queues
                    .entry((worker, *task, terms.quote))
                    .or_insert_with(|| Queue::new(job, &terms));
                queue.push(line, at);
                if ended {
                    queue.end();
                }
            }
        }
    }

    fn end(&mut self, task: &TaskId) {
        let Some(book) = self.tasks.get_mut(task) else { return };
        for (worker, released) in book.end() {
            self.accounts.release(worker, released);
        }
        for (_, queue) in self.queues.iter_mut().filter(|((_, of, _), _)| of == task) {
            queue.end();
        }
        self.forget_done(task);
    }

    fn forget_done(&mut self, task: &TaskId) {
        if self.tasks.get(task).is_some_and(TaskBook::is_done) {
            self.tasks.remove(task);
        }
    }

    fn proposed(&mut self, worker: NodeId, seq: u64, key: QueueKey, lines: u32) {
        if !self.journalled.proposed.insert(seq) {
            return;
        }
        let Some(queue) = self.queues.get_mut(&key) else { return };
        let amount = queue.proposed(lines);
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        *self.proposed.entry(worker).or_default() += amount;
    }

    fn signed(&mut self, peer: NodeId, seq: u64, amount: MicroCredits, at: UnixMillis) {
        if !self.journalled.signed.insert(seq) {
            return;
        }
        // What we are charged for is work of the peer that was verified here.
        self.credit.settled(peer, -amount, at, self.options.credit.half_life_ms);
        // Our own proposals were booked when they were posted; only their signature is new.
        if self.journalled.proposed.contains(&seq) {
            *self.proposed.entry(peer).or_default() += amount;
            self.accounts.signed(peer, -amount);
        } else {
            self.accounts.earn(peer, amount);
        }
    }
}
