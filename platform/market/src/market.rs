//! [`Market`]: the accounts, prices and open settlements of one node.
//!
//! State changes only in [`Market::apply`] (events, in journal order, each exactly once) and, for what is not kept
//! over a restart, in [`Market::observe_load`], [`Market::issue_quote`] and the marks that keep [`Market::handle`]
//! from saying the same thing twice.

use crate::accounts::Accounts;
use crate::chain::Chain;
use crate::io::{MarketInput, MarketOutput};
use crate::levels::Levels;
use crate::options::MarketOptions;
use crate::prices::{PriceBook, PriceView, ReputationLevel};
use crate::queue::{Queue, QueueKey};
use crate::quotes::{Issued, QuoteAsk, QuoteError, Received};
use crate::replicas::{Batch, TaskBook, postings};
use crate::usage::{MeanUsage, UNKNOWN_JOB_USAGE};
use job_model::event::ChunkVerdict;
use job_model::{Event, JobId, LossReason, MicroCredits, NodeId, Priority, Quote, Rates, TaskId, UnixMillis, Usage};
use std::collections::{BTreeMap, BTreeSet};

/// A hold is this many times the mean price of a replica of the job, so that few replicas cost more than was held.
const HOLD_TIMES_MEAN: i64 = 2;

/// Settlements in the journal: which of our chain's positions were applied.
#[derive(Clone, Debug, Default)]
struct Journalled {
    proposed: BTreeSet<u64>,
    signed: BTreeSet<u64>,
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
    journalled: Journalled,
    usage: BTreeMap<JobId, MeanUsage>,
    levels: Levels,
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
            levels: Levels::default(),
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
        let rates = self.prices.rates(ask.priority, self.levels.level(&ask.requester));
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
    /// Whether this node may still earn: its balance is under the maximum.
    pub fn may_earn(&self) -> bool {
        self.balance().balance < self.options.max_balance
    }

    // ---- The requester's side ---------------------------------------------------------------------------------------

    /// The rates of a quote that was received, by its number.
    pub fn quote_rates(&self, worker: &NodeId, number: u64) -> Option<Rates> {
        self.received.find(worker, number).map(|terms| terms.rates)
    }
    /// How much this node may owe and hold at a worker. The seam of trust.md section 3: today the same for everybody.
    pub fn credit_line(&self, _worker: &NodeId) -> MicroCredits {
        self.options.initial_credits
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
    /// How many right and wrong results a node brought us.
    pub fn judged(&self, node: &NodeId) -> (u64, u64) {
        self.levels.counts(node)
    }
    /// How a node is known here, first hand: caught or more than one wrong result in ten is terrible, any wrong one
    /// poor, 100 right ones without a wrong one good, 1000 excellent, else average. The seam of E5.
    pub fn level(&self, node: &NodeId) -> ReputationLevel {
        self.levels.level(node)
    }

    // ---- Events -----------------------------------------------------------------------------------------------------

    /// Takes one event into the accounts. The only way they change; replaying the journal restores them.
    pub fn apply(&mut self, event: &Event, at: UnixMillis) {
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
                // These were given up, not taken back: the worker may have run them all the same.
                let may_come_late = matches!(
                    why,
                    LossReason::Disconnected | LossReason::Stalled | LossReason::Restarted
                );
                let released = self
                    .tasks
                    .get_mut(task)
                    .map_or(MicroCredits::ZERO, |book| book.lose(worker, replicas, may_come_late));
                self.accounts.release(*worker, released);
            }
            Event::ChunksVerified { task, verdicts } => self.judge(task, verdicts),
            Event::CreditsPosted { task, .. } => self.post(task, at),
            Event::NodeDistrusted { node, .. } => self.levels.distrust(*node),
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
            Event::SettlementSigned { peer, seq, amount } => self.signed(*peer, *seq, *amount),
            // A check or comparison is followed by a verdict, which is what is paid for.
            Event::JobPublished { .. }
            | Event::TaskPlanned { .. }
            | Event::ChunksRecalled { .. }
            | Event::ReplicasChecked { .. }
            | Event::OutputsCompared { .. } => {}
        }
    }

    fn judge(&mut self, task: &TaskId, verdicts: &[ChunkVerdict]) {
        let Some(book) = self.tasks.get_mut(task) else { return };
        let judged = book.judge(verdicts);
        let usage = self.usage.entry(book.job).or_default();
        for agreed in &judged.usages {
            usage.add(agreed);
        }
        if usage.count == 0 {
            self.usage.remove(&book.job);
        }
        for (node, verdict) in judged.verdicts {
            self.levels.judged(node, verdict);
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

    fn signed(&mut self, peer: NodeId, seq: u64, amount: MicroCredits) {
        if !self.journalled.signed.insert(seq) {
            return;
        }
        // Our own proposals were booked when they were posted; only their signature is new.
        if self.journalled.proposed.contains(&seq) {
            *self.proposed.entry(peer).or_default() += amount;
            self.accounts.signed(peer, -amount);
        } else {
            self.accounts.earn(peer, amount);
        }
    }

    // ---- What follows -----------------------------------------------------------------------------------------------

    /// Says what follows from an applied event or from time. Changes no account.
    pub fn handle(&mut self, input: MarketInput<'_>, now: UnixMillis, out: &mut Vec<MarketOutput>) {
        match input {
            MarketInput::Applied(Event::ChunksVerified { task, .. }) => self.emit_postings(*task, out),
            MarketInput::Applied(
                Event::CreditsPosted { task, .. }
                | Event::TaskCompleted { task, .. }
                | Event::TaskFailed { task, .. }
                | Event::TaskCancelled { task, .. },
            ) => self.draft(Some(*task), false, now, out),
            MarketInput::Applied(_) => {}
            MarketInput::FlushSettlements { force } => {
                // After a crash between a verdict and its posting the batch is still here.
                let waiting: Vec<TaskId> = self.tasks.keys().copied().collect();
                for task in waiting {
                    self.emit_postings(task, out);
                }
                self.draft(None, force, now, out);
            }
        }
    }

    fn emit_postings(&mut self, task: TaskId, out: &mut Vec<MarketOutput>) {
        let Some(book) = self.tasks.get_mut(&task) else { return };
        let batches: Vec<&Batch> = book.unposted().skip(book.emitted).collect();
        let count = batches.len();
        out.extend(batches.into_iter().map(|batch| {
            MarketOutput::Event(Event::CreditsPosted {
                task,
                postings: postings(batch),
            })
        }));
        book.emitted += count;
    }

    fn draft(&mut self, only: Option<TaskId>, force: bool, now: UnixMillis, out: &mut Vec<MarketOutput>) {
        for (key, queue) in &mut self.queues {
            if only.is_some_and(|only| only != key.1) {
                continue;
            }
            while let Some(draft) = queue.draft(*key, force, now) {
                out.push(MarketOutput::Propose(draft));
            }
        }
    }

    /// After a restart, once the journal is replayed and the chain restored: the events that the ledger file proves
    /// and the journal lost. Journal and apply them before anything else.
    pub fn reconcile(&self, chain: &Chain) -> Vec<Event> {
        let mut missing = Vec::new();
        for (seq, link) in chain.links() {
            missing.extend(
                link.proposed_event(seq)
                    .filter(|_| !self.journalled.proposed.contains(&seq)),
            );
            missing.extend(
                link.signed_event(seq)
                    .filter(|_| !self.journalled.signed.contains(&seq)),
            );
        }
        missing
    }
}
